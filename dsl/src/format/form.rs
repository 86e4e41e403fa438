//! How a line can be written: on one line with columns to align, or on several.

use super::column::{Column, columns, kin};
use super::outline::{Block, Line, What};
use super::piece::{Piece, Sort, width};

/// Columns a line may take before it is broken, where it can be.
pub(super) const WIDTH: usize = 100;

/// A line of a block, ready to be aligned with its neighbours.
#[derive(Debug)]
pub(super) struct Form<'t> {
    /// An empty line stands before it.
    pub(super) blank: bool,
    pub(super) shape: Shape<'t>,
}

/// On how many lines it is written.
#[derive(Debug)]
pub(super) enum Shape<'t> {
    Comment(&'t str),
    Flat(Flat<'t>),
    /// Several lines, or a block.
    Tall(Line<'t>),
}

/// A statement on one line.
#[derive(Debug)]
pub(super) struct Flat<'t> {
    pub(super) pieces: Vec<Piece<'t>>,
    /// Blanks before each piece.
    pub(super) gaps: Vec<usize>,
    pub(super) columns: Vec<Column>,
    /// Lines that have this in common can share columns.
    pub(super) kin: &'t str,
    pub(super) note: Option<&'t str>,
}

/// The form of a line that stands at `indent`.
pub(super) fn form(blank: bool, what: What<'_>, indent: usize) -> Form<'_> {
    let shape = match what {
        What::Comment(text) => Shape::Comment(text),
        What::Line(line) => match flat(&line, indent) {
            Some(pieces) => Shape::Flat(Flat::new(&line, pieces, indent == 0)),
            None => Shape::Tall(line),
        },
    };
    Form { blank, shape }
}

/// The whole statement as one line, if it may be one.
fn flat<'t>(line: &Line<'t>, indent: usize) -> Option<Vec<Piece<'t>>> {
    let breaks = line.verb.is_some_and(|verb| leads(&line.pieces, verb));
    if breaks || line.pieces.iter().any(|p| p.sort == Sort::Comment) {
        return None;
    }
    let mut pieces = line.pieces.clone();
    if let Some(block) = &line.block {
        pieces.extend(block.flattened()?);
    }
    let breakable = line.block.is_some() || pieces.iter().any(|p| p.sort == Sort::Guard);
    (!breakable || indent + width(&pieces) <= WIDTH).then_some(pieces)
}

/// Whether the piece at `at` starts a line.
fn leads(pieces: &[Piece<'_>], at: usize) -> bool {
    pieces.get(at).is_some_and(Piece::leads)
}

impl Line<'_> {
    /// Where the verb goes to a line of its own, with the comments above it: where it is written so, or where the line is
    /// too long. Not where another condition follows it: on its own, `use … when …` reads as a rule written backwards.
    pub(super) fn turn(&self, indent: usize) -> Option<usize> {
        let opens = if self.block.is_some() { 2 } else { 0 };
        let verb = self.verb.filter(|verb| {
            leads(&self.pieces, *verb) || indent + width(&self.pieces) + opens > WIDTH
        })?;
        let behind = self.pieces.get(verb..).unwrap_or_default();
        if behind.iter().any(|piece| piece.text == "when") {
            return None;
        }
        let before = self.pieces.iter().take(verb).rev();
        let above = before.take_while(|p| p.sort == Sort::Comment && p.leads());
        Some(verb - above.count())
    }
}

impl<'t> Block<'t> {
    /// All its pieces, if it is written on one line.
    pub(super) fn flattened(&self) -> Option<Vec<Piece<'t>>> {
        if !self.flat {
            return None;
        }
        let mut pieces = vec![self.open];
        for entry in &self.body {
            let What::Line(line) = &entry.what else {
                return None;
            };
            pieces.extend_from_slice(&line.pieces);
            if let Some(block) = &line.block {
                pieces.extend(block.flattened()?);
            }
        }
        pieces.push(self.close);
        Some(pieces)
    }
}

impl<'t> Flat<'t> {
    fn new(line: &Line<'t>, pieces: Vec<Piece<'t>>, top: bool) -> Self {
        let apart = |(at, piece): (usize, &Piece<'_>)| {
            let before = at.checked_sub(1).and_then(|before| pieces.get(before));
            usize::from(before.is_some_and(|before| piece.apart_from(before)))
        };
        let gaps = pieces.iter().enumerate().map(apart).collect();
        let kin = kin(line, &pieces);
        let columns = columns(line, &pieces, kin, top);
        Self {
            pieces,
            gaps,
            columns,
            kin,
            note: line.note,
        }
    }

    /// Whether it is a row of a table.
    pub(super) fn is_row(&self) -> bool {
        self.pieces.first().is_some_and(|p| p.sort == Sort::Bar)
    }

    /// Columns up to the end of the piece before `at`.
    pub(super) fn before(&self, at: usize) -> usize {
        let pieces = self.pieces.iter().zip(&self.gaps).take(at);
        pieces.map(|(piece, gap)| gap + piece.width()).sum()
    }

    /// Sets the blanks before the piece at `at`.
    pub(super) fn part(&mut self, at: usize, blanks: usize) {
        if let Some(gap) = self.gaps.get_mut(at) {
            *gap = blanks;
        }
    }

    /// Blanks before the piece at `at`, as written.
    pub(super) fn written(&self, at: usize) -> usize {
        self.pieces.get(at).map_or(1, Piece::written)
    }
}
