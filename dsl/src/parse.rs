//! Text to tree: the only place that knows pest. Mistakes of shape are reported here and read on from.

mod grammar;

use crate::report::Report;
use crate::source::{FileId, Span};
use crate::tree::{Block, Expr, Guard, Item, Kind, Row, Sign, Stmt, Test, Tree, Word};
use grammar::{Pair, Rule};

/// Deepest nesting of braces and of parentheses that is read.
const DEPTH: usize = 32;

/// Reads one file.
pub(crate) fn parse<'r>(text: &'r str, file: FileId, report: &'r mut Report) -> Tree {
    let mut lowering = Lowering { text, file, report };
    if let Some((at, what)) = too_deep(text) {
        lowering
            .report
            .error("mux::file::depth", Span { file, start: at, end: at + 1 }, format!("{what} are nested more than {DEPTH} deep"))
            .label("too deep from here on")
            .help("give the inner part a name with `plan` or `define`, and use the name");
        return Tree { body: Vec::new() };
    }
    match grammar::file(text) {
        Ok(pair) => Tree { body: lowering.body(pair) },
        Err(at) => {
            let at = at.min(text.len());
            let span = Span { file, start: at, end: at };
            lowering
                .report
                .error("mux::syntax::unreadable", span, "this file cannot be read on from here")
                .help("the lines around this place are too tangled to be told apart: write one statement per line");
            Tree { body: Vec::new() }
        }
    }
}

/// The first bracket beyond [`DEPTH`], outside strings and comments.
fn too_deep(text: &str) -> Option<(usize, &'static str)> {
    let (mut braces, mut parens) = (0_usize, 0_usize);
    let (mut string, mut comment, mut escaped) = (false, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'\n' => (string, comment, escaped) = (false, false, false),
            _ if comment => {}
            _ if escaped => escaped = false,
            b'\\' if string => escaped = true,
            b'"' => string = !string,
            _ if string => {}
            b'#' => comment = true,
            b'{' => braces += 1,
            b'}' => braces = braces.saturating_sub(1),
            b'(' => parens += 1,
            b')' => parens = parens.saturating_sub(1),
            _ => {}
        }
        if braces > DEPTH {
            return Some((at, "braces"));
        }
        if parens > DEPTH {
            return Some((at, "parentheses"));
        }
    }
    None
}

struct Lowering<'r> {
    text: &'r str,
    file: FileId,
    report: &'r mut Report,
}

impl Lowering<'_> {
    fn span(&self, pair: &Pair<'_>) -> Span {
        let text = pair.as_str();
        let start = pair.as_span().start();
        Span { file: self.file, start, end: start + text.trim_end().len().max(usize::from(!text.is_empty())) }
    }

    fn body(&mut self, file: Pair<'_>) -> Vec<Stmt> {
        let mut body = Vec::new();
        for pair in file.into_inner() {
            match pair.as_rule() {
                Rule::stmt => {
                    let mut stmt = self.stmt(pair);
                    self.braces(&mut stmt);
                    body.push(stmt);
                }
                Rule::junk => self.junk(&pair),
                Rule::stray => {
                    let at = self.span(&pair);
                    self.report
                        .error("mux::syntax::stray", at, "this `}` closes nothing")
                        .help("delete it, or look above for a `}` too many");
                }
                _ => {}
            }
        }
        body
    }

    fn stmt(&mut self, pair: Pair<'_>) -> Stmt {
        let whole = self.span(&pair);
        let mut items = Vec::new();
        let mut block = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::block => block = Some(self.block(part)),
                Rule::guard => items.extend(self.guard(part).map(Item::Guard)),
                Rule::row => items.push(Item::Row(self.row(part))),
                _ => items.push(Item::Word(self.word(part))),
            }
        }
        let end = items.last().map_or(whole.end, |item| item.span().end);
        Stmt { items, block, span: Span { end, ..whole } }
    }

    fn block(&mut self, pair: Pair<'_>) -> Block {
        let whole = self.span(&pair);
        let mut body = Vec::new();
        let mut closed = true;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::stmt => body.push(self.stmt(part)),
                Rule::junk => self.junk(&part),
                Rule::unclosed => closed = false,
                _ => {}
            }
        }
        let open = Span { end: whole.start + 1, ..whole };
        let close = closed.then(|| Span { start: whole.end.saturating_sub(1), ..whole });
        Block { body, open, close, broken: false }
    }

    fn row(&mut self, pair: Pair<'_>) -> Row {
        let span = self.span(&pair);
        let mut cells = Vec::new();
        for cell in pair.into_inner() {
            let at = self.span(&cell);
            let parts: Vec<_> = cell.into_inner().collect();
            let absent = parts.first().is_some_and(|p| p.as_rule() == Rule::dash);
            let words = (!absent).then(|| parts.into_iter().map(|p| self.word(p)).collect());
            cells.push((words, at));
        }
        Row { cells, span }
    }

    fn guard(&mut self, pair: Pair<'_>) -> Option<Guard> {
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
                    self.operator(at, part.as_str(), word);
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
        let (first, second) = if and.start < or.start { ((and, "and"), (or, "or")) } else { ((or, "or"), (and, "and")) };
        self.report
            .error("mux::syntax::precedence", first.0, "`and` and `or` mixed without parentheses")
            .label(format!("this `{}`", first.1))
            .also(second.0, format!("and this `{}`", second.1))
            .help("say which one binds first: `a and (b or c)` or `(a and b) or c`");
    }

    fn operator(&mut self, at: Span, written: &str, word: &str) {
        self.report
            .error("mux::syntax::operator", at, format!("`{written}` is no operator here"))
            .label(format!("write `{word}`"));
    }

    fn unary(&mut self, pair: Pair<'_>) -> Option<Expr> {
        let mut negated = false;
        let mut inner = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::kw_not => negated = true,
                Rule::bang => {
                    negated = true;
                    let at = self.span(&part);
                    self.operator(at, "!", "not");
                }
                Rule::expr => inner = self.expr(part),
                Rule::test => inner = Some(Expr::Test(self.test(part))),
                _ => {}
            }
        }
        if negated { inner.map(|e| Expr::Not(Box::new(e))) } else { inner }
    }

    fn test(&mut self, pair: Pair<'_>) -> Test {
        let span = self.span(&pair);
        let mut test = Test { subject: Vec::new(), sign: None, values: Vec::new(), span };
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
                self.operator(at, pair.as_str(), "is");
                Sign::Is
            }
            Rule::ne_c => {
                self.operator(at, pair.as_str(), "is not");
                Sign::IsNot
            }
            _ => return None,
        };
        Some((sign, at))
    }

    fn word(&mut self, pair: Pair<'_>) -> Word {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::string => return self.string(pair, span),
            Rule::alias => Kind::Alias,
            Rule::quantity => Kind::Quantity,
            Rule::clock => Kind::Clock,
            Rule::date => Kind::Date,
            _ => Kind::Name,
        };
        Word { kind, text: pair.as_str().trim_end().into(), span }
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
                .error("mux::syntax::string", span, "this string has no closing quote")
                .help("a string ends with `\"` on the line it begins on");
        }
        Word { kind: Kind::Text, text: text.into(), span }
    }

    fn junk(&mut self, pair: &Pair<'_>) {
        let span = self.span(pair);
        let line = pair.as_str().lines().next().unwrap_or_default();
        let at = grammar::reach(line).min(line.trim_end().len());
        let rest = line.get(at..).unwrap_or_default().trim_start();
        let start = span.start + line.len() - rest.len();
        let word = rest.split([' ', '\t', '{', '}']).next().unwrap_or_default();
        if word.is_empty() {
            self.report
                .error("mux::syntax::unreadable", Span { end: span.start + line.trim_end().len(), ..span }, "this line is not finished")
                .help("it stops where a name, a number or a condition was due");
            return;
        }
        let at = Span { start, end: start + word.len(), ..span };
        self.report
            .error("mux::syntax::unreadable", at, format!("`{word}` makes no sense here"))
            .label("the line can be read up to here")
            .help(hint(word));
    }

    /// Reports a missing `}` once for a declaration, at the brace that seems to be meant.
    fn braces(&mut self, stmt: &mut Stmt) {
        let Some(open) = innermost_open(stmt) else {
            return;
        };
        let (at, help) = match self.outdented(stmt) {
            Some(at) => (at, "the `}` that ends it stands under an outer block: add a `}` where this block ends"),
            None => (open, "add a `}` where the block ends"),
        };
        self.report
            .error("mux::syntax::unclosed", at, "this block is never closed")
            .label("no `}` for this `{`")
            .help(help);
        distrust(stmt);
    }

    /// The first block whose `}` stands further left than the line of its `{`: the one whose own `}` was forgotten.
    fn outdented(&self, stmt: &Stmt) -> Option<Span> {
        let block = stmt.block.as_ref()?;
        let taken = block.close.is_some_and(|close| self.indent(close) < self.indent(block.open));
        if taken { Some(block.open) } else { block.body.iter().find_map(|inner| self.outdented(inner)) }
    }

    fn indent(&self, at: Span) -> usize {
        let before = self.text.get(..at.start).unwrap_or_default();
        let line = self.text.get(before.rfind('\n').map_or(0, |n| n + 1)..).unwrap_or_default();
        line.len() - line.trim_start_matches([' ', '\t']).len()
    }
}

fn innermost_open(stmt: &Stmt) -> Option<Span> {
    let block = stmt.block.as_ref()?;
    let inner = block.body.iter().find_map(innermost_open);
    inner.or_else(|| block.close.is_none().then_some(block.open))
}

fn distrust(stmt: &mut Stmt) {
    if let Some(block) = &mut stmt.block {
        block.broken = true;
        block.body.iter_mut().for_each(distrust);
    }
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

/// What to do about a word that no line can hold.
fn hint(word: &str) -> &'static str {
    match word.as_bytes().first() {
        Some(b'>' | b'<' | b'=' | b'!' | b'&' | b'|') => "comparisons are `is`, `is not`, `in`, `>`, `>=`, `<`, `<=`, `matches`, `starts with`, `has`",
        Some(b',' | b';' | b':') => "words are separated by blanks and statements by line ends; there are no commas, semicolons or colons",
        Some(b'\'') => "strings stand in double quotes",
        Some(b'/') => "comments begin with `#`",
        Some(b'(' | b')') => "parentheses belong into conditions, in pairs",
        Some(b'$' | b'0'..=b'9' | b'.' | b'+' | b'-') => "numbers carry their unit: `300ms`, `20s`, `128k`, `$5`, `20%`",
        _ => "names are letters, digits, `-`, `_`, `.`, `/` and `:`; anything else stands in double quotes",
    }
}
