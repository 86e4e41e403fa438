//! JSON values that are not one a line: the elements of one list, or values laid out over lines.
//!
//! Only braces, quotes and escapes are looked at, so that a list of any length is read an element at a time.

use crate::lines::{LINE_BYTES, too_long, unpacked};
use serde_json::Value;
use std::fmt;
use std::io::{self, BufRead};
use std::path::Path;

/// What comes next in a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// The text of a value.
    Value(Vec<u8>),
    /// A value that is no text.
    Row(Value),
    /// No value; behind it reading goes on.
    Bad(String),
    /// No value, and nothing more can be read.
    Broken(String),
    End,
}

/// A file of objects.
pub(crate) struct Document {
    input: Box<dyn BufRead + Send>,
    newlines: u64,
    began: u64,
}

impl fmt::Debug for Document {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Document(:{})", self.began)
    }
}

/// Where the reading stands in an object.
#[derive(Default)]
struct Object {
    text: Vec<u8>,
    depth: u64,
    quoted: bool,
    escaped: bool,
    long: bool,
}

impl Object {
    /// Takes what there is up to the next byte that may change where the reading stands; how much that is, and whether the
    /// object ends with it.
    fn take(&mut self, available: &[u8]) -> (usize, bool) {
        let next = match (self.escaped, self.quoted) {
            (true, _) => Some(0),
            (false, true) => memchr::memchr2(b'"', b'\\', available),
            (false, false) => memchr::memchr3(b'"', b'{', b'}', available),
        };
        let used = next.map_or(available.len(), |at| at + 1);
        let taken = available.get(..used).unwrap_or_default();
        self.long |= self.text.len() + used > LINE_BYTES;
        if self.long {
            self.text = Vec::new();
        } else {
            self.text.extend_from_slice(taken);
        }
        match taken.last() {
            _ if next.is_none() => {}
            _ if self.escaped => self.escaped = false,
            Some(b'\\') => self.escaped = true,
            Some(b'"') => self.quoted = !self.quoted,
            Some(b'{') => self.depth += 1,
            Some(b'}') => self.depth -= 1,
            _ => {}
        }
        (used, self.depth == 0)
    }
}

/// What may stand between two entries of a list, or before the first of a file.
fn is_between(byte: u8) -> bool {
    matches!(byte, b'[' | b']' | b',' | 0xef | 0xbb | 0xbf) || byte.is_ascii_whitespace()
}

impl Document {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            input: unpacked(path)?,
            newlines: 0,
            began: 1,
        })
    }

    /// The line in which the last piece began, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.began
    }

    pub(crate) fn next(&mut self) -> Piece {
        let mut object: Option<Object> = None;
        let mut stray = false;
        loop {
            let available = match self.input.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    return Piece::Broken(format!("the rest of the file cannot be read: {error}"));
                }
            };
            if available.is_empty() {
                return match (object, stray) {
                    (Some(_), _) => Piece::Broken("it ends in the middle of an entry".to_owned()),
                    (None, true) => Piece::Bad(STRAY.to_owned()),
                    (None, false) => Piece::End,
                };
            }
            let here = self.newlines + 1;
            let (used, ended) = match (&mut object, available.first()) {
                (Some(object), _) => object.take(available),
                // Told first; the brace is read again.
                (None, Some(b'{')) if stray => (0, true),
                (none, Some(b'{')) => {
                    self.began = here;
                    none.insert(Object::default()).take(available)
                }
                (None, first) => {
                    if !stray && !first.is_none_or(|byte| is_between(*byte)) {
                        self.began = here;
                        stray = true;
                    }
                    (1, false)
                }
            };
            let taken = available.get(..used).unwrap_or_default();
            self.newlines += memchr::memchr_iter(b'\n', taken).count() as u64;
            self.input.consume(used);
            if ended {
                return match object {
                    None => Piece::Bad(STRAY.to_owned()),
                    Some(object) if object.long => Piece::Bad(too_long("entry")),
                    Some(object) => Piece::Value(object.text),
                };
            }
        }
    }
}

const STRAY: &str = "what is between two entries is none: an entry is a JSON object";

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<(u64, Piece)> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        std::fs::write(&path, text).unwrap();
        let mut document = Document::open(&path).unwrap();
        let mut pieces = Vec::new();
        loop {
            match document.next() {
                Piece::End => return pieces,
                piece => {
                    let broken = matches!(piece, Piece::Broken(_));
                    pieces.push((document.number(), piece));
                    if broken {
                        return pieces;
                    }
                }
            }
        }
    }

    fn value(text: &str) -> Piece {
        Piece::Value(text.as_bytes().to_vec())
    }

    #[test]
    fn the_elements_of_a_list_come_one_by_one_with_their_lines() {
        let (first, second) = (r#"{"a": "}\"{", "b": {"c": [{}]}}"#, "{\n \"d\": \"\\\\\"}");
        let text = format!("[\n{first},\n\n{second} ]\n");
        assert_eq!(pieces(&text), [(2, value(first)), (4, value(second))]);
    }

    #[test]
    fn what_is_between_entries_is_named_and_the_next_is_read() {
        let stray = || Piece::Bad(STRAY.to_owned());
        assert_eq!(
            pieces("{}\n7, null\n{}\nx"),
            [
                (1, value("{}")),
                (2, stray()),
                (3, value("{}")),
                (4, stray())
            ]
        );
    }

    #[test]
    fn an_entry_that_does_not_end_ends_the_reading() {
        let found = pieces("[{}, {\"a\": ");
        assert_eq!(found.len(), 2);
        assert!(matches!(found[1].1, Piece::Broken(_)));
    }
}
