//! Braces: too many of them, and those that are missing.

use crate::report::Report;
use crate::source::Span;
use crate::tree::Stmt;

/// Deepest nesting of braces and of parentheses that is read.
pub(super) const DEPTH: usize = 32;

/// The first bracket beyond [`DEPTH`], outside strings and comments.
pub(super) fn too_deep(text: &str) -> Option<(usize, &'static str)> {
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

/// Reports a missing `}` once for a declaration, at the brace that seems to be meant.
pub(super) fn check(stmt: &mut Stmt, text: &str, report: &mut Report) {
    let Some(open) = innermost_open(stmt) else {
        return;
    };
    let (at, help) = match outdented(stmt, text) {
        Some(at) => (
            at,
            "the `}` that ends it stands under an outer block: add a `}` where this block ends",
        ),
        None => (open, "add a `}` where the block ends"),
    };
    report
        .error("mux::syntax::unclosed", at, "this block is never closed")
        .label("no `}` for this `{`")
        .help(help);
    distrust(stmt);
}

/// The first block whose `}` stands further left than the line of its `{`: the one whose own `}` was forgotten.
fn outdented(stmt: &Stmt, text: &str) -> Option<Span> {
    let block = stmt.block.as_ref()?;
    let taken = block
        .close
        .is_some_and(|close| indent(close, text) < indent(block.open, text));
    if taken {
        Some(block.open)
    } else {
        block.body.iter().find_map(|inner| outdented(inner, text))
    }
}

fn indent(at: Span, text: &str) -> usize {
    let before = text.get(..at.start).unwrap_or_default();
    let line = text
        .get(before.rfind('\n').map_or(0, |n| n + 1)..)
        .unwrap_or_default();
    line.len() - line.trim_start_matches([' ', '\t']).len()
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
