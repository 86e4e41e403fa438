//! A text taken apart without a grammar: words, strings, comments and signs, those of other languages included.

use std::ops::Range;

/// What a piece of text looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters, digits and what may stand among them.
    Word,
    /// `"…"`
    Text,
    /// A string in other quotes.
    Quoted,
    /// `# …`
    Comment,
    /// `// …`, `-- …`, `/* … */`
    Foreign,
    /// Anything else.
    Sign,
}

/// A piece of text on one line, or a comment of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) range: Range<usize>,
    /// From 0.
    pub(super) line: usize,
}

/// Quotes that are none here, and what closes them.
const QUOTES: [(char, &[char]); 8] = [
    ('\'', &['\'']),
    ('`', &['`']),
    ('“', &['”', '“', '"']),
    ('”', &['”', '“', '"']),
    ('„', &['“', '”', '"']),
    ('‘', &['’', '‘', '\'']),
    ('’', &['’', '‘', '\'']),
    ('«', &['»', '"']),
];

/// Signs of more than one character, longest first.
const SIGNS: [&str; 14] = [
    "-->", ":=", "==", "!=", "<>", ">=", "<=", "=>", "=<", "->", "&&", "||", ">>", "<<",
];

/// Longest string in other quotes that is looked for, so that a file of quotes is not read over and over.
const LONGEST: usize = 2_000;

/// Takes a text apart.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut cutter = Cutter {
        text,
        tokens: Vec::new(),
        unclosed: false,
    };
    let mut behind = 0;
    for (number, range) in lines(text).into_iter().enumerate() {
        // A comment of several lines may have gone on to here.
        let start = range.start.max(behind).min(range.end);
        let line = text.get(start..range.end).unwrap_or_default();
        behind = cutter.line(start, line, number);
    }
    cutter.tokens
}

/// Every line with its end, which may be that of an old Macintosh, as in the grammar.
pub(super) fn lines(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let (mut lines, mut start) = (Vec::new(), 0);
    for (at, byte) in text.bytes().enumerate() {
        let ends = byte == b'\n' || byte == b'\r' && bytes.get(at + 1) != Some(&b'\n');
        if ends {
            lines.push(start..at + 1);
            start = at + 1;
        }
    }
    lines.push(start..text.len());
    lines
}

struct Cutter<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    /// No comment of several lines ends any more.
    unclosed: bool,
}

impl Cutter<'_> {
    /// Takes the rest of one line apart; where its last token ends.
    fn line(&mut self, start: usize, line: &str, number: usize) -> usize {
        let mut at = 0;
        while let Some(rest) = line.get(at..) {
            let blank = |c: char| c.is_whitespace() || c == '\u{FEFF}';
            let trimmed = rest.trim_start_matches(blank);
            at += rest.len() - trimmed.len();
            let trimmed = trimmed.trim_end_matches(['\n', '\r']);
            if trimmed.is_empty() {
                break;
            }
            let (kind, length) = if trimmed.starts_with("/*") {
                (Kind::Foreign, self.block(start + at, trimmed))
            } else {
                piece(trimmed)
            };
            let range = start + at..start + at + length;
            self.tokens.push(Token {
                kind,
                range,
                line: number,
            });
            at += length;
        }
        start + at
    }

    /// Length of `/* … */`, or of the rest of the line.
    fn block(&mut self, start: usize, line: &str) -> usize {
        if let (false, Some(rest)) = (self.unclosed, self.text.get(start..)) {
            if let Some(end) = rest.find("*/") {
                return end + 2;
            }
            self.unclosed = true;
        }
        line.len()
    }
}

/// The piece that a line begins with, and its length.
fn piece(line: &str) -> (Kind, usize) {
    // Most pieces begin like nothing else.
    if line.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return (Kind::Word, word(line));
    }
    if line.starts_with('#') {
        return (Kind::Comment, line.len());
    }
    if line.starts_with("//") || line == "--" || line.starts_with("-- ") {
        return (Kind::Foreign, line.len());
    }
    if line.starts_with('"') {
        return (Kind::Text, text(line));
    }
    if let Some(length) = quoted(line) {
        return (Kind::Quoted, length);
    }
    if let Some(sign) = SIGNS.iter().find(|sign| line.starts_with(**sign)) {
        return (Kind::Sign, sign.len());
    }
    match word(line) {
        0 => (Kind::Sign, line.chars().next().map_or(1, char::len_utf8)),
        length => (Kind::Word, length),
    }
}

/// Length of a string, which may lack its closing quote.
fn text(line: &str) -> usize {
    let mut escaped = false;
    let closing = line.char_indices().skip(1).find(|(_, c)| {
        let closes = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        closes
    });
    closing.map_or(line.len(), |(at, _)| at + 1)
}

/// Length of a string in other quotes that is closed before a word goes on.
fn quoted(line: &str) -> Option<usize> {
    let open = line.chars().next()?;
    let (_, closing) = QUOTES.iter().find(|(quote, _)| *quote == open)?;
    let inner = line.char_indices().skip(1).take(LONGEST).find(|(at, c)| {
        let behind = line.get(at + c.len_utf8()..).and_then(|r| r.chars().next());
        closing.contains(c) && behind.is_none_or(|b| !b.is_alphanumeric())
    });
    inner.map(|(at, c)| at + c.len_utf8())
}

/// Length of a word; a colon at its end does not belong to it, and `${NAME}` does.
fn word(line: &str) -> usize {
    if line.starts_with("${") {
        let end = line.bytes().take(LONGEST).position(|b| b == b'}');
        return end.map_or(0, |end| end + 1);
    }
    if line == "-" || line.starts_with("- ") || line.starts_with(':') {
        return 0;
    }
    // A name ends where the grammar ends it: `a@b` is two words.
    let named = line.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '*' | '@'));
    let part = |c: char| {
        c.is_alphanumeric()
            || matches!(c, '_' | '-' | '.' | '/' | ':' | '*')
            || !named && matches!(c, '@' | '$' | '%' | '+' | '€' | '£')
    };
    let head = usize::from(line.starts_with('@'));
    let tail = line.get(head..).unwrap_or_default();
    let end = tail.find(|c| !part(c)).unwrap_or(tail.len()) + head;
    let word = line.get(..end).unwrap_or_default();
    // An arrow may follow without a blank.
    let word = if line.get(end..).unwrap_or_default().starts_with('>') {
        word.trim_end_matches('-')
    } else {
        word
    };
    word.trim_end_matches(':').len()
}
