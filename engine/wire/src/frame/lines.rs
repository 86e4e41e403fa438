//! Cuts chunks into lines; a line that lies within one chunk is not copied.

use bytes::{Buf, Bytes, BytesMut};
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

    /// Takes the next whole line out of `chunk`. `None` when the chunk is used up; what was left of it is kept.
    pub(crate) fn take(&mut self, chunk: &mut Bytes) -> Result<Option<Bytes>, FrameError> {
        self.skip_second_half_of_crlf(chunk);
        let Some(end) = self.find_end(chunk) else {
            self.within_limit(chunk.len())?;
            self.carry.extend_from_slice(chunk);
            chunk.clear();
            return Ok(None);
        };
        self.within_limit(end)?;
        let line = self.join(chunk.split_to(end));
        self.after_cr = chunk.first() == Some(&b'\r');
        chunk.advance(1);
        self.skip_second_half_of_crlf(chunk);
        Ok(Some(line))
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

    fn join(&mut self, tail: Bytes) -> Bytes {
        if self.carry.is_empty() {
            return tail;
        }
        self.carry.extend_from_slice(&tail);
        self.carry.split().freeze()
    }

    fn skip_second_half_of_crlf(&mut self, chunk: &mut Bytes) {
        if self.after_cr && !chunk.is_empty() {
            self.after_cr = false;
            if chunk.first() == Some(&b'\n') {
                chunk.advance(1);
            }
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
