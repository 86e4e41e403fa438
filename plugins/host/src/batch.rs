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
            match framer.cut(chunk, at) {
                Ok(Some(frame)) => self.add(frame),
                Ok(None) => {
                    self.made.end_of_stream = end;
                    break;
                }
                Err(error) if self.ends.is_empty() => return Err(error),
                // What came before is whole, however the chunk was cut. The framer says it again.
                Err(_) => break,
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

#[cfg(test)]
mod tests {
    use super::*;
    use mux_wire::frame::Framing;

    /// What a plugin reads out of what it is handed: names and payloads, and the state.
    fn read(batch: &mut Batch, state: &[u8]) -> (Vec<(String, Vec<u8>)>, Vec<u8>) {
        let made = batch.with(state);
        let (names, kept) = (made.names as usize, made.state as usize);
        let text = String::from_utf8(made.block[names..kept].to_vec()).expect("names are text");
        let mut names = text.split('\n');
        let mut from = 0;
        let ends = made.ends.clone().unwrap_or_else(|| vec![made.names]);
        let frames = ends.into_iter().map(|end| {
            let data = made.block[from..end as usize].to_vec();
            from = end as usize;
            (names.next().unwrap_or_default().to_owned(), data)
        });
        let frames = frames.collect();
        assert_eq!(from, made.names as usize, "the last ends where names begin");
        (frames, made.block[kept..].to_vec())
    }

    fn events(count: usize) -> Bytes {
        let event = |n: usize| match n % 3 {
            0 => format!("data: {n}\n\n"),
            _ => format!("event: e{n}\ndata: {n}\n\n"),
        };
        Bytes::from((0..count).map(event).collect::<String>())
    }

    fn expected(range: std::ops::Range<usize>) -> Vec<(String, Vec<u8>)> {
        let name = |n: usize| {
            if n.is_multiple_of(3) {
                String::new()
            } else {
                format!("e{n}")
            }
        };
        let frame = |n: usize| (name(n), n.to_string().into_bytes());
        range.map(frame).collect()
    }

    #[test]
    fn frames_names_and_state_are_read_as_they_were_handed_over() {
        let (mut batch, mut framer) = (Batch::default(), Framer::new(Framing::Sse));
        for (chunk, counts) in [
            (events(130), vec![64, 64, 2, 0]),
            (events(1), vec![1, 0]),
            (Bytes::new(), vec![0]),
            (events(2), vec![2, 0]),
        ] {
            let (mut at, mut from) = (0, 0);
            for (turn, count) in counts.into_iter().enumerate() {
                let filled = batch.fill(&mut framer, &chunk, &mut at, false);
                assert_eq!(filled, Ok(count));
                let state = format!("state {turn}").into_bytes();
                let (told, kept) = read(&mut batch, &state);
                assert_eq!(told, expected(from..from + count));
                assert_eq!(kept, state);
                assert_eq!(batch.made.ends.is_none(), count == 1);
                from += count;
            }
        }
        let filled = batch.fill(&mut framer, &Bytes::new(), &mut 0, true);
        assert_eq!((filled, batch.is_last()), (Ok(0), true));
        assert_eq!(read(&mut batch, b"s"), (Vec::new(), b"s".to_vec()));
    }

    #[test]
    fn a_frame_of_any_size_and_a_name_that_is_no_text_go_through() {
        let (mut batch, mut framer) = (Batch::default(), Framer::new(Framing::Sse));
        let large = "x".repeat(3 * BYTES);
        let chunk = [b"event: \xff\ndata: ", large.as_bytes(), b"\n\ndata: 2\n\n"].concat();
        let (chunk, mut at) = (Bytes::from(chunk), 0);
        assert_eq!(batch.fill(&mut framer, &chunk, &mut at, false), Ok(1));
        assert_eq!(
            read(&mut batch, b"").0,
            [(String::new(), large.into_bytes())]
        );
        assert_eq!(batch.fill(&mut framer, &chunk, &mut at, false), Ok(1));
        assert_eq!(read(&mut batch, b"").0, [(String::new(), b"2".to_vec())]);
        assert!(
            batch.made.block.capacity() < BYTES,
            "its room is given back"
        );
    }

    #[test]
    fn what_is_whole_before_a_fault_is_handed_over_first() {
        let long = "x".repeat(mux_wire::frame::LINE_LIMIT + 1);
        let chunk = [&events(70)[..], b"data: ", long.as_bytes()].concat();
        let (mut batch, mut framer) = (Batch::default(), Framer::new(Framing::Sse));
        let (chunk, mut at) = (Bytes::from(chunk), 0);
        let mut filled = || batch.fill(&mut framer, &chunk, &mut at, false);
        assert_eq!((filled(), filled()), (Ok(64), Ok(6)));
        assert_eq!(filled(), Err(FrameError::LineTooLong));
    }
}
