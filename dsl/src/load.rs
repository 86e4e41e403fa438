//! Reads the files of a bundle: each once, its includes after it, the lists that sets are read from, and what judges score by.

use crate::diagnostic::Severity;
use crate::parse::Parse;
use crate::report::Report;
use crate::secret;
use crate::source::{FileId, Sources, Span};
use crate::tree::{Kind, Stmt, Tree, Word};
use std::collections::HashMap;

/// Largest file that is read.
const LARGEST: usize = 1 << 20;

/// Longest chain of includes.
const DEEPEST: usize = 64;

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) trees: Vec<Tree>,
    pub(crate) sources: Sources,
    /// Values of a list file, by the string that names it.
    pub(crate) lists: HashMap<Span, Vec<Box<str>>>,
    /// What judges score by, by the string that names it.
    pub(crate) rubrics: HashMap<Span, Rubric>,
}

/// A file that a judge scores by.
#[derive(Debug)]
pub(crate) struct Rubric {
    /// As seen from where policies are read.
    pub(crate) path: Box<str>,
    pub(crate) text: Box<str>,
}

/// Reads `roots` and what they name, each by `parse`.
pub(crate) fn load(
    roots: &[&str],
    read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    parse: Parse,
    report: &mut Report,
) -> Loaded {
    let mut loader = Loader {
        parse,
        loaded: Loaded::default(),
        done: Vec::new(),
        open: Vec::new(),
        read,
        report,
    };
    for root in roots {
        loader.file(&normal(root), None);
    }
    loader.loaded
}

struct Loader<'l> {
    parse: Parse,
    loaded: Loaded,
    done: Vec<String>,
    /// Files whose includes are being read.
    open: Vec<String>,
    read: &'l mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    report: &'l mut Report,
}

impl Loader<'_> {
    fn file(&mut self, path: &str, named: Option<Span>) {
        if let (Some(at), Some(from)) = (named, self.open.iter().position(|p| p == path)) {
            let mut ring: Vec<_> = self
                .open
                .iter()
                .skip(from)
                .map(|p| format!("`{p}`"))
                .collect();
            ring.push(format!("`{path}`"));
            self.report
                .error(
                    "mux::cycle::include",
                    at,
                    format!("these files include each other: {}", ring.join(" -> ")),
                )
                .help("each file loads once; delete one of the `include` lines");
            return;
        }
        if self.done.iter().any(|p| p == path) {
            return;
        }
        if let Some(at) = named.filter(|_| self.open.len() >= DEEPEST) {
            self.report
                .error(
                    "mux::cycle::include",
                    at,
                    format!("more than {DEEPEST} files lead here, each including the next"),
                )
                .help("include the files from one place instead");
            return;
        }
        self.done.push(path.to_owned());
        let Some((text, bytes)) = self.text(path, named) else {
            self.report.incomplete();
            return;
        };
        let file = self.loaded.sources.next();
        let shown = secret::strike(&text, file, self.report);
        self.loaded.sources.add(path, bytes, &shown);
        let tree = (self.parse)(&shown, file, self.report);
        self.open.push(path.to_owned());
        for stmt in &tree.body {
            self.follow(path, stmt);
        }
        self.open.pop();
        self.loaded.trees.push(tree);
    }

    /// Reads what an `include`, `set … from` or `judge … rubric` line names.
    fn follow(&mut self, path: &str, stmt: &Stmt) {
        let words: Vec<&Word> = stmt.items.iter().filter_map(|i| i.word()).collect();
        match words.as_slice() {
            [head, file] if head.says("include") && file.kind == Kind::Text => {
                self.file(&beside(path, &file.text), Some(file.span));
            }
            [head, _, from, file]
                if head.says("set") && from.says("from") && file.kind == Kind::Text =>
            {
                self.list(&beside(path, &file.text), file.span);
            }
            _ => {}
        }
        self.judges(path, stmt);
    }

    /// Reads what the `judge … rubric` lines inside a statement name.
    fn judges(&mut self, path: &str, stmt: &Stmt) {
        let words: Vec<&Word> = stmt.items.iter().filter_map(|i| i.word()).collect();
        if words.first().is_some_and(|head| head.says("judge")) {
            let named = words.windows(2).find_map(|pair| match pair {
                [rubric, file] if rubric.says("rubric") && file.kind == Kind::Text => Some(file),
                _ => None,
            });
            if let Some(file) = named {
                self.rubric(&beside(path, &file.text), file.span);
            }
        }
        for inner in stmt.block.iter().flat_map(|b| &b.body) {
            self.judges(path, inner);
        }
    }

    fn list(&mut self, path: &str, at: Span) {
        let Some((text, bytes)) = self.text(path, Some(at)) else {
            return;
        };
        let lines = text
            .lines()
            .map(str::trim)
            .filter(|l| !l.is_empty() && !l.starts_with('#'));
        self.loaded
            .lists
            .insert(at, lines.map(Into::into).collect());
        self.keep(path, bytes);
    }

    fn rubric(&mut self, path: &str, at: Span) {
        let Some((text, bytes)) = self.text(path, Some(at)) else {
            return;
        };
        if text.trim().is_empty() {
            self.report
                .error(
                    "mux::file::empty",
                    at,
                    format!("there is nothing in `{path}`"),
                )
                .help("a rubric says what makes an answer good, as one says it to a person");
            return;
        }
        let rubric = Rubric {
            path: path.into(),
            text: text.into(),
        };
        self.loaded.rubrics.insert(at, rubric);
        self.keep(path, bytes);
    }

    /// Lists a file that holds no policy, once.
    fn keep(&mut self, path: &str, bytes: Vec<u8>) {
        if !self.done.iter().any(|p| p == path) {
            self.done.push(path.to_owned());
            self.loaded.sources.add(path, bytes, "");
        }
    }

    fn text(&mut self, path: &str, named: Option<Span>) -> Option<(String, Vec<u8>)> {
        let (code, message) = match (self.read)(path) {
            Err(reason) => (
                "mux::file::unreadable",
                format!("`{path}` cannot be read: {reason}"),
            ),
            Ok(bytes) if bytes.len() > LARGEST => {
                ("mux::file::size", format!("`{path}` is larger than 1 MiB"))
            }
            Ok(bytes) if bytes.contains(&0) => {
                ("mux::file::binary", format!("`{path}` is no text file"))
            }
            Ok(bytes) => match String::from_utf8(bytes.clone()) {
                Ok(text) => return Some((text, bytes)),
                Err(_) => ("mux::file::binary", format!("`{path}` is no UTF-8 text")),
            },
        };
        match named {
            Some(at) => self
                .report
                .error(code, at, message)
                .help("paths are relative to the file that names them"),
            None => self
                .report
                .placeless(code, Severity::Error, message)
                .help("policies are UTF-8 text files of at most 1 MiB"),
        };
        None
    }
}

/// A path named in `file`, as seen from where `file` is seen.
pub(crate) fn beside(file: &str, named: &str) -> String {
    match file.rsplit_once('/') {
        Some((folder, _)) if !named.starts_with('/') => normal(&format!("{folder}/{named}")),
        _ => normal(named),
    }
}

/// Without `.`, and without `..` where it only undoes the part before it.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            "" if !parts.is_empty() => {}
            ".." if parts.last().is_some_and(|p| !p.is_empty() && *p != "..") => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts.join("/")
}

impl Sources {
    /// The id that the next file gets.
    fn next(&self) -> FileId {
        FileId(u32::try_from(self.iter().count()).unwrap_or(u32::MAX))
    }
}
