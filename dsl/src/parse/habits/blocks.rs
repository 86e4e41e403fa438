//! Blocks by indentation, and braces on lines of their own.

use super::edit::{Edit, Habit};
use super::scene::{Inside, Scene, Segment};
use super::tokens::Kind;
use crate::words::{self, Body, Place};

/// Blocks that are not written in braces that begin on their line.
pub(super) fn find(scene: &Scene<'_>, found: &mut Vec<Edit>) {
    below(scene, found);
    found.extend(scene.segments.iter().filter_map(|s| inline(scene, s)));
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

/// `{ try a/b, try c/d }`
fn inline(scene: &Scene<'_>, segment: &Segment) -> Option<Edit> {
    let (first, end) = (segment.tokens.start, segment.tokens.end);
    let open = first.checked_sub(1)?;
    let line = |at: usize| scene.tokens.get(at).map(|t| t.line);
    let closed = scene.sign(end, &["}"]) && line(open) == line(end);
    let whole = closed || line(open) == line(first) && line(end) != line(open);
    if !whole || !scene.sign(open, &["{"]) || segment.inside != Inside::Lines {
        return None;
    }
    let mut item = first;
    let mut commas = Vec::new();
    for at in segment.tokens.clone() {
        let next = at + 1;
        let priced = scene.says(item, &["price"]) && scene.says(next, &["input", "output"]);
        let begins = words::named(scene.said(next)).next().is_some()
            || super::arms::share(scene, next)
            || scene.aims(next);
        if scene.sign(at, &[",", ";"]) && next < end && begins && !priced {
            commas.push(at);
            item = next;
        }
    }
    if commas.is_empty() {
        return None;
    }
    let strategy = scene.strategy(segment);
    let word = |at: usize| match strategy {
        _ if !scene.aims(at) => "",
        "fallback" => "try ",
        // The first has got its word already.
        "cascade" if at > first => "try ",
        "ensemble" if at > first => "ask ",
        _ => "",
    };
    let indent = scene.indent(open);
    let before = |at: usize| format!("\n{indent}  {}", word(at));
    let last = if scene.sign(end - 1, &[",", ";"]) {
        end - 2
    } else {
        end - 1
    };
    let mut parts = vec![(
        scene.range(open).end..scene.range(first).start,
        before(first),
    )];
    parts.extend(
        commas
            .into_iter()
            .map(|at| (scene.spread(at), before(at + 1))),
    );
    if closed {
        let closing = scene.range(last).end..scene.range(end).start;
        parts.push((closing, format!("\n{indent}")));
    }
    let last = if closed { end } else { end - 1 };
    Some(Edit {
        habit: Habit::Inline,
        at: scene.range(open).start..scene.range(last).end,
        parts,
    })
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
