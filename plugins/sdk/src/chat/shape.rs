//! The shape of the last event that added text. Most events of a stream differ from the one before in a few values alone: the
//! text, names, counts. What stands between them is compared with what was read a moment ago, and not read again.
//!
//! What an event means does not depend on it: an event of the same shape reads the same but for those values. So it is no
//! state, and serves whoever's event comes next.

use std::cell::RefCell;

use crate::chat::scan::{Scan, number, same};

/// Most bytes of a shape between its values, and most values.
const BETWEEN: usize = 512;
const VALUES: usize = 16;
/// Counts of a provider, each by a number of its own.
pub const COUNTS: usize = 6;

/// What stands between the values of the last event that one reader read. It is that reader's own, best in a
/// `thread_local!`.
#[derive(Debug)]
pub struct Shape(RefCell<Known>);

/// An event that adds text to a choice; texts are JSON strings in their quotes, as they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct More<'a> {
    /// The choice, from 0.
    pub choice: u32,
    /// The text.
    pub text: &'a [u8],
    /// The answer's name, where it is told.
    pub id: Option<&'a [u8]>,
    /// The model that answers, where it is told.
    pub model: Option<&'a [u8]>,
    /// The provider's counts, where they are told.
    pub counts: [Option<u32>; COUNTS],
}

/// An event as it is read in full. Whatever a reader takes from it by `scan` is the same in all events of its shape; what
/// differs is taken by the other functions. Objects are gone through here, where no name comes twice: a reader of the whole
/// event may have its own mind on that.
#[derive(Debug)]
pub struct Reading<'a> {
    /// What is left to read.
    pub scan: Scan<'a>,
    more: More<'a>,
    has_text: bool,
    /// The names of the objects that are open, each with how many objects are around it.
    names: Vec<(u32, &'a [u8])>,
    depth: u32,
    values: [(Value, &'a [u8]); VALUES],
    count: usize,
}

/// Reads an event in full: nothing where it does anything but add text. It goes by the event alone.
pub type Reader = for<'a> fn(&mut Reading<'a>) -> Option<()>;

/// A value that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    Text,
    Id,
    Model,
    Count(usize),
    /// Of no meaning here.
    String,
    Number,
}

#[derive(Debug)]
struct Known {
    choice: u32,
    between: [u8; BETWEEN],
    /// Each value, and the bytes before it.
    values: [(u16, Value); VALUES],
    /// How many values there are; none of what is no shape.
    count: usize,
    /// The bytes after the last one.
    rest: u16,
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
        Self(RefCell::new(Known::new()))
    }

    /// Tells what an event adds. `reader` reads one of another shape than the last; it is the same every time.
    pub fn tell<'a>(
        &self,
        event: &'a [u8],
        reader: Reader,
        told: impl FnOnce(&More<'a>) -> Option<()>,
    ) -> Option<()> {
        let mut more = More::default();
        if self.0.borrow().read(event, &mut more).is_some() {
            return told(&more);
        }
        let reading = Reading::read(event, reader)?;
        self.0.borrow_mut().learn(event, &reading);
        told(&reading.more)
    }
}

impl More<'_> {
    /// Whether the text is written as it would be here: with no escape where none is needed.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let mut bytes = self.text.iter();
        while let Some(byte) = bytes.next() {
            if *byte == b'\\' && matches!(bytes.next(), Some(b'u' | b'/')) {
                return false;
            }
        }
        true
    }
}

impl<'a> Reading<'a> {
    fn read(event: &'a [u8], reader: Reader) -> Option<Self> {
        let mut reading = Self {
            scan: Scan::new(event),
            more: More::default(),
            has_text: false,
            names: Vec::new(),
            depth: 0,
            values: [(Value::Text, &[]); VALUES],
            count: 0,
        };
        reader(&mut reading)?;
        reading.scan.clone().end()?;
        reading.has_text.then_some(reading)
    }

    /// Goes into an object.
    pub fn object(&mut self) -> Option<()> {
        self.depth += 1;
        self.scan.object()
    }

    /// Goes to the next field of the object and gives its name; nothing within where the object ends, which is left then.
    pub fn field(&mut self) -> Option<Option<&'a [u8]>> {
        let depth = self.depth;
        let Some(name) = self.scan.field()? else {
            self.names.retain(|(of, _)| *of < depth);
            self.depth -= 1;
            return Some(None);
        };
        let mut own = self.names.iter().rev().take_while(|(of, _)| *of == depth);
        if own.any(|(_, own)| same(own, name)) {
            return None;
        }
        self.names.push((depth, name));
        Some(Some(name))
    }

    /// The choice that the text is added to; the first where nothing is said.
    pub fn choice(&mut self, choice: u32) {
        self.more.choice = choice;
    }

    /// The text that is added, which comes once.
    pub fn text(&mut self) -> Option<()> {
        let text = self.scan.string()?;
        self.more.text = text;
        self.note(Value::Text, text);
        (!std::mem::replace(&mut self.has_text, true)).then_some(())
    }

    /// The answer's name, which comes once.
    pub fn id(&mut self) -> Option<()> {
        let id = self.scan.string()?;
        self.note(Value::Id, id);
        self.more.id.replace(id).is_none().then_some(())
    }

    /// The model, which comes once.
    pub fn model(&mut self) -> Option<()> {
        let model = self.scan.string()?;
        self.note(Value::Model, model);
        self.more.model.replace(model).is_none().then_some(())
    }

    /// A count, which comes once.
    pub fn count(&mut self, which: usize) -> Option<()> {
        let place = self.more.counts.get_mut(which)?;
        let digits = self.scan.digits_of_count()?;
        let first = place.replace(number(digits)).is_none();
        self.note(Value::Count(which), digits);
        first.then_some(())
    }

    /// A value of no meaning here.
    pub fn other(&mut self) -> Option<()> {
        if let Some(string) = self.scan.string() {
            self.note(Value::String, string);
        } else if let Some(digits) = self.scan.digits_of_count() {
            self.note(Value::Number, digits);
        } else {
            self.scan.value()?;
        }
        Some(())
    }

    /// Keeps the place of a value; of more than there is room for, the count.
    fn note(&mut self, value: Value, written: &'a [u8]) {
        if let Some(place) = self.values.get_mut(self.count) {
            *place = (value, written);
        }
        self.count += 1;
    }
}

impl Known {
    const fn new() -> Self {
        Self {
            choice: 0,
            between: [0; BETWEEN],
            values: [(0, Value::Text); VALUES],
            count: 0,
            rest: 0,
        }
    }

    /// What an event of this shape adds.
    fn read<'a>(&self, event: &'a [u8], more: &mut More<'a>) -> Option<()> {
        more.choice = self.choice;
        let mut scan = Scan::new(event);
        let mut between = self.between.as_slice();
        let values = self.values.get(..self.count)?;
        if values.is_empty() {
            return None;
        }
        for (before, value) in values {
            let piece;
            (piece, between) = between.split_at_checked(usize::from(*before))?;
            scan.exactly(piece)?;
            match value {
                Value::Text => more.text = scan.string()?,
                Value::Id => more.id = Some(scan.string()?),
                Value::Model => more.model = Some(scan.string()?),
                Value::Count(which) => *more.counts.get_mut(*which)? = Some(scan.count()?),
                Value::String => drop(scan.string()?),
                Value::Number => drop(scan.digits_of_count()?),
            }
        }
        let rest = between.get(..usize::from(self.rest))?;
        same(scan.rest(), rest).then_some(())
    }

    /// Keeps the shape of an event, where there is room for it.
    fn learn(&mut self, event: &[u8], reading: &Reading<'_>) {
        self.count = 0;
        if self.keep(event, reading).is_some() {
            self.count = reading.count;
            self.choice = reading.more.choice;
        }
    }

    fn keep(&mut self, event: &[u8], reading: &Reading<'_>) -> Option<()> {
        let (mut read, mut kept) = (0, 0);
        let read_in = reading.values.get(..reading.count)?;
        for (place, (value, written)) in self.values.iter_mut().zip(read_in) {
            let start = written.as_ptr().addr().checked_sub(event.as_ptr().addr())?;
            let piece = event.get(read..start)?;
            self.between
                .get_mut(kept..kept + piece.len())?
                .copy_from_slice(piece);
            *place = (u16::try_from(piece.len()).ok()?, *value);
            kept += piece.len();
            read = start + written.len();
        }
        let piece = event.get(read..)?;
        self.between
            .get_mut(kept..kept + piece.len())?
            .copy_from_slice(piece);
        self.rest = u16::try_from(piece.len()).ok()?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        static TIMES: Cell<u32> = const { Cell::new(0) };
    }

    fn event(index: u32, name: &str, text: &str, count: &str) -> String {
        format!(
            r#"{{"id":{name},"at":{index},"n":{count},"delta":{{"text":{text}}},"s":"{index}"}}"#
        )
    }

    fn read<'a>(shape: &Shape, event: &'a str) -> Option<More<'a>> {
        let mut read = None;
        let told = shape.tell(event.as_bytes(), reader, |more| {
            read = Some(more.clone());
            Some(())
        });
        assert_eq!(told.is_some(), read.is_some());
        read
    }

    /// Reads such an event in full, and counts how often that was.
    fn reader(event: &mut Reading<'_>) -> Option<()> {
        TIMES.set(TIMES.get() + 1);
        event.object()?;
        while let Some(field) = event.field()? {
            match field {
                b"id" => event.id()?,
                b"at" => {
                    let at = event.scan.count()?;
                    event.choice(at);
                }
                b"n" => event.count(3)?,
                b"delta" => {
                    event.object()?;
                    same(event.field()??, b"text").then_some(())?;
                    event.text()?;
                    event.field()?.is_none().then_some(())?;
                }
                _ => event.other()?,
            }
        }
        Some(())
    }

    #[test]
    fn an_event_of_the_shape_before_is_not_read_again() {
        let shape = Shape::new();
        TIMES.set(0);
        for (index, id, text, count, so_far) in [
            (0, "\"a\"", "\"a\"", "1", 1),
            (0, r#""other""#, r#""and \"more\" é""#, "22", 1),
            (0, "\"\"", "\"\"", "0", 1),
            (1, "\"a\"", "\"b\"", "1", 2),
            (0, "\"a\"", "\"c\"", "1", 3),
        ] {
            let event = event(index, id, text, count);
            let more = read(&shape, &event).expect("it adds text");
            assert_eq!(more.choice, index);
            assert_eq!(more.text, text.as_bytes());
            assert_eq!(more.id, Some(id.as_bytes()));
            assert_eq!(more.counts[3], count.parse().ok());
            assert_eq!(TIMES.get(), so_far, "{event}");
        }
    }

    #[test]
    fn what_stands_between_the_values_is_held_to() {
        let shape = Shape::new();
        let first = event(0, "\"a\"", "\"a\"", "1");
        read(&shape, &first);
        for other in [
            first.trim_end_matches('}'),
            &format!("{first} "),
            &event(0, "\"a\"", "\"a", "1"),
            &event(0, "\"a\"", "\"a\",\"b\":1", "1"),
            &event(0, "\"a\"", "\"\\x\"", "1"),
            &event(0, "\"a\"", "7", "1"),
            &event(0, "\"a\"", "\"a\"", "01"),
            &event(0, "\"a\"", "\"a\"", "1.5"),
            &event(0, "null", "\"a\"", "1"),
            "",
        ] {
            TIMES.set(0);
            let told = read(&shape, other);
            assert_eq!(TIMES.get(), 1, "{other}");
            assert_eq!(told, read(&Shape::new(), other), "{other}");
            read(&shape, &first);
        }
    }

    #[test]
    fn a_name_comes_once_in_an_object() {
        let shape = Shape::new();
        for (event, adds) in [
            (r#"{"at":0,"x":1,"delta":{"text":"a"}}"#, true),
            (r#"{"at":0,"at":0,"delta":{"text":"a"}}"#, false),
            (r#"{"x":null,"delta":{"text":"a"},"x":null}"#, false),
            (r#"{"text":1,"delta":{"text":"a"}}"#, true),
            (r#"{"delta":{"text":"a"},"text":1}"#, true),
            (r#"{"delta":{"text":"a"},"delta":{"text":"a"}}"#, false),
        ] {
            assert_eq!(read(&shape, event).is_some(), adds, "{event}");
        }
    }

    #[test]
    fn a_shape_without_room_is_not_kept() {
        let many = (0..VALUES).map(|at| format!(r#""x{at}":{at},"#));
        for before in [
            format!(r#""x":[{}],"#, ["0"; BETWEEN].join(",")),
            many.collect(),
        ] {
            let shape = Shape::new();
            let event = format!(r#"{{{before}"delta":{{"text":"a"}}}}"#);
            TIMES.set(0);
            for _ in 0..2 {
                let more = read(&shape, &event).expect("it adds text");
                assert_eq!(more.text, b"\"a\"");
            }
            assert_eq!(TIMES.get(), 2);
        }
    }
}
