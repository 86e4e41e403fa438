//! The paths a source file names, and the modules it declares.

use crate::architecture::tokens::Token;
use std::collections::BTreeSet;

/// A path such as `crate::a::b`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) segments: Vec<String>,
    /// From 1.
    pub(crate) line: usize,
    /// Modules of the same file it stands in.
    pub(crate) within: Vec<String>,
    pub(crate) import: Option<Import>,
}

/// What `use` makes of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Import {
    /// What it is called from here on; `*` is everything in it.
    pub(crate) name: String,
    /// `pub` in some measure.
    pub(crate) exported: bool,
}

/// One file.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    /// Modules in files of their own.
    pub(crate) children: Vec<String>,
    pub(crate) paths: Vec<Path>,
    /// Every word outside of imports.
    pub(crate) words: BTreeSet<String>,
}

/// Reads the tokens of one file.
pub(crate) fn outline(tokens: &[Token<'_>]) -> Outline {
    let mut reader = Reader {
        tokens,
        at: 0,
        depth: 0,
        within: Vec::new(),
        exported: false,
        outline: Outline::default(),
    };
    while reader.at < tokens.len() {
        reader.step();
    }
    reader.outline
}

struct Reader<'t, 'a> {
    tokens: &'t [Token<'a>],
    at: usize,
    depth: usize,
    /// Modules of this file that are open, with the depth of their braces.
    within: Vec<(String, usize)>,
    /// The item under way began with `pub`.
    exported: bool,
    outline: Outline,
}

impl<'a> Reader<'_, 'a> {
    fn text(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |token| token.text)
    }

    fn step(&mut self) {
        let text = self.text(self.at);
        match text {
            "mod" => self.module(),
            // `use<'a>` bounds a type.
            "use" if self.text(self.at + 1) != "<" => self.import(),
            _ if self.starts_path() => self.path(),
            _ => {
                match text {
                    "{" => self.depth += 1,
                    "}" => self.close(),
                    _ => {}
                }
                match text {
                    "pub" => self.exported = true,
                    // What may stand in `pub(in a::b)` and before an item.
                    "(" | ")" | "in" | "crate" | "super" | "self" => {}
                    _ => self.exported = false,
                }
                self.word();
                self.at += 1;
            }
        }
    }

    fn word(&mut self) {
        if self.tokens[self.at].is_word() {
            self.outline.words.insert(self.text(self.at).to_owned());
        }
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        if self
            .within
            .last()
            .is_some_and(|(_, depth)| *depth == self.depth)
        {
            self.within.pop();
        }
    }

    fn module(&mut self) {
        let name = self.text(self.at + 1).to_owned();
        match self.text(self.at + 2) {
            ";" => self.outline.children.push(name),
            "{" => {
                self.within.push((name, self.depth));
                self.depth += 1;
            }
            _ => {
                self.at += 1;
                return;
            }
        }
        self.exported = false;
        self.at += 3;
    }

    fn starts_path(&self) -> bool {
        self.tokens[self.at].is_word()
            && self.text(self.at + 1) == "::"
            && (self.at == 0 || !matches!(self.text(self.at - 1), "::" | "in"))
    }

    fn path(&mut self) {
        let line = self.tokens[self.at].line;
        let mut segments = Vec::new();
        loop {
            self.word();
            segments.push(self.text(self.at).to_owned());
            self.at += 1;
            let goes_on = self.text(self.at) == "::"
                && self.tokens.get(self.at + 1).is_some_and(Token::is_word);
            if !goes_on {
                break;
            }
            self.at += 1;
        }
        self.keep(segments, line, None);
    }

    fn import(&mut self) {
        self.at += 1;
        self.tree(&[]);
        self.exported = false;
        while self.at < self.tokens.len() && self.text(self.at) != ";" {
            self.at += 1;
        }
    }

    /// One branch of an import: `a::b`, `a::{…}`, `a::*`, `a as b`.
    fn tree(&mut self, stem: &[String]) {
        let mut segments = stem.to_vec();
        let line = self.tokens.get(self.at).map_or(0, |token| token.line);
        loop {
            let text = self.text(self.at);
            self.at += 1;
            match text {
                "::" => {}
                "*" => return self.imported(segments, "*", line),
                "{" => {
                    while !matches!(self.text(self.at), "}" | "") {
                        self.tree(&segments);
                        if self.text(self.at) == "," {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                "self" if !segments.is_empty() => {}
                "as" => {
                    let name = self.text(self.at).to_owned();
                    self.at += 1;
                    return self.imported(segments, &name, line);
                }
                _ if !text.starts_with(|c: char| c.is_alphanumeric() || c == '_') => {
                    self.at -= 1;
                    let name = segments.last().cloned().unwrap_or_default();
                    return self.imported(segments, &name, line);
                }
                word => segments.push(word.to_owned()),
            }
        }
    }

    fn imported(&mut self, segments: Vec<String>, name: &str, line: usize) {
        let import = Import {
            name: name.to_owned(),
            exported: self.exported,
        };
        self.keep(segments, line, Some(import));
    }

    fn keep(&mut self, segments: Vec<String>, line: usize, import: Option<Import>) {
        let within = self.within.iter().map(|(name, _)| name.clone()).collect();
        self.outline.paths.push(Path {
            segments,
            line,
            within,
            import,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::tokens::tokens;

    fn told(text: &str) -> Vec<String> {
        let outline = outline(&tokens(text));
        let tell = |path: &Path| {
            let import = path.import.as_ref().map_or(String::new(), |import| {
                format!(
                    " {}{}",
                    if import.exported { "pub " } else { "" },
                    import.name
                )
            });
            format!(
                "{}{}{import}",
                path.within.concat(),
                path.segments.join("::")
            )
        };
        outline.paths.iter().map(tell).collect()
    }

    #[test]
    fn imports_are_read_branch_by_branch() {
        assert_eq!(
            told("pub(crate) use crate::a::{self, b::*, C as D}; use super::e;"),
            [
                "crate::a pub a",
                "crate::a::b pub *",
                "crate::a::C pub D",
                "super::e e"
            ]
        );
    }

    #[test]
    fn paths_in_code_are_read_and_methods_are_not() {
        assert_eq!(
            told("fn f() -> x::Y { crate::a::b(1).c::<d>(); pub(in crate::z) e::<f::g>() }"),
            ["x::Y", "crate::a::b", "c", "e", "f::g"]
        );
    }

    #[test]
    fn modules_in_files_are_children_and_others_are_places() {
        let text = "mod a; pub mod b { use super::c; } use d::e;";
        assert_eq!(outline(&tokens(text)).children, ["a"]);
        assert_eq!(told(text), ["bsuper::c c", "d::e e"]);
    }
}
