//! Text to tree: the only place that knows pest. Mistakes of shape are reported here and read on from.

mod braces;
mod grammar;
mod habits;
mod reading;
#[cfg(test)]
pub(crate) mod tests;
mod words;

use crate::report::Report;
use crate::source::{FileId, Span};
use crate::tree::{Block, Item, Row, Stmt, Tree};
use braces::{DEPTH, too_deep};
use grammar::{Pair, Rule};
use reading::Reading;
use words::Words;

/// A way to read one file.
pub(crate) type Parse = fn(&str, FileId, &mut Report) -> Tree;

/// Reads one file, and as they are meant the habits of other languages in it.
pub(crate) fn parse(text: &str, file: FileId, report: &mut Report) -> Tree {
    match habits::read(text, file, report) {
        Some(reading) => read(text, &reading, file, report),
        None => Tree { body: Vec::new() },
    }
}

/// Reads one file as it is written.
pub(crate) fn literally(text: &str, file: FileId, report: &mut Report) -> Tree {
    read(text, &Reading::plain(text), file, report)
}

fn read(text: &str, reading: &Reading<'_>, file: FileId, report: &mut Report) -> Tree {
    let nothing = Tree { body: Vec::new() };
    let place = |start: usize, end: usize| {
        let origin = reading.origin(start..end);
        Span {
            file,
            start: origin.start,
            end: origin.end,
        }
    };
    if let Some((at, what)) = too_deep(&reading.text) {
        report
            .error(
                "mux::file::depth",
                place(at, at + 1),
                format!("{what} are nested more than {DEPTH} deep"),
            )
            .label("too deep from here on")
            .help("give the inner part a name with `plan` or `define`, and use the name");
        return nothing;
    }
    match grammar::file(&reading.text) {
        Ok(pair) => Tree {
            body: Lowering {
                text,
                words: Words {
                    file,
                    reading,
                    report,
                    end: 0,
                },
            }
            .body(pair),
        },
        Err(at) => {
            let at = at.min(reading.text.len());
            report
                .error(
                    "mux::syntax::unreadable",
                    place(at, at),
                    "this file cannot be read on from here",
                )
                .help("the lines around this place are too tangled to be told apart: write one statement per line");
            nothing
        }
    }
}

/// Whether a text shows a habit of another language.
#[cfg(test)]
pub(crate) fn shows_a_habit(text: &str) -> bool {
    let mut report = Report::default();
    habits::read(text, FileId(0), &mut report);
    report.failed()
}

struct Lowering<'r> {
    /// As it was written.
    text: &'r str,
    words: Words<'r>,
}

impl Lowering<'_> {
    fn body(&mut self, file: Pair<'_>) -> Vec<Stmt> {
        let mut body = Vec::new();
        for pair in file.into_inner() {
            match pair.as_rule() {
                Rule::stmt | Rule::s_stmt => {
                    let mut stmt = self.stmt(pair);
                    braces::check(&mut stmt, self.text, self.words.report);
                    body.push(stmt);
                }
                Rule::junk => self.junk(&pair),
                Rule::stray => {
                    let at = self.words.span(&pair);
                    self.words
                        .report
                        .error("mux::syntax::stray", at, "this `}` closes nothing")
                        .help("delete it, or look above for a `}` too many");
                }
                _ => {}
            }
        }
        body
    }

    fn stmt(&mut self, pair: Pair<'_>) -> Stmt {
        let whole = self.words.span(&pair);
        let mut items = Vec::new();
        let mut block = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::block | Rule::s_block => block = Some(self.block(part)),
                Rule::guard | Rule::s_guard => {
                    items.extend(self.words.guard(part).map(Item::Guard));
                }
                Rule::row | Rule::s_row => items.push(Item::Row(self.row(part))),
                Rule::s_comment => {}
                _ => items.push(Item::Word(self.words.word(part))),
            }
        }
        let end = items.last().map_or(whole.end, |item| item.span().end);
        Stmt {
            items,
            block,
            span: Span { end, ..whole },
        }
    }

    fn block(&mut self, pair: Pair<'_>) -> Block {
        let start = pair.as_span().start();
        let end = start + pair.as_str().trim_end().len();
        let mut body = Vec::new();
        let mut closed = true;
        let mut unread = Vec::new();
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::stmt | Rule::s_stmt => body.push(self.stmt(part)),
                Rule::junk => {
                    let first = part.as_str().split([' ', '\t', '\n', '{']).next();
                    unread.extend(first.map(Into::into));
                    self.junk(&part);
                }
                Rule::unclosed => closed = false,
                _ => {}
            }
        }
        let open = self.words.place(start, start + 1);
        let close = closed.then(|| self.words.place(end.saturating_sub(1), end));
        Block {
            body,
            open,
            close,
            broken: false,
            unread,
        }
    }

    fn row(&mut self, pair: Pair<'_>) -> Row {
        let (start, text) = (pair.as_span().start(), pair.as_str());
        let mut end = start;
        let mut cells = Vec::new();
        for cell in pair.into_inner() {
            let at = self.words.span(&cell);
            end = cell.as_span().end();
            let parts: Vec<_> = cell.into_inner().collect();
            let absent = parts
                .first()
                .is_some_and(|p| matches!(p.as_rule(), Rule::dash | Rule::s_dash));
            let words = (!absent).then(|| parts.into_iter().map(|p| self.words.word(p)).collect());
            cells.push((words, at));
        }
        // Up to the last `|`, without the comment behind it.
        let rest = text.get(end - start..).unwrap_or_default();
        let end = end + rest.find('|').map_or(0, |bar| bar + 1);
        Row {
            cells,
            span: self.words.place(start, end),
        }
    }

    fn junk(&mut self, pair: &Pair<'_>) {
        let begin = pair.as_span().start();
        let line = pair.as_str().lines().next().unwrap_or_default();
        let at = grammar::reach(line).min(line.trim_end().len());
        let rest = line.get(at..).unwrap_or_default().trim_start();
        let start = begin + line.len() - rest.len();
        let word = rest.split([' ', '\t', '{', '}']).next().unwrap_or_default();
        if word.is_empty() {
            let at = self.words.place(begin, begin + line.trim_end().len());
            self.words
                .report
                .error("mux::syntax::unreadable", at, "this line is not finished")
                .help("it stops where a name, a number or a condition was due");
            return;
        }
        let at = self.words.place(start, start + word.len());
        self.words
            .report
            .error(
                "mux::syntax::unreadable",
                at,
                format!("`{word}` makes no sense here"),
            )
            .label("the line can be read up to here")
            .help(hint(word));
    }
}

/// What to do about a word that no line can hold.
fn hint(word: &str) -> &'static str {
    const WORDS: [&str; 16] = [
        "and", "or", "not", "is", "in", "of", "has", "when", "where", "else", "use", "deny", "go",
        "expect", "matches", "starts",
    ];
    if WORDS.contains(&word) {
        return "this word is a keyword, and no name; as a value it stands in double quotes";
    }
    match word.chars().next() {
        Some('>' | '<' | '=' | '!' | '&' | '|') => {
            "comparisons are `is`, `is not`, `in`, `>`, `>=`, `<`, `<=`, `matches`, `starts with`, `has`"
        }
        Some('\'' | '`' | '“' | '”' | '‘' | '’') => {
            "strings stand in double quotes, and end on the line they begin on"
        }
        Some('/') => "paths and addresses stand in double quotes",
        Some('(' | ')') => "parentheses belong into conditions, in pairs",
        Some('[' | ']') => "a list is written one word after the other, without brackets",
        Some('€' | '£' | '¥') => "money is in dollars: `$5`, `$100/day`, `$3/Mtok`",
        Some('$' | '0'..='9' | '.' | '+' | '-') => {
            "numbers carry their unit: `300ms`, `20s`, `128k`, `$5`, `20%`"
        }
        _ => {
            "names are letters, digits, `-`, `_`, `.`, `/` and `:`; anything else stands in double quotes"
        }
    }
}
