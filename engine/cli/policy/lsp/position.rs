//! Places as editors count them: lines and columns, from 0, in the units that were agreed on; and files as addresses.

use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What a column counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Utf16,
}

impl Encoding {
    /// Bytes where the editor can count them; otherwise what every editor must be able to count.
    pub(super) fn agreed(asked: &Value) -> Self {
        let offered = asked
            .pointer("/capabilities/general/positionEncodings")
            .and_then(Value::as_array);
        let bytes = offered.is_some_and(|all| all.iter().any(|e| e == "utf-8"));
        if bytes { Self::Utf8 } else { Self::Utf16 }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16 => "utf-16",
        }
    }

    /// The byte of a position; past the end of a line is its end.
    pub(super) fn offset(self, text: &str, position: &Value) -> usize {
        let number = |name: &str| {
            position
                .get(name)
                .and_then(Value::as_u64)
                .and_then(|n| usize::try_from(n).ok())
                .unwrap_or(0)
        };
        let (line, column) = (number("line"), number("character"));
        let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
        let rest = text.get(start..).unwrap_or_default();
        let within = rest.lines().next().unwrap_or_default();
        let mut left = column;
        for (at, c) in within.char_indices() {
            let width = self.width(c);
            if left < width {
                return start + at;
            }
            left -= width;
        }
        start + within.len()
    }

    fn position(self, text: &str, offset: usize) -> Value {
        let before = text.get(..offset.min(text.len())).unwrap_or(text);
        let line = before.matches('\n').count();
        let column: usize = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .map(|c| self.width(c))
            .sum();
        json!({ "line": line, "character": column })
    }

    /// Bytes as a range.
    pub(super) fn range(self, text: &str, (start, end): (usize, usize)) -> Value {
        json!({ "start": self.position(text, start), "end": self.position(text, end) })
    }

    fn width(self, c: char) -> usize {
        match self {
            Self::Utf8 => c.len_utf8(),
            Self::Utf16 => c.len_utf16(),
        }
    }
}

/// The file of a `file:` address.
pub(super) fn path(uri: &str) -> Option<PathBuf> {
    let rest = uri.strip_prefix("file://")?;
    let mut bytes = Vec::with_capacity(rest.len());
    let mut left = rest.bytes();
    while let Some(byte) = left.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
        let value = digit(left.next())? * 16 + digit(left.next())?;
        bytes.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(bytes).ok().map(PathBuf::from)
}

/// The address of a file.
pub(super) fn uri(path: &Path) -> String {
    let mut uri = "file://".to_owned();
    for byte in path.to_string_lossy().bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::{Encoding, path, uri};
    use serde_json::json;
    use std::path::Path;

    #[test]
    fn a_column_counts_what_was_agreed_on() {
        let text = "a\né𝄞b\n";
        for (encoding, column) in [(Encoding::Utf8, 6), (Encoding::Utf16, 3)] {
            let position = json!({ "line": 1, "character": column });
            assert_eq!(encoding.offset(text, &position), 8);
            assert_eq!(encoding.range(text, (8, 8))["start"], position);
        }
        assert_eq!(
            Encoding::Utf16.offset(text, &json!({ "line": 1, "character": 99 })),
            9
        );
        assert_eq!(
            Encoding::Utf16.offset(text, &json!({ "line": 99, "character": 0 })),
            text.len()
        );
    }

    #[test]
    fn an_address_leads_back_to_its_file() {
        let file = Path::new("/tmp/a b/ü%.mux");
        assert_eq!(uri(file), "file:///tmp/a%20b/%C3%BC%25.mux");
        assert_eq!(path(&uri(file)).as_deref(), Some(file));
        assert_eq!(path("untitled:1"), None);
    }
}
