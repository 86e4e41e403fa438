//! The bundles that an editor has open: a folder each, files as the editor has them where they are open.

use super::position::Encoding;
use crate::bundle::{kinds, listed};
use mux_dsl::assist::Workspace;
use mux_dsl::{Diagnostic, Outside, Severity};
use mux_gateway::source::Source;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Open files and checked bundles.
#[derive(Debug, Default)]
pub(super) struct Folders {
    open: BTreeMap<PathBuf, String>,
    checked: BTreeMap<PathBuf, Workspace>,
    /// Files that something was said about, by folder: they are told when nothing is wrong any more.
    told: BTreeMap<PathBuf, BTreeSet<String>>,
}

impl Folders {
    /// The editor has a file, with this text.
    pub(super) fn open(&mut self, path: &Path, text: Option<&str>) {
        self.open
            .insert(path.to_owned(), text.unwrap_or_default().to_owned());
        self.forget(path);
    }

    /// The editor has it no more.
    pub(super) fn close(&mut self, path: &Path) {
        self.open.remove(path);
        self.forget(path);
    }

    /// What was found out about its folder may be stale.
    pub(super) fn forget(&mut self, path: &Path) {
        if let Some(folder) = path.parent() {
            self.checked.remove(folder);
        }
    }

    /// The bundle of a file, and the name of the file in it.
    pub(super) fn of(&mut self, path: &Path) -> Option<(&Workspace, String)> {
        let folder = path.parent()?;
        let name = path.file_name()?.to_string_lossy().into_owned();
        if !self.checked.contains_key(folder) {
            let checked = self.check(folder);
            self.checked.insert(folder.to_owned(), checked);
        }
        Some((self.checked.get(folder)?, name))
    }

    fn check(&self, folder: &Path) -> Workspace {
        let source = Source::new(folder).ok();
        let mut roots: BTreeSet<String> = source
            .as_ref()
            .and_then(|s| s.roots().ok())
            .unwrap_or_default()
            .into_iter()
            .collect();
        let here = self.open.keys().filter(|p| p.parent() == Some(folder));
        roots.extend(here.filter_map(|p| Some(p.file_name()?.to_string_lossy().into_owned())));
        let names: Vec<&str> = roots.iter().map(String::as_str).collect();
        let mut read = |name: &str| match self.open.get(&folder.join(name)) {
            Some(text) => Ok(text.clone().into_bytes()),
            None => source.as_ref().map_or_else(
                || Err("there is no such folder".to_owned()),
                |s| s.read(name),
            ),
        };
        let outside = Outside {
            kinds: &kinds,
            prices: &listed,
            force: false,
        };
        Workspace::within(&names, &mut read, outside)
    }

    /// What is to be said about every file of a bundle; nothing is said about files that are right, once.
    pub(super) fn diagnostics(
        &mut self,
        path: &Path,
        encoding: Encoding,
    ) -> Vec<(PathBuf, Vec<Value>)> {
        let Some(folder) = path.parent().map(Path::to_owned) else {
            return Vec::new();
        };
        let Some((workspace, name)) = self.of(path) else {
            return Vec::new();
        };
        let mut by_file: BTreeMap<String, Vec<Value>> =
            BTreeMap::from([(name.clone(), Vec::new())]);
        for diagnostic in &workspace.compiled().diagnostics {
            let file = diagnostic
                .labels
                .first()
                .map_or_else(|| name.clone(), |l| l.file.clone());
            by_file
                .entry(file)
                .or_default()
                .push(shown(diagnostic, workspace, &folder, encoding));
        }
        let said: BTreeSet<String> = by_file.keys().cloned().collect();
        let before = self.told.insert(folder.clone(), said).unwrap_or_default();
        for file in before {
            by_file.entry(file).or_default();
        }
        by_file
            .into_iter()
            .map(|(file, all)| (folder.join(file), all))
            .collect()
    }
}

fn shown(
    diagnostic: &Diagnostic,
    workspace: &Workspace,
    folder: &Path,
    encoding: Encoding,
) -> Value {
    let range = |file: &str, span| encoding.range(workspace.text(file).unwrap_or_default(), span);
    let first = diagnostic.labels.first();
    let mut message = diagnostic.message.clone();
    for more in first
        .map(|l| l.text.clone())
        .filter(|t| !t.is_empty())
        .into_iter()
        .chain(diagnostic.help.clone())
    {
        message.push('\n');
        message.push_str(&more);
    }
    let related: Vec<Value> = diagnostic.labels.iter().skip(1).map(|label| {
        json!({
            "location": { "uri": super::position::uri(&folder.join(&label.file)), "range": range(&label.file, label.span) },
            "message": label.text,
        })
    }).collect();
    json!({
        "range": first.map_or_else(|| encoding.range("", (0, 0)), |l| range(&l.file, l.span)),
        "severity": if diagnostic.severity == Severity::Error { 1 } else { 2 },
        "code": diagnostic.code,
        "source": "mux",
        "message": message,
        "relatedInformation": related,
    })
}
