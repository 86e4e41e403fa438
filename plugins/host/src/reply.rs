//! Reads the good answer to a plan: verbatim with an eye on it, or frame by frame through the plugin.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use memchr::{memchr, memchr_iter};
use mux_wire::frame::{FrameError, Framer};
use mux_wire::seen::Seen;
use mux_wire::tap::Tap;

use crate::answer;
use crate::batch::{self, Batch};
use crate::fault::Fault;
use crate::guest::Guest;
use crate::limits::Budget;
use crate::output::{Output, Part};
use crate::plan::{Plan, Reader};

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
    /// Left out for chat.
    operation: Option<String>,
    state: Vec<u8>,
    /// The frames that were handed over last; their memory serves the next.
    batch: Batch,
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
                    operation: batch::operation(&plan.operation),
                    state: state.clone(),
                    batch: Batch::default(),
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
            Some(decoding) if decoding.over => Ok(()),
            None if !chunk.is_empty() => {
                let read = chunk.clone();
                out.parts.push(Part::Verbatim(chunk));
                self.read(&read, false, out)
            }
            _ => self.read(&chunk, false, out),
        }
    }

    /// Says that the answer is over.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn end(&mut self, out: &mut Output) -> Result<(), Fault> {
        self.framer.finish().map_err(bad_frame)?;
        self.read(&Bytes::new(), true, out)
    }

    fn read(&mut self, chunk: &Bytes, end: bool, out: &mut Output) -> Result<(), Fault> {
        let mut at = 0;
        let Some(decoding) = &mut self.decoding else {
            while let Some(frame) = self.framer.cut(chunk, &mut at).map_err(bad_frame)? {
                note(self.tap.frame(frame.data), out);
            }
            return Ok(());
        };
        loop {
            let frames = decoding
                .batch
                .fill(&mut self.framer, chunk, &mut at, end)
                .map_err(bad_frame)?;
            let last = decoding.batch.is_last();
            if decoding.over || (frames == 0 && !last) {
                return Ok(());
            }
            let decoded = decoding.decode(&mut self.tap, self.stream, out);
            decoded.inspect_err(|fault| {
                decoding.guest.blame(fault, &decoding.batch.parts());
            })?;
            if last {
                return Ok(());
            }
        }
    }
}

impl Decoding {
    fn decode(&mut self, tap: &mut Tap, stream: bool, out: &mut Output) -> Result<(), Fault> {
        let frames = self.batch.with(&self.state);
        let input = frames.block.len();
        let budget = Budget::new(self.guest.limits().decode, input);
        let decoded = self.guest.call(budget, input, |face, store| {
            face.decode(store, self.operation.as_deref(), frames)
        })??;
        let limits = self.guest.limits();
        let state = decoded.state.as_ref();
        if state.is_some_and(|state| state.len() > limits.state) {
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
        if let Some(state) = decoded.state {
            self.state = state;
        }
        self.over = decoded.finish.is_some() || decoded.error.is_some();
        hand_on(decoded.chunks, tap, stream, out)?;
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

/// Checks what the plugin made and hands it on, each object as a slice of the same memory.
fn hand_on(mut made: Vec<u8>, tap: &mut Tap, stream: bool, out: &mut Output) -> Result<(), Fault> {
    let part = if stream { Part::Chunk } else { Part::Whole };
    let Ok(text) = std::str::from_utf8(&made) else {
        return Err(Fault::Output(String::from("chunks that are not UTF-8")));
    };
    let lines = text.strip_suffix('\n').unwrap_or(text);
    if lines.is_empty() {
        return Ok(());
    }
    let length = lines.len();
    if memchr(b'\n', lines.as_bytes()).is_none() {
        check(lines.as_bytes(), tap, out)?;
        made.truncate(length);
        out.parts.push(part(Bytes::from(made)));
        return Ok(());
    }
    let made = Bytes::from(made);
    let mut from = 0;
    for end in memchr_iter(b'\n', &made).chain([made.len()]) {
        let line = made.get(from..end).unwrap_or_default();
        if !line.is_empty() {
            check(line, tap, out)?;
            out.parts.push(part(made.slice(from..end)));
        }
        from = end + 1;
    }
    Ok(())
}

/// Checks one object, and notes what is in it.
fn check(line: &[u8], tap: &mut Tap, out: &mut Output) -> Result<(), Fault> {
    // All of a line, whatever is found on the way: so it is looked at in large pieces.
    let control = |found, byte: &u8| found | u8::from(*byte < 0x20);
    let object = line.starts_with(b"{") && line.ends_with(b"}");
    if !object || line.iter().fold(0, control) != 0 {
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
