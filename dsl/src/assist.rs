//! What an editor asks about a bundle while somebody types: what a word means, where it is declared, who uses it, and what
//! could stand here. Places are bytes of the text as it may be shown, which has the length of the text as it is.

mod complete;
mod hover;
mod symbol;
mod view;

use crate::compiler::{Compiled, compile_within};
use crate::decide::Image;
use crate::load::{self, Loaded};
use crate::outside::Outside;
use crate::parse;
use crate::report::Report;
use crate::source::Span;
use crate::tree::{Kind, Stmt};
pub use complete::Completion;
pub use hover::Hover;
use serde::Serialize;
use std::sync::Arc;
use symbol::{Occurrence, occurrences};
use view::View;

/// A bundle as it stands in an editor, with whatever is wrong with it.
#[derive(Debug)]
pub struct Workspace {
    loaded: Loaded,
    compiled: Compiled,
    image: Option<Arc<Image>>,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Path of the file.
    pub file: String,
    /// Bytes, end exclusive.
    pub span: (usize, usize),
}

/// Something that can be run where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lens {
    /// The line it is shown above.
    pub place: Place,
    /// Name of the test or guarantee.
    pub name: String,
}

impl Workspace {
    /// Reads a bundle; see [`crate::compile`] for what is passed.
    pub fn new(
        roots: &[&str],
        read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
        kinds: &dyn Fn(&str) -> bool,
    ) -> Self {
        Self::within(roots, read, Outside::unpriced(kinds, false))
    }

    /// The same; see [`compile_within`].
    pub fn within(
        roots: &[&str],
        read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
        outside: Outside<'_>,
    ) -> Self {
        let mut compiled = compile_within(roots, read, outside);
        Self {
            loaded: load::load(roots, read, parse::parse, &mut Report::default()),
            image: compiled.image.take().map(Arc::new),
            compiled,
        }
    }

    /// The bundle, where nothing is wrong with it.
    #[must_use]
    pub fn image(&self) -> Option<&Arc<Image>> {
        self.image.as_ref()
    }

    /// What the compiler says of it; the image is at [`Workspace::image`].
    #[must_use]
    pub fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// The text of a file as it may be shown.
    #[must_use]
    pub fn text(&self, file: &str) -> Option<&str> {
        self.loaded.sources.shown(file)
    }

    /// What the word at a place means, in Markdown.
    #[must_use]
    pub fn hover(&self, file: &str, at: usize) -> Option<Hover> {
        hover::hover(self.view(), file, at)
    }

    /// What could be written at a place.
    #[must_use]
    pub fn complete(&self, file: &str, at: usize) -> Vec<Completion> {
        let text = self.text(file).unwrap_or_default();
        complete::complete(text.get(..at).unwrap_or(text), &self.loaded.trees)
    }

    /// Where the name at a place is declared.
    #[must_use]
    pub fn definition(&self, file: &str, at: usize) -> Option<Place> {
        let declared = self.view().declaration(&self.at(file, at)?)?;
        Some(self.place(declared.span))
    }

    /// Every place that speaks of what the name at a place is called, its declaration first.
    #[must_use]
    pub fn references(&self, file: &str, at: usize) -> Vec<Place> {
        let Some(name) = self.at(file, at) else {
            return Vec::new();
        };
        let mut all = occurrences(&self.loaded.trees);
        all.retain(|o| o.same(&name));
        all.sort_by_key(|o| (!o.declares, o.span));
        all.iter().map(|o| self.place(o.span)).collect()
    }

    /// The edits that give the name at a place another one: places, and what to write there.
    ///
    /// # Errors
    /// There is no name here, the new one is none, or it is taken; the text says which.
    pub fn rename(&self, file: &str, at: usize, to: &str) -> Result<Vec<(Place, String)>, String> {
        let name = self
            .at(file, at)
            .ok_or("there is no name here that can be changed")?;
        let bare = to.strip_prefix('@').unwrap_or(to);
        let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let begins = bare.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !begins || !bare.chars().all(letter) || symbol::reserved(bare) {
            return Err(format!(
                "`{to}` is no name: letters, digits, `-`, `_` and `.`, a letter first"
            ));
        }
        let all = occurrences(&self.loaded.trees);
        let full = name.renamed(bare);
        if all
            .iter()
            .any(|o| o.declares && o.kind == name.kind && o.name == full)
        {
            return Err(format!(
                "there is a {} called `{full}` already",
                name.kind.noun()
            ));
        }
        if !all.iter().any(|o| o.declares && o.same(&name)) {
            return Err(format!(
                "`{}` is declared nowhere in these files",
                name.name
            ));
        }
        let edits = all
            .iter()
            .filter_map(|o| Some((self.place(o.span), o.edit(&name, bare)?)));
        Ok(edits.collect())
    }

    /// Tests and guarantees of a file.
    #[must_use]
    pub fn lenses(&self, file: &str) -> Vec<Lens> {
        let stmts = self.loaded.trees.iter().flat_map(|t| &t.body);
        let lens = |stmt: &Stmt| {
            let head = stmt.items.first()?.word()?;
            let name = stmt.items.get(1)?.word().filter(|w| w.kind == Kind::Text)?;
            let place = self.place(stmt.span);
            let runs = head.says("test") || head.says("guarantee");
            (runs && place.file == file).then(|| Lens {
                place,
                name: name.text.to_string(),
            })
        };
        stmts.filter_map(lens).collect()
    }

    fn at(&self, file: &str, at: usize) -> Option<Occurrence> {
        self.view().at(file, at)
    }

    fn view(&self) -> View<'_> {
        View {
            loaded: &self.loaded,
            image: self.image.as_deref(),
        }
    }

    fn place(&self, span: Span) -> Place {
        Place {
            file: self.loaded.sources.path(span.file).to_owned(),
            span: (span.start, span.end),
        }
    }
}
