//! The mould that the chunks of a stream come from. Most differ from the one before in one text alone: what surrounds it was
//! read once, and is compared from then on.

use crate::seen::Seen;

/// What comes before texts that grow from chunk to chunk.
const MARKS: [&[u8]; 4] = [
    b"\"content\":\"",
    b"\"arguments\":\"",
    b"\"reasoning_content\":\"",
    b"\"text\":\"",
];

/// A chunk but for one text, and what it tells without it.
#[derive(Debug)]
pub(crate) struct Mould {
    before: Box<[u8]>,
    after: Box<[u8]>,
    empty: Tells,
}

/// What a chunk of a mould tells; nothing else is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tells {
    content: bool,
    bytes: u64,
}

impl Mould {
    /// The mould of a chunk. `read` reads one in full: whether the text found is the one that counts, and counts as many bytes
    /// as it has, is not guessed but tried out.
    pub(crate) fn of(chunk: &[u8], read: impl Fn(&[u8]) -> Seen) -> Option<Self> {
        let start = MARKS.into_iter().find_map(|mark| {
            let at = memchr::memmem::rfind(chunk, mark)?;
            Some(at + mark.len())
        })?;
        let (before, rest) = chunk.split_at_checked(start)?;
        let after = rest.get(end(rest)?..)?;
        let tells = |text: &[u8]| Tells::of(&read(&[before, text, after].concat()));
        let empty = tells(b"")?;
        let longer = Tells {
            content: true,
            bytes: empty.bytes + 1,
        };
        (tells(b"x") == Some(longer)).then(|| Self {
            before: Box::from(before),
            after: Box::from(after),
            empty,
        })
    }

    /// What a chunk tells, where it is of this mould.
    pub(crate) fn tells(&self, chunk: &[u8]) -> Option<Seen> {
        let rest = chunk.strip_prefix(&*self.before)?;
        let text = rest.strip_suffix(&*self.after)?;
        let bytes = length(text)?;
        Some(Seen {
            content: self.empty.content || bytes > 0,
            output_bytes: self.empty.bytes + bytes,
            ..Seen::default()
        })
    }
}

impl Tells {
    fn of(seen: &Seen) -> Option<Self> {
        let tells = Self {
            content: seen.content,
            bytes: seen.output_bytes,
        };
        let alone = Seen {
            content: tells.content,
            output_bytes: tells.bytes,
            ..Seen::default()
        };
        (*seen == alone).then_some(tells)
    }
}

/// Where a string of JSON ends that begins here without its quote.
fn end(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    text.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    })
}

/// The bytes of a text of JSON once it is read; nothing where that takes a closer look, or where it is no text.
fn length(text: &[u8]) -> Option<u64> {
    let special = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    // All of it, whatever is found on the way: so it is looked at in large pieces.
    let (strange, foreign) = text
        .iter()
        .fold((false, false), |(strange, foreign), byte| {
            (strange | special(*byte), foreign | !byte.is_ascii())
        });
    if foreign && std::str::from_utf8(text).is_err() {
        return None;
    }
    let escapes = if strange { escapes(text)? } else { 0 };
    u64::try_from(text.len() - escapes).ok()
}

/// How many escapes of one letter there are; nothing where there are others.
fn escapes(text: &[u8]) -> Option<usize> {
    let mut count = 0;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                bytes
                    .next()
                    .filter(|letter| b"\"\\/bfnrt".contains(letter))?;
                count += 1;
            }
            b'"' | 0..0x20 => return None,
            _ => {}
        }
    }
    Some(count)
}
