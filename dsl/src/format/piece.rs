//! A file as a row of pieces: the words of its tree, and the brackets, operators and comments between them.
//!
//! Words are taken from the tree and not read again, since words may stand side by side without a blank.

use crate::source::Span;
use crate::tree::{Expr, Guard, Item, Kind, Stmt, Tree, Word};

/// A piece of text, and how it stands after the one before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'t> {
    /// As it is written out again.
    pub(super) text: &'t str,
    pub(super) sort: Sort,
    /// Line ends between it and the piece before.
    pub(super) breaks: usize,
    /// Blanks before it on its line.
    pub(super) blanks: usize,
    /// Where it begins.
    pub(super) start: usize,
}

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Word(Kind),
    /// A word of a condition.
    Test,
    /// `when`, `where` or `expect`.
    Guard,
    /// `is`, `>` and the like.
    Sign,
    /// `and` or `or`.
    Joint,
    Not,
    /// `(`
    Open,
    /// `)`
    Shut,
    /// `{`
    Begin,
    /// `}`
    End,
    /// `|`
    Bar,
    /// `-` in a cell.
    Dash,
    Comment,
}

/// Every piece of a file that was read without an error; in failure, a place that holds something else.
pub(super) fn pieces<'t>(text: &'t str, tree: &Tree) -> Result<Vec<Piece<'t>>, usize> {
    let mut marks = Marks(Vec::new());
    tree.body.iter().for_each(|stmt| marks.stmt(stmt));
    let mut scan = Scan {
        text,
        at: 0,
        breaks: 0,
        blanks: 0,
        pieces: Vec::with_capacity(marks.0.len() * 2),
    };
    for mark in marks.0 {
        scan.gap(mark.at.start)?;
        let written = text.get(mark.at.start..mark.at.end).ok_or(mark.at.start)?;
        scan.push(mark.text.unwrap_or(written), mark.sort, mark.at.end);
    }
    scan.gap(text.len())?;
    Ok(scan.pieces)
}

/// A place that the tree knows.
struct Mark {
    at: Span,
    sort: Sort,
    /// Where it is not written out as it stands.
    text: Option<&'static str>,
}

struct Marks(Vec<Mark>);

impl Marks {
    fn add(&mut self, at: Span, sort: Sort) {
        self.0.push(Mark {
            at,
            sort,
            text: None,
        });
    }

    fn stmt(&mut self, stmt: &Stmt) {
        for item in &stmt.items {
            match item {
                Item::Word(word) => self.word(word),
                Item::Guard(guard) => self.guard(guard),
                Item::Row(row) => {
                    let words = row.cells.iter().filter_map(|(words, _)| words.as_ref());
                    words.flatten().for_each(|word| self.word(word));
                }
            }
        }
        if let Some(block) = &stmt.block {
            self.add(block.open, Sort::Begin);
            block.body.iter().for_each(|stmt| self.stmt(stmt));
            if let Some(close) = block.close {
                self.add(close, Sort::End);
            }
        }
    }

    fn word(&mut self, word: &Word) {
        self.add(word.span, Sort::Word(word.kind));
    }

    fn guard(&mut self, guard: &Guard) {
        self.add(guard.head.span, Sort::Guard);
        self.expr(&guard.expr);
    }

    fn expr(&mut self, expr: &Expr) {
        expr.each_test(&mut |test| {
            for word in &test.subject {
                self.add(word.span, Sort::Test);
            }
            if let Some((sign, at)) = test.sign {
                self.0.push(Mark {
                    at,
                    sort: Sort::Sign,
                    text: Some(sign.word()),
                });
            }
            for word in &test.values {
                self.add(word.span, Sort::Test);
            }
        });
    }
}

/// Reads what stands between the words.
struct Scan<'t> {
    text: &'t str,
    at: usize,
    breaks: usize,
    blanks: usize,
    pieces: Vec<Piece<'t>>,
}

impl<'t> Scan<'t> {
    fn push(&mut self, text: &'t str, sort: Sort, end: usize) {
        self.pieces.push(Piece {
            text,
            sort,
            breaks: std::mem::take(&mut self.breaks),
            blanks: std::mem::take(&mut self.blanks),
            start: self.at,
        });
        self.at = end;
    }

    fn gap(&mut self, end: usize) -> Result<(), usize> {
        while self.at < end {
            let rest = self.text.get(self.at..end).ok_or(self.at)?;
            let first = rest.chars().next().ok_or(self.at)?;
            match first {
                ' ' | '\t' | '\u{FEFF}' => {
                    self.at += first.len_utf8();
                    self.blanks += 1;
                }
                '\n' | '\r' => {
                    self.at += if rest.starts_with("\r\n") { 2 } else { 1 };
                    self.breaks += 1;
                    self.blanks = 0;
                }
                _ => self.piece(rest, first)?,
            }
        }
        Ok(())
    }

    fn piece(&mut self, rest: &'t str, first: char) -> Result<(), usize> {
        let ends = match first {
            '#' => rest.find(['\n', '\r']).unwrap_or(rest.len()),
            'a'..='z' => rest
                .find(|c: char| !c.is_ascii_lowercase())
                .unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (written, _) = rest.split_at_checked(ends).ok_or(self.at)?;
        let sort = match written {
            "(" => Sort::Open,
            ")" => Sort::Shut,
            "|" => Sort::Bar,
            "-" => Sort::Dash,
            "and" | "or" => Sort::Joint,
            "not" => Sort::Not,
            _ if first == '#' => Sort::Comment,
            _ => return Err(self.at),
        };
        self.push(written.trim_end(), sort, self.at + ends);
        Ok(())
    }
}

impl Piece<'_> {
    /// Columns it takes.
    pub(super) fn width(&self) -> usize {
        self.text.chars().count()
    }

    /// Whether it starts a line in the source.
    pub(super) fn leads(&self) -> bool {
        self.breaks > 0
    }

    /// Blanks before it, as written; at least one.
    pub(super) fn written(&self) -> usize {
        if self.leads() { 1 } else { self.blanks.max(1) }
    }

    /// A name that is no `PROVIDER/MODEL`.
    pub(super) fn is_plain(&self) -> bool {
        self.sort == Sort::Word(Kind::Name) && !self.text.contains('/')
    }

    /// Whether a blank parts it from `before` on one line.
    pub(super) fn apart_from(&self, before: &Self) -> bool {
        before.sort != Sort::Open && self.sort != Sort::Shut
    }
}

/// Columns that pieces take on one line, with single blanks.
pub(super) fn width(pieces: &[Piece<'_>]) -> usize {
    let words: usize = pieces.iter().map(Piece::width).sum();
    let blanks = pieces
        .windows(2)
        .filter(|pair| matches!(pair, [before, piece] if piece.apart_from(before)))
        .count();
    words + blanks
}
