//! Frames as a plugin is handed them: many in one block, with what it remembers, in memory that serves the next ones too.

use bytes::Bytes;
use mux_wire::frame::{Cut, Frame, FrameError, Framer};

use crate::bindings::mux::provider::types as wit;

/// Most frames handed over at once.
const FRAMES: usize = 64;
/// Most bytes handed over at once, unless one frame is larger.
const BYTES: usize = 64 << 10;
/// The operation that is not named.
const CHAT: &str = "chat";

/// How an operation is told to `decode`.
pub(crate) fn operation(name: &str) -> Option<String> {
    (name != CHAT).then(|| name.to_owned())
}

/// The next frames, and the memory for those after them.
pub(crate) struct Batch {
    made: wit::Batch,
    /// Where payloads end.
    ends: Vec<u32>,
    /// Event names, joined.
    names: String,
    /// Why there are no frames after these.
    broken: Option<FrameError>,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            made: wit::Batch {
                block: Vec::new(),
                ends: None,
                names: 0,
                state: 0,
                end_of_stream: false,
            },
            ends: Vec::new(),
            names: String::new(),
            broken: None,
        }
    }
}

impl Batch {
    /// Takes in what comes next: the frames of a chunk from `at` on, and whether the answer ends with them. Says how many
    /// there are.
    ///
    /// # Errors
    /// Those of cutting frames.
    pub(crate) fn fill(
        &mut self,
        framer: &mut Framer,
        chunk: &Bytes,
        at: &mut usize,
        end: bool,
    ) -> Result<usize, FrameError> {
        self.clear();
        while self.ends.len() < FRAMES && self.made.block.len() + self.names.len() < BYTES {
            match self
                .broken
                .take()
                .map_or_else(|| framer.cut(chunk, at), Err)
            {
                Ok(Some(frame)) => self.add(frame),
                Ok(None) => {
                    self.made.end_of_stream = end;
                    break;
                }
                Err(error) if self.ends.is_empty() => return Err(error),
                // What came before is whole, however the chunk was cut.
                Err(error) => {
                    self.broken = Some(error);
                    break;
                }
            }
        }
        self.close();
        Ok(self.ends.len())
    }

    fn add(&mut self, frame: Cut<'_>) {
        if !self.ends.is_empty() {
            self.names.push('\n');
        }
        self.names.push_str(frame.event_name().unwrap_or_default());
        self.made.block.extend_from_slice(frame.data);
        self.ends.push(place(self.made.block.len()));
    }

    /// Puts the names behind the payloads, where there are any.
    fn close(&mut self) {
        self.made.names = place(self.made.block.len());
        if self.names.bytes().any(|byte| byte != b'\n') {
            self.made.block.extend_from_slice(self.names.as_bytes());
        }
        self.made.state = place(self.made.block.len());
    }

    fn clear(&mut self) {
        // A frame of a size that few have is not kept room for.
        if self.made.block.capacity() > 2 * BYTES {
            self.made.block = Vec::new();
        }
        if self.names.capacity() > BYTES {
            self.names = String::new();
        }
        if let Some(ends) = self.made.ends.take() {
            self.ends = ends;
        }
        self.made.block.clear();
        self.ends.clear();
        self.names.clear();
        self.made.end_of_stream = false;
    }

    /// One frame by itself.
    pub(crate) fn of(frame: &Frame, end: bool) -> Self {
        let mut batch = Self::default();
        batch.add(Cut::from(frame));
        batch.made.end_of_stream = end;
        batch.close();
        batch
    }

    /// The frames, with what the plugin remembers from the call before.
    pub(crate) fn with(&mut self, state: &[u8]) -> &wit::Batch {
        self.made.block.extend_from_slice(state);
        if self.ends.len() != 1 {
            self.made.ends = Some(std::mem::take(&mut self.ends));
        }
        &self.made
    }

    /// Whether the answer ends with these frames.
    pub(crate) fn is_last(&self) -> bool {
        self.made.end_of_stream
    }

    /// All that is handed over: the frames, and the state.
    pub(crate) fn parts(&self) -> [&[u8]; 2] {
        let block = self.made.block.as_slice();
        let (frames, state) = block
            .split_at_checked(self.made.state as usize)
            .unwrap_or((block, &[]));
        [frames, state]
    }
}

/// A place in a block; frames have a limit far below what does not fit.
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
