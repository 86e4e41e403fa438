//! How a save becomes what is served: read, check, store, swap. Start-up, saves, rollbacks, canaries and releases all pass
//! here, one at a time, on a thread of their own.

mod aside;
mod ends;
mod refs;

use crate::bundle::{Bundle, Sources};
use crate::canary::SharedBoard;
use crate::clock::unix_ms;
use crate::command::{Command, Files};
use crate::credential::Vault;
use crate::late::Late;
use crate::live::{Canary, Live, Serving};
use crate::plugins::{Change, Plugins, adapter_of};
use crate::policies::{Policies, Text};
use crate::prices::Prices;
use crate::rejected::{Nothing, Rejected};
use crate::status::{Listing, SharedStatus};
use crate::tending::{TURN, Tending};
use crate::watch::Watch;
use mux_dsl::{Compiled, Diagnostic, Image, Outside, Proof, compile_within};
use mux_routing::router::Memory;
use mux_routing::unsupported::gaps;
use mux_store::{NewVersion, Store, Version};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// A save is taken up when nothing has changed for this long …
const SETTLE: Duration = Duration::from_millis(15);
/// … or this many times in a row something did.
const PATIENCE: u32 = 10;

/// Checks a bundle beyond its text, such as by running its tests. `Err` stops the load.
pub(crate) type Examine = Arc<dyn Fn(&Arc<Image>) -> Result<(), String> + Send + Sync>;

/// Everything a bundle is made from.
pub(crate) struct Keeper {
    /// Where policies are read.
    pub(crate) policies: Policies,
    /// Where versions are kept.
    pub(crate) store: Store,
    /// Adapters.
    pub(crate) plugins: Plugins,
    /// What tokens cost where policies do not say it.
    pub(crate) prices: Prices,
    /// Secrets.
    pub(crate) vault: Vault,
    /// What outlives bundles.
    pub(crate) memory: Arc<Memory>,
    /// Other addresses for providers, by name: `mux demo` sends them to its own.
    pub(crate) addresses: Vec<(String, String)>,
    /// A further check of every bundle.
    pub(crate) examine: Option<Examine>,
    /// Take bundles up although a guarantee of them does not hold.
    pub(crate) force: bool,
    /// Clients may name deployments, whatever the policies say.
    pub(crate) direct: bool,
    /// For operators.
    pub(crate) status: SharedStatus,
    /// Where what a canary does is counted.
    pub(crate) board: SharedBoard,
    /// Tells of changes, where the system can.
    pub(crate) watch: Option<Watch>,
    /// Files that the last check read or missed, relative to the source's folder.
    pub(crate) read: BTreeSet<String>,
    /// What is done for the store between saves.
    pub(crate) tending: Tending,
    /// The folder as it stands could not be kept for want of a disk that takes it.
    pub(crate) unkept: bool,
    /// What was decided about a canary and could not be carried out yet.
    pub(crate) late: Late,
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper")
            .field("policies", &self.policies)
            .finish_non_exhaustive()
    }
}

/// A bundle that passed every check.
struct Checked {
    image: Arc<Image>,
    files: Files,
    diagnostics: Vec<Diagnostic>,
}

impl Keeper {
    /// What to start with: a canary and what it is compared with; else the held version; else the folder; else, loudly,
    /// what was served last.
    ///
    /// # Errors
    /// Nothing of these can be served; the text says why.
    pub(crate) fn boot(&mut self) -> Result<Serving, Nothing> {
        self.equip();
        if let Some(serving) = self.resumed() {
            return Ok(serving);
        }
        self.alone().map(Serving::only)
    }

    /// Loads plugins and prices.
    fn equip(&mut self) {
        for change in self.plugins.refresh() {
            report(&change);
        }
        self.prices.refresh();
    }

    fn alone(&mut self) -> Result<Bundle, Nothing> {
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
                    let what = if rejected.unkept {
                        "the policies cannot be kept"
                    } else {
                        "the policies do not load"
                    };
                    tracing::error!(
                        version = live,
                        "{what}, serving the last good version:\n{}",
                        rejected.text
                    );
                    let bundle = self.stored(&live).map_err(Nothing::Policies)?;
                    self.note_live(&bundle);
                    Ok(bundle)
                }
                None if rejected.unkept => Err(Nothing::Disk(rejected.text)),
                None => Err(Nothing::Policies(rejected.text)),
            },
        }
    }

    /// Works until told to stop.
    pub(crate) fn run(mut self, commands: &Receiver<Command>, live: &Live) {
        let mut idle = false;
        let mut decided = Instant::now();
        loop {
            // Not at once after a save that failed: that was this very moment.
            if self.tending.turn(&self.store, &self.status) && idle && self.unkept {
                tracing::info!("the policy folder could not be kept, trying again");
                self.changed(live);
            }
            self.catch_up(live, false);
            // However often something is asked meanwhile.
            if decided.elapsed() >= TURN {
                self.decide(live);
                decided = Instant::now();
            }
            let left = self.board.left(unix_ms()).map(Duration::from_millis);
            let wait = left.map_or(TURN, |left| left.min(TURN));
            let command = match commands.recv_timeout(wait) {
                Ok(command) => command,
                Err(RecvTimeoutError::Timeout) => {
                    idle = true;
                    self.decide(live);
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            idle = false;
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
        self.catch_up(live, true);
        if self.late.end.is_some() {
            tracing::error!("the end of the canary was not written down: a start goes on with it");
        }
        if let Err(error) = self.store.close() {
            tracing::error!("the store did not close cleanly: {error}");
        }
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
                canary,
                author,
                reason,
                reply,
            } => {
                self.catch_up(live, true);
                let head = match canary {
                    Some(terms) => self.try_out(id.as_deref(), terms, &author, &reason, live),
                    None => self.promote(id.as_deref(), &author, &reason, live),
                };
                drop(reply.send(head));
            }
            Command::Draft {
                files,
                author,
                reason,
                reply,
            } => drop(reply.send(self.draft(&files, &author, &reason))),
            Command::Judge => self.decide(live),
            Command::Release { author, reply } => {
                self.catch_up(live, true);
                drop(reply.send(self.release(&author, live)));
            }
            Command::Versions(reply) => drop(reply.send(self.listing())),
            Command::Version { id, reply } => {
                drop(reply.send(self.store.version(&id).map_err(|e| e.to_string())));
            }
            Command::Changed | Command::Stop => {}
        }
    }

    fn listing(&self) -> Listing {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        Listing {
            versions: self.store.versions(),
            refs: self.store.refs(),
            history: self.store.history(),
            canary: self.board.standing(),
            unwritten: status.unwritten.clone(),
            branch: self.policies.branch().map(|branch| branch.following()),
            refused: status.error.clone(),
        }
    }

    /// Takes up what changed in the policy or the plugin folder, and other prices.
    fn changed(&mut self, live: &Live) {
        // That takes up what changed as well.
        if self.catch_up(live, true) {
            return;
        }
        let changes = self.plugins.refresh();
        changes.iter().for_each(report);
        let other = self.prices.refresh() || !changes.is_empty();
        let refs = self.store.refs();
        if refs.held.is_some() || refs.canary.is_some() {
            self.look();
            if other {
                self.renew(live);
            }
            return;
        }
        match self.folder() {
            // The same hash: nothing to do, and no secret to fetch again.
            Ok((_, id)) if !other && id == live.bundle().router.version() => {}
            Ok((image, id)) => self.swap(self.bundle(image, &id), None, live),
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

    /// Serves the same versions with the adapters and prices as they are now.
    fn renew(&self, live: &Live) {
        let serving = live.serving();
        let version = serving.live.router.version();
        let canary = serving.canary.as_ref();
        let canary =
            canary.map(|canary| Ok::<_, String>(canary.with(self.stored(canary.version())?)));
        let renewed = self
            .stored(version)
            .and_then(|bundle| Ok((bundle, canary.transpose()?)));
        match renewed {
            Ok((bundle, canary)) => self.swap(bundle, canary, live),
            Err(why) => tracing::error!(
                version,
                "the new adapters and prices are not taken up: {why}"
            ),
        }
    }

    /// Serves a bundle and what is tried out beside it, and only then tells of it: whoever reads that it is served must meet
    /// it.
    fn swap(&self, bundle: Bundle, canary: Option<Canary>, live: &Live) {
        if canary.is_none() {
            self.board.end();
        }
        let bundle = Arc::new(bundle);
        live.serve(Serving {
            live: Arc::clone(&bundle),
            canary,
        });
        self.note_live(&bundle);
        warn(&bundle);
        tracing::info!(version = bundle.router.version(), "serving");
    }

    /// Checks the folder and keeps it as a version, without serving it.
    fn look(&mut self) {
        match self.folder() {
            Ok((_, version)) => tracing::info!(
                version,
                "kept as a version, not served while an older one is held or another one is tried out"
            ),
            Err(rejected) => tracing::error!("the folder does not load:\n{}", rejected.text),
        }
    }

    /// Reads, checks and stores the folder as it stands; the image, and the id of its version.
    fn folder(&mut self) -> Result<(Arc<Image>, String), Rejected> {
        let text = self.policies.now().map_err(Rejected::from);
        let outcome = text.and_then(|text| {
            let checked = self.check(&text)?;
            let version = self.version(&checked, text.author(), text.note());
            let id = version.id.clone();
            if self.store.refs().folder.as_deref() != Some(&id) {
                self.store.commit(version).map_err(|e| Rejected {
                    unkept: e.is_of_the_disk(),
                    ..Rejected::from(format!(
                        "the version cannot be kept, so it is not served: {e}"
                    ))
                })?;
            }
            Ok((checked.image, id, checked.diagnostics))
        });
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.checked_at = unix_ms();
        status.checks += 1;
        status.held = self.store.refs().held;
        status.branch = self.policies.branch().map(|branch| branch.following());
        self.unkept = outcome.as_ref().is_err_and(|rejected| rejected.unkept);
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

    /// A bundle that passed, as a version.
    fn version(&self, checked: &Checked, author: String, note: String) -> NewVersion {
        let plugins = self.plugins_of(&checked.image);
        let prices = self.prices.of(&checked.image);
        NewVersion {
            id: mux_store::version_id(&checked.files, &plugins, prices.as_deref()),
            semantic: Some(checked.image.semantic().hash.to_string()),
            files: checked.files.clone(),
            plugins,
            prices,
            author,
            at_unix_ms: unix_ms(),
            note,
            forced: checked.image.proofs.iter().any(Proof::refuted),
        }
    }

    fn check(&mut self, text: &Text) -> Result<Checked, Rejected> {
        let roots = text.roots()?;
        let names: Vec<&str> = roots.iter().map(String::as_str).collect();
        let mut read = BTreeSet::new();
        let mut take = |name: &str| {
            read.insert(name.to_owned());
            text.read(name)
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
    pub(crate) fn follow(&mut self) {
        let Some(watch) = &mut self.watch else { return };
        let folder = self.policies.folder();
        let read = folder.map(|folder| self.read.iter().map(move |name| folder.join(name)));
        let files = read
            .into_iter()
            .flatten()
            .chain(self.plugins.lock().map(Path::to_path_buf))
            .chain([self.prices.file().to_owned()])
            .collect();
        let folders: Vec<&Path> = folder.into_iter().chain([self.plugins.folder()]).collect();
        if let Err(why) = watch.follow(&folders, files) {
            tracing::warn!("{why}; changes there are not taken up until the next start");
        }
    }

    fn judge(&self, compiled: Compiled) -> Result<Checked, Rejected> {
        let text = || mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
        let Some(image) = compiled.image.map(Arc::new) else {
            let rejected = Rejected::from(text());
            return Err(Rejected {
                diagnostics: compiled.diagnostics,
                ..rejected
            });
        };
        if let Some(examine) = &self.examine {
            examine(&image).map_err(|text| Rejected {
                diagnostics: compiled.diagnostics.clone(),
                ..Rejected::from(text)
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
        // Whether its guarantees may be broken was decided when it was saved.
        let checked = self
            .again(&version.files, true)
            .map_err(|r| format!("version `{id}` no longer loads:\n{}", r.text))?;
        Ok(self.bundle(checked.image, &version.head.id))
    }

    /// Checks files that are a bundle together.
    fn again(&self, files: &[(String, Vec<u8>)], force: bool) -> Result<Checked, Rejected> {
        let files: BTreeMap<&str, &[u8]> = files
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
        self.judge(self.compiled(&roots, read, force))
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
pub(crate) fn warn(bundle: &Bundle) {
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
