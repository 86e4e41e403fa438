//! Cuts Amazon's binary event stream (`application/vnd.amazon.eventstream`) into its messages, each held to both of its
//! checksums, and writes such messages.
//!
//! A message is its whole length and that of its headers in 32 bits each, the CRC-32 of these eight bytes, the headers,
//! the payload, and the CRC-32 of all that; numbers are big-endian.

use bytes::{BufMut, Bytes, BytesMut};
use serde_json::json;

use crate::frame::event::{FRAME_LIMIT, Frame, FrameError};

/// Both lengths and their checksum.
const PRELUDE: usize = 12;
/// A checksum.
const SUM: usize = 4;
/// Header type of a string.
const STRING: u8 = 7;

/// The message being collected.
#[derive(Debug, Default)]
pub(crate) struct Amazon {
    carry: BytesMut,
}

/// What the headers of a message say of it.
#[derive(Debug, Default)]
struct Head<'a> {
    kind: &'a [u8],
    event: &'a [u8],
    exception: &'a [u8],
    code: &'a [u8],
    words: &'a [u8],
}

impl Amazon {
    /// Takes the next whole message out of `chunk`. `None` when the chunk is used up; what was left of it is kept.
    pub(crate) fn take(&mut self, chunk: &mut Bytes) -> Result<Option<Frame>, FrameError> {
        if !self.carry.is_empty() {
            let missing = PRELUDE.saturating_sub(self.carry.len()).min(chunk.len());
            self.carry.extend_from_slice(&chunk.split_to(missing));
        }
        let begun = if self.carry.is_empty() {
            chunk.as_ref()
        } else {
            self.carry.as_ref()
        };
        let Some((total, headers)) = lengths(begun)? else {
            return Ok(self.keep(chunk));
        };
        let missing = total - self.carry.len();
        if chunk.len() < missing {
            return Ok(self.keep(chunk));
        }
        let rest = chunk.split_to(missing);
        if self.carry.is_empty() {
            return read(&rest, headers).map(Some);
        }
        self.carry.extend_from_slice(&rest);
        read(&self.carry.split().freeze(), headers).map(Some)
    }

    fn keep(&mut self, chunk: &mut Bytes) -> Option<Frame> {
        self.carry.extend_from_slice(chunk);
        chunk.clear();
        None
    }
}

/// The length of the message that begins there and that of its headers, once its prelude is whole.
fn lengths(begun: &[u8]) -> Result<Option<(usize, usize)>, FrameError> {
    let Some((lengths, sum)) = begun.get(..PRELUDE).map(|prelude| prelude.split_at(8)) else {
        return Ok(None);
    };
    if number(sum) != Some(crc32fast::hash(lengths)) {
        return Err(FrameError::Damaged);
    }
    let (total, headers) = lengths.split_at(4);
    let size = |bytes| number(bytes).and_then(|size| usize::try_from(size).ok());
    let (Some(total), Some(headers)) = (size(total), size(headers)) else {
        return Err(FrameError::FrameTooLarge);
    };
    if total > FRAME_LIMIT {
        return Err(FrameError::FrameTooLarge);
    }
    if total.saturating_sub(PRELUDE + SUM) < headers || total < PRELUDE + SUM {
        return Err(FrameError::Damaged);
    }
    Ok(Some((total, headers)))
}

fn number(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

/// The frame that a whole message is.
fn read(message: &Bytes, headers: usize) -> Result<Frame, FrameError> {
    let (body, sum) = message
        .split_at_checked(message.len().saturating_sub(SUM))
        .ok_or(FrameError::Damaged)?;
    if number(sum) != Some(crc32fast::hash(body)) {
        return Err(FrameError::Damaged);
    }
    let inside = body.get(PRELUDE..).ok_or(FrameError::Damaged)?;
    let (headers, payload) = inside
        .split_at_checked(headers)
        .ok_or(FrameError::Damaged)?;
    let head = Head::read(headers).ok_or(FrameError::Damaged)?;
    let payload = message.slice_ref(payload);
    let name = match head.kind {
        b"error" => return Ok(head.error(payload)),
        b"exception" => head.exception,
        _ => head.event,
    };
    Ok(Frame {
        event: (!name.is_empty()).then(|| message.slice_ref(name)),
        data: payload,
    })
}

impl<'a> Head<'a> {
    fn read(mut headers: &'a [u8]) -> Option<Self> {
        let mut head = Self::default();
        while let Some((length, rest)) = headers.split_first() {
            let (name, rest) = rest.split_at_checked(usize::from(*length))?;
            let (kind, rest) = rest.split_first()?;
            let (value, rest) = value(*kind, rest)?;
            let place = match name {
                b":message-type" => Some(&mut head.kind),
                b":event-type" => Some(&mut head.event),
                b":exception-type" => Some(&mut head.exception),
                b":error-code" => Some(&mut head.code),
                b":error-message" => Some(&mut head.words),
                _ => None,
            };
            if let Some(place) = place {
                // A name is one line of text, whatever else it says; the words of an error are no name.
                let lines = name == b":error-message";
                if *kind != STRING || !lines && value.iter().any(u8::is_ascii_control) {
                    return None;
                }
                *place = value;
            }
            headers = rest;
        }
        Some(head)
    }

    /// A message that says in its headers that the stream has failed.
    fn error(&self, payload: Bytes) -> Frame {
        let data = if payload.is_empty() {
            let words = String::from_utf8_lossy(self.words);
            Bytes::from(json!({ "message": words }).to_string())
        } else {
            payload
        };
        Frame {
            event: Some(Bytes::from([b"error:", self.code].concat())),
            data,
        }
    }
}

/// The value of a header of that type, and what comes after it.
fn value(kind: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let fixed = match kind {
        0 | 1 => 0,
        2 => 1,
        3 => 2,
        4 => 4,
        5 | 8 => 8,
        9 => 16,
        6 | STRING => {
            let (length, rest) = bytes.split_at_checked(2)?;
            let length = u16::from_be_bytes(length.try_into().ok()?);
            return rest.split_at_checked(usize::from(length));
        }
        _ => return None,
    };
    bytes.split_at_checked(fixed)
}

/// A message with these headers, each a name and a text, and that payload. What is longer than the format can say is cut.
#[must_use]
pub fn message(headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    let mut head = BytesMut::new();
    for (name, text) in headers {
        let name = name
            .get(..name.floor_char_boundary(255))
            .unwrap_or_default();
        let text = text
            .get(..text.floor_char_boundary(65_535))
            .unwrap_or_default();
        head.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
        head.put_slice(name.as_bytes());
        head.put_u8(STRING);
        head.put_u16(u16::try_from(text.len()).unwrap_or(u16::MAX));
        head.put_slice(text.as_bytes());
    }
    let size = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
    let mut message = BytesMut::with_capacity(PRELUDE + head.len() + payload.len() + SUM);
    message.put_u32(size(PRELUDE + head.len() + payload.len() + SUM));
    message.put_u32(size(head.len()));
    message.put_u32(crc32fast::hash(&message));
    message.put_slice(&head);
    message.put_slice(payload);
    message.put_u32(crc32fast::hash(&message));
    message.freeze()
}
