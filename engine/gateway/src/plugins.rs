//! The adapters at hand: the embedded ones, and those dropped into the plugin folder, which replace them by id.
//!
//! A file that does not load, that nobody approved, or whose plugin fails again and again leaves the last good version of
//! that file in its place.

mod kept;

use kept::{Kept, name};
use mux_plugins::{Figures, Host, Judge, Plugin, Trust, preset};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// The adapter that speaks for a `kind`.
#[must_use]
pub fn adapter_of(kind: &str) -> &str {
    preset::of(kind).map_or(kind, |preset| preset.adapter)
}

/// Loads and keeps adapters.
#[derive(Debug)]
pub struct Plugins {
    host: Arc<Host>,
    folder: PathBuf,
    trust: Trust,
    kept: Kept,
    files: BTreeMap<PathBuf, Seen>,
    embedded: Vec<Embedded>,
}

/// An adapter that comes with mux.
#[derive(Debug)]
struct Embedded {
    id: &'static str,
    bytes: &'static [u8],
    /// Loaded when it is first asked for; `None` where it does not load.
    plugin: OnceLock<Option<Arc<Plugin>>>,
}

impl Embedded {
    fn load(&self, host: &Arc<Host>) -> Option<&Arc<Plugin>> {
        let load = || match host.load(self.id, self.bytes) {
            Ok(plugin) => Some(plugin),
            // The binary is damaged, or the machine forbids executable memory.
            Err(error) => {
                tracing::error!("the embedded adapter `{}` does not load: {error}", self.id);
                None
            }
        };
        self.plugin.get_or_init(load).as_ref()
    }
}

/// A file of the plugin folder.
#[derive(Debug)]
struct Seen {
    /// What it held, and whether that was allowed, when it was last looked at: an unchanged one is not compiled again.
    hash: blake3::Hash,
    allowed: Result<(), String>,
    /// Why what it holds is not served.
    wrong: Option<String>,
    /// What is served of it: what it holds, or the last good version.
    served: Option<Arc<Plugin>>,
}

impl Seen {
    fn is_current(&self) -> bool {
        let hash = self.hash.to_hex();
        let mut served = self.served.iter();
        served.any(|plugin| plugin.hash() == hash.as_str())
    }
}

impl Plugins {
    /// Those that are embedded. Each is compiled when a policy first names it: there are many, and few are used. Good
    /// versions of the folder's files are kept in `kept`.
    #[must_use]
    pub fn new(host: Arc<Host>, folder: &Path, trust: Trust, kept: &Path) -> Self {
        let embedded = mux_plugins::embedded().iter();
        Self {
            host,
            folder: folder.to_path_buf(),
            trust,
            kept: Kept::open(kept),
            files: BTreeMap::new(),
            embedded: embedded
                .map(|(id, bytes)| Embedded {
                    id,
                    bytes,
                    plugin: OnceLock::new(),
                })
                .collect(),
        }
    }

    /// The watched folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The lock, where one decides what may be loaded.
    #[must_use]
    pub fn lock(&self) -> Option<&Path> {
        self.trust.lock()
    }

    /// Says whom to tell when a plugin is set aside, so that [`refresh`](Self::refresh) can go back to an earlier version.
    pub fn tell(&self, tell: impl Fn() + Send + Sync + 'static) {
        self.host.tell(tell);
    }

    /// Looks at the folder again. Returns what changed, in words.
    pub fn refresh(&mut self) -> Vec<Change> {
        let Ok(paths) = self.candidates() else {
            // It may be back in a moment: nothing is forgotten.
            return Vec::new();
        };
        let mut changes = Vec::new();
        let trust = self.trust.clone();
        let judge = trust.judge();
        for path in &paths {
            let Ok(bytes) = std::fs::read(path) else {
                continue;
            };
            let (hash, allowed) = (blake3::hash(&bytes), judge.allow(path, &bytes));
            let known = self.files.get(path);
            let change = if known.is_some_and(|seen| seen.hash == hash && seen.allowed == allowed) {
                self.look_after(path, &judge)
            } else {
                Some(self.take_up(path, &bytes, hash, allowed, &judge))
            };
            changes.extend(change);
        }
        let gone = |path: &&PathBuf| !paths.contains(*path);
        let gone: Vec<PathBuf> = self.files.keys().filter(gone).cloned().collect();
        for file in gone {
            self.files.remove(&file);
            changes.push(Change {
                file,
                good: true,
                text: "removed".to_owned(),
            });
        }
        let names: BTreeSet<String> = paths.iter().map(|path| name(path)).collect();
        self.kept.only(&names);
        changes
    }

    /// Loads what a file holds now; where that cannot be served, the last good version stays or comes back.
    fn take_up(
        &mut self,
        path: &Path,
        bytes: &[u8],
        hash: blake3::Hash,
        allowed: Result<(), String>,
        judge: &Judge<'_>,
    ) -> Change {
        let file = name(path);
        let stem = path.file_stem().map(|stem| stem.to_string_lossy());
        let loaded = allowed.clone().and_then(|()| {
            if self.kept.is_aside(&file, &hash) {
                return Err(format!(
                    "this version was set aside, because too many of its calls failed: {}",
                    hash.to_hex()
                ));
            }
            let loaded = self.host.load(stem.as_deref().unwrap_or_default(), bytes);
            loaded.map_err(|error| error.to_string())
        });
        let before = self.files.remove(path).and_then(|seen| seen.served);
        let (served, wrong, text) = match loaded {
            Ok(plugin) => {
                self.kept.good(path, &hash, bytes);
                let text = format!("loaded `{}` {}", plugin.id(), plugin.version());
                (Some(plugin), None, text)
            }
            Err(why) => {
                let refused = hash.to_hex();
                let may_stay = |plugin: &Arc<Plugin>| {
                    plugin.hash() != refused.as_str() && judge.still_allows(plugin.hash())
                };
                let before = before.filter(may_stay);
                let served = before.or_else(|| self.earlier(path, &refused, judge));
                let text = match &served {
                    Some(plugin) => format!("{why}; `{}` stays {}", plugin.id(), plugin.version()),
                    None => why.clone(),
                };
                (served, Some(why), text)
            }
        };
        let good = wrong.is_none();
        self.files.insert(
            path.to_path_buf(),
            Seen {
                hash,
                allowed,
                wrong,
                served,
            },
        );
        Change {
            file: path.to_path_buf(),
            good,
            text,
        }
    }

    /// Goes back to an earlier version of a file, or to the embedded adapter, where what is served of it was set aside, or
    /// is not allowed any more.
    fn look_after(&mut self, path: &Path, judge: &Judge<'_>) -> Option<Change> {
        let sick = self.files.get(path)?.served.clone()?;
        let earlier = || self.earlier(path, sick.hash(), judge);
        if !judge.still_allows(sick.hash()) {
            let served = earlier();
            self.files.get_mut(path)?.served = served;
            return Some(Change {
                file: path.to_path_buf(),
                good: false,
                text: format!(
                    "`{}` {} is not approved any more",
                    sick.id(),
                    sick.version()
                ),
            });
        }
        sick.standing().aside()?;
        let earlier = earlier();
        let embedded = self.embedded.iter().any(|known| known.id == sick.id());
        if earlier.is_none() && !embedded {
            // There is nothing else: it gets another chance when its time is over.
            return None;
        }
        self.kept.set_aside(&name(path), sick.hash());
        let now = match &earlier {
            Some(plugin) => format!("{} is back", plugin.version()),
            None => "the one that comes with mux is back".to_owned(),
        };
        let why = format!(
            "`{}` {} is set aside, because too many of its calls failed: {now}, until the file is replaced",
            sick.id(),
            sick.version()
        );
        let seen = self.files.get_mut(path)?;
        seen.wrong = Some(why.clone());
        seen.served = earlier;
        Some(Change {
            file: path.to_path_buf(),
            good: false,
            text: why,
        })
    }

    /// The newest good version of a file but this one, where it is still allowed and loads.
    fn earlier(&self, path: &Path, than: &str, judge: &Judge<'_>) -> Option<Arc<Plugin>> {
        let file = name(path);
        let older = self.kept.older(&file, than).into_iter();
        let mut allowed = older.filter(|(path, bytes)| judge.allow(path, bytes).is_ok());
        allowed.find_map(|(_, bytes)| self.host.load(&file, &bytes).ok())
    }

    fn candidates(&self) -> std::io::Result<Vec<PathBuf>> {
        let entries = std::fs::read_dir(&self.folder)?;
        let paths = entries.filter_map(Result::ok).map(|e| e.path());
        let mut found: Vec<PathBuf> = paths
            .filter(|p| p.extension().is_some_and(|e| e == "wasm"))
            .collect();
        found.sort();
        Ok(found)
    }

    /// The adapter of a kind.
    #[must_use]
    pub fn get(&self, kind: &str) -> Option<&Arc<Plugin>> {
        let id = adapter_of(kind);
        let dropped = self
            .files
            .values()
            .filter_map(|seen| seen.served.as_ref())
            .find(|p| p.id() == id);
        let embedded = || self.embedded.iter().find(|e| e.id == id)?.load(&self.host);
        dropped.or_else(embedded)
    }

    /// All adapters in use, by id.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Plugin>> {
        let all: BTreeMap<&str, &Arc<Plugin>> = self.placed().map(|(_, p)| (p.id(), p)).collect();
        all.into_values().map(Arc::clone).collect()
    }

    /// What is loaded, with the file it is from: the embedded ones first.
    fn placed(&self) -> impl Iterator<Item = (Option<&Path>, &Arc<Plugin>)> {
        let embedded = self.embedded.iter();
        let embedded = embedded.filter_map(|e| Some((None, e.plugin.get()?.as_ref()?)));
        let files = self.files.iter();
        let files =
            files.filter_map(|(path, seen)| Some((Some(path.as_path()), seen.served.as_ref()?)));
        embedded.chain(files)
    }

    /// Files whose content is not served, with the reason.
    pub fn broken(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.files
            .iter()
            .filter_map(|(path, seen)| Some((path.as_path(), seen.wrong.as_deref()?)))
    }

    /// The state of each adapter in use, to be asked again later.
    #[must_use]
    pub fn states(&self) -> Vec<State> {
        let placed = self.placed();
        let states = placed.map(|(path, plugin)| {
            let seen = path.and_then(|path| self.files.get(path));
            State {
                file: path.map(|path| path.display().to_string()),
                rolled_back: seen.is_some_and(|seen| !seen.is_current()),
                why: seen.and_then(|seen| seen.wrong.clone()),
                plugin: Arc::clone(plugin),
            }
        });
        states.collect()
    }
}

/// An adapter in use. What is counted of it is read when it is asked for.
#[derive(Clone, Debug)]
pub struct State {
    file: Option<String>,
    rolled_back: bool,
    why: Option<String>,
    plugin: Arc<Plugin>,
}

/// How an adapter is.
#[derive(Clone, Debug, Serialize)]
pub struct Condition<'a> {
    /// The name policies use after `kind`.
    pub id: &'a str,
    /// Its own version.
    pub version: &'a str,
    /// BLAKE3 of the component, in hexadecimal.
    pub hash: &'a str,
    /// Where it is from; absent for those that come with mux.
    pub file: Option<&'a str>,
    /// `serving`, `rolled back` where it is not what its file holds, or `set aside`.
    pub state: &'static str,
    /// Why what the file holds is not served.
    pub why: Option<&'a str>,
    /// What is counted of it since it was loaded.
    #[serde(flatten)]
    pub figures: Figures,
}

impl State {
    /// How it is now.
    #[must_use]
    pub fn now(&self) -> Condition<'_> {
        let figures = self.plugin.standing().figures();
        Condition {
            id: self.plugin.id(),
            version: self.plugin.version(),
            hash: self.plugin.hash(),
            file: self.file.as_deref(),
            state: match (figures.aside_ms, self.rolled_back) {
                (0, false) => "serving",
                (0, true) => "rolled back",
                _ => "set aside",
            },
            why: self.why.as_deref(),
            figures,
        }
    }
}

/// What happened to a file of the plugin folder.
#[derive(Clone, Debug)]
pub struct Change {
    /// The file.
    pub file: PathBuf,
    /// Whether it is for the better.
    pub good: bool,
    /// In words.
    pub text: String,
}
