//! A gateway of its own that asks: on policies, prices and adapters as they were at one moment, so that what it serves is what
//! costs are bounded by, whatever is saved while it runs.

use super::cap::{Most, Sizes, distrusted, most, most_at};
use super::form::{NEWEST, named};
use crate::ending::Trouble;
use crate::scratch::Scratch;
use mux_dsl::image::Fleet;
use mux_gateway::gateway::{Gateway, Options, StartError};
use mux_gateway::prices;
use mux_gateway::source::Given;
use mux_routing::router::{Router, Way};
use mux_traffic::Record;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// How long the record of an answer may take that is there.
const RECORDED: Duration = Duration::from_secs(5);
/// Where adapters lie in a data folder.
const PLUGINS: &str = "plugins";

/// What of a data folder decides about calls and costs, as it was when it was looked at.
#[derive(Debug)]
pub(crate) struct Kept {
    /// Names in the folder, and what the files hold.
    files: Vec<(OsString, Vec<u8>)>,
    plugins: Vec<(OsString, Vec<u8>)>,
}

impl Kept {
    /// Reads it.
    pub(crate) fn of(data: &Path) -> Result<Self, Trouble> {
        // Damaged ones would be left out in the middle of a log.
        prices::read(data).map_err(Trouble::usage)?;
        let mut kept = Self {
            files: Vec::new(),
            plugins: Vec::new(),
        };
        let file = data.join(prices::FILE);
        match std::fs::read(&file) {
            Ok(bytes) => kept.files.push((prices::FILE.into(), bytes)),
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(unreadable(&file, &e)),
        }
        let folder = data.join(PLUGINS);
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(kept),
            Err(e) => return Err(unreadable(&folder, &e)),
        };
        for entry in entries {
            let entry = entry.map_err(|e| unreadable(&folder, &e))?;
            let path = entry.path();
            if path.extension().is_some_and(|e| e == "wasm") {
                let bytes = std::fs::read(&path).map_err(|e| unreadable(&path, &e))?;
                kept.plugins.push((entry.file_name(), bytes));
            }
        }
        Ok(kept)
    }

    fn lay(&self, data: &Path) -> Result<(), Trouble> {
        let plugins = data.join(PLUGINS);
        std::fs::create_dir_all(&plugins).map_err(|e| unwritable(&plugins, &e))?;
        for (folder, files) in [(data, &self.files), (&plugins, &self.plugins)] {
            for (name, bytes) in files {
                let path = folder.join(name);
                std::fs::write(&path, bytes).map_err(|e| unwritable(&path, &e))?;
            }
        }
        Ok(())
    }
}

fn unreadable(path: &Path, why: &std::io::Error) -> Trouble {
    Trouble::usage(format!("cannot read `{}`: {why}", path.display()))
}

fn unwritable(path: &Path, why: &std::io::Error) -> Trouble {
    Trouble::usage(format!("cannot write `{}`: {why}", path.display()))
}

/// A gateway on one version of policies.
pub(crate) struct Side {
    gateway: Gateway,
    router: Arc<Router>,
    /// What is called, with the prices that can be relied on.
    fleet: Fleet,
    /// The same where the limit of an answer is given under its newest name.
    newest: Fleet,
    records: UnboundedReceiver<Record>,
    _scratch: Scratch,
}

impl Side {
    /// Starts it.
    pub(crate) async fn start(given: Given, kept: &Kept) -> Result<Self, Trouble> {
        let scratch = Scratch::temporary()?;
        kept.lay(scratch.folder())?;
        let (sender, records) = unbounded_channel();
        let options = Options {
            given: Some(given),
            listener: Some(Arc::new(move |record: &Record| {
                // Nobody listens any more only when all was asked.
                let _ = sender.send(record.clone());
            })),
            force: true,
            private: true,
            ..Options::new(
                scratch.folder(),
                scratch.folder(),
                SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            )
        };
        let gateway = Gateway::start(options).await.map_err(|e| match e {
            StartError::Policies(why) | StartError::Environment(why) => Trouble::Usage(why),
        })?;
        let router = gateway.router();
        Ok(Self {
            fleet: distrusted(router.fleet(), ""),
            newest: distrusted(router.fleet(), NEWEST),
            router,
            gateway,
            records,
            _scratch: scratch,
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.gateway.address
    }

    /// The most that a request for a policy or a model can cost, where it names its limit so; else why nobody can say.
    pub(crate) fn most(&self, model: &str, sizes: Sizes, limit: &str) -> Result<Most, String> {
        let way = self.router.resolve(model);
        let way = way.map_err(|_| format!("for {}, which is gone", named(model)))?;
        let image = self.router.image();
        let most = |fleet| match way {
            Way::Policy(_) => most(image, fleet, model, sizes),
            Way::Direct(target) => {
                let own = most_at(image, fleet, self.router.name(target), sizes);
                own.map(|own| Most { own, copies: 0 })
            }
        };
        let fleet = if limit == NEWEST {
            &self.newest
        } else {
            &self.fleet
        };
        most(fleet).ok_or_else(|| {
            let why = match most(self.router.fleet()) {
                Some(_) => "where `quirks` undo what bounds its cost, or something is looked up",
                None => "whose costs are not known",
            };
            format!("for {}, {why}", named(model))
        })
    }

    /// Whether there is such a target.
    pub(crate) fn has(&self, target: &str) -> bool {
        self.router.image().target(target).is_some()
    }

    /// The record of a request that is over.
    pub(crate) async fn record(&mut self, id: Option<&str>) -> Option<Record> {
        let id = id?;
        let found = async {
            loop {
                let record = self.records.recv().await?;
                if record.id == id {
                    return Some(record);
                }
            }
        };
        tokio::time::timeout(RECORDED, found).await.ok().flatten()
    }

    /// Stops it.
    pub(crate) async fn stop(self) {
        self.gateway.stop().await;
    }
}
