//! Where a gateway reads its policies: on the disk, on a branch of a git repository, or nowhere, where they were read before.

use crate::branch::{Branch, Snapshot};
use crate::command::author;
use crate::commit;
use crate::source::{Given, Source};
use std::path::Path;
use std::sync::Arc;

/// The place.
#[derive(Clone, Debug)]
pub(crate) enum Policies {
    /// A folder or a file.
    Disk(Source),
    /// A branch that is followed.
    Branch(Arc<Branch>),
    /// Files that were read before.
    Given(Arc<Given>),
}

/// The place as it is at a moment.
#[derive(Clone, Debug)]
pub(crate) enum Text {
    /// Files, which may change while they are read.
    Disk(Source),
    /// A commit.
    Commit(Snapshot),
    /// Files that were read before.
    Given(Arc<Given>),
}

impl Policies {
    /// A path, or a branch as [`Branch::parse`] has it.
    ///
    /// # Errors
    /// The path cannot be read, or the branch is not named well.
    pub(crate) fn new(place: &Path, data: &Path) -> Result<Self, String> {
        match Branch::parse(&place.to_string_lossy(), data)? {
            Some(branch) => Ok(Self::Branch(Arc::new(branch))),
            None => Source::new(place)
                .map(Self::Disk)
                .map_err(|e| format!("cannot read the policies: {e}")),
        }
    }

    /// The branch, where one is followed.
    #[must_use]
    pub(crate) fn branch(&self) -> Option<&Arc<Branch>> {
        match self {
            Self::Branch(branch) => Some(branch),
            Self::Disk(_) | Self::Given(_) => None,
        }
    }

    /// The folder to be watched, where there is one.
    #[must_use]
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Disk(source) => Some(source.folder()),
            Self::Branch(_) | Self::Given(_) => None,
        }
    }

    /// The place as it is now.
    ///
    /// # Errors
    /// A branch was never fetched.
    pub(crate) fn now(&self) -> Result<Text, String> {
        match self {
            Self::Disk(source) => Ok(Text::Disk(source.clone())),
            Self::Branch(branch) => branch.now().map(Text::Commit),
            Self::Given(given) => Ok(Text::Given(Arc::clone(given))),
        }
    }
}

impl Text {
    /// Names of the root files, in order.
    ///
    /// # Errors
    /// They cannot be listed, or there are none.
    pub(crate) fn roots(&self) -> Result<Vec<String>, String> {
        match self {
            Self::Disk(source) => {
                let roots = source
                    .roots()
                    .map_err(|e| format!("cannot read the policies: {e}"))?;
                if roots.is_empty() {
                    return Err(format!(
                        "there is no `.mux` file in `{}`",
                        source.path().display()
                    ));
                }
                Ok(roots)
            }
            Self::Commit(snapshot) => snapshot.roots(),
            Self::Given(given) => Ok(given.roots.clone()),
        }
    }

    /// Reads one file.
    ///
    /// # Errors
    /// In words for a diagnostic.
    pub(crate) fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        match self {
            Self::Disk(source) => source.read(name),
            Self::Commit(snapshot) => snapshot.read(name),
            Self::Given(given) => given.read(name),
        }
    }

    /// Who wrote it, as far as anybody can tell.
    #[must_use]
    pub(crate) fn author(&self) -> String {
        match self {
            Self::Disk(_) | Self::Given(_) => author(),
            Self::Commit(snapshot) => snapshot.commit().author.clone(),
        }
    }

    /// Where it was saved, and on which commit where that is known.
    #[must_use]
    pub(crate) fn note(&self) -> String {
        let source = match self {
            Self::Disk(source) => source,
            Self::Commit(snapshot) => return snapshot.note(),
            Self::Given(_) => return "as they were read before".to_owned(),
        };
        let path = source.path();
        let saved = format!("saved in {}", path.display());
        match commit::around(path) {
            Some((branch, commit)) => {
                let short: String = commit.chars().take(12).collect();
                let branch = branch.map_or_else(String::new, |branch| format!(" ({branch})"));
                format!("{saved}, on {short}{branch}")
            }
            None => saved,
        }
    }
}
