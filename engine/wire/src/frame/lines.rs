//! Cuts chunks into lines; a line that lies within one chunk is not copied.

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memchr2};

use crate::frame::event::{FrameError, LINE_LIMIT};

/// What ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    /// LF, CR LF or a lone CR, as event streams have it.
    Any,
    /// LF only: a CR may be white space inside a JSON line.
    Lf,
}

/// A whole line without its end.
#[derive(Debug)]
pub(crate) enum Line<'a> {
    /// As it lies in the chunk.
    Within(&'a [u8]),
    /// Put together from several.
    Joined(Bytes),
}

impl Line<'_> {
    /// Its bytes, and the memory they lie in: that of the chunk, or their own.
    pub(crate) fn parts<'a>(&'a self, chunk: &'a Bytes) -> (&'a [u8], &'a Bytes) {
        match self {
            Self::Within(line) => (line, chunk),
            Self::Joined(line) => (line, line),
        }
    }
}

/// The line being collected.
#[derive(Debug)]
pub(crate) struct Lines {
    ends: Ends,
    carry: BytesMut,
    after_cr: bool,
}

impl Lines {
    pub(crate) fn new(ends: Ends) -> Self {
        Self {
            ends,
            carry: BytesMut::new(),
            after_cr: false,
        }
    }

    /// Takes the next whole line out of `chunk` from `at` on, which goes behind it. `None` when the chunk is used up; what was
    /// left of it is kept.
    pub(crate) fn next<'a>(
        &mut self,
        chunk: &'a Bytes,
        at: &mut usize,
    ) -> Result<Option<Line<'a>>, FrameError> {
        self.skip_second_half_of_crlf(chunk, at);
        let rest = chunk.get(*at..).unwrap_or_default();
        let Some(end) = self.find_end(rest) else {
            self.within_limit(rest.len())?;
            self.carry.extend_from_slice(rest);
            *at = chunk.len();
            return Ok(None);
        };
        self.within_limit(end)?;
        let (line, after) = rest.split_at(end);
        self.after_cr = after.first() == Some(&b'\r');
        *at += end + 1;
        let line = self.join(line);
        self.skip_second_half_of_crlf(chunk, at);
        Ok(Some(line))
    }

    /// Whether the next byte begins a line.
    pub(crate) fn at_start(&self) -> bool {
        self.carry.is_empty() && !self.after_cr
    }

    /// The unfinished last line of the body.
    pub(crate) fn rest(&mut self) -> Option<Bytes> {
        (!self.carry.is_empty()).then(|| self.carry.split().freeze())
    }

    fn find_end(&self, chunk: &[u8]) -> Option<usize> {
        match self.ends {
            Ends::Any => memchr2(b'\n', b'\r', chunk),
            Ends::Lf => memchr(b'\n', chunk),
        }
    }

    fn join<'a>(&mut self, tail: &'a [u8]) -> Line<'a> {
        if self.carry.is_empty() {
            return Line::Within(tail);
        }
        self.carry.extend_from_slice(tail);
        Line::Joined(self.carry.split().freeze())
    }

    fn skip_second_half_of_crlf(&mut self, chunk: &[u8], at: &mut usize) {
        if self.after_cr
            && let Some(byte) = chunk.get(*at)
        {
            self.after_cr = false;
            *at += usize::from(*byte == b'\n');
        }
    }

    fn within_limit(&self, more: usize) -> Result<(), FrameError> {
        if self.carry.len() + more > LINE_LIMIT {
            Err(FrameError::LineTooLong)
        } else {
            Ok(())
        }
    }
}
