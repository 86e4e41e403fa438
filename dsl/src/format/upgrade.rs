//! The `mux 1` line, which pins the version of the language: where it belongs, and what it says.

use super::piece::{Sort, pieces};
use crate::load::beside;
use crate::tree::{Kind, Stmt, Tree, Word};
use crate::words::LANGUAGE;

/// Which of the files of a bundle a `mux` line is to be added to; none if one of them has it.
///
/// That is the first file that no other includes. Files of tests include what they test, and come last.
pub(super) fn unpinned(files: &[(&str, Tree)]) -> Option<usize> {
    if files.iter().any(|(_, tree)| version(tree).is_some()) {
        return None;
    }
    let included: Vec<String> = files
        .iter()
        .filter(|(path, _)| !is_of_tests(path))
        .flat_map(|(path, tree)| includes(path, tree))
        .collect();
    let mut roots: Vec<(bool, &str, usize)> = (0..)
        .zip(files)
        .filter(|(_, (path, _))| !included.iter().any(|other| other == path))
        .map(|(at, (path, _))| (is_of_tests(path), *path, at))
        .collect();
    roots.sort_unstable();
    // Files that include each other in a ring have no root; any of them will do.
    roots
        .first()
        .map(|(_, _, at)| *at)
        .or(files.first().map(|_| 0))
}

fn is_of_tests(path: &str) -> bool {
    path.ends_with("_test.mux")
}

/// The text with its `mux` line raised to this version, or with one added.
pub(super) fn raised(text: &str, tree: &Tree, add: bool) -> String {
    match version(tree) {
        Some(word) if word.text.parse::<u32>().is_ok_and(|v| v < LANGUAGE) => {
            let (before, after) = split(text, word.span.start, word.span.end);
            format!("{before}{LANGUAGE}{after}")
        }
        None if add => match header(text, tree) {
            Some(at) => {
                let (before, after) = split(text, at, at);
                format!("{before}\nmux {LANGUAGE}{after}")
            }
            None if text.trim_start().starts_with('#') => format!("mux {LANGUAGE}\n\n{text}"),
            None => format!("mux {LANGUAGE}\n{text}"),
        },
        _ => text.to_owned(),
    }
}

/// Where the comment ends that a file opens with and that is about all of it.
fn header(text: &str, tree: &Tree) -> Option<usize> {
    let pieces = pieces(text, tree).ok()?;
    let opening = pieces.iter().enumerate();
    let opening =
        opening.take_while(|(at, p)| p.sort == Sort::Comment && (*at == 0 || p.breaks < 2));
    let (last, comment) = opening.last()?;
    let is_attached = pieces.get(last + 1).is_some_and(|next| next.breaks < 2);
    let is_block = tree.body.first().is_some_and(|stmt| stmt.block.is_some());
    // A comment right above a block is about the block.
    (!is_attached || !is_block).then_some(comment.start + comment.text.len())
}

/// The number of a `mux` line.
fn version(tree: &Tree) -> Option<&Word> {
    tree.body.iter().find_map(|stmt| match words(stmt)[..] {
        [head, number] if head.says("mux") && number.kind == Kind::Quantity => Some(number),
        _ => None,
    })
}

/// The files that a file includes.
fn includes<'t>(path: &'t str, tree: &'t Tree) -> impl Iterator<Item = String> + 't {
    tree.body
        .iter()
        .filter_map(move |stmt| match words(stmt)[..] {
            [head, file] if head.says("include") && file.kind == Kind::Text => {
                Some(beside(path, &file.text))
            }
            _ => None,
        })
}

fn words(stmt: &Stmt) -> Vec<&Word> {
    stmt.items.iter().filter_map(|item| item.word()).collect()
}

fn split(text: &str, start: usize, end: usize) -> (&str, &str) {
    let before = text.get(..start).unwrap_or_default();
    (before, text.get(end..).unwrap_or_default())
}
