//! Reads the good answer to a plan: verbatim with an eye on it, or frame by frame through the plugin.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use mux_wire::frame::{Frame, FrameError, Framer};
use mux_wire::seen::Seen;
use mux_wire::tap::Tap;

use crate::answer;
use crate::bindings::mux::provider::types as wit;
use crate::fault::Fault;
use crate::guest::Guest;
use crate::limits::Budget;
use crate::output::{Output, Part};
use crate::plan::{Plan, Reader};

/// Most frames handed to the plugin at once.
const BATCH_FRAMES: usize = 64;
/// Most bytes handed to the plugin at once, unless one frame is larger.
const BATCH_BYTES: usize = 64 << 10;

/// The reading of one answer, from its first byte to its end.
pub struct Reply {
    framer: Framer,
    tap: Tap,
    stream: bool,
    decoding: Option<Decoding>,
}

/// A conversation with the plugin about one answer.
struct Decoding {
    guest: Arc<Guest>,
    operation: String,
    state: Vec<u8>,
    /// The frames that were handed over last; their memory serves the next.
    batch: wit::Batch,
    /// The answer is complete or has failed: what follows is not looked at.
    over: bool,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("stream", &self.stream)
            .field("verbatim", &self.decoding.is_none())
            .finish_non_exhaustive()
    }
}

impl Reply {
    pub(crate) fn new(guest: Arc<Guest>, plan: &Plan) -> Self {
        let (dialect, stream, framing, decoding) = match &plan.reader {
            Reader::Verbatim {
                dialect,
                stream,
                framing,
            } => (*dialect, *stream, *framing, None),
            Reader::Frames {
                dialect,
                stream,
                framing,
                state,
            } => {
                let decoding = Decoding {
                    guest,
                    operation: plan.operation.clone(),
                    state: state.clone(),
                    batch: wit::Batch {
                        data: Vec::new(),
                        ends: Vec::new(),
                        names: String::new(),
                        end_of_stream: false,
                    },
                    over: false,
                };
                (*dialect, *stream, *framing, Some(decoding))
            }
        };
        Self {
            framer: Framer::new(framing),
            tap: Tap::new(dialect, stream),
            stream,
            decoding,
        }
    }

    /// Takes the next bytes of the answer, however the network split them.
    ///
    /// # Errors
    /// When the answer makes no sense, or the plugin fails. The reply is of no further use then.
    pub fn push(&mut self, chunk: Bytes, out: &mut Output) -> Result<(), Fault> {
        match &self.decoding {
            // Frames nobody will read are not piled up.
            Some(decoding) if decoding.over => return Ok(()),
            None if !chunk.is_empty() => out.parts.push(Part::Verbatim(chunk.clone())),
            _ => {}
        }
        self.framer.push(chunk).map_err(bad_frame)?;
        self.read(false, out)
    }

    /// Says that the answer is over.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn end(&mut self, out: &mut Output) -> Result<(), Fault> {
        self.framer.finish().map_err(bad_frame)?;
        self.read(true, out)
    }

    fn read(&mut self, end: bool, out: &mut Output) -> Result<(), Fault> {
        let Some(decoding) = &mut self.decoding else {
            for frame in &mut self.framer {
                note(self.tap.frame(&frame.data), out);
            }
            return Ok(());
        };
        loop {
            pack(&mut decoding.batch, &mut self.framer, end);
            let (none, last) = (decoding.batch.ends.is_empty(), decoding.batch.end_of_stream);
            if decoding.over || (none && !last) {
                return Ok(());
            }
            let decoded = decoding.decode(&mut self.tap, self.stream, out);
            decoded.inspect_err(|fault| {
                let input = [decoding.state.as_slice(), &decoding.batch.data];
                decoding.guest.blame(fault, &input);
            })?;
            if last {
                return Ok(());
            }
        }
    }
}

impl Decoding {
    fn decode(&mut self, tap: &mut Tap, stream: bool, out: &mut Output) -> Result<(), Fault> {
        let input = self.batch.data.len() + self.state.len();
        let budget = Budget::new(self.guest.limits().decode, input);
        let decoded = self.guest.call(budget, input, |guest, store| {
            guest.call_decode(store, &self.operation, &self.state, &self.batch)
        })??;
        let limits = self.guest.limits();
        if decoded.state.len() > limits.state {
            return Err(Fault::Output(format!(
                "a state of more than {} bytes",
                limits.state
            )));
        }
        if decoded.chunks.len() > limits.chunks.max(budget.output) {
            return Err(Fault::Output(String::from(
                "more chunks than one call may return",
            )));
        }
        self.state = decoded.state;
        self.over = decoded.finish.is_some() || decoded.error.is_some();
        hand_on(&Bytes::from(decoded.chunks), tap, stream, out)?;
        out.usage = decoded.usage.as_ref().map(answer::usage).or(out.usage);
        out.terminal |= decoded.finish.is_some();
        out.finish = decoded
            .finish
            .map(answer::finish)
            .or_else(|| out.finish.take());
        out.error = decoded
            .error
            .map(answer::upstream_error)
            .or_else(|| out.error.take());
        Ok(())
    }
}

/// Makes the next frames one batch.
fn pack(batch: &mut wit::Batch, framer: &mut Framer, end: bool) {
    if batch.data.capacity() > 2 * BATCH_BYTES {
        // A frame of a size that few have is not kept room for.
        batch.data = Vec::new();
    }
    batch.data.clear();
    batch.ends.clear();
    batch.names.clear();
    batch.end_of_stream = false;
    let mut named = false;
    while batch.ends.len() < BATCH_FRAMES && batch.data.len() < BATCH_BYTES {
        let Some(frame) = framer.next() else {
            batch.end_of_stream = end;
            break;
        };
        if !batch.ends.is_empty() {
            batch.names.push('\n');
        }
        batch.names.push_str(name(&frame));
        named |= frame.event.is_some();
        batch.data.extend_from_slice(&frame.data);
        batch
            .ends
            .push(u32::try_from(batch.data.len()).unwrap_or(u32::MAX));
    }
    if !named {
        batch.names.clear();
    }
}

fn name(frame: &Frame) -> &str {
    frame.event_name().unwrap_or_default()
}

/// Checks what the plugin made and hands it on, each object as a slice of the same memory.
fn hand_on(made: &Bytes, tap: &mut Tap, stream: bool, out: &mut Output) -> Result<(), Fault> {
    if made.is_empty() {
        return Ok(());
    }
    let Ok(text) = std::str::from_utf8(made) else {
        return Err(Fault::Output(String::from("chunks that are not UTF-8")));
    };
    // All of a line, whatever is found on the way: so it is looked at in large pieces.
    let control = |line: &[u8]| {
        let found = |found, byte: &u8| found | u8::from(*byte < 0x20);
        line.iter().fold(0, found) != 0
    };
    for line in text.split('\n').filter(|line| !line.is_empty()) {
        let line = line.as_bytes();
        let object = line.starts_with(b"{") && line.ends_with(b"}");
        if !object || control(line) {
            return Err(Fault::Output(String::from(
                "a chunk that is not one object on one line",
            )));
        }
        let seen = tap.frame(line);
        if let Some(error) = &seen.error {
            return Err(Fault::Output(format!(
                "a chunk that is none: {}",
                error.message
            )));
        }
        out.content |= seen.content;
        out.output_bytes += seen.output_bytes;
        out.model = seen.model.or_else(|| out.model.take());
        let line = made.slice_ref(line);
        out.parts.push(if stream {
            Part::Chunk(line)
        } else {
            Part::Whole(line)
        });
    }
    Ok(())
}

/// Adds what the tap saw in a verbatim frame.
fn note(seen: Seen, out: &mut Output) {
    out.content |= seen.content;
    out.usage = seen.usage.or(out.usage);
    out.finish = seen.finish.or_else(|| out.finish.take());
    out.error = seen.error.or_else(|| out.error.take());
    out.terminal |= seen.terminal;
    out.output_bytes += seen.output_bytes;
    out.model = seen.model.or_else(|| out.model.take());
}

fn bad_frame(error: FrameError) -> Fault {
    Fault::BadResponse(error.to_string())
}
