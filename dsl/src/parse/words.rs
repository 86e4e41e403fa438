//! Words and conditions: the part of a tree that stands on one line.

use super::grammar::{Pair, Rule};
use super::reading::Reading;
use crate::image::Features;
use crate::report::Report;
use crate::source::{FileId, Span};
use crate::tree::{Expr, Guard, Kind, Sign, Test, Word};
use crate::words::{self, ACCEPTS, EXPECTS, FACTS, FILTERS, METRICS, PROMISES, Subject};

/// Reads the words of one file.
pub(super) struct Words<'r> {
    pub(super) file: FileId,
    pub(super) reading: &'r Reading<'r>,
    pub(super) report: &'r mut Report,
    /// Where the word before ended.
    pub(super) end: usize,
}

impl Words<'_> {
    /// Where it stands, without trailing blanks.
    pub(super) fn span(&self, pair: &Pair<'_>) -> Span {
        let text = pair.as_str();
        let start = pair.as_span().start();
        let end = start + text.trim_end().len().max(usize::from(!text.is_empty()));
        self.place(start, end)
    }

    /// Where something that was read was written.
    pub(super) fn place(&self, start: usize, end: usize) -> Span {
        let origin = self.reading.origin(start..end);
        Span {
            file: self.file,
            start: origin.start,
            end: origin.end,
        }
    }

    /// `when`, `where` or `expect` with its condition.
    pub(super) fn guard(&mut self, pair: Pair<'_>) -> Option<Guard> {
        let mut parts = pair.into_inner();
        let head = self.word(parts.next()?);
        let expr = self.expr(parts.next()?)?;
        Some(Guard { head, expr })
    }

    fn expr(&mut self, pair: Pair<'_>) -> Option<Expr> {
        let mut parts = Vec::new();
        let (mut and, mut or) = (None, None);
        for part in pair.into_inner() {
            let at = self.span(&part);
            match part.as_rule() {
                Rule::s_test => parts.push(Expr::Test(self.test(part))),
                Rule::unary | Rule::s_not => parts.extend(self.unary(part)),
                Rule::s_expr => parts.extend(self.expr(part)),
                Rule::and_op | Rule::or_op | Rule::s_op => {
                    let slot = if part.as_str().starts_with('a') {
                        &mut and
                    } else {
                        &mut or
                    };
                    *slot = slot.or(Some(at));
                }
                Rule::c_op => {
                    let word = if part.as_str() == "&&" { "and" } else { "or" };
                    self.operator(&part, word);
                    let slot = if word == "and" { &mut and } else { &mut or };
                    *slot = slot.or(Some(at));
                }
                _ => {}
            }
        }
        if let (Some(and), Some(or)) = (and, or) {
            self.mixed(and, or);
        }
        match parts.len() {
            0 | 1 => parts.pop(),
            _ if or.is_some() => Some(Expr::Any(parts)),
            _ => Some(Expr::All(parts)),
        }
    }

    fn mixed(&mut self, and: Span, or: Span) {
        let (first, second) = if and.start < or.start {
            ((and, "and"), (or, "or"))
        } else {
            ((or, "or"), (and, "and"))
        };
        self.report
            .error(
                "mux::syntax::precedence",
                first.0,
                "`and` and `or` mixed without parentheses",
            )
            .label(format!("this `{}`", first.1))
            .also(second.0, format!("and this `{}`", second.1))
            .help("say which one binds first: `a and (b or c)` or `(a and b) or c`");
    }

    fn operator(&mut self, pair: &Pair<'_>, word: &str) {
        let at = self.span(pair);
        self.report
            .error(
                "mux::syntax::operator",
                at,
                format!("`{}` is no operator here", pair.as_str()),
            )
            .label(format!("write `{word}`"))
            .fix(at, spaced(pair, word));
    }

    fn unary(&mut self, pair: Pair<'_>) -> Option<Expr> {
        let mut negated = false;
        let mut inner = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::kw_not | Rule::s_no => negated = true,
                Rule::bang => {
                    negated = true;
                    self.operator(&part, "not");
                }
                Rule::expr | Rule::s_expr => inner = self.expr(part),
                Rule::test | Rule::s_test => inner = Some(Expr::Test(self.test(part))),
                _ => {}
            }
        }
        if negated {
            inner.map(|e| Expr::Not(Box::new(e)))
        } else {
            inner
        }
    }

    fn test(&mut self, pair: Pair<'_>) -> Test {
        let mut test = Test {
            subject: Vec::new(),
            sign: None,
            values: Vec::new(),
            span: self.span(&pair),
        };
        for part in pair.into_inner() {
            if part.as_rule() == Rule::subject {
                test.subject = part.into_inner().map(|p| self.word(p)).collect();
            } else if let Some(sign) = self.sign(&part) {
                test.sign = Some(sign);
            } else if test.sign.is_some() {
                test.values.push(self.word(part));
            } else {
                test.subject.push(self.word(part));
            }
        }
        // Without the comment behind it.
        if let Some(last) = test.values.last().or(test.subject.last()) {
            test.span.end = last.span.end;
        }
        for word in &mut test.subject {
            self.bare(word);
        }
        test
    }

    /// Reports the name of a fact or of an outcome that stands in quotes, and reads it without.
    fn bare(&mut self, word: &mut Word) {
        const TABLES: [&[Subject]; 6] = [FACTS, METRICS, FILTERS, ACCEPTS, PROMISES, EXPECTS];
        let known = |name: &str| {
            let feature = Features::ALL.iter().any(|(_, feature)| *feature == name);
            feature || TABLES.iter().any(|t| words::subject(t, name).is_some())
        };
        if word.kind == Kind::Text && known(&word.text) {
            self.report
                .error(
                    "mux::syntax::quotes",
                    word.span,
                    "names stand without quotes",
                )
                .help(format!("write `{}`", word.text))
                .fix(word.span, word.text.to_string());
            word.kind = Kind::Name;
        }
    }

    fn sign(&mut self, pair: &Pair<'_>) -> Option<(Sign, Span)> {
        let sign = match pair.as_rule() {
            Rule::s_sign => of_text(pair.as_str()),
            Rule::is_ => Sign::Is,
            Rule::is_not => Sign::IsNot,
            Rule::in_ => Sign::In,
            Rule::not_in => Sign::NotIn,
            Rule::matches => Sign::Matches,
            Rule::starts => Sign::StartsWith,
            Rule::ge => Sign::AtLeast,
            Rule::le => Sign::AtMost,
            Rule::gt => Sign::More,
            Rule::lt => Sign::Less,
            Rule::eq_c => {
                self.operator(pair, "is");
                Sign::Is
            }
            Rule::ne_c => {
                self.operator(pair, "is not");
                Sign::IsNot
            }
            _ => return None,
        };
        Some((sign, self.span(pair)))
    }

    /// One word.
    pub(super) fn word(&mut self, pair: Pair<'_>) -> Word {
        let span = self.span(&pair);
        let text = pair.as_str().trim_end();
        self.apart(pair.as_span().start(), text, span);
        let kind = match pair.as_rule() {
            Rule::string => return self.string(pair, span),
            Rule::s_text => {
                let chars = text.get(1..text.len() - 1).unwrap_or_default();
                return Word {
                    kind: Kind::Text,
                    text: self.unescaped(chars, pair.as_span().start() + 1).into(),
                    span,
                };
            }
            Rule::alias | Rule::s_alias => Kind::Alias,
            Rule::quantity | Rule::s_quantity => Kind::Quantity,
            Rule::clock | Rule::s_clock => Kind::Clock,
            Rule::date | Rule::s_date => Kind::Date,
            _ => Kind::Name,
        };
        if kind == Kind::Name && text.ends_with(':') {
            self.colon(pair.as_span().start() + text.len() - 1);
        }
        Word {
            kind,
            text: text.into(),
            span,
        }
    }

    /// Reports a colon that a word ends with.
    fn colon(&mut self, at: usize) {
        let at = self.place(at, at + 1);
        self.report
            .error(
                "mux::syntax::punctuation",
                at,
                "no colon stands behind a word",
            )
            .fix(at, String::new());
    }

    /// Reports a word that begins where another ends: whoever wrote it meant one word, or a blank.
    fn apart(&mut self, start: usize, text: &str, span: Span) {
        if self.end == start && start > 0 {
            self.report
                .error(
                    "mux::syntax::touching",
                    span,
                    format!("`{text}` begins where the word before it ends"),
                )
                .help("words are separated by blanks");
        }
        self.end = start + text.len();
    }

    fn string(&mut self, pair: Pair<'_>, span: Span) -> Word {
        let mut text = String::new();
        let mut closed = false;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::chars => text = self.unescaped(part.as_str(), part.as_span().start()),
                _ => closed = true,
            }
        }
        if !closed {
            self.report
                .error(
                    "mux::syntax::string",
                    span,
                    "this string has no closing quote",
                )
                .help("a string ends with `\"` on the line it begins on");
        }
        Word {
            kind: Kind::Text,
            text: text.into(),
            span,
        }
    }

    /// Content of a string that begins at a place; an unknown escape stands for itself, once it has been reported.
    fn unescaped(&mut self, raw: &str, start: usize) -> String {
        if !raw.contains('\\') {
            return raw.to_owned();
        }
        let mut text = String::with_capacity(raw.len());
        let mut chars = raw.char_indices();
        while let Some((at, c)) = chars.next() {
            let escaped = (c == '\\').then(|| chars.next()).flatten();
            match escaped {
                Some((_, 'n')) => text.push('\n'),
                Some((_, 't')) => text.push('\t'),
                Some((_, known @ ('"' | '\\'))) => text.push(known),
                Some((_, other)) => {
                    let end = start + at + 1 + other.len_utf8();
                    self.escape(self.place(start + at, end), other);
                    text.extend([c, other]);
                }
                None => text.push(c),
            }
        }
        text
    }

    fn escape(&mut self, at: Span, other: char) {
        self.report
            .error(
                "mux::syntax::escape",
                at,
                format!("there is no escape `\\{other}`"),
            )
            .help(format!(
                "the escapes of a string are `\\\"`, `\\\\`, `\\n` and `\\t`; a backslash itself is written `\\\\{other}`"
            ))
            .fix(at, format!("\\\\{other}"));
    }
}

/// A word in the place of an operator, with the blanks that words need and operators do not.
fn spaced(pair: &Pair<'_>, word: &str) -> String {
    let (input, span) = (pair.get_input(), pair.as_span());
    let before = input.get(..span.start()).unwrap_or_default();
    let behind = input.get(span.end()..).unwrap_or_default();
    let left = !before.is_empty() && !before.ends_with([' ', '\t', '\n', '(']);
    let right = !behind.starts_with([' ', '\t', '\n', '\r']);
    format!(
        "{}{word}{}",
        if left { " " } else { "" },
        if right { " " } else { "" }
    )
}

/// The sign of this text, which the strict rules have read.
fn of_text(sign: &str) -> Sign {
    match sign.trim_end() {
        "is" => Sign::Is,
        "in" => Sign::In,
        "matches" => Sign::Matches,
        ">=" => Sign::AtLeast,
        "<=" => Sign::AtMost,
        ">" => Sign::More,
        "<" => Sign::Less,
        words if words.starts_with("not") => Sign::NotIn,
        words if words.starts_with("starts") => Sign::StartsWith,
        _ => Sign::IsNot,
    }
}
