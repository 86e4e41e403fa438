//! Turns the lines of an event stream into frames.
//!
//! As the HTML standard has it, with three liberties real providers ask for: a last event without the blank line
//! still counts, a bare line that opens with `{` is data, and so is a field named `error` (both carry refusals).

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memchr2};

use crate::frame::event::{Cut, FRAME_LIMIT, Frame, FrameError, LINE_LIMIT};

const BOM: &[u8] = b"\xef\xbb\xbf";

/// The event being collected.
#[derive(Debug, Default)]
pub(crate) struct Sse {
    begun: bool,
    event: Option<Bytes>,
    data: Data,
}

#[derive(Debug, Default)]
enum Data {
    #[default]
    None,
    One(Bytes),
    Many(BytesMut),
}

impl Sse {
    /// Reads one line without its end, which lies in `memory`; an empty line completes the frame.
    pub(crate) fn line(
        &mut self,
        line: &[u8],
        memory: &Bytes,
    ) -> Result<Option<Frame>, FrameError> {
        let mut line = line;
        if !self.begun {
            self.begun = true;
            line = line.strip_prefix(BOM).unwrap_or(line);
        }
        if line.is_empty() {
            return Ok(self.finish());
        }
        if line.first() == Some(&b'{') {
            self.data.add(line, memory)?;
            return Ok(None);
        }
        match split_field(line) {
            (b"data" | b"error", value) => self.data.add(value, memory)?,
            (b"event", value) => {
                self.event = (!value.is_empty()).then(|| memory.slice_ref(value));
            }
            _ => {}
        }
        Ok(None)
    }

    /// Whether an event may begin here, and the body has begun.
    pub(crate) fn at_start(&self) -> bool {
        self.begun && self.event.is_none() && matches!(self.data, Data::None)
    }

    /// The event collected so far; one without data is no event.
    pub(crate) fn finish(&mut self) -> Option<Frame> {
        let event = self.event.take();
        let data = match std::mem::take(&mut self.data) {
            Data::None => return None,
            Data::One(data) => data,
            Data::Many(data) => data.freeze(),
        };
        Some(Frame { event, data })
    }
}

/// An event at the beginning of some text, and how long it is, where it is written as most are: perhaps a line with its name, one
/// line of data, and the blank one. It stays where it lies. Anything else is for [`Sse::line`] to read.
#[inline]
pub(crate) fn plain(text: &[u8]) -> Option<(Cut<'_>, usize)> {
    let (mut event, mut at) = (None, 0);
    loop {
        let rest = text.get(at..)?;
        let end = memchr2(b'\n', b'\r', rest).filter(|end| *end <= LINE_LIMIT)?;
        let (line, after) = rest.split_at_checked(end)?;
        let blank = match after {
            [b'\n', b'\n', ..] => true,
            [b'\n', ..] => false,
            _ => return None,
        };
        at += end + 1;
        match (line.strip_prefix(b"data: "), blank) {
            (Some(data), true) => return Some((Cut { event, data }, at + 1)),
            (None, false) if event.is_none() => event = Some(line.strip_prefix(b"event: ")?),
            _ => return None,
        }
        event = event.filter(|name| !name.is_empty());
    }
}

impl Data {
    fn add(&mut self, line: &[u8], memory: &Bytes) -> Result<(), FrameError> {
        let mut joined = match std::mem::take(self) {
            Self::None => {
                *self = Self::One(memory.slice_ref(line));
                return Ok(());
            }
            Self::One(first) => BytesMut::from(first),
            Self::Many(many) => many,
        };
        if joined.len() + line.len() >= FRAME_LIMIT {
            return Err(FrameError::FrameTooLarge);
        }
        joined.extend_from_slice(b"\n");
        joined.extend_from_slice(line);
        *self = Self::Many(joined);
        Ok(())
    }
}

/// Field name and value; a comment has an empty name.
fn split_field(line: &[u8]) -> (&[u8], &[u8]) {
    let Some((name, value)) = memchr(b':', line).and_then(|colon| line.split_at_checked(colon))
    else {
        return (line, &[]);
    };
    let value = value.strip_prefix(b":").unwrap_or(value);
    (name, value.strip_prefix(b" ").unwrap_or(value))
}
