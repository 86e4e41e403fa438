//! Cuts a body into frames: the same frames whatever way the network split the bytes.

mod amazon;
mod array;
mod event;
mod lines;
mod sse;

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::frame::amazon::Amazon;
pub use crate::frame::amazon::message;
use crate::frame::array::Array;
pub use crate::frame::event::{Cut, FRAME_LIMIT, Frame, FrameError, LINE_LIMIT};
use crate::frame::lines::{Ends, Lines};
use crate::frame::sse::Sse;

/// How a body is divided into frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// The whole body is one frame, handed out by [`Framer::finish`].
    Buffered,
    /// An event stream (`text/event-stream`).
    Sse,
    /// One JSON text a line.
    Ndjson,
    /// The elements of one JSON array.
    JsonArray,
    /// The messages of Amazon's binary event stream. A frame's name is its `:event-type`, its `:exception-type`, or `error:`
    /// and its `:error-code`.
    Amazon,
    /// Every chunk as it came: the only framing that depends on the split.
    Raw,
}

/// Takes chunks in with [`push`](Self::push) and hands frames out as an iterator.
///
/// The iterator ends when no whole frame is there and goes on after the next `push`. Frames completed before
/// an error stay available. After an error the framer is of no further use.
#[derive(Debug)]
pub struct Framer {
    body: Body,
    ready: VecDeque<Frame>,
    /// The one handed out last by [`cut`](Framer::cut), where it does not lie in a chunk.
    held: Frame,
    /// Why there is nothing after what is ready.
    broken: Option<FrameError>,
}

#[derive(Debug)]
enum Body {
    Whole(Whole),
    Sse { lines: Lines, events: Sse },
    Ndjson(Lines),
    Array(Array),
    Amazon(Amazon),
    Raw,
}

/// A body collected to its end.
#[derive(Debug, Default)]
struct Whole {
    first: Bytes,
    joined: BytesMut,
}

impl Framer {
    /// A framer at the start of a body.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        let body = match framing {
            Framing::Buffered => Body::Whole(Whole::default()),
            Framing::Sse => Body::Sse {
                lines: Lines::new(Ends::Any),
                events: Sse::default(),
            },
            Framing::Ndjson => Body::Ndjson(Lines::new(Ends::Lf)),
            Framing::JsonArray => Body::Array(Array::default()),
            Framing::Amazon => Body::Amazon(Amazon::default()),
            Framing::Raw => Body::Raw,
        };
        Self {
            body,
            ready: VecDeque::new(),
            held: Frame::default(),
            broken: None,
        }
    }

    /// The next frame that is whole with what `chunk` holds from `at` on, where it lies; `at` goes behind it, or to the end of
    /// the chunk, of which nothing is to be pushed then. With an empty chunk, what is ready already.
    ///
    /// # Errors
    /// As [`push`](Self::push), once all that came before was handed out, and from then on.
    pub fn cut<'a>(
        &'a mut self,
        chunk: &'a Bytes,
        at: &mut usize,
    ) -> Result<Option<Cut<'a>>, FrameError> {
        // The chunk that it lies in is not kept for the rest of the stream.
        self.held = Frame::default();
        if let Body::Sse { lines, events } = &self.body
            && self.ready.is_empty()
            && self.broken.is_none()
            && lines.at_start()
            && events.at_start()
            && let Some((cut, length)) = chunk.get(*at..).and_then(sse::plain)
        {
            *at += length;
            return Ok(Some(cut));
        }
        if self.ready.is_empty() && *at < chunk.len() && self.broken.is_none() {
            let rest = chunk.slice(*at..);
            *at = chunk.len();
            self.broken = self.push(rest).err();
        }
        let Some(frame) = self.ready.pop_front() else {
            return self.broken.map_or(Ok(None), Err);
        };
        self.held = frame;
        Ok(Some(Cut::from(&self.held)))
    }

    /// Takes the next bytes of the body.
    ///
    /// # Errors
    /// When a line or a frame exceeds its limit, or is damaged.
    pub fn push(&mut self, mut chunk: Bytes) -> Result<(), FrameError> {
        match &mut self.body {
            Body::Whole(whole) => whole.push(chunk)?,
            Body::Sse { lines, events } => {
                let mut at = 0;
                while let Some(line) = lines.next(&chunk, &mut at)? {
                    let (line, memory) = line.parts(&chunk);
                    self.ready.extend(events.line(line, memory)?);
                }
            }
            Body::Ndjson(lines) => {
                let mut at = 0;
                while let Some(line) = lines.next(&chunk, &mut at)? {
                    let (line, memory) = line.parts(&chunk);
                    self.ready.extend(json_line(line, memory));
                }
            }
            Body::Array(array) => array.push(&chunk, &mut self.ready)?,
            Body::Amazon(messages) => {
                while let Some(frame) = messages.take(&mut chunk)? {
                    self.ready.push_back(frame);
                }
            }
            Body::Raw if chunk.is_empty() => {}
            Body::Raw => self.ready.push_back(Frame::data(chunk)),
        }
        Ok(())
    }

    /// Says that the body is over. A last frame may become ready by it: a buffered body always yields exactly one.
    ///
    /// # Errors
    /// When the body ended inside a JSON array, or its last event exceeds a limit.
    pub fn finish(&mut self) -> Result<(), FrameError> {
        match &mut self.body {
            Body::Whole(whole) => self.ready.push_back(Frame::data(whole.take())),
            Body::Sse { lines, events } => {
                if let Some(line) = lines.rest() {
                    self.ready.extend(events.line(&line, &line)?);
                }
                self.ready.extend(events.finish());
            }
            Body::Ndjson(lines) => self
                .ready
                .extend(lines.rest().and_then(|line| json_line(&line, &line))),
            Body::Array(array) => array.finish()?,
            // Half a message is what a cut leaves; whether one was missing is for its reader to say.
            Body::Amazon(_) | Body::Raw => {}
        }
        Ok(())
    }
}

impl Iterator for Framer {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        self.ready.pop_front()
    }
}

impl Whole {
    fn push(&mut self, chunk: Bytes) -> Result<(), FrameError> {
        if self.first.len() + self.joined.len() + chunk.len() > FRAME_LIMIT {
            return Err(FrameError::FrameTooLarge);
        }
        if self.joined.is_empty() && self.first.is_empty() {
            self.first = chunk;
            return Ok(());
        }
        if self.joined.is_empty() {
            self.joined = BytesMut::from(std::mem::take(&mut self.first));
        }
        self.joined.extend_from_slice(&chunk);
        Ok(())
    }

    fn take(&mut self) -> Bytes {
        if self.joined.is_empty() {
            std::mem::take(&mut self.first)
        } else {
            self.joined.split().freeze()
        }
    }
}

/// A line of NDJSON without the white space around it; blank lines are no frames.
fn json_line(line: &[u8], memory: &Bytes) -> Option<Frame> {
    let text = line.trim_ascii();
    (!text.is_empty()).then(|| Frame::data(memory.slice_ref(text)))
}
