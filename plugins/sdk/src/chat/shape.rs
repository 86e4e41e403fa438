//! The shape of the last event that added text. Most events of a stream differ from the one before in that text alone: what
//! stands around it is compared with what was read a moment ago, and not read again.
//!
//! What an event means does not depend on it: an event of the same shape reads the same but for its text. So it is no state,
//! and serves whoever's event comes next.

use std::cell::RefCell;

use crate::chat::scan::{Scan, same};

/// Most bytes before a text, and after it, of a shape that is kept.
const BEFORE: usize = 192;
const AFTER: usize = 64;

/// What stood around the last text that one reader found. It is that reader's own, best in a `thread_local!`.
#[derive(Debug)]
pub struct Shape(RefCell<Around>);

#[derive(Debug)]
struct Around {
    before: Piece<BEFORE>,
    after: Piece<AFTER>,
}

/// A few bytes in a place of their own.
#[derive(Debug)]
struct Piece<const SIZE: usize> {
    bytes: [u8; SIZE],
    length: usize,
}

impl Default for Shape {
    fn default() -> Self {
        Self::new()
    }
}

impl Shape {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(RefCell::new(Around::new()))
    }

    /// The text that an event adds, a JSON string in its quotes. `read` finds it in an event of another shape than the last
    /// one; it goes by the event alone, and is the same reader every time.
    pub fn text<'a>(
        &self,
        event: &'a [u8],
        read: impl FnOnce(&'a [u8]) -> Option<&'a [u8]>,
    ) -> Option<&'a [u8]> {
        let known = self.0.borrow().text(event);
        known.or_else(|| {
            let text = read(event)?;
            self.0.borrow_mut().learn(event, text);
            Some(text)
        })
    }
}

impl Around {
    const fn new() -> Self {
        Self {
            before: Piece::new(),
            after: Piece::new(),
        }
    }

    /// The text of an event of this shape.
    fn text<'a>(&self, event: &'a [u8]) -> Option<&'a [u8]> {
        let (before, after) = (self.before.bytes(), self.after.bytes());
        let (start, rest) = event.split_at_checked(before.len())?;
        if before.is_empty() || !same(start, before) {
            return None;
        }
        let mut scan = Scan::new(rest);
        let text = scan.string()?;
        same(scan.rest(), after).then_some(text)
    }

    /// Keeps the shape of an event with that text in it.
    fn learn(&mut self, event: &[u8], text: &[u8]) {
        let start = text.as_ptr().addr().wrapping_sub(event.as_ptr().addr());
        let parts = event.split_at_checked(start);
        let parts = parts.and_then(|(before, rest)| Some((before, rest.get(text.len()..)?)));
        let kept =
            parts.is_some_and(|(before, after)| self.before.keep(before) && self.after.keep(after));
        if !kept {
            *self = Self::new();
        }
    }
}

impl<const SIZE: usize> Piece<SIZE> {
    const fn new() -> Self {
        Self {
            bytes: [0; SIZE],
            length: 0,
        }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Keeps these bytes, where there is room for them.
    fn keep(&mut self, bytes: &[u8]) -> bool {
        let Some(place) = self.bytes.get_mut(..bytes.len()) else {
            return false;
        };
        place.copy_from_slice(bytes);
        self.length = bytes.len();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(index: u32, text: &str) -> String {
        format!(r#"{{"index":{index},"delta":{{"text":{text}}}}}"#)
    }

    /// The text of an event as it is read in full, and how often that was.
    fn read<'a>(shape: &Shape, event: &'a [u8], times: &mut u32) -> Option<&'a [u8]> {
        shape.text(event, |event| {
            *times += 1;
            let start = event.windows(7).position(|window| window == b"\"text\":")?;
            Scan::new(event.get(start + 7..)?).string()
        })
    }

    #[test]
    fn an_event_of_the_shape_before_is_not_read_again() {
        let (shape, mut times) = (Shape::new(), 0);
        for (index, text, so_far) in [
            (0, "\"a\"", 1),
            (0, r#""and \"more\" é""#, 1),
            (0, "\"\"", 1),
            (1, "\"b\"", 2),
            (0, "\"c\"", 3),
        ] {
            let event = event(index, text);
            let read = read(&shape, event.as_bytes(), &mut times);
            assert_eq!(read, Some(text.as_bytes()), "{event}");
            assert_eq!(times, so_far, "{event}");
        }
    }

    #[test]
    fn what_stands_around_a_text_is_held_to() {
        let (shape, mut times) = (Shape::new(), 0);
        let first = event(0, "\"a\"");
        read(&shape, first.as_bytes(), &mut times);
        for other in [
            first.trim_end_matches('}'),
            &format!("{first} "),
            &event(0, "\"a"),
            &event(0, "\"a\",\"b\":1"),
            &event(0, "\"\\x\""),
            &event(0, "7"),
            "",
        ] {
            let before = times;
            read(&shape, other.as_bytes(), &mut times);
            assert_eq!(times, before + 1, "{other}");
            read(&shape, first.as_bytes(), &mut times);
        }
    }

    #[test]
    fn a_shape_without_room_is_not_kept() {
        let (shape, mut times) = (Shape::new(), 0);
        let long = format!(r#"{{"id":"{}","text":"a"}}"#, "x".repeat(BEFORE));
        for _ in 0..2 {
            assert_eq!(
                read(&shape, long.as_bytes(), &mut times),
                Some(&b"\"a\""[..])
            );
        }
        assert_eq!(times, 2);
    }
}
