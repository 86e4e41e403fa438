//! The place of something in a request. It is carried along everywhere and written out where something is wrong, or lost.

use std::fmt;

/// A message or a tool, a field of it, or an item of that field: `messages[2].content[0]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    list: &'static str,
    index: usize,
    field: Option<&'static str>,
    item: Option<usize>,
}

impl Place {
    /// A message, counted from 0.
    #[must_use]
    pub const fn message(index: usize) -> Self {
        Self::of("messages", index)
    }

    /// A tool, counted from 0.
    #[must_use]
    pub const fn tool(index: usize) -> Self {
        Self::of("tools", index)
    }

    const fn of(list: &'static str, index: usize) -> Self {
        Self {
            list,
            index,
            field: None,
            item: None,
        }
    }

    /// A field of the message or tool.
    #[must_use]
    pub const fn field(self, field: &'static str) -> Self {
        Self {
            field: Some(field),
            ..self
        }
    }

    /// An item of the field, counted from 0.
    #[must_use]
    pub const fn item(self, index: usize) -> Self {
        Self {
            item: Some(index),
            ..self
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.list, self.index)?;
        if let Some(field) = self.field {
            write!(f, ".{field}")?;
        }
        match self.item {
            Some(item) => write!(f, "[{item}]"),
            None => Ok(()),
        }
    }
}

impl From<Place> for String {
    #[cold]
    fn from(place: Place) -> Self {
        place.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_written_as_the_way_to_it() {
        let message = Place::message(2);
        assert_eq!(String::from(message), "messages[2]");
        let calls = message.field("tool_calls");
        assert_eq!(String::from(calls), "messages[2].tool_calls");
        assert_eq!(String::from(calls.item(0)), "messages[2].tool_calls[0]");
        assert_eq!(String::from(Place::tool(7)), "tools[7]");
    }
}
