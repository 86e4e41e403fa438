//! Blocks by indentation, and braces on lines of their own.

use super::edit::{Edit, Habit};
use super::scene::{Inside, Scene, Segment};
use super::tokens::Kind;
use crate::words::{self, Body, Place};

/// Blocks that are not written in braces that begin on their line.
pub(super) fn find(scene: &Scene<'_>, found: &mut Vec<Edit>) {
    below(scene, found);
    let mut opened = Vec::new();
    // Where the blocks end that indentation has opened.
    let mut open: Vec<usize> = Vec::new();
    for (number, segment) in scene.segments.iter().enumerate() {
        open.retain(|end| *end > number);
        if let Some(end) = indented(scene, number, segment, !open.is_empty()) {
            open.push(end);
            opened.push((segment, end));
        }
    }
    // Inner blocks are closed first.
    for (head, end) in opened.into_iter().rev() {
        let last = scene.segments.get(end - 1).map_or(0, |s| s.tokens.end);
        found.push(braces(scene, head, line_end(scene, last.saturating_sub(1))));
    }
}

/// `{` on a line of its own.
fn below(scene: &Scene<'_>, found: &mut Vec<Edit>) {
    for at in 1..scene.tokens.len() {
        let line = |at: usize| scene.tokens.get(at).map(|t| t.line);
        let head = at - 1;
        let alone = scene.sign(at, &["{"]) && line(head) != line(at);
        if alone && !scene.sign(head, &["{", "}"]) && !scene.is(head, Kind::Comment) {
            let gap = scene.range(head).end..scene.range(at).start;
            found.push(Edit::of(Habit::BraceBelow, scene.range(at), gap, " "));
        }
    }
}

/// The segment behind the block of a head that has no brace; `within` another such block.
fn indented(scene: &Scene<'_>, number: usize, head: &Segment, within: bool) -> Option<usize> {
    let last = head.tokens.end - 1;
    let colon = scene.sign(last, &[":"]);
    let first = head.tokens.start;
    let next = scene.segments.get(number + 1)?;
    let braced = scene.sign(head.tokens.end, &["{"]) || scene.sign(next.tokens.start - 1, &["{"]);
    let start = next.tokens.start;
    let goes_on = scene.continues(start) || scene.says(start, &["and", "or"]);
    let starts = head.inside == Inside::Free || head.chained || braced || goes_on;
    if starts || !(colon || needs_block(scene.said(first), head.depth, within)) {
        return None;
    }
    let width = |s: &Segment| scene.indent(s.tokens.start).len();
    let deeper = |s: &Segment| width(s) > width(head) && s.depth == head.depth;
    let body = scene.segments.iter().skip(number + 1);
    let count = body.take_while(|s| deeper(s)).count();
    (count > 0).then_some(number + 1 + count)
}

/// Whether a statement cannot be without a block.
fn needs_block(word: &str, depth: usize, within: bool) -> bool {
    let top = depth == 0 && !within;
    words::named(word).any(|entry| {
        let at_top = entry.within.contains(&Place::File);
        match entry.block {
            Body::Must(_) => at_top == top,
            Body::May(_) => within && word == "model",
            Body::None | Body::Strategy => false,
        }
    })
}

/// The braces of a block that ends at `end`.
fn braces(scene: &Scene<'_>, head: &Segment, end: usize) -> Edit {
    let last = head.tokens.end - 1;
    let behind = scene.range(last).end;
    let colon = scene.sign(last, &[":"]);
    let opening = if colon {
        scene.range(last)
    } else {
        behind..behind
    };
    let closing = format!("\n{}}}", scene.indent(head.tokens.start));
    Edit {
        habit: Habit::Indented,
        at: scene.range(head.tokens.start).start..behind,
        parts: vec![(opening, " {".to_owned()), (end..end, closing)],
    }
}

/// The end of the line of a token, behind its comment.
fn line_end(scene: &Scene<'_>, at: usize) -> usize {
    let end = scene.range(at).end;
    let rest = scene.text.get(end..).unwrap_or_default();
    let line = rest.split('\n').next().unwrap_or_default();
    end + line.trim_end().len()
}
