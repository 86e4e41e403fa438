//! The canonical layout of a file: `mux policy fmt`.
//!
//! `piece` cuts the text along its tree, `outline` says which pieces make a line, `form` on how many lines each is
//! written, `column` says what may stand under what, `align` and `table` align, `layout` writes, and `proof` holds the result against the source: what would
//! mean something else, or would have lost a comment, is never handed out.

mod align;
mod column;
mod form;
mod layout;
mod outline;
mod page;
mod piece;
mod proof;
mod table;
#[cfg(test)]
mod tests;
mod upgrade;

use crate::diagnostic::Diagnostic;
use crate::parse;
use crate::report::Report;
use crate::secret;
use crate::source::{FileId, Sources};
use crate::tree::Tree;
use piece::{Piece, Sort, pieces};
use std::fmt;

/// Why a file was not laid out.
#[derive(Debug)]
pub enum Unformatted {
    /// It cannot be read, or holds a credential.
    Wrong {
        /// What is wrong with it.
        diagnostics: Vec<Diagnostic>,
        /// The file, to render them with.
        sources: Sources,
    },
    /// The result would not have said the same: a defect of mux.
    Fault {
        /// The file.
        path: String,
        /// A line near which it happened, where that is known.
        line: Option<usize>,
    },
}

impl fmt::Display for Unformatted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong { diagnostics, .. } => {
                let first = diagnostics.first().map_or("", |d| d.message.as_str());
                write!(f, "the file cannot be read: {first}")
            }
            Self::Fault { path, line } => {
                write!(f, "the layout of `{path}` would not say the same")?;
                match line {
                    Some(line) => write!(f, ", near line {line}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for Unformatted {}

/// Most times that a layout is laid out again until it stays as it is.
const SETTLES: usize = 8;

/// The text of one file in its canonical layout; `path` is what diagnostics call it.
///
/// Names need not exist and values need not fit: the file must only be readable. Layout never changes what a file says
/// and never loses a comment; both are checked before the result is handed out.
///
/// # Errors
/// The file has mistakes of shape or holds a credential; or the check of the result failed.
pub fn formatted(path: &str, text: &str) -> Result<String, Unformatted> {
    let tree = read(path, text)?;
    let fault = |at: Option<usize>| Unformatted::Fault {
        path: path.into(),
        line: at.map(|at| text.bytes().take(at).filter(|b| *b == b'\n').count() + 1),
    };
    let all = pieces(text, &tree).map_err(|at| fault(Some(at)))?;
    let said = comments(&all);
    let entries = outline::outline(&tree, all).map_err(|at| fault(Some(at)))?;
    let mut laid = layout::layout(entries);
    let mut again = read(path, &laid).map_err(|_| fault(None))?;
    // A column that is laid straight can make its neighbour worth laying straight too.
    for _ in 0..SETTLES {
        let kept = pieces(&laid, &again).map_err(|_| fault(None))?;
        let entries = outline::outline(&again, kept).map_err(|at| fault(Some(at)))?;
        let next = layout::layout(entries);
        if next == laid {
            break;
        }
        again = read(path, &next).map_err(|_| fault(None))?;
        laid = next;
    }
    let kept = pieces(&laid, &again).map_err(|_| fault(None))?;
    if proof::same(&tree, &again) && comments(&kept) == said {
        Ok(laid)
    } else {
        Err(fault(None))
    }
}

/// The same for all files of a bundle, with the `mux` line that pins the version of the language: raised to this version
/// where it is there, added to the root file where it is not. Nothing is added as long as a file cannot be read.
///
/// # Errors
/// As [`formatted`], file by file.
#[must_use]
pub fn upgraded(files: &[(&str, &str)]) -> Vec<Result<String, Unformatted>> {
    let trees: Result<Vec<(&str, Tree)>, Unformatted> = files
        .iter()
        .map(|(path, text)| Ok((*path, read(path, text)?)))
        .collect();
    let Ok(trees) = trees else {
        return files
            .iter()
            .map(|(path, text)| formatted(path, text))
            .collect();
    };
    let unpinned = upgrade::unpinned(&trees);
    let raised = files.iter().zip(&trees).enumerate();
    raised
        .map(|(at, ((path, text), (_, tree)))| {
            formatted(path, &upgrade::raised(text, tree, unpinned == Some(at)))
        })
        .collect()
}

/// The tree of a file without mistakes of shape.
fn read(path: &str, text: &str) -> Result<Tree, Unformatted> {
    let mut report = Report::default();
    let mut sources = Sources::default();
    let file = FileId(0);
    let shown = secret::strike(text, file, &mut report);
    let tree = parse::parse(&shown, file, &mut report);
    if !report.failed() {
        return Ok(tree);
    }
    sources.add(path, text.as_bytes().to_vec(), &shown);
    Err(Unformatted::Wrong {
        diagnostics: report.finish(&sources),
        sources,
    })
}

fn comments<'t>(pieces: &[Piece<'t>]) -> Vec<&'t str> {
    let comments = pieces.iter().filter(|p| p.sort == Sort::Comment);
    comments.map(|p| p.text).collect()
}
