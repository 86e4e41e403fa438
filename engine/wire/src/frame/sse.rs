//! Turns the lines of an event stream into frames.
//!
//! As the HTML standard has it, with three liberties real providers ask for: a last event without the blank line
//! still counts, a bare line that opens with `{` is data, and so is a field named `error` (both carry refusals).

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr;

use crate::frame::event::{FRAME_LIMIT, Frame, FrameError};

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
    /// Reads one line without its end; an empty line completes the frame.
    pub(crate) fn line(&mut self, mut line: Bytes) -> Result<Option<Frame>, FrameError> {
        if !self.begun {
            self.begun = true;
            if line.starts_with(BOM) {
                line.advance(BOM.len());
            }
        }
        if line.is_empty() {
            return Ok(self.finish());
        }
        if line.first() == Some(&b'{') {
            self.data.add(line)?;
            return Ok(None);
        }
        match split_field(line) {
            (name, value) if *name == *b"data" || *name == *b"error" => self.data.add(value)?,
            (name, value) if *name == *b"event" => {
                self.event = (!value.is_empty()).then_some(value);
            }
            _ => {}
        }
        Ok(None)
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

impl Data {
    fn add(&mut self, line: Bytes) -> Result<(), FrameError> {
        let mut joined = match std::mem::take(self) {
            Self::None => {
                *self = Self::One(line);
                return Ok(());
            }
            Self::One(first) => BytesMut::from(first),
            Self::Many(many) => many,
        };
        if joined.len() + line.len() >= FRAME_LIMIT {
            return Err(FrameError::FrameTooLarge);
        }
        joined.extend_from_slice(b"\n");
        joined.extend_from_slice(&line);
        *self = Self::Many(joined);
        Ok(())
    }
}

/// Field name and value; a comment has an empty name.
fn split_field(mut line: Bytes) -> (Bytes, Bytes) {
    let Some(colon) = memchr(b':', &line) else {
        return (line, Bytes::new());
    };
    let name = line.split_to(colon);
    line.advance(1);
    if line.first() == Some(&b' ') {
        line.advance(1);
    }
    (name, line)
}
