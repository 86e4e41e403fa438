//! One frame of a body, and the ways in which cutting frames can fail.

use std::fmt;

use bytes::Bytes;

/// The longest line accepted in a line-framed body, in bytes without its line end.
pub const LINE_LIMIT: usize = 1 << 20;

/// The most data accepted in one frame, in bytes.
pub const FRAME_LIMIT: usize = 64 << 20;

/// One unit of a framed body: an event of an event stream, a line of NDJSON, an element of a JSON array, a
/// message of Amazon's, a whole body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame {
    /// The event's name, where the framing has such a thing and the sender gave one.
    pub event: Option<Bytes>,
    /// The payload. It shares the memory of the chunk it came in when it lies within one chunk.
    pub data: Bytes,
}

impl Frame {
    /// A frame without an event name.
    #[must_use]
    pub fn data(data: Bytes) -> Self {
        Self { event: None, data }
    }

    /// The event name, when there is one and it is valid UTF-8.
    #[must_use]
    pub fn event_name(&self) -> Option<&str> {
        Cut::from(self).event_name()
    }
}

/// A frame where it lies, until the next is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut<'a> {
    /// The event's name.
    pub event: Option<&'a [u8]>,
    /// The payload.
    pub data: &'a [u8],
}

impl<'a> Cut<'a> {
    /// The event name, when there is one and it is valid UTF-8.
    #[must_use]
    pub fn event_name(self) -> Option<&'a str> {
        self.event.and_then(|name| std::str::from_utf8(name).ok())
    }
}

impl<'a> From<&'a Frame> for Cut<'a> {
    fn from(frame: &'a Frame) -> Self {
        Self {
            event: frame.event.as_deref(),
            data: &frame.data,
        }
    }
}

/// Why a body could not be cut into frames. The fault is always the sender's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// A line is longer than [`LINE_LIMIT`].
    LineTooLong,
    /// One frame holds more than [`FRAME_LIMIT`].
    FrameTooLarge,
    /// The body ended inside a JSON array or one of its elements.
    Truncated,
    /// A checksum, a length or a header of a binary message does not fit.
    Damaged,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineTooLong => {
                write!(f, "the upstream sent a line longer than {LINE_LIMIT} bytes")
            }
            Self::FrameTooLarge => write!(
                f,
                "the upstream sent more than {FRAME_LIMIT} bytes in one frame"
            ),
            Self::Truncated => {
                f.write_str("the upstream's body ends in the middle of a JSON array")
            }
            Self::Damaged => f.write_str(
                "the upstream's event stream was damaged on its way: a checksum or a length does not fit",
            ),
        }
    }
}

impl std::error::Error for FrameError {}
