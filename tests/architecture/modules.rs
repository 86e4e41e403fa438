//! The arrows between the modules of one crate.
//!
//! A path counts for the module that holds what it names, wherever it is re-exported: a parent that only declares and
//! re-exports its children uses none of them. Arrows are compared among brothers too, at every level: folders that use
//! each other are a circle even where no two of their files are.

use crate::architecture::fault::Fault;
use crate::architecture::files::Files;
use crate::architecture::manifest::Manifest;
use crate::architecture::paths::{Import, Outline, Path, outline};
use crate::architecture::rings::{Arrows, Place};
use crate::architecture::tokens::shipped;
use std::collections::{BTreeMap, BTreeSet};

/// Longest chain of re-exports that is followed.
const FOLLOWED: usize = 8;
/// What the module of a crate's first file is called.
const ROOT: &str = "crate";

type Name = Vec<String>;

struct Module {
    file: String,
    outline: Outline,
}

/// One crate, by the names of its modules; the root has the empty one.
struct Tree(BTreeMap<Name, Module>);

/// Cycles between modules, and imports of what the root of the crate re-exports, in every crate.
pub(crate) fn rings(files: &Files) -> Vec<Fault> {
    let mut faults = Vec::new();
    for manifest in Manifest::all(files) {
        let tree = Tree::of(files, &manifest.root());
        let arrows = tree.arrows().faults("module");
        // Where the files are brothers, both have the same circle.
        let mut brothers = tree.brothers().faults("module");
        brothers.retain(|fault| !arrows.contains(fault));
        faults.extend(arrows);
        faults.extend(brothers);
        faults.extend(tree.detours());
    }
    faults
}

impl Tree {
    fn of(files: &Files, root: &str) -> Self {
        let mut tree = Self(BTreeMap::new());
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        tree.grow(files, Vec::new(), root, folder);
        tree
    }

    /// Adds a module and its children, whose files lie in `folder`.
    fn grow(&mut self, files: &Files, name: Name, file: &str, folder: &str) {
        let Some(text) = files.text(file) else {
            return;
        };
        let outline = outline(&shipped(text));
        for child in &outline.children {
            let below = format!("{folder}/{child}");
            self.grow(files, join(&name, [child]), &format!("{below}.rs"), &below);
        }
        let file = file.to_owned();
        self.0.insert(name, Module { file, outline });
    }

    /// Which module uses which, and where.
    fn arrows(&self) -> Arrows {
        let mut arrows = Arrows::default();
        for (from, to, place) in self.uses() {
            arrows.draw(&shown(&from), &shown(&to), place);
        }
        arrows
    }

    /// The same among brothers: each arrow between the two branches in which its ends are.
    fn brothers(&self) -> Arrows {
        let mut arrows = Arrows::default();
        for (from, to, place) in self.uses() {
            let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
            if shared < from.len() && shared < to.len() {
                arrows.draw(&shown(&from[..=shared]), &shown(&to[..=shared]), place);
            }
        }
        arrows
    }

    fn uses(&self) -> Vec<(Name, Name, Place)> {
        let mut uses = Vec::new();
        for (name, module) in &self.0 {
            for path in &module.outline.paths {
                if self.is_facade(name, module, path) {
                    continue;
                }
                let held = self.resolve(name, path).into_iter();
                for to in held.flat_map(|whole| self.holders(&whole, FOLLOWED)) {
                    if to != *name {
                        uses.push((name.clone(), to, place(module, path)));
                    }
                }
            }
        }
        uses
    }

    /// Whether a path only hands a child's things on.
    fn is_facade(&self, name: &Name, module: &Module, path: &Path) -> bool {
        let Some(import) = path.import.as_ref().filter(|import| import.exported) else {
            return false;
        };
        let below = self
            .resolve(name, path)
            .is_some_and(|whole| whole.len() > name.len() && whole.starts_with(name));
        below && !module.outline.words.contains(&import.name)
    }

    /// A path from the root of the crate; none if it leads to another crate.
    fn resolve(&self, name: &Name, path: &Path) -> Option<Name> {
        let here = join(name, &path.within);
        let first = path.segments.first()?;
        if first == "crate" {
            return Some(path.segments[1..].to_vec());
        }
        if !matches!(first.as_str(), "self" | "super") {
            let child = join(&here, [first]);
            return self
                .0
                .contains_key(&child)
                .then(|| join(&here, &path.segments));
        }
        let mut base = here;
        let mut rest = path.segments.as_slice();
        while let Some((step, after)) = rest.split_first() {
            match step.as_str() {
                "self" => {}
                "super" => drop(base.pop()),
                _ => break,
            }
            rest = after;
        }
        Some(join(&base, rest))
    }

    /// The modules that hold what a whole path names: one, or several behind a `*`.
    fn holders(&self, whole: &[String], left: usize) -> BTreeSet<Name> {
        let known = |len: &usize| self.0.contains_key(&whole[..*len]);
        let len = (0..=whole.len()).rev().find(known).unwrap_or(0);
        let (name, rest) = (whole[..len].to_vec(), &whole[len..]);
        let mut holders = BTreeSet::new();
        if let (Some(module), Some((first, rest)), 1..) =
            (self.0.get(&name), rest.split_first(), left)
        {
            for (import, path) in imports(module) {
                if import.name == *first || import.name == "*" && import.exported {
                    let further = self.resolve(&name, path).map(|whole| {
                        let seen = if import.name == "*" {
                            join(&whole, [first])
                        } else {
                            whole
                        };
                        self.holders(&join(&seen, rest), left - 1)
                    });
                    holders.extend(further.into_iter().flatten());
                    if import.name == *first {
                        return holders;
                    }
                }
            }
        }
        holders.insert(name);
        holders
    }

    /// Modules that import what the root re-exports, instead of naming the module that holds it.
    fn detours(&self) -> Vec<Fault> {
        let Some(root) = self.0.get(&Name::new()) else {
            return Vec::new();
        };
        let exported: BTreeSet<&str> = imports(root)
            .filter(|(import, _)| import.exported)
            .map(|(import, _)| import.name.as_str())
            .collect();
        let mut faults = Vec::new();
        for (name, module) in self.0.iter().filter(|(name, _)| !name.is_empty()) {
            for path in &module.outline.paths {
                let first = self
                    .resolve(name, path)
                    .and_then(|whole| whole.first().cloned());
                if let Some(first) = first.filter(|first| exported.contains(first.as_str())) {
                    let text = format!(
                        "`crate::{first}` is a re-export for other crates; import it from the module that holds it"
                    );
                    faults.push(Fault::new(&module.file, path.line, text));
                }
            }
        }
        faults
    }
}

fn imports(module: &Module) -> impl Iterator<Item = (&Import, &Path)> {
    let paths = module.outline.paths.iter();
    paths.filter_map(|path| Some((path.import.as_ref()?, path)))
}

fn place(module: &Module, path: &Path) -> Place {
    Place {
        file: module.file.clone(),
        line: path.line,
    }
}

fn join<'a>(name: &'a [String], more: impl IntoIterator<Item = &'a String>) -> Name {
    name.iter().chain(more).cloned().collect()
}

fn shown(name: &[String]) -> String {
    if name.is_empty() {
        ROOT.to_owned()
    } else {
        name.join("::")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: (&str, &str) = ("a/Cargo.toml", "[package]\nname = \"mux-a\"\n");

    /// Faults of a crate of these modules, by file name below `src`.
    fn told(modules: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<(String, &str)> = modules
            .iter()
            .map(|(name, text)| (format!("a/src/{name}.rs"), *text))
            .collect();
        let mut all: Vec<(&str, &str)> = files
            .iter()
            .map(|(name, text)| (name.as_str(), *text))
            .collect();
        all.push(MANIFEST);
        rings(&Files::planted(&all))
            .iter()
            .map(Fault::to_string)
            .collect()
    }

    #[test]
    fn a_planted_cycle_is_found() {
        let told = told(&[
            ("lib", "mod x; mod y; mod z;"),
            ("x", "use crate::y::Y;"),
            ("y", "\nfn f() -> super::z::Z {}"),
            ("z", "use crate::{x::X};"),
        ]);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].starts_with(
                "a/src/x.rs:1: modules go in a circle: `x` uses `y` (a/src/x.rs:1), `y` uses `z` (a/src/y.rs:2), `z` uses `x`"
            ),
            "{told:?}"
        );
    }

    #[test]
    fn a_planted_two_way_pair_of_parent_and_child_is_found() {
        for parent in [
            "mod y; use y::Y;",
            "mod y; fn f() { y::g() }",
            "mod y; pub use y::Y; struct Z(Y);",
        ] {
            let told = told(&[("lib", "mod x;"), ("x", parent), ("x/y", "use super::Z;")]);
            assert_eq!(told.len(), 1, "{parent}: {told:?}");
            assert!(told[0].contains("`x` uses `x::y`"), "{told:?}");
        }
    }

    #[test]
    fn a_parent_that_only_declares_and_re_exports_uses_nothing() {
        let parent = "mod y; pub(crate) use self::y::Y; pub struct Z;";
        assert_eq!(
            told(&[("lib", "mod x;"), ("x", parent), ("x/y", "use super::Z;")]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_cycle_behind_a_re_export_is_found() {
        let told = told(&[
            ("lib", "mod w; mod x;"),
            ("w", "use crate::x::Y;"),
            ("x", "mod y; pub use y::*;"),
            ("x/y", "use crate::w;"),
        ]);
        assert!(
            told.iter().any(|fault| fault.contains("`w` uses `x::y`")),
            "{told:?}"
        );
    }

    #[test]
    fn folders_that_use_each_other_are_found_where_no_two_files_do() {
        let told = told(&[
            ("lib", "mod x; mod y;"),
            ("x", "mod a; mod b;"),
            ("x/a", "use crate::y::a;"),
            ("x/b", ""),
            ("y", "mod a; mod b;"),
            ("y/a", ""),
            ("y/b", "use crate::x::b;"),
        ]);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].contains("`x` uses `y` (a/src/x/a.rs:1)"),
            "{told:?}"
        );
    }

    #[test]
    fn tests_comments_and_other_crates_draw_no_arrows() {
        let told = told(&[
            ("lib", "mod x; mod y;"),
            (
                "x",
                "// crate::y\nuse std::y; #[cfg(test)] mod tests { use crate::y::Y; }",
            ),
            ("y", "use crate::x::X; use x::Z;"),
        ]);
        assert_eq!(told, Vec::<String>::new());
    }

    #[test]
    fn an_import_of_what_the_root_re_exports_is_found() {
        let told = told(&[
            ("lib", "mod x; mod y; pub use x::X; pub type Z = u8;"),
            ("x", ""),
            ("y", "use crate::Z;\nuse crate::X;"),
        ]);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].starts_with("a/src/y.rs:2: `crate::X` is a re-export"),
            "{told:?}"
        );
    }
}
