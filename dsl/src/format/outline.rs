//! Pieces as lines: which belong to one statement, which blocks hold them, and where comments and empty lines stand.

use super::piece::{Piece, Sort};
use crate::tree::{Expr, Item, Kind, Stmt, Tree};
use std::iter::Peekable;
use std::vec::IntoIter;

/// Words that may begin a line of their own within a statement.
const VERBS: [&str; 3] = ["use", "deny", "go"];

/// A line of a block, or of the file.
#[derive(Debug)]
pub(super) struct Entry<'t> {
    /// An empty line stands before it.
    pub(super) blank: bool,
    pub(super) what: What<'t>,
}

/// What a line holds.
#[derive(Debug)]
pub(super) enum What<'t> {
    /// A comment on a line of its own.
    Comment(&'t str),
    Line(Line<'t>),
}

/// A statement.
#[derive(Debug)]
pub(super) struct Line<'t> {
    /// Without the block; comments inside are among them.
    pub(super) pieces: Vec<Piece<'t>>,
    /// The piece before which the statement may break: the first verb after a condition.
    pub(super) verb: Option<usize>,
    /// The sign of a condition that is nothing but one test and begins the line.
    pub(super) sign: Option<usize>,
    pub(super) block: Option<Block<'t>>,
    /// A comment behind it.
    pub(super) note: Option<&'t str>,
}

/// `{ … }`.
#[derive(Debug)]
pub(super) struct Block<'t> {
    pub(super) open: Piece<'t>,
    /// A comment behind the `{`.
    pub(super) note: Option<&'t str>,
    pub(super) body: Vec<Entry<'t>>,
    pub(super) close: Piece<'t>,
    /// It is written on one line.
    pub(super) flat: bool,
}

/// The lines of a file; in failure, a place where pieces and tree disagree.
pub(super) fn outline<'t>(tree: &Tree, pieces: Vec<Piece<'t>>) -> Result<Vec<Entry<'t>>, usize> {
    let mut outline = Outline {
        pieces: pieces.into_iter().peekable(),
    };
    let body = outline.body(&tree.body)?;
    match outline.pieces.next() {
        Some(piece) => Err(piece.start),
        None => Ok(body),
    }
}

struct Outline<'t> {
    pieces: Peekable<IntoIter<Piece<'t>>>,
}

impl<'t> Outline<'t> {
    fn body(&mut self, stmts: &[Stmt]) -> Result<Vec<Entry<'t>>, usize> {
        let mut entries = Vec::new();
        for stmt in stmts {
            self.comments(&mut entries);
            let blank = self.pieces.peek().is_some_and(|p| p.breaks > 1);
            let what = What::Line(self.line(stmt)?);
            entries.push(Entry { blank, what });
        }
        self.comments(&mut entries);
        Ok(entries)
    }

    fn comments(&mut self, entries: &mut Vec<Entry<'t>>) {
        while let Some(piece) = self.pieces.next_if(|p| p.sort == Sort::Comment) {
            entries.push(Entry {
                blank: piece.breaks > 1,
                what: What::Comment(piece.text),
            });
        }
    }

    /// A comment on the line that the piece before it ends.
    fn note(&mut self) -> Option<&'t str> {
        let piece = self
            .pieces
            .next_if(|p| p.sort == Sort::Comment && !p.leads())?;
        Some(piece.text)
    }

    fn line(&mut self, stmt: &Stmt) -> Result<Line<'t>, usize> {
        let pieces = self.own(stmt)?;
        let verb = verb(&pieces);
        let sign = sign(stmt, &pieces);
        let (block, note) = match &stmt.block {
            Some(block) => (Some(self.block(&block.body)?), self.note()),
            None => (None, self.note()),
        };
        Ok(Line {
            pieces,
            verb,
            sign,
            block,
            note,
        })
    }

    /// The pieces of a statement without its block.
    fn own(&mut self, stmt: &Stmt) -> Result<Vec<Piece<'t>>, usize> {
        let end = end(stmt);
        let mut own = Vec::new();
        let mut depth = 0_usize;
        loop {
            let inside = |p: &Piece<'_>| {
                (p.start < end || depth > 0) && !matches!(p.sort, Sort::Begin | Sort::End)
            };
            let Some(piece) = self.pieces.next_if(inside) else {
                break;
            };
            match piece.sort {
                Sort::Open => depth += 1,
                Sort::Shut => depth = depth.saturating_sub(1),
                _ => {}
            }
            own.push(piece);
        }
        if own.is_empty() || depth > 0 {
            return Err(stmt.span.start);
        }
        Ok(own)
    }

    fn block(&mut self, stmts: &[Stmt]) -> Result<Block<'t>, usize> {
        let open = self.brace(Sort::Begin)?;
        let note = self.note();
        let body = self.body(stmts)?;
        let close = self.brace(Sort::End)?;
        let flat = note.is_none() && !close.leads() && body.iter().all(Entry::is_flat);
        Ok(Block {
            open,
            note,
            body,
            close,
            flat,
        })
    }

    fn brace(&mut self, sort: Sort) -> Result<Piece<'t>, usize> {
        let at = self.pieces.peek().map_or(usize::MAX, |p| p.start);
        self.pieces.next_if(|p| p.sort == sort).ok_or(at)
    }
}

impl Entry<'_> {
    /// Whether it continues the line on which it begins, to its end.
    fn is_flat(&self) -> bool {
        match &self.what {
            What::Comment(_) => false,
            What::Line(line) => {
                line.note.is_none()
                    && line.pieces.iter().all(|p| !p.leads())
                    && line.block.as_ref().is_none_or(|block| block.flat)
            }
        }
    }
}

/// Where the last word of a statement ends; the place of a test may reach over the comment behind it.
fn end(stmt: &Stmt) -> usize {
    let mut end = stmt.span.start;
    match stmt.items.last() {
        Some(Item::Guard(guard)) => guard.expr.each_test(&mut |test| {
            let subject = test.subject.last().map(|word| word.span);
            let sign = test.sign.map(|(_, at)| at);
            let value = test.values.last().map(|word| word.span);
            let last = value.or(sign).or(subject);
            end = last.map_or(end, |last| last.end);
        }),
        Some(item) => end = item.span().end,
        None => {}
    }
    end
}

/// The first verb after a condition or an `else`.
fn verb(pieces: &[Piece<'_>]) -> Option<usize> {
    let is_else = |p: &Piece<'_>| p.sort == Sort::Word(Kind::Name) && p.text == "else";
    let after = pieces
        .iter()
        .position(|p| p.sort == Sort::Guard || is_else(p))?;
    let rest = pieces.iter().skip(after);
    let at = rest
        .take_while(|p| p.sort != Sort::Begin)
        .position(|p| p.sort == Sort::Word(Kind::Name) && VERBS.contains(&p.text))?;
    Some(after + at)
}

/// The sign of the only test of a line such as `expect cost < $1`.
fn sign(stmt: &Stmt, pieces: &[Piece<'_>]) -> Option<usize> {
    match stmt.items.as_slice() {
        [Item::Guard(guard)] if matches!(guard.expr, Expr::Test(_)) => {
            pieces.iter().position(|p| p.sort == Sort::Sign)
        }
        _ => None,
    }
}
