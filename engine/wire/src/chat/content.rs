//! What a message of another dialect holds, a text or a list, as the parts of a chat message.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::chat::asked::{Notes, Part, Text};

/// A content as the client gave it.
#[derive(Debug)]
pub(crate) enum Given<'a, T> {
    /// One text, a JSON string.
    Text(&'a RawValue),
    List(Vec<T>),
}

impl<'a, T: Deserialize<'a>> Given<'a, T> {
    /// Where there is none it is an empty list.
    pub(crate) fn read(content: Option<&'a RawValue>) -> Result<Self, serde_json::Error> {
        match content {
            Some(text) if text.get().starts_with('"') => Ok(Self::Text(text)),
            Some(list) => Vec::deserialize(list).map(Self::List),
            None => Ok(Self::List(Vec::new())),
        }
    }
}

impl<'a, T> Given<'a, T> {
    /// The parts of a content in which nothing but parts can stand. `part` adds what one of the list is made into, and
    /// is told where that stands.
    pub(crate) fn parts(
        self,
        at: &str,
        notes: &mut Notes<'_>,
        part: impl Fn(T, &str, &mut Vec<Part<'a>>, &mut Notes<'_>) -> Result<(), serde_json::Error>,
    ) -> Result<Vec<Part<'a>>, serde_json::Error> {
        let list = match self {
            Self::Text(text) => return Ok(vec![Part::text(Text::Raw(text))]),
            Self::List(list) => list,
        };
        let mut parts = Vec::with_capacity(list.len());
        for (n, given) in list.into_iter().enumerate() {
            part(given, &format!("{at}.content[{n}]"), &mut parts, notes)?;
        }
        Ok(parts)
    }
}

/// The result of a tool as its reader takes it. OpenAI's holds text only: what else it has, the second of the two, is
/// shown by the user.
pub(crate) fn result<'a>(
    parts: Vec<Part<'a>>,
    notes: &mut Notes<'_>,
) -> (Vec<Part<'a>>, Vec<Part<'a>>) {
    if notes.audience.knows_more() {
        return (parts, Vec::new());
    }
    let (texts, media): (Vec<_>, Vec<_>) = parts.into_iter().partition(|part| part.kind == "text");
    if !media.is_empty() {
        notes.drop("the place of images in tool results, which come after them");
    }
    (texts, media)
}
