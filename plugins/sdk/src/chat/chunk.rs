//! The chunks that streams are made of, written by hand: what comes with every frame is put together from a beginning
//! that all chunks of an answer share, and a text that stays as it came where it can.

use std::borrow::Cow;

use crate::chat::scan::same;

/// The text of a JSON string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text<'a> {
    /// As JSON already, in its quotes.
    Json(&'a [u8]),
    /// As it is read.
    Plain(&'a str),
}

impl Text<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Json(json) => json.len(),
            Self::Plain(text) => text.len(),
        }
    }
}

/// What all chunks of an answer begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head<'a>(Cow<'a, [u8]>);

/// What its parts stand between.
const BEFORE_ID: &[u8] = b"{\"id\":";
const AFTER_ID: &[u8] = b",\"object\":\"chat.completion.chunk\",\"created\":";
const BEFORE_MODEL: &[u8] = b",\"model\":";
const AFTER_MODEL: &[u8] = b",\"choices\":[{\"index\":";

impl<'a> From<&'a [u8]> for Head<'a> {
    /// One that was [written](Head::bytes) before.
    fn from(written: &'a [u8]) -> Self {
        Self(Cow::Borrowed(written))
    }
}

impl Head<'_> {
    /// The beginning for an answer of that id, that second and that model.
    #[must_use]
    pub fn new(id: &str, created: u64, model: &str) -> Head<'static> {
        let mut head = Vec::with_capacity(id.len() + model.len() + 96);
        head.extend_from_slice(BEFORE_ID);
        string(&mut head, id);
        head.extend_from_slice(AFTER_ID);
        number(&mut head, created);
        head.extend_from_slice(BEFORE_MODEL);
        string(&mut head, model);
        head.extend_from_slice(AFTER_MODEL);
        Head(Cow::Owned(head))
    }

    /// As it is written.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether the answer has that id, a JSON string. Where one string begins as the other does to its closing quote, they
    /// are the same.
    pub(crate) fn is_of(&self, id: &[u8]) -> bool {
        let end = BEFORE_ID.len() + id.len();
        let own = self.0.get(BEFORE_ID.len()..end);
        own.is_some_and(|own| same(own, id))
    }

    /// Whether it is by that model, a JSON string. Where one ends as the other does, they are the same if it begins
    /// after a colon: within a string a quote comes after a backslash.
    pub(crate) fn is_by(&self, model: &[u8]) -> bool {
        let Some(end) = self.0.len().checked_sub(AFTER_MODEL.len()) else {
            return false;
        };
        let Some(start) = end.checked_sub(model.len()) else {
            return false;
        };
        let colon = start.checked_sub(1).and_then(|at| self.0.get(at));
        let own = self.0.get(start..end);
        colon == Some(&b':') && own.is_some_and(|own| same(own, model))
    }

    /// A chunk with more text, and a line feed.
    pub fn content(&self, out: &mut Vec<u8>, choice: u32, text: Text<'_>) {
        self.begin(out, choice, b",\"delta\":{\"content\":", text);
        out.extend_from_slice(b"},\"finish_reason\":null}]}\n");
    }

    /// A chunk with more arguments of a call, and a line feed.
    pub fn arguments(&self, out: &mut Vec<u8>, choice: u32, call: u32, text: Text<'_>) {
        out.reserve(self.0.len() + text.len() + 128);
        out.extend_from_slice(&self.0);
        number(out, u64::from(choice));
        out.extend_from_slice(b",\"delta\":{\"tool_calls\":[{\"index\":");
        number(out, u64::from(call));
        out.extend_from_slice(b",\"function\":{\"arguments\":");
        write(out, text);
        out.extend_from_slice(b"}}]},\"finish_reason\":null}]}\n");
    }

    fn begin(&self, out: &mut Vec<u8>, choice: u32, field: &[u8], text: Text<'_>) {
        out.reserve(self.0.len() + text.len() + 64);
        out.extend_from_slice(&self.0);
        number(out, u64::from(choice));
        out.extend_from_slice(field);
        write(out, text);
    }
}

/// How many characters a JSON string in its quotes holds.
#[must_use]
pub fn characters(json: &[u8]) -> u64 {
    let inner = json
        .get(1..json.len().saturating_sub(1))
        .unwrap_or_default();
    if inner.is_ascii() && !inner.contains(&b'\\') {
        return inner.len() as u64;
    }
    let mut count = 0;
    let mut bytes = inner.iter().copied();
    while let Some(byte) = bytes.next() {
        let begins = match byte {
            b'\\' if bytes.next() == Some(b'u') => {
                let (first, second) = (bytes.next(), bytes.next());
                bytes.nth(1);
                // The second half of a character that is written in two.
                !(matches!(first, Some(b'd' | b'D'))
                    && matches!(second, Some(b'c'..=b'f' | b'C'..=b'F')))
            }
            // The bytes that a character goes on with.
            0x80..=0xbf => false,
            _ => true,
        };
        count += u64::from(begins);
    }
    count
}

fn write(out: &mut Vec<u8>, text: Text<'_>) {
    match text {
        Text::Json(json) => out.extend_from_slice(json),
        Text::Plain(text) => string(out, text),
    }
}

/// A JSON string, escaped as `serde_json` escapes.
pub fn string(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    out.push(b'"');
    let mut rest = bytes;
    loop {
        let plain = plain(rest);
        let (run, after) = rest.split_at(plain.min(rest.len()));
        out.extend_from_slice(run);
        let Some((byte, after)) = after.split_first() else {
            break;
        };
        escape(out, *byte);
        rest = after;
    }
    out.push(b'"');
}

/// How many bytes stand as they are in a JSON string.
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    let (words, _) = bytes.as_chunks::<8>();
    // Eight at a time: a borrow into the high bit tells of a byte below the bound, or of one that is zero.
    let clear = |word: &&[u8; 8]| {
        let word = u64::from_ne_bytes(**word);
        let zero = |word: u64| word.wrapping_sub(ONES) & !word;
        let low = word.wrapping_sub(ONES * 0x20) & !word;
        let quote = zero(word ^ (ONES * u64::from(b'"')));
        let slash = zero(word ^ (ONES * u64::from(b'\\')));
        (low | quote | slash) & HIGHS == 0
    };
    let skipped = words.iter().take_while(clear).count() * 8;
    let rest = bytes.get(skipped..).unwrap_or_default();
    skipped + rest.iter().position(special).unwrap_or(rest.len())
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            let digit = |nibble: u8| DIGITS.get(usize::from(nibble & 0xf)).copied();
            out.extend_from_slice(b"\\u00");
            out.extend([byte >> 4, byte].into_iter().filter_map(digit));
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

fn number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut rest = number;
    let mut count = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        count += 1;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - count..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_serde_json_escapes_them() {
        let mut texts: Vec<String> = (0..0x2ff)
            .filter_map(char::from_u32)
            .map(String::from)
            .collect();
        for place in 0..20 {
            for special in ['"', '\\', '\n', '\u{1f}', ' ', '\u{7f}', '\u{80}', '☀'] {
                let mut text = "a".repeat(20);
                text.insert(place, special);
                texts.push(text);
            }
        }
        texts.push(texts.concat());
        for text in texts {
            let mut out = Vec::new();
            string(&mut out, &text);
            let expected = serde_json::to_string(&text).unwrap_or_default();
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }

    #[test]
    fn the_characters_of_a_text_are_counted_without_unpacking_it() {
        for text in ["", "plain", "a\\b \"c\"\n", "é and ☀", "😀 \u{1f} 漢字"] {
            let plain = serde_json::to_string(text).unwrap_or_default();
            assert_eq!(
                characters(plain.as_bytes()),
                text.chars().count() as u64,
                "{plain}"
            );
        }
        assert_eq!(characters(br#""\ud83d\ude00 \u00e9\\u0041""#), 9);
    }

    #[test]
    fn numbers_are_written_in_full() {
        for given in [0, 7, 10, 99, 100, 1_767_614_400, u64::MAX] {
            let mut out = Vec::new();
            number(&mut out, given);
            assert_eq!(String::from_utf8_lossy(&out), given.to_string());
        }
    }
}
