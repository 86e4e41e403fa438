//! Cuts a streamed JSON array into its elements, each handed out as soon as it closes.
//!
//! It looks at brackets and strings only; whether an element is valid JSON is for its reader to find out.
//! A body that is one object instead of an array yields that object.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::frame::event::{FRAME_LIMIT, Frame, FrameError};

/// Where in the array the next byte lies.
#[derive(Debug, Default)]
pub(crate) struct Array {
    open: bool,
    place: Place,
    text: Text,
    carry: BytesMut,
}

#[derive(Debug, Clone, Copy, Default)]
enum Place {
    #[default]
    Between,
    /// In a number, a literal or a string, which ends before the next `,`, `]` or white space.
    Scalar,
    /// In an object or an array, this many brackets deep.
    Nested(usize),
}

#[derive(Debug, Clone, Copy, Default)]
enum Text {
    #[default]
    Outside,
    Inside,
    Escaped,
}

/// What a byte means for the element at hand.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Belongs to no element.
    Between,
    First,
    Part,
    /// Closes the element and belongs to it.
    Last,
    /// Ends the element before it.
    Past,
}

impl Array {
    pub(crate) fn push(
        &mut self,
        chunk: &Bytes,
        ready: &mut VecDeque<Frame>,
    ) -> Result<(), FrameError> {
        let mut start = 0;
        for (at, &byte) in chunk.iter().enumerate() {
            match self.step(byte) {
                Step::Between | Step::Part => {}
                Step::First => start = at,
                Step::Last => ready.push_back(self.close(chunk.slice(start..=at))?),
                Step::Past => ready.push_back(self.close(chunk.slice(start..at))?),
            }
        }
        if !matches!(self.place, Place::Between) {
            let part = chunk.slice(start..);
            self.within_limit(part.len())?;
            self.carry.extend_from_slice(&part);
        }
        Ok(())
    }

    pub(crate) fn finish(&self) -> Result<(), FrameError> {
        if self.open || !matches!(self.place, Place::Between) {
            Err(FrameError::Truncated)
        } else {
            Ok(())
        }
    }

    fn step(&mut self, byte: u8) -> Step {
        match self.place {
            Place::Between => self.between(byte),
            Place::Scalar => self.scalar(byte),
            Place::Nested(depth) => self.nested(byte, depth),
        }
    }

    fn between(&mut self, byte: u8) -> Step {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => return Step::Between,
            b'[' if !self.open => {
                self.open = true;
                return Step::Between;
            }
            b']' => {
                self.open = false;
                return Step::Between;
            }
            b'{' | b'[' => self.place = Place::Nested(1),
            _ => {
                self.place = Place::Scalar;
                self.text = if byte == b'"' {
                    Text::Inside
                } else {
                    Text::Outside
                };
            }
        }
        Step::First
    }

    fn scalar(&mut self, byte: u8) -> Step {
        if self.in_text(byte) {
            return Step::Part;
        }
        match byte {
            b']' => self.open = false,
            b',' | b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => return Step::Part,
        }
        self.place = Place::Between;
        Step::Past
    }

    fn nested(&mut self, byte: u8, depth: usize) -> Step {
        if self.in_text(byte) {
            return Step::Part;
        }
        match byte {
            b'{' | b'[' => self.place = Place::Nested(depth + 1),
            b'}' | b']' if depth == 1 => {
                self.place = Place::Between;
                return Step::Last;
            }
            b'}' | b']' => self.place = Place::Nested(depth - 1),
            _ => {}
        }
        Step::Part
    }

    /// Follows strings; true when the byte belongs to one.
    fn in_text(&mut self, byte: u8) -> bool {
        let (next, inside) = match (self.text, byte) {
            (Text::Outside, b'"') => (Text::Inside, true),
            (Text::Outside, _) => (Text::Outside, false),
            (Text::Inside, b'"') => (Text::Outside, true),
            (Text::Inside, b'\\') => (Text::Escaped, true),
            (Text::Inside | Text::Escaped, _) => (Text::Inside, true),
        };
        self.text = next;
        inside
    }

    fn close(&mut self, tail: Bytes) -> Result<Frame, FrameError> {
        self.within_limit(tail.len())?;
        if self.carry.is_empty() {
            return Ok(Frame::data(tail));
        }
        self.carry.extend_from_slice(&tail);
        Ok(Frame::data(self.carry.split().freeze()))
    }

    fn within_limit(&self, more: usize) -> Result<(), FrameError> {
        if self.carry.len() + more > FRAME_LIMIT {
            Err(FrameError::FrameTooLarge)
        } else {
            Ok(())
        }
    }
}
