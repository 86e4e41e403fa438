//! Reads JSON without taking it apart: the fields of an object one by one, each value as the text it came in.
//!
//! It takes well-formed JSON only, and answers nothing where a text is something else, or anything but what its caller
//! expects: then [`json::read`](crate::chat::json::read) reads the same text in full, and says what is wrong with it.

/// How deep values may lie in one another.
const DEPTH: u32 = 127;

/// What is left of a text.
#[derive(Debug, Clone)]
pub struct Scan<'a> {
    rest: &'a [u8],
    /// Whether the object that was begun last has had no field yet.
    first: bool,
}

impl<'a> Scan<'a> {
    /// At the beginning of a text.
    #[must_use]
    pub fn new(text: &'a [u8]) -> Self {
        Self {
            rest: text,
            first: true,
        }
    }

    /// Goes into an object.
    #[inline]
    pub fn object(&mut self) -> Option<()> {
        self.take(b'{')?;
        self.first = true;
        Some(())
    }

    /// Goes to the next field of the object and gives its name; nothing within where the object ends, which is left then.
    /// Names that are written with escapes are not read.
    #[inline]
    pub fn field(&mut self) -> Option<Option<&'a [u8]>> {
        if self.next()? == b'}' {
            self.skip_byte();
            self.first = false;
            return Some(None);
        }
        if !self.first {
            self.take(b',')?;
        }
        self.first = false;
        let name = self.word()?;
        self.take(b':')?;
        Some(Some(name))
    }

    /// Goes into an array.
    #[inline]
    pub fn array(&mut self) -> Option<()> {
        self.take(b'[')?;
        self.first = true;
        Some(())
    }

    /// Goes to the next item of the array; `false` where it ends, and is left then.
    #[inline]
    pub fn item(&mut self) -> Option<bool> {
        if self.next()? == b']' {
            self.skip_byte();
            self.first = false;
            return Some(false);
        }
        if !self.first {
            self.take(b',')?;
        }
        // What comes now is a value, or the array is malformed.
        self.first = false;
        Some(true)
    }

    /// A string in its quotes, as it came.
    #[inline]
    pub fn string(&mut self) -> Option<&'a [u8]> {
        if self.next()? != b'"' {
            return None;
        }
        let inside = self.rest.get(1..)?;
        let (string, rest) = self.rest.split_at_checked(end(inside)? + 2)?;
        self.rest = rest;
        Some(string)
    }

    /// A string that is written without escapes, as it reads.
    #[inline]
    pub fn word(&mut self) -> Option<&'a [u8]> {
        let string = self.string()?;
        let word = string.get(1..string.len().checked_sub(1)?)?;
        // Names are short: all of one is looked at together.
        let escape = |found, byte: &u8| found | u8::from(*byte == b'\\');
        (word.iter().fold(0, escape) == 0).then_some(word)
    }

    /// A number without sign, fraction and exponent, smaller than a billion.
    pub fn count(&mut self) -> Option<u32> {
        self.digits_of_count().map(number)
    }

    /// Such a number as it is written.
    pub(crate) fn digits_of_count(&mut self) -> Option<&'a [u8]> {
        self.next()?;
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit());
        let digits = digits.count();
        let (number, rest) = self.rest.split_at_checked(digits)?;
        let zeros = digits > 1 && number.first() == Some(&b'0');
        let goes_on = matches!(rest.first(), Some(b'.' | b'e' | b'E'));
        if !(1..=9).contains(&digits) || zeros || goes_on {
            return None;
        }
        self.rest = rest;
        Some(number)
    }

    /// Goes over exactly these bytes.
    #[inline]
    pub(crate) fn exactly(&mut self, bytes: &[u8]) -> Option<()> {
        let (start, rest) = self.rest.split_at_checked(bytes.len())?;
        self.rest = rest;
        same(start, bytes).then_some(())
    }

    /// `null`, where that is the value.
    pub fn null(&mut self) -> Option<()> {
        self.next()?;
        self.rest = self.rest.strip_prefix(b"null")?;
        Some(())
    }

    /// A value of any kind, as it came.
    pub fn value(&mut self) -> Option<&'a [u8]> {
        self.next()?;
        let from = self.rest;
        self.skip()?;
        from.get(..from.len() - self.rest.len())
    }

    /// What is left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Says that nothing but white space is left.
    #[inline]
    #[must_use]
    pub fn end(mut self) -> Option<()> {
        self.space();
        self.rest.is_empty().then_some(())
    }

    fn skip(&mut self) -> Option<()> {
        // A bit for each array or object that is open: one for an object.
        let (mut open, mut depth) = (0_u128, 0);
        loop {
            let begun = match self.next()? {
                b'{' => Some(1),
                b'[' => Some(0),
                b'"' => self.string().map(|_| None)?,
                b't' => self.literal(b"true").map(|()| None)?,
                b'f' => self.literal(b"false").map(|()| None)?,
                b'n' => self.literal(b"null").map(|()| None)?,
                _ => self.number().map(|()| None)?,
            };
            let mut fresh = false;
            if let Some(kind) = begun {
                self.skip_byte();
                depth += 1;
                if depth > DEPTH {
                    return None;
                }
                open = open << 1 | kind;
                fresh = true;
            }
            // Whatever ends here, until a further value is to come.
            loop {
                if depth == 0 {
                    return Some(());
                }
                let in_object = open & 1 == 1;
                let next = self.next()?;
                if next == if in_object { b'}' } else { b']' } {
                    self.skip_byte();
                    open >>= 1;
                    depth -= 1;
                    fresh = false;
                    continue;
                }
                if !fresh {
                    self.take(b',')?;
                }
                if in_object {
                    self.string()?;
                    self.take(b':')?;
                }
                break;
            }
        }
    }

    fn literal(&mut self, literal: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(literal)?;
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        if self.rest.first() == Some(&b'-') {
            self.skip_byte();
        }
        if self.rest.first() == Some(&b'0') {
            self.skip_byte();
        } else {
            self.digits()?;
        }
        if self.rest.first() == Some(&b'.') {
            self.skip_byte();
            self.digits()?;
        }
        if matches!(self.rest.first(), Some(b'e' | b'E')) {
            self.skip_byte();
            if matches!(self.rest.first(), Some(b'+' | b'-')) {
                self.skip_byte();
            }
            self.digits()?;
        }
        Some(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Option<()> {
        let count = self.rest.iter().take_while(|byte| byte.is_ascii_digit());
        let count = count.count();
        self.rest = self.rest.get(count..)?;
        (count > 0).then_some(())
    }

    #[inline]
    fn take(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then(|| self.skip_byte())
    }

    /// The next byte that is no white space, which stays.
    #[inline]
    fn next(&mut self) -> Option<u8> {
        match self.rest.first() {
            Some(byte) if *byte > b' ' => Some(*byte),
            _ => {
                self.space();
                self.rest.first().copied()
            }
        }
    }

    #[cold]
    fn space(&mut self) {
        while let Some((b' ' | b'\t' | b'\r' | b'\n', rest)) = self.rest.split_first() {
            self.rest = rest;
        }
    }

    #[inline]
    fn skip_byte(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }
}

/// The number of so few digits.
pub(crate) fn number(digits: &[u8]) -> u32 {
    let add = |sum: u32, digit: &u8| sum * 10 + u32::from(*digit - b'0');
    digits.iter().fold(0, add)
}

/// Whether a text is that word. Comparing them as slices would go through them byte by byte where WebAssembly runs.
#[inline]
#[must_use]
pub fn same(text: &[u8], word: &[u8]) -> bool {
    fn long(bytes: Option<&[u8; 8]>) -> Option<u64> {
        bytes.copied().map(u64::from_ne_bytes)
    }
    fn short(bytes: Option<&[u8; 4]>) -> Option<u32> {
        bytes.copied().map(u32::from_ne_bytes)
    }
    if text.len() != word.len() {
        return false;
    }
    match word.len() {
        0 => true,
        // The ends overlap where there are fewer than twice as many.
        1..=3 => {
            let middle = word.len() / 2;
            text.first() == word.first()
                && text.last() == word.last()
                && text.get(middle) == word.get(middle)
        }
        4..=8 => {
            short(text.first_chunk()) == short(word.first_chunk())
                && short(text.last_chunk()) == short(word.last_chunk())
        }
        _ => {
            let (chunks, _) = text.as_chunks();
            let (words, _) = word.as_chunks();
            long(text.last_chunk()) == long(word.last_chunk())
                && chunks
                    .iter()
                    .zip(words)
                    .all(|(a, b)| long(Some(a)) == long(Some(b)))
        }
    }
}

/// Where the string ends of which this is the inside: at its closing quote.
fn end(inside: &[u8]) -> Option<usize> {
    let (mut at, mut foreign) = (0, false);
    loop {
        let rest = inside.get(at..)?;
        let (special, beyond) = look(rest);
        if special == 0 {
            if rest.len() < WIDTH {
                return None;
            }
            foreign |= beyond != 0;
            at += WIDTH;
            continue;
        }
        let plain = special.trailing_zeros();
        foreign |= beyond & ((1 << plain) - 1) != 0;
        at += plain as usize;
        match inside.get(at)? {
            b'"' => break,
            b'\\' => at += escape(inside.get(at + 1..)?)? + 1,
            _ => return None,
        }
    }
    let text = inside.get(..at)?;
    (!foreign || std::str::from_utf8(text).is_ok()).then_some(at)
}

/// The length of an escape after its backslash.
fn escape(rest: &[u8]) -> Option<usize> {
    match rest.first()? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(1),
        b'u' => {
            let digits = rest.get(1..5)?;
            digits.iter().all(u8::is_ascii_hexdigit).then_some(5)
        }
        _ => None,
    }
}

/// How many bytes are looked at together.
const WIDTH: usize = 16;

/// Of the next bytes a bit for each that is not a plain one in a string, and for each that is beyond ASCII. Where
/// fewer are left, it is as if plain ones followed.
fn look(rest: &[u8]) -> (u32, u32) {
    match rest.first_chunk() {
        Some(chunk) => bits(chunk),
        None => rest.iter().rev().fold((0, 0), |(special, beyond), byte| {
            (
                special << 1 | u32::from(is_special(*byte)),
                beyond << 1 | u32::from(!byte.is_ascii()),
            )
        }),
    }
}

fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

#[cfg(target_feature = "simd128")]
fn bits(chunk: &[u8; WIDTH]) -> (u32, u32) {
    use std::arch::wasm32::{u8x16_bitmask, u8x16_eq, u8x16_lt, u8x16_splat, u64x2, v128_or};

    let whole = u128::from_le_bytes(*chunk);
    #[expect(clippy::cast_possible_truncation, reason = "these are its two halves")]
    let bytes = u64x2(whole as u64, (whole >> 64) as u64);
    let quote = u8x16_eq(bytes, u8x16_splat(b'"'));
    let slash = u8x16_eq(bytes, u8x16_splat(b'\\'));
    let control = u8x16_lt(bytes, u8x16_splat(0x20));
    let special = v128_or(v128_or(quote, slash), control);
    (
        u32::from(u8x16_bitmask(special)),
        u32::from(u8x16_bitmask(bytes)),
    )
}

#[cfg(not(target_feature = "simd128"))]
fn bits(chunk: &[u8; WIDTH]) -> (u32, u32) {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    /// One bit of each byte next to the others.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let exact_zero = |word: u64| !(((word & !HIGHS) + (ONES * 0x7f)) | word) & HIGHS;
    let gather = |highs: u64| (highs >> 7).wrapping_mul(GATHER) >> 56;
    let half = |word: u64| {
        let quote = exact_zero(word ^ (ONES * u64::from(b'"')));
        let slash = exact_zero(word ^ (ONES * u64::from(b'\\')));
        let control = exact_zero(word & (ONES * 0xe0));
        (gather(quote | slash | control), gather(word & HIGHS))
    };
    let whole = u128::from_le_bytes(*chunk);
    #[expect(clippy::cast_possible_truncation, reason = "these are its two halves")]
    let (low, high) = (half(whole as u64), half((whole >> 64) as u64));
    #[expect(clippy::cast_possible_truncation, reason = "these are sixteen bits")]
    let together = |low: u64, high: u64| (low | high << 8) as u32;
    (together(low.0, high.0), together(low.1, high.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every value of an object by its name.
    fn fields(text: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
        let mut scan = Scan::new(text);
        let mut fields = Vec::new();
        scan.object()?;
        while let Some(name) = scan.field()? {
            fields.push((name, scan.value()?));
        }
        scan.end()?;
        Some(fields)
    }

    fn is_json(text: &[u8]) -> bool {
        let read = |text| serde_json::from_str::<serde::de::IgnoredAny>(text);
        std::str::from_utf8(text).is_ok_and(|text| read(text).is_ok())
    }

    fn takes(text: &[u8]) -> bool {
        let mut scan = Scan::new(text);
        scan.value().and_then(|_| scan.end()).is_some()
    }

    const TEXTS: [&str; 14] = [
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"words number 1 "}}"#,
        r#" { "a" : [ 1 , -0.5e+3 , true , false , null , [ ] , { } , [[{"b":[]}]] ] , "c" : "" } "#,
        r#"{"text":"a \"quoted\" line\nand \\ one \u00e9 more é ☀ 0123456789012345678901234567890"}"#,
        "[0,1,10,1.5,1e9,-1]",
        "\"\"",
        "0",
        "{}",
        "[]",
        r#"{"a":{"a":{"a":{"a":1}}},"b":[[[[]]]]}"#,
        r#"[{"a":1},{"a":2}]"#,
        r#"{"e":"\b\f\n\r\t\/\\\"\uD83D\ude00"}"#,
        "01",
        "{\"a\":1,}",
        "[1 2]",
    ];

    #[test]
    fn fields_come_in_order_and_as_they_were_written() {
        let text = br#"{"a":"b\"c" , "d":[1,{"e":2}], "f":null}"#;
        let read = fields(text).unwrap_or_default();
        let expected: [(&[u8], &[u8]); 3] = [
            (b"a", br#""b\"c""#),
            (b"d", br#"[1,{"e":2}]"#),
            (b"f", b"null"),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn what_is_taken_is_what_is_json_whatever_byte_is_lost_or_changed() {
        for text in TEXTS {
            let bytes = text.as_bytes();
            assert_eq!(takes(bytes), is_json(bytes), "{text}");
            for at in 0..bytes.len() {
                assert_eq!(takes(&bytes[..at]), is_json(&bytes[..at]), "{text} to {at}");
                for other in *b"\"\\{}[],: 0e.-n\x1f\x80\xc3\x7f" {
                    let mut changed = bytes.to_vec();
                    changed[at] = other;
                    let shown = String::from_utf8_lossy(&changed);
                    assert_eq!(takes(&changed), is_json(&changed), "{shown}");
                    changed.remove(at);
                    let shown = String::from_utf8_lossy(&changed);
                    assert_eq!(takes(&changed), is_json(&changed), "{shown}");
                }
            }
        }
    }

    #[test]
    fn what_lies_very_deep_is_left_to_others() {
        for (depth, taken) in [(1, true), (127, true), (128, false), (100_000, false)] {
            let text = "[".repeat(depth) + &"]".repeat(depth);
            assert_eq!(takes(text.as_bytes()), taken, "{depth}");
        }
    }

    #[test]
    fn texts_are_the_same_where_each_byte_is() {
        for length in 0..40 {
            let text: Vec<u8> = (b'a'..).take(length).collect();
            assert!(same(&text, &text.clone()));
            assert!(!same(&text, &[&text[..], b"x"].concat()));
            for at in 0..length {
                let mut other = text.clone();
                other[at] = b'!';
                assert!(!same(&text, &other), "{length}: {at}");
            }
        }
    }

    #[test]
    fn counts_are_whole_and_not_large() {
        let count = |text: &[u8]| Scan::new(text).count();
        assert_eq!(count(b"0"), Some(0));
        assert_eq!(count(b" 120,"), Some(120));
        assert_eq!(count(b"999999999"), Some(999_999_999));
        for strange in [&b"1000000000"[..], b"-1", b"1.0", b"1e2", b"01", b"x", b""] {
            assert_eq!(count(strange), None);
        }
    }
}
