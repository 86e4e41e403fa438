//! How a save becomes what is served: read, check, store, swap. Start-up, saves, rollbacks and releases all pass here,
//! one at a time, on a thread of their own.

use crate::bundle::{Bundle, Sources};
use crate::clock::unix_ms;
use crate::command::{Command, author};
use crate::commit;
use crate::credential::Vault;
use crate::live::Live;
use crate::plugins::{Change, Plugins, adapter_of};
use crate::prices::Prices;
use crate::source::Source;
use crate::status::{Listing, SharedStatus};
use crate::watch::Watch;
use mux_dsl::{Compiled, Diagnostic, Image, Outside, Proof, compile_within};
use mux_routing::router::Memory;
use mux_routing::unsupported::gaps;
use mux_store::{NewVersion, Store, Version, VersionHead};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// A save is taken up when nothing has changed for this long …
const SETTLE: Duration = Duration::from_millis(15);
/// … or this many times in a row something did.
const PATIENCE: u32 = 10;

/// How often versions are backed up, where there is something new.
const BACKUP_EVERY: Duration = Duration::from_hours(1);

/// Checks a bundle beyond its text, such as by running its tests. `Err` stops the load.
pub type Examine = Arc<dyn Fn(&Arc<Image>) -> Result<(), String> + Send + Sync>;

/// Everything a bundle is made from.
pub struct Keeper {
    /// Where policies are read.
    pub source: Source,
    /// Where versions are kept.
    pub store: Store,
    /// Adapters.
    pub plugins: Plugins,
    /// What tokens cost where policies do not say it.
    pub prices: Prices,
    /// Secrets.
    pub vault: Vault,
    /// What outlives bundles.
    pub memory: Arc<Memory>,
    /// Other addresses for providers, by name: `mux demo` sends them to its own.
    pub addresses: Vec<(String, String)>,
    /// A further check of every bundle.
    pub examine: Option<Examine>,
    /// Take bundles up although a guarantee of them does not hold.
    pub force: bool,
    /// Clients may name deployments, whatever the policies say.
    pub direct: bool,
    /// For operators.
    pub status: SharedStatus,
    /// Tells of changes, where the system can.
    pub watch: Option<Watch>,
    /// Files that the last check read or missed, relative to the source's folder.
    pub read: BTreeSet<String>,
    /// When versions were last backed up, if there was anything to.
    pub backed_up: Option<Instant>,
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// A bundle that passed every check.
struct Checked {
    image: Arc<Image>,
    files: Vec<(String, Vec<u8>)>,
    diagnostics: Vec<Diagnostic>,
}

/// Why a bundle did not pass.
struct Rejected {
    text: String,
    diagnostics: Vec<Diagnostic>,
}

impl Keeper {
    /// The bundle to start with: the held version; else the folder; else, loudly, what was served last.
    ///
    /// # Errors
    /// Nothing of these can be served; the text says why.
    pub fn boot(&mut self) -> Result<Bundle, String> {
        for change in self.plugins.refresh() {
            report(&change);
        }
        self.prices.refresh();
        let refs = self.store.refs();
        if let (Some(reason), Some(live)) = (&refs.held, &refs.live) {
            tracing::warn!(
                version = live,
                reason,
                "serving a held version; `mux release` ends the hold"
            );
            match self.stored(live) {
                Ok(bundle) => {
                    self.look();
                    self.note_live(&bundle);
                    return Ok(bundle);
                }
                Err(why) => tracing::error!(
                    "the held version cannot be served, serving the folder instead: {why}"
                ),
            }
        }
        match self.folder() {
            Ok((image, id)) => {
                let bundle = self.bundle(image, &id);
                self.note_live(&bundle);
                Ok(bundle)
            }
            Err(rejected) => match refs.live {
                Some(live) => {
                    tracing::error!(
                        version = live,
                        "the policies do not load, serving the last good version:\n{}",
                        rejected.text
                    );
                    let bundle = self.stored(&live)?;
                    self.note_live(&bundle);
                    Ok(bundle)
                }
                None => Err(rejected.text),
            },
        }
    }

    /// Works until told to stop.
    pub fn run(mut self, commands: &Receiver<Command>, live: &Live) {
        loop {
            self.back_up();
            let command = match commands.recv_timeout(BACKUP_EVERY) {
                Ok(command) => command,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            match command {
                Command::Stop => break,
                Command::Changed => {
                    let other = settle(commands);
                    self.changed(live);
                    match other {
                        Some(Command::Stop) => break,
                        Some(command) => self.obey(command, live),
                        None => {}
                    }
                }
                command => self.obey(command, live),
            }
        }
        if let Err(error) = self.store.close() {
            tracing::error!("the store did not close cleanly: {error}");
        }
    }

    /// Copies the store where that was not done for an hour and anything happened since.
    fn back_up(&mut self) {
        if self.backed_up.is_some_and(|at| at.elapsed() < BACKUP_EVERY) {
            return;
        }
        match self.store.back_up() {
            Ok(Some(path)) => tracing::info!(path = %path.display(), "backed up the versions"),
            Ok(None) => {}
            Err(error) => tracing::error!("the versions cannot be backed up: {error}"),
        }
        self.backed_up = Some(Instant::now());
    }

    fn obey(&mut self, command: Command, live: &Live) {
        match command {
            Command::Rollback {
                id,
                author,
                reason,
                reply,
            } => drop(reply.send(self.rollback(id.as_deref(), &author, &reason, live))),
            Command::Promote {
                id,
                author,
                reason,
                reply,
            } => drop(reply.send(self.promote(id.as_deref(), &author, &reason, live))),
            Command::Release { author, reply } => drop(reply.send(self.release(&author, live))),
            Command::Versions(reply) => {
                let listing = Listing {
                    versions: self.store.versions(),
                    refs: self.store.refs(),
                    history: self.store.history(),
                };
                drop(reply.send(listing));
            }
            Command::Version { id, reply } => {
                drop(reply.send(self.store.version(&id).map_err(|e| e.to_string())));
            }
            Command::Changed | Command::Stop => {}
        }
    }

    /// Takes up what changed in the policy or the plugin folder, and other prices.
    fn changed(&mut self, live: &Live) {
        let changes = self.plugins.refresh();
        changes.iter().for_each(report);
        let other = self.prices.refresh() || !changes.is_empty();
        let held = self.store.refs().held.is_some();
        if held {
            self.look();
            if other {
                self.renew(live);
            }
            return;
        }
        match self.folder() {
            // The same hash: nothing to do, and no secret to fetch again.
            Ok((_, id)) if !other && id == live.bundle().router.version() => {}
            Ok((image, id)) => self.swap(self.bundle(image, &id), live),
            Err(rejected) => {
                let version = live.bundle().router.version().to_owned();
                tracing::error!(
                    version,
                    "the save was refused, the running version stays:\n{}",
                    rejected.text
                );
                if other {
                    self.renew(live);
                }
            }
        }
    }

    /// Serves the same version with the adapters and prices as they are now.
    fn renew(&self, live: &Live) {
        let version = live.bundle().router.version().to_owned();
        match self.stored(&version) {
            Ok(bundle) => self.swap(bundle, live),
            Err(why) => tracing::error!(
                version,
                "the new adapters and prices are not taken up: {why}"
            ),
        }
    }

    /// Serves a bundle, and only then tells of it: whoever reads that it is served must meet it.
    fn swap(&self, bundle: Bundle, live: &Live) {
        let bundle = Arc::new(bundle);
        live.serve(Arc::clone(&bundle));
        self.note_live(&bundle);
        warn(&bundle);
        tracing::info!(version = bundle.router.version(), "serving");
    }

    /// Checks the folder and keeps it as a version, without serving it.
    fn look(&mut self) {
        match self.folder() {
            Ok((_, version)) => tracing::info!(
                version,
                "kept as a version, not served while an older one is held"
            ),
            Err(rejected) => tracing::error!("the folder does not load:\n{}", rejected.text),
        }
    }

    /// Where a version was saved, and on which commit where the folder is part of a repository.
    fn note(&self) -> String {
        let path = self.source.path();
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

    /// Reads, checks and stores the folder as it stands; the image, and the id of its version.
    fn folder(&mut self) -> Result<(Arc<Image>, String), Rejected> {
        let outcome = self.check().and_then(|checked| {
            let plugins = self.plugins_of(&checked.image);
            let prices = self.prices.of(&checked.image);
            let id = mux_store::version_id(&checked.files, &plugins, prices.as_deref());
            if self.store.refs().folder.as_deref() != Some(&id) {
                let stored = self.store.commit(NewVersion {
                    id: id.clone(),
                    semantic: Some(checked.image.semantic().hash.to_string()),
                    files: checked.files,
                    plugins,
                    prices,
                    author: author(),
                    at_unix_ms: unix_ms(),
                    note: self.note(),
                    forced: checked.image.proofs.iter().any(Proof::refuted),
                });
                stored.map_err(|e| Rejected {
                    text: format!("the version cannot be kept, so it is not served: {e}"),
                    diagnostics: Vec::new(),
                })?;
            }
            Ok((checked.image, id, checked.diagnostics))
        });
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.checked_at = unix_ms();
        status.checks += 1;
        status.held = self.store.refs().held;
        match outcome {
            Ok((image, id, diagnostics)) => {
                status.ok = true;
                status.error = None;
                status.folder = Some(id.clone());
                status.diagnostics = diagnostics;
                Ok((image, id))
            }
            Err(rejected) => {
                status.ok = false;
                status.error = Some(rejected.text.clone());
                status.diagnostics.clone_from(&rejected.diagnostics);
                Err(rejected)
            }
        }
    }

    fn check(&mut self) -> Result<Checked, Rejected> {
        let roots = self.source.roots().map_err(|e| Rejected {
            text: format!("cannot read the policies: {e}"),
            diagnostics: Vec::new(),
        })?;
        if roots.is_empty() {
            let text = format!(
                "there is no `.mux` file in `{}`",
                self.source.path().display()
            );
            return Err(Rejected {
                text,
                diagnostics: Vec::new(),
            });
        }
        let names: Vec<&str> = roots.iter().map(String::as_str).collect();
        let mut read = BTreeSet::new();
        let mut take = |name: &str| {
            read.insert(name.to_owned());
            self.source.read(name)
        };
        let compiled = self.compiled(&names, &mut take, self.force);
        self.read = read;
        self.follow();
        self.judge(compiled)
    }

    /// Compiles with the adapters and the prices at hand.
    fn compiled(
        &self,
        roots: &[&str],
        read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
        force: bool,
    ) -> Compiled {
        let today = unix_ms();
        let outside = Outside {
            kinds: &|kind| self.plugins.get(kind).is_some(),
            prices: &|kind, model| self.prices.list(kind, model, today),
            force,
        };
        let mut compiled = compile_within(roots, read, outside);
        if let (true, Some(image)) = (self.direct, &mut compiled.image) {
            image.fleet.direct = true;
        }
        compiled
    }

    /// Watches what the last check read, and the folders where something new may appear.
    pub fn follow(&mut self) {
        let Some(watch) = &mut self.watch else { return };
        let files = self
            .read
            .iter()
            .map(|name| self.source.folder().join(name))
            .chain(self.plugins.lock().map(Path::to_path_buf))
            .chain([self.prices.file().to_owned()])
            .collect();
        if let Err(why) = watch.follow(&[self.source.folder(), self.plugins.folder()], files) {
            tracing::warn!("{why}; changes there are not taken up until the next start");
        }
    }

    fn judge(&self, compiled: Compiled) -> Result<Checked, Rejected> {
        let text = || mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
        let Some(image) = compiled.image.map(Arc::new) else {
            return Err(Rejected {
                text: text(),
                diagnostics: compiled.diagnostics,
            });
        };
        if let Some(examine) = &self.examine {
            examine(&image).map_err(|text| Rejected {
                text,
                diagnostics: compiled.diagnostics.clone(),
            })?;
        }
        let files = compiled
            .sources
            .iter()
            .map(|(path, bytes)| (path.to_owned(), bytes.to_vec()))
            .collect();
        Ok(Checked {
            image,
            files,
            diagnostics: compiled.diagnostics,
        })
    }

    /// A kept version, made ready again.
    fn stored(&self, id: &str) -> Result<Bundle, String> {
        let version: Version = self.store.version(id).map_err(|e| e.to_string())?;
        let files: BTreeMap<&str, &[u8]> = version
            .files
            .iter()
            .map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
            .collect();
        let roots: Vec<&str> = files
            .keys()
            .copied()
            .filter(|path| Path::new(path).extension().is_some_and(|e| e == "mux"))
            .collect();
        let read = &mut |name: &str| {
            files
                .get(name)
                .map(|b| b.to_vec())
                .ok_or_else(|| "not part of this version".to_owned())
        };
        // Whether its guarantees may be broken was decided when it was saved.
        let compiled = self.compiled(&roots, read, true);
        let checked = self
            .judge(compiled)
            .map_err(|r| format!("version `{id}` no longer loads:\n{}", r.text))?;
        Ok(self.bundle(checked.image, &version.head.id))
    }

    fn bundle(&self, image: Arc<Image>, id: &str) -> Bundle {
        let means = Sources {
            plugins: &self.plugins,
            vault: &self.vault,
            prices: &self.prices,
            memory: &self.memory,
            addresses: &self.addresses,
        };
        Bundle::new(image, id, &means)
    }

    /// Ids and hashes of the adapters a bundle uses.
    fn plugins_of(&self, image: &Image) -> Vec<(String, String)> {
        let kinds = image.fleet.providers.iter().map(|p| adapter_of(&p.kind));
        let plugins = kinds
            .filter_map(|kind| self.plugins.get(kind))
            .map(|p| (p.id().to_owned(), p.hash().to_owned()));
        plugins.collect::<BTreeMap<_, _>>().into_iter().collect()
    }

    fn rollback(
        &mut self,
        id: Option<&str>,
        author: &str,
        reason: &str,
        live: &Live,
    ) -> Result<VersionHead, String> {
        // Make it ready first: a version that cannot be served is no place to go back to.
        if let Some(id) = id {
            self.stored(id)?;
        }
        let head = self
            .store
            .rollback(id, author, reason)
            .map_err(|e| e.to_string())?;
        let bundle = self.stored(&head.id)?;
        self.swap(bundle, live);
        Ok(head)
    }

    fn promote(
        &mut self,
        id: Option<&str>,
        author: &str,
        reason: &str,
        live: &Live,
    ) -> Result<VersionHead, String> {
        let folder = self.store.refs().folder;
        let id = id.or(folder.as_deref()).ok_or("nothing was saved yet")?;
        // Made ready first: a version that cannot be served is not promoted.
        let bundle = self.stored(id)?;
        let promoted = self.store.promote(Some(id), author, reason);
        let head = promoted.map_err(|e| e.to_string())?;
        self.swap(bundle, live);
        self.changed(live);
        Ok(head)
    }

    fn release(&mut self, author: &str, live: &Live) -> Result<Option<VersionHead>, String> {
        let refs = self.store.refs();
        // Made ready first: a hold that ends in nothing to serve must not end.
        let ready = match (refs.held, refs.folder) {
            (Some(_), Some(folder)) => Some(self.stored(&folder)?),
            _ => None,
        };
        let head = self.store.release(author).map_err(|e| e.to_string())?;
        if let Some(bundle) = ready {
            self.swap(bundle, live);
        }
        self.changed(live);
        Ok(head)
    }

    fn note_live(&self, bundle: &Bundle) {
        let semantic = bundle.router.image().semantic().hash.to_string();
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        bundle.router.version().clone_into(&mut status.live);
        status.semantic = semantic;
        status.held = self.store.refs().held;
        status.unavailable = bundle
            .unavailable()
            .map(|(t, why)| (t.to_owned(), why.to_owned()))
            .collect();
        status.unpriced = bundle.unpriced().map(str::to_owned).collect();
        status.plugins = self
            .plugins
            .all()
            .iter()
            .map(|p| {
                (
                    p.id().to_owned(),
                    p.version().to_owned(),
                    p.hash().to_owned(),
                )
            })
            .collect();
        status.states = self.plugins.states();
        status.broken_plugins = self
            .plugins
            .broken()
            .map(|(path, why)| (path.display().to_string(), why.to_owned()))
            .collect();
    }
}

/// Says what of a bundle does not work.
pub fn warn(bundle: &Bundle) {
    for (target, why) in bundle.unavailable() {
        tracing::warn!(target, "unavailable: it {why}");
    }
    let unpriced: Vec<&str> = bundle.unpriced().collect();
    if !unpriced.is_empty() {
        tracing::warn!(
            "no price is known of `{}`: what is spent there is not counted, and budgets in `mode hard` refuse it; write \
             `price …` in the model",
            unpriced.join("`, `")
        );
    }
    for gap in gaps(bundle.router.image()) {
        tracing::warn!("not carried out: {gap}");
    }
}

/// Lets a burst of changes end. Returns the command that ended it, if it was another one.
fn settle(commands: &Receiver<Command>) -> Option<Command> {
    for _ in 0..PATIENCE {
        match commands.recv_timeout(SETTLE) {
            Ok(Command::Changed) => {}
            Ok(other) => return Some(other),
            Err(RecvTimeoutError::Timeout) => return None,
            Err(RecvTimeoutError::Disconnected) => return Some(Command::Stop),
        }
    }
    None
}

fn report(change: &Change) {
    let file = change.file.display();
    if change.good {
        tracing::info!("plugin file `{file}`: {}", change.text);
    } else {
        tracing::error!("plugin file `{file}` was not taken up: {}", change.text);
    }
}
