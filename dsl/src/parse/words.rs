//! Words and conditions: the part of a tree that stands on one line.

use super::grammar::{Pair, Rule};
use super::reading::Reading;
use crate::report::Report;
use crate::source::{FileId, Span};
use crate::tree::{Expr, Guard, Kind, Sign, Test, Word};

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
                Rule::unary => parts.extend(self.unary(part)),
                Rule::and_op => and = and.or(Some(at)),
                Rule::or_op => or = or.or(Some(at)),
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
                Rule::kw_not => negated = true,
                Rule::bang => {
                    negated = true;
                    self.operator(&part, "not");
                }
                Rule::expr => inner = self.expr(part),
                Rule::test => inner = Some(Expr::Test(self.test(part))),
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
        let span = self.span(&pair);
        let mut test = Test {
            subject: Vec::new(),
            sign: None,
            values: Vec::new(),
            span,
        };
        for part in pair.into_inner() {
            if part.as_rule() == Rule::subject {
                test.subject = part.into_inner().map(|p| self.word(p)).collect();
            } else if let Some(sign) = self.sign(&part) {
                test.sign = Some(sign);
            } else {
                test.values.push(self.word(part));
            }
        }
        test
    }

    fn sign(&mut self, pair: &Pair<'_>) -> Option<(Sign, Span)> {
        let at = self.span(pair);
        let sign = match pair.as_rule() {
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
        Some((sign, at))
    }

    /// One word.
    pub(super) fn word(&mut self, pair: Pair<'_>) -> Word {
        let span = self.span(&pair);
        self.apart(&pair, span);
        let kind = match pair.as_rule() {
            Rule::string => return self.string(pair, span),
            Rule::alias => Kind::Alias,
            Rule::quantity => Kind::Quantity,
            Rule::clock => Kind::Clock,
            Rule::date => Kind::Date,
            _ => Kind::Name,
        };
        Word {
            kind,
            text: pair.as_str().trim_end().into(),
            span,
        }
    }

    /// Reports a word that begins where another ends: whoever wrote it meant one word, or a blank.
    fn apart(&mut self, pair: &Pair<'_>, span: Span) {
        let (start, text) = (pair.as_span().start(), pair.as_str().trim_end());
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
                Rule::chars => text = unescaped(part.as_str()),
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

/// Content of a string; unknown escapes stand for themselves.
fn unescaped(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        text.push(match c {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        });
    }
    text
}
