//! Lines as text: what a block looks like, and where a long statement breaks.

use super::align;
use super::form::{Flat, Form, Shape, WIDTH, form};
use super::outline::{Block, Entry, Line};
use super::page::Page;
use super::piece::{Piece, Sort, width};
use super::table;

/// Blanks by which a block, and a verb on a line of its own, stand further right.
const STEP: usize = 2;

/// The text of a file.
pub(super) fn layout(entries: Vec<Entry<'_>>) -> String {
    let mut page = Page::default();
    body(entries, 0, &mut page);
    page.text()
}

fn body<'t>(entries: Vec<Entry<'t>>, indent: usize, page: &mut Page<'t>) {
    let entries = entries.into_iter();
    let mut forms: Vec<Form<'_>> = entries.map(|e| form(e.blank, e.what, indent)).collect();
    if indent == 0 {
        set_apart(&mut forms);
    }
    if let Some(first) = forms.first_mut() {
        first.blank = false;
    }
    align::align(&mut forms, indent);
    table::align(&mut forms);
    for form in forms {
        match form.shape {
            Shape::Comment(text) => page.line(form.blank, indent, text.to_owned()),
            Shape::Flat(flat) => {
                page.line(form.blank, indent, flat.text());
                page.note(flat.note);
            }
            Shape::Tall(line) => tall(line, form.blank, indent, page),
        }
    }
}

/// Puts an empty line before and after each declaration with a block.
fn set_apart(forms: &mut [Form<'_>]) {
    let mut before: Option<bool> = None;
    let (mut gap, mut blank) = (0, false);
    let mut missing = Vec::new();
    for (place, form) in forms.iter().enumerate() {
        blank |= form.blank;
        let tall = match &form.shape {
            Shape::Comment(_) => continue,
            Shape::Flat(_) => false,
            Shape::Tall(line) => line.block.is_some(),
        };
        if before.is_some_and(|before| before || tall) && !blank {
            missing.push(gap);
        }
        before = Some(tall);
        (gap, blank) = (place + 1, false);
    }
    for place in missing {
        if let Some(form) = forms.get_mut(place) {
            form.blank = true;
        }
    }
}

/// Writes a statement that takes several lines.
fn tall<'t>(line: Line<'t>, blank: bool, indent: usize, page: &mut Page<'t>) {
    let turn = line.turn(indent).unwrap_or(line.pieces.len());
    let (head, act) = line.pieces.split_at_checked(turn).unwrap_or_default();
    fill(head, blank, indent, page);
    let indent = if act.is_empty() {
        indent
    } else {
        indent + STEP
    };
    let flat = line.block.as_ref().and_then(Block::flattened);
    if let Some(flat) = flat.filter(|_| !act.is_empty()) {
        let whole = [act, &flat].concat();
        if indent + width(&whole) <= WIDTH {
            fill(&whole, false, indent, page);
            page.note(line.note);
            return;
        }
    }
    fill(act, false, indent, page);
    if let Some(block) = line.block {
        page.append(" {");
        page.note(block.note);
        body(block.body, indent + STEP, page);
        page.line(false, indent, "}".to_owned());
    }
    page.note(line.note);
}

/// Writes pieces on as few lines as hold them.
fn fill<'t>(mut pieces: &[Piece<'t>], mut blank: bool, indent: usize, page: &mut Page<'t>) {
    let mut at = indent;
    while let Some(first) = pieces.first() {
        let ends = match first.sort {
            Sort::Comment => 1,
            _ => line_end(pieces, at),
        };
        let (line, rest) = pieces.split_at_checked(ends).unwrap_or((pieces, &[]));
        if first.sort == Sort::Comment && !first.leads() {
            page.note(Some(first.text));
        } else {
            page.line(blank, at, joined(line));
        }
        if first.sort != Sort::Comment {
            at = indent + 2 * STEP;
        }
        (pieces, blank) = (rest, false);
    }
}

/// How many pieces the next line takes: up to the last `and` or `or` that fits, and best to one outside parentheses.
fn line_end(pieces: &[Piece<'_>], indent: usize) -> usize {
    let (mut column, mut depth) = (indent, 0_isize);
    let mut best: Option<(isize, usize)> = None;
    for (at, piece) in pieces.iter().enumerate() {
        if piece.sort == Sort::Comment {
            return at;
        }
        let before = at.checked_sub(1).and_then(|before| pieces.get(before));
        column += piece.width() + usize::from(before.is_some_and(|b| piece.apart_from(b)));
        if let Some((_, end)) = best.filter(|_| column > WIDTH) {
            return end;
        }
        match piece.sort {
            Sort::Open => depth += 1,
            Sort::Shut => depth -= 1,
            Sort::Joint if best.is_none_or(|(least, _)| depth <= least) => {
                best = Some((depth, at + 1));
            }
            _ => {}
        }
    }
    pieces.len()
}

/// Pieces on one line, with single blanks.
fn joined(pieces: &[Piece<'_>]) -> String {
    let mut text = String::new();
    let mut before: Option<&Piece<'_>> = None;
    for piece in pieces {
        if before.is_some_and(|before| piece.apart_from(before)) {
            text.push(' ');
        }
        text.push_str(piece.text);
        before = Some(piece);
    }
    text
}

impl Flat<'_> {
    fn text(&self) -> String {
        let mut text = String::new();
        for (piece, gap) in self.pieces.iter().zip(&self.gaps) {
            text.extend(std::iter::repeat_n(' ', *gap));
            text.push_str(piece.text);
        }
        text
    }
}
