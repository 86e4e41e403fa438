//! Finds credentials that were written into a policy file, and strikes them out before anything else reads the text.
//!
//! Every later stage works on the struck-out copy, so no message, label or context line can ever show one.

use crate::report::Report;
use crate::source::{FileId, Span};
use std::ops::Range;

/// Beginnings that providers give their keys.
const PREFIXES: [&str; 22] = [
    "sk-",
    "sk_",
    "rk_",
    "pk_live",
    "xai-",
    "gsk_",
    "AIza",
    "ghp_",
    "gho_",
    "github_pat_",
    "glpat-",
    "hf_",
    "AKIA",
    "ASIA",
    "ya29.",
    "eyJ",
    "pplx-",
    "r8_",
    "xoxb-",
    "xoxp-",
    "fw_",
    "nvapi-",
];
/// Characters after a prefix that make it a key.
const TAIL: usize = 12;
/// Words that the names of credentials end with.
const TELLING: [&str; 4] = ["key", "token", "password", "secret"];
/// What strings stand in, here and elsewhere.
const QUOTES: [char; 2] = ['"', '\''];
/// Shortest unbroken run of letters and digits that is measured.
const RUN: usize = 20;
/// Bits per character above which a run of mixed letters and digits is random.
const RANDOM: f64 = 3.5;

/// The text with every credential replaced by as many `*`, each reported once.
pub(crate) fn strike(text: &str, file: FileId, report: &mut Report) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut literal = Vec::new();
    let mut shaped = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        literal.extend(literals(line).into_iter().map(|r| shift(r, start)));
        shaped.extend(keys(line).into_iter().map(|r| shift(r, start)));
        start += line.len();
    }
    shaped.retain(|s| !literal.iter().any(|l| l.start <= s.start && s.end <= l.end));
    for range in literal.iter().chain(&shaped) {
        if let Some(part) = bytes.get_mut(range.clone()) {
            part.fill(b'*');
        }
    }
    let at = |r: &Range<usize>| Span {
        file,
        start: r.start,
        end: r.end,
    };
    for range in &literal {
        report
            .error("mux::secret::literal", at(range), "a credential may not be written in a policy file")
            .label("value hidden")
            .help("use `key env NAME`, `key file \"/path\"` or `key secret \"vault:...\"`; rotate this one, it has been on disk");
    }
    for range in &shaped {
        report
            .error(
                "mux::secret::shape",
                at(range),
                "this looks like a credential, and may not stand in a policy file",
            )
            .label("value hidden")
            .help(
                "keep it in the environment, a file or a vault, and rotate it: it has been on disk",
            );
    }
    String::from_utf8(bytes).unwrap_or_default()
}

fn shift(range: Range<usize>, by: usize) -> Range<usize> {
    range.start + by..range.end + by
}

/// Whether a line may hold what [`literals`] finds: most hold none of its words.
fn suspect(line: &str) -> bool {
    let bytes = line.as_bytes();
    let begins = |at: usize, word: &str| {
        let own = bytes.get(at..at + word.len());
        own.is_some_and(|own| own.eq_ignore_ascii_case(word.as_bytes()))
    };
    (0..).zip(bytes).any(|(at, byte)| match byte | 0x20 {
        b'k' | b't' | b'p' | b's' => TELLING.iter().any(|word| begins(at, word)),
        b':' => begins(at, "://"),
        _ => false,
    })
}

/// Values written where a credential belongs: `key "…"`, `api-key "…"`, `token "…"`, and passwords in URLs.
fn literals(line: &str) -> Vec<Range<usize>> {
    let code = line.trim_end();
    let mut found = Vec::new();
    if !suspect(code) {
        return found;
    }
    let mut words: Vec<&str> = Vec::new();
    let mut at = 0;
    while let Some((range, word)) = next_word(code, at) {
        at = range.end;
        if word.starts_with('#') {
            break;
        }
        let before = words.last().copied().unwrap_or_default();
        let earlier = words.iter().rev().nth(1).copied().unwrap_or_default();
        let value = match word.strip_prefix(QUOTES) {
            Some(inner) => inner.strip_suffix(QUOTES).unwrap_or(inner),
            None => word,
        };
        let offset = range.start + usize::from(word.starts_with(QUOTES));
        if !value.is_empty() && !variable(value) && holds_secret(before, earlier, word) {
            found.push(offset..offset + value.len());
        } else if let Some(inner) = password(value) {
            found.push(shift(inner, offset));
        }
        // `key: "…"`, `"api_key": "…"` and `key = "…"` are no policy, and hold a credential all the same.
        match (word.trim_end_matches([':', '=']), words.last_mut()) {
            ("", Some(name)) => *name = name.trim_matches('"'),
            ("", None) => {}
            (name, _) => words.push(name),
        }
    }
    found
}

/// Whether the word after `before` is a credential by its place.
fn holds_secret(before: &str, earlier: &str, word: &str) -> bool {
    let quoted = word.starts_with(QUOTES);
    let opens = matches!(earlier, "" | "{");
    if before == "key" {
        let way = matches!(word, "secret" | "env" | "file" | "role");
        return opens && (quoted || (word.len() >= 8 && !way));
    }
    if !quoted {
        return false;
    }
    let name = before.to_ascii_lowercase();
    let telling = TELLING.iter().any(|end| name.ends_with(end));
    let reference = before == "secret" && earlier == "key";
    let compared = matches!(
        earlier,
        "given" | "is" | "not" | "in" | "set" | "define" | "per"
    );
    telling && !name.contains('.') && !reference && !compared
}

/// `$NAME`, `${NAME}`, `env:NAME`: where a credential is, as other tools say it.
fn variable(value: &str) -> bool {
    let name = ["$", "env:", "env."]
        .iter()
        .find_map(|sign| value.strip_prefix(sign));
    let name = name.map(|n| n.trim_matches(['{', '}']));
    let part = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    name.is_some_and(|n| !n.is_empty() && n.bytes().all(part))
}

/// `user:password` in front of the `@` of a URL.
fn password(value: &str) -> Option<Range<usize>> {
    let start = value.find("://")? + 3;
    let host = value.get(start..)?;
    let authority = host.split(['/', '?', '#']).next()?;
    let at = authority.rfind('@')?;
    (at > 0).then_some(start..start + at)
}

/// The next blank-separated word from `at` on; a string is one word.
fn next_word(line: &str, at: usize) -> Option<(Range<usize>, &str)> {
    let rest = line.get(at..)?;
    let start = at + rest.find(|c: char| !c.is_whitespace())?;
    let word = line.get(start..)?;
    let mut escaped = false;
    let length = if let Some(inner) = word.strip_prefix(QUOTES) {
        let quote = word.chars().next();
        let ends = |(_, c): &(usize, char)| {
            let ends = Some(*c) == quote && !escaped;
            escaped = *c == '\\' && !escaped;
            ends
        };
        inner
            .char_indices()
            .find(ends)
            .map_or(word.len(), |(end, _)| end + 2)
    } else {
        let end = word.find(char::is_whitespace).unwrap_or(word.len());
        let quote = word.get(1..end).and_then(|w| w.find('"'));
        quote.map_or(end, |quote| quote + 1)
    };
    Some((start..start + length, word.get(..length)?))
}

/// Key-shaped words anywhere in a line, comments included.
fn keys(line: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'+' | b'=');
    let mut at = 0;
    for word in line.as_bytes().split(|b| !part(b)) {
        let range = at..at + word.len();
        at = range.end + 1;
        let word = line.get(range.clone()).unwrap_or_default();
        if known(word) || random(word) {
            found.push(range);
        }
    }
    found
}

fn known(word: &str) -> bool {
    word.len() >= TAIL
        && PREFIXES.iter().any(|prefix| {
            word.strip_prefix(prefix)
                .is_some_and(|tail| tail.len() >= TAIL)
        })
}

/// Long runs of random letters and digits; a digest of 64 hexadecimal digits is what `key` compares with, and is none.
fn random(word: &str) -> bool {
    word.len() >= RUN
        && word.split(|c: char| !c.is_ascii_alphanumeric()).any(|run| {
            let has = |test: fn(&u8) -> bool| run.as_bytes().iter().any(test);
            let hex = run.bytes().all(|b| b.is_ascii_hexdigit());
            let mixed = has(u8::is_ascii_digit)
                && has(u8::is_ascii_lowercase)
                && has(u8::is_ascii_uppercase);
            let plain_hex =
                hex && run.len() == 32 && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic);
            run.len() >= RUN
                && !(hex && run.len() == 64)
                && (mixed || plain_hex)
                && entropy(run) >= RANDOM.min(if hex { 3.0 } else { RANDOM })
        })
}

/// Shannon entropy, bits per character.
fn entropy(run: &str) -> f64 {
    let mut counts = [0_u32; 128];
    for byte in run.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let total = f64::from(u32::try_from(run.len()).unwrap_or(u32::MAX));
    counts
        .iter()
        .filter(|c| **c > 0)
        .map(|c| f64::from(*c) / total)
        .map(|share| -share * share.log2())
        .sum()
}
