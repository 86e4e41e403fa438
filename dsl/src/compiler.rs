//! The whole way from files to an [`Image`].

use crate::canon::{Hash, source_hash};
use crate::check;
use crate::decide::{Code, Image, Parts};
use crate::diagnostic::Diagnostic;
use crate::load;
use crate::mentions::Mentions;
use crate::outside::Outside;
use crate::pack::{Damage, Pack};
use crate::parse::{self, Parse};
use crate::report::Report;
use crate::source::Sources;
use std::collections::HashMap;

#[cfg(test)]
mod tests;

/// What became of a bundle.
#[derive(Debug)]
pub struct Compiled {
    /// Absent if, and only if, a diagnostic is an error.
    pub image: Option<Image>,
    /// Errors and warnings of all files, by file and place.
    pub diagnostics: Vec<Diagnostic>,
    /// Every file that was read.
    pub sources: Sources,
}

impl Compiled {
    /// The source hash: how the bundle is written, as opposed to [`Image::semantic`].
    #[must_use]
    pub fn source_hash(&self) -> Hash {
        source_hash(&self.sources)
    }

    /// The bundle in one file; `roots` are those it was compiled from. `None` where it has errors.
    #[must_use]
    pub fn packed(&self, roots: &[&str]) -> Option<Pack> {
        let (semantic, canonical) = self.image.as_ref()?.canonical();
        let hashes = (semantic.hash, self.source_hash());
        Some(Pack::new(&self.sources, roots, hashes, canonical))
    }

    /// Compiles what was packed; `kinds` as for [`compile`].
    ///
    /// # Errors
    /// It compiles to something else than the file says.
    pub fn unpacked(pack: &Pack, kinds: &dyn Fn(&str) -> bool) -> Result<Self, Damage> {
        let roots = pack.files().filter(|(_, root)| *root);
        let roots: Vec<&str> = roots.map(|(path, _)| path).collect();
        let mut read = |path: &str| {
            let bytes = pack.bytes(path).map(<[u8]>::to_vec);
            bytes.ok_or_else(|| "it is not in the file".to_owned())
        };
        let compiled = compile(&roots, &mut read, kinds);
        match compiled.packed(&roots) {
            Some(again) if again != *pack => Err(Damage::Other),
            _ => Ok(compiled),
        }
    }
}

/// Compiles a bundle; prices are those that its files say.
///
/// `roots` are its files: the top-level `.mux` files of a folder, or one file. `read` returns the bytes of a file, or why
/// it cannot, in words for people; `include` paths are relative to the including file, and each file is read once.
/// `kinds` says whether an adapter of this id is loaded; one that is not is a warning.
pub fn compile(
    roots: &[&str],
    read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    kinds: &dyn Fn(&str) -> bool,
) -> Compiled {
    compile_within(roots, read, Outside::unpriced(kinds, false))
}

/// The same, where a guarantee that does not hold is a warning and stops nothing.
pub fn compile_forced(
    roots: &[&str],
    read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    kinds: &dyn Fn(&str) -> bool,
) -> Compiled {
    compile_within(roots, read, Outside::unpriced(kinds, true))
}

/// The same, with all that its meaning hangs on.
///
/// A bundle is read as it is written, and only where that is not right as it is meant: habits of other languages are what can
/// never be right, so they are not looked for in what is.
pub fn compile_within(
    roots: &[&str],
    read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    outside: Outside<'_>,
) -> Compiled {
    // The files are those of one moment, however often they are read.
    let mut files = HashMap::new();
    let mut read = |path: &str| {
        let file = files.entry(path.to_owned());
        file.or_insert_with(|| read(path)).clone()
    };
    let written = pass(roots, &mut read, outside, parse::literally);
    if written.image.is_some() {
        return written;
    }
    pass(roots, &mut read, outside, parse::parse)
}

fn pass(
    roots: &[&str],
    read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    outside: Outside<'_>,
    parse: Parse,
) -> Compiled {
    let mut report = Report::default();
    let loaded = load::load(roots, read, parse, &mut report);
    let checked = check::check(&loaded, outside, &mut report);
    let image = (!report.failed()).then(|| {
        let mut code = Code::compile(
            checked.clauses,
            checked.guards,
            checked.tables,
            checked.space,
            &checked.laid,
            &checked.fleet,
        );
        code.mentions = Mentions::of(&loaded.trees, &loaded.sources);
        let parts = Parts {
            fleet: checked.fleet,
            plans: checked.plans,
            policies: checked.policies,
            tests: checked.tests,
            replays: checked.replays,
            guarantees: checked.guarantees,
            proofs: checked.proofs,
        };
        Image::new(parts, code)
    });
    Compiled {
        image,
        diagnostics: report.finish(&loaded.sources),
        sources: loaded.sources,
    }
}
