//! A source file without its comments and literals, and without what only tests compile.

/// A word, `::`, or one other character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    /// From 1.
    pub(crate) line: usize,
}

impl Token<'_> {
    /// Whether it is a name, a keyword or a number.
    pub(crate) fn is_word(&self) -> bool {
        self.text.starts_with(is_word)
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The tokens of everything in a file.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let (mut found, mut rest, mut line) = (Vec::new(), text, 1);
    while let Some(first) = rest.chars().next() {
        let (len, kept) = piece(rest, first);
        let (text, after) = rest.split_at(len);
        if kept {
            found.push(Token { text, line });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    found
}

/// The length of what comes next, and whether it is kept.
fn piece(rest: &str, first: char) -> (usize, bool) {
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), false);
    }
    if rest.starts_with("/*") {
        return (block_comment(rest), false);
    }
    if let Some(len) = string(rest).or_else(|| character(rest)) {
        return (len, false);
    }
    if let Some(name) = rest.strip_prefix("r#") {
        return (2 + name.find(|c| !is_word(c)).unwrap_or(name.len()), true);
    }
    if is_word(first) {
        return (rest.find(|c| !is_word(c)).unwrap_or(rest.len()), true);
    }
    if rest.starts_with("::") {
        return (2, true);
    }
    (first.len_utf8(), !first.is_whitespace())
}

fn block_comment(rest: &str) -> usize {
    let (mut at, mut depth) = (0, 0);
    while at < rest.len() {
        let (step, change) = match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (2, 1),
            [b'*', b'/', ..] => (2, -1),
            _ => (1, 0),
        };
        at += step;
        depth += change;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// The length of the string literal that starts here.
fn string(rest: &str) -> Option<usize> {
    let marked = rest.trim_start_matches(['b', 'c', 'r']);
    let quoted = marked.trim_start_matches('#');
    let (letters, hashes) = (rest.len() - marked.len(), marked.len() - quoted.len());
    let raw = rest.find('r').is_some_and(|at| at < letters);
    let body = quoted.strip_prefix('"')?;
    let open = letters + hashes + 1;
    if letters > 2 || (hashes > 0 && !raw) {
        return None;
    }
    if raw {
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(open + body.find(&end)? + end.len());
    }
    let mut escaped = false;
    let end = body.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    Some(open + end? + 1)
}

/// The length of the character literal that starts here; a lifetime is none.
fn character(rest: &str) -> Option<usize> {
    let marked = rest.strip_prefix('b').unwrap_or(rest);
    let prefix = rest.len() - marked.len();
    let body = marked.strip_prefix('\'')?;
    let first = body.chars().next()?;
    let inner = if first == '\\' {
        2 + body.get(2..)?.find('\'')?
    } else {
        let after = body.strip_prefix(first)?;
        after.starts_with('\'').then_some(first.len_utf8())?
    };
    Some(prefix + 1 + inner + 1)
}

/// The tokens of what is shipped: items marked `#[cfg(test)]` are left out.
pub(crate) fn shipped(text: &str) -> Vec<Token<'_>> {
    let all = tokens(text);
    let (mut kept, mut rest) = (Vec::new(), all.as_slice());
    while let Some((first, after)) = rest.split_first() {
        match attribute(rest) {
            Some((inner, after)) if is_for_tests(rest) => {
                rest = if inner { &[] } else { after_item(after) };
            }
            _ => {
                kept.push(*first);
                rest = after;
            }
        }
    }
    kept
}

/// Whether the attribute that starts here is one of a whole file, and what follows it.
fn attribute<'t, 'a>(rest: &'t [Token<'a>]) -> Option<(bool, &'t [Token<'a>])> {
    let inner = is(rest, 1, "!");
    let open = 1 + usize::from(inner);
    if !(is(rest, 0, "#") && is(rest, open, "[")) {
        return None;
    }
    Some((inner, after_group(&rest[open..])))
}

fn is_for_tests(rest: &[Token<'_>]) -> bool {
    let Some((_, after)) = attribute(rest) else {
        return false;
    };
    let words = &rest[..rest.len() - after.len()];
    let has = |word: &str| words.iter().any(|token| token.text == word);
    has("cfg") && has("test") && !has("not") && !has("any")
}

fn is(rest: &[Token<'_>], at: usize, text: &str) -> bool {
    rest.get(at).is_some_and(|token| token.text == text)
}

/// What follows the brackets that open here.
fn after_group<'t, 'a>(rest: &'t [Token<'a>]) -> &'t [Token<'a>] {
    let mut depth = 0;
    for (at, token) in rest.iter().enumerate() {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &rest[at + 1..];
        }
    }
    &[]
}

/// What follows the item that starts here: it ends with its block, or with a semicolon.
fn after_item<'t, 'a>(mut rest: &'t [Token<'a>]) -> &'t [Token<'a>] {
    while let Some((false, after)) = attribute(rest) {
        rest = after;
    }
    let import = rest
        .iter()
        .take_while(|t| t.text != "{")
        .any(|t| t.text == "use");
    while let Some((first, after)) = rest.split_first() {
        match first.text {
            ";" => return after,
            "{" if !import => return after_group(rest),
            "(" | "[" | "{" => rest = after_group(rest),
            _ => rest = after,
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(tokens: &[Token<'_>]) -> Vec<String> {
        tokens.iter().map(|token| token.text.to_owned()).collect()
    }

    #[test]
    fn comments_and_literals_are_not_code() {
        let text = "a // crate::x\n/* crate::y /* nested */ */ b \"crate::z \\\" \" c r#\"crate::\"w\"# d 'x' '\\'' b'\"' 'e f";
        assert_eq!(
            words(&tokens(text)),
            ["a", "b", "c", "d", "'", "e", "f"],
            "{text}"
        );
    }

    #[test]
    fn lines_are_counted_through_strings_and_comments() {
        let found = tokens("/*\n\n*/ \"\n\" word");
        assert_eq!(found.last().map(|token| token.line), Some(4));
    }

    #[test]
    fn what_only_tests_compile_is_left_out() {
        let text = "use a; #[cfg(test)] use b::{c, d}; #[cfg(test)] #[expect(x)] mod tests { use super::*; { } } \
                    fn e() {} #[cfg(test)] fn f(g: [u8; 3]) -> H { i } #[cfg(not(test))] j";
        let kept = words(&shipped(text));
        for gone in ["b", "c", "tests", "super", "f", "H", "i"] {
            assert!(!kept.iter().any(|word| word == gone), "{gone} in {kept:?}");
        }
        for there in ["a", "e", "j"] {
            assert!(
                kept.iter().any(|word| word == there),
                "{there} not in {kept:?}"
            );
        }
        assert_eq!(shipped("#![cfg(test)] use a;"), []);
    }
}
