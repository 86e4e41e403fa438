//! What the events add up to: which versions there are, where their objects lie, which one is live, and the history.

use crate::canary::Canary;
use crate::digest::Digest;
use crate::error::StoreError;
use crate::event::{Event, Manifest};
use crate::journal::{Entry, Place};
use crate::version::{Action, HistoryEntry, Refs, VersionHead};
use std::collections::{BTreeMap, HashMap};

/// Digits of an id that must be given at least.
const PREFIX_DIGITS: usize = 6;

/// Everything but the content of the objects.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    versions: BTreeMap<String, (VersionHead, Manifest)>,
    /// Ids in the order of their first save.
    order: Vec<String>,
    refs: Refs,
    /// The hold is only there because what was promoted is not what the folder has.
    promoted: bool,
    /// What was live, oldest first; the last is live now. A rollback takes away what it goes back over, so that rolling
    /// back twice goes back twice.
    lived: Vec<String>,
    history: Vec<HistoryEntry>,
    objects: HashMap<Digest, Place>,
}

impl Catalogue {
    /// Adds what happened.
    pub(crate) fn apply(&mut self, entry: &Entry, event: Event) {
        self.locate(&event, entry.body);
        if let Some(manifest) = &event.manifest {
            let known = self.versions.insert(
                event.version.clone(),
                (head(&event, manifest), manifest.clone()),
            );
            if known.is_none() {
                self.order.push(event.version.clone());
            }
        }
        self.move_refs(&event);
        self.history.push(HistoryEntry {
            seq: entry.seq,
            at_unix_ms: event.at,
            author: event.author,
            action: event.action,
            version: event.version,
            reason: event.reason,
            terms: event.terms,
            hash: entry.hash.to_string(),
            prev: entry.prev.to_string(),
        });
    }

    fn locate(&mut self, event: &Event, body: Place) {
        let mut at = body.at;
        for object in &event.objects {
            let len = u64::from(object.len);
            self.objects.insert(object.hash, Place { at, len, ..body });
            at += len;
        }
    }

    fn move_refs(&mut self, event: &Event) {
        let version = event.version.clone();
        match event.action {
            Action::Save | Action::ForcedSave => {
                self.refs.folder = Some(version.clone());
                if self.promoted && self.refs.live.as_ref() == Some(&version) {
                    self.hold(None);
                }
                self.drafted(&version);
                if self.follows() {
                    self.go_live(version);
                }
            }
            Action::Draft | Action::ForcedDraft => self.refs.draft = Some(version),
            Action::Canary => {
                self.refs.canary = event.terms.clone().map(|terms| Canary {
                    version,
                    since_unix_ms: event.at,
                    terms,
                });
            }
            Action::EndCanary => {
                self.refs.canary = None;
                if let (None, Some(folder)) = (&self.refs.held, self.refs.folder.clone()) {
                    self.go_live(folder);
                }
            }
            Action::Rollback => {
                if let Some(at) = self.lived.iter().rposition(|lived| *lived == version) {
                    self.lived.truncate(at);
                }
                self.hold(Some(event.reason.clone()));
                self.go_live(version);
            }
            Action::Promote => {
                // What the folder has is followed again; anything else has to be held.
                let newest = self.refs.folder.as_ref() == Some(&version);
                self.hold((!newest).then(|| event.reason.clone()));
                self.promoted = !newest;
                self.go_live(version);
            }
            Action::Release => {
                self.hold(None);
                self.go_live(version);
            }
        }
    }

    fn hold(&mut self, reason: Option<String>) {
        self.refs.held = reason;
        self.promoted = false;
    }

    /// Whether what is saved goes live.
    pub(crate) fn follows(&self) -> bool {
        self.refs.held.is_none() && self.refs.canary.is_none()
    }

    /// A draft that is more than one now.
    fn drafted(&mut self, version: &str) {
        self.refs.draft.take_if(|draft| draft == version);
    }

    /// Whatever was tried out beside another version is over.
    fn go_live(&mut self, version: String) {
        self.refs.canary = None;
        self.drafted(&version);
        if self.lived.last() != Some(&version) {
            self.lived.push(version.clone());
        }
        self.refs.live = Some(version);
    }

    pub(crate) fn refs(&self) -> &Refs {
        &self.refs
    }

    pub(crate) fn history(&self) -> &[HistoryEntry] {
        &self.history
    }

    /// Where the journal has an object.
    pub(crate) fn place(&self, object: &Digest) -> Option<Place> {
        self.objects.get(object).copied()
    }

    /// Every object and where it lies.
    pub(crate) fn objects(&self) -> impl Iterator<Item = (Digest, Place)> {
        self.objects.iter().map(|(hash, place)| (*hash, *place))
    }

    /// Newest first.
    pub(crate) fn heads(&self) -> impl Iterator<Item = &VersionHead> {
        self.order
            .iter()
            .rev()
            .filter_map(|id| self.versions.get(id))
            .map(|(head, _)| head)
    }

    /// Whether a version was ever saved or served.
    pub(crate) fn was_used(&self, id: &str) -> bool {
        self.history.iter().any(|entry| {
            entry.version == id
                && matches!(
                    entry.action,
                    Action::Save
                        | Action::ForcedSave
                        | Action::Rollback
                        | Action::Promote
                        | Action::Release
                )
        })
    }

    pub(crate) fn contains(&self, id: &str) -> bool {
        self.versions.contains_key(id)
    }

    /// The version live before the present one.
    pub(crate) fn earlier(&self) -> Option<&str> {
        self.lived.iter().rev().nth(1).map(String::as_str)
    }

    /// The id that a ref has; anything else is one, or its beginning.
    fn named<'a>(&'a self, id: &'a str) -> Result<&'a str, StoreError> {
        let Refs {
            folder,
            live,
            draft,
            canary,
            ..
        } = &self.refs;
        let named = match id {
            "folder" => folder.as_deref(),
            "live" => live.as_deref(),
            "draft" => draft.as_deref(),
            "canary" => canary.as_ref().map(|canary| canary.version.as_str()),
            id => Some(id),
        };
        named.ok_or_else(|| StoreError::Nothing {
            name: id.to_owned(),
        })
    }

    /// The one version whose id is or begins with `id`, or that is called so.
    pub(crate) fn find(&self, id: &str) -> Result<&(VersionHead, Manifest), StoreError> {
        let prefix = self.named(id)?.trim().to_ascii_lowercase();
        if prefix.len() < PREFIX_DIGITS {
            return Err(StoreError::TooShort { prefix });
        }
        let fitting = || {
            self.versions
                .range(prefix.clone()..)
                .take_while(|(id, _)| id.starts_with(&prefix))
        };
        let mut found = fitting();
        match (found.next(), found.next()) {
            (None, _) => Err(StoreError::Unknown { id: id.to_owned() }),
            (Some((_, version)), None) => Ok(version),
            (Some(_), Some(_)) => {
                let candidates = fitting().map(|(id, _)| id.clone()).collect();
                Err(StoreError::Ambiguous { prefix, candidates })
            }
        }
    }
}

fn head(event: &Event, manifest: &Manifest) -> VersionHead {
    VersionHead {
        id: event.version.clone(),
        semantic: manifest.semantic.clone(),
        author: event.author.clone(),
        at_unix_ms: event.at,
        note: event.reason.clone(),
        forced: matches!(event.action, Action::ForcedSave | Action::ForcedDraft),
        files: manifest.files.len(),
        bytes: manifest
            .files
            .iter()
            .map(|file| u64::from(file.object.len))
            .sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOWHERE: Place = Place {
        segment: 1,
        at: 0,
        len: 0,
    };

    fn apply(catalogue: &mut Catalogue, action: Action, version: &str) {
        let manifest = Manifest {
            semantic: None,
            files: Vec::new(),
            plugins: Vec::new(),
            prices: None,
        };
        let new = action == Action::Save && !catalogue.contains(version);
        let event = Event {
            at: 0,
            author: "ann".to_owned(),
            reason: "why".to_owned(),
            action,
            version: version.to_owned(),
            terms: None,
            manifest: new.then_some(manifest),
            objects: Vec::new(),
        };
        let (prev, hash) = (Digest::NONE, Digest::NONE);
        let entry = Entry {
            seq: 1,
            kind: 1,
            prev,
            hash,
            head: Vec::new(),
            body: NOWHERE,
            whole: NOWHERE,
        };
        catalogue.apply(&entry, event);
    }

    fn saved(versions: &[&str]) -> Catalogue {
        let mut catalogue = Catalogue::default();
        for version in versions {
            apply(&mut catalogue, Action::Save, version);
        }
        catalogue
    }

    #[test]
    fn rolling_back_twice_goes_back_twice_and_never_to_what_was_rolled_back() {
        let mut catalogue = saved(&["aaaaaa", "bbbbbb", "cccccc"]);
        assert_eq!(catalogue.earlier(), Some("bbbbbb"));
        apply(&mut catalogue, Action::Rollback, "bbbbbb");
        assert_eq!(catalogue.earlier(), Some("aaaaaa"));
        apply(&mut catalogue, Action::Rollback, "aaaaaa");
        assert_eq!(catalogue.earlier(), None);
        apply(&mut catalogue, Action::Release, "cccccc");
        assert_eq!(catalogue.earlier(), Some("aaaaaa"));
    }

    #[test]
    fn a_prefix_finds_one_version_and_an_ambiguous_one_names_all_it_fits() {
        let catalogue = saved(&["abcdef11", "abcdef22", "abcdee33"]);
        assert_eq!(catalogue.find("abcdef1").unwrap().0.id, "abcdef11");
        assert_eq!(catalogue.find("ABCDEE").unwrap().0.id, "abcdee33");
        assert_eq!(catalogue.find("abcdef11").unwrap().0.id, "abcdef11");
        assert!(matches!(
            catalogue.find("abcde"),
            Err(StoreError::TooShort { .. })
        ));
        assert!(matches!(
            catalogue.find("abcdef3"),
            Err(StoreError::Unknown { .. })
        ));
        let Err(StoreError::Ambiguous { candidates, .. }) = catalogue.find("abcdef") else {
            panic!("not ambiguous")
        };
        assert_eq!(candidates, ["abcdef11", "abcdef22"]);
    }

    #[test]
    fn versions_are_listed_newest_first_and_a_second_save_does_not_list_one_twice() {
        let catalogue = saved(&["aaaaaa", "bbbbbb", "aaaaaa"]);
        assert_eq!(
            catalogue
                .heads()
                .map(|head| head.id.as_str())
                .collect::<Vec<_>>(),
            ["bbbbbb", "aaaaaa"]
        );
        assert_eq!(catalogue.refs().folder.as_deref(), Some("aaaaaa"));
    }
}
