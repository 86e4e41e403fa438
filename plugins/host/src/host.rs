//! Loads components: looks at the bytes, compiles them, and lets the plugin introduce itself.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::bindings::mux::provider::types as wit;
use crate::cache::Cache;
use crate::ceiling::Ceiling;
use crate::claims;
use crate::dist;
use crate::engine;
use crate::face::{EXPORT, Face};
use crate::fault::{Fault, HostError, LoadError};
use crate::instance::Template;
use crate::lane::Lane;
use crate::limits::{Budget, Limits};
use crate::plugin::Plugin;
use crate::standing::{Standing, Tell};
use crate::vet;

/// What any version of that export starts with.
const EXPORT_STEM: &str = "mux:provider/adapter@";

/// Runs plugins: one engine, one clock, one pool of memory for all of them.
pub struct Host {
    engine: Engine,
    limits: Limits,
    cache: Option<Cache>,
    tell: Tell,
    lane: Arc<Lane>,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("limits", &self.limits)
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}

impl Host {
    /// Starts a host. Where the machine has too little address space for a pool it does without.
    ///
    /// # Errors
    /// When not even that works.
    pub fn new(limits: Limits) -> Result<Arc<Self>, HostError> {
        Self::start(limits, None)
    }

    /// The same, with a place for compiled code: what was compiled once is not compiled again.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_cache(limits: Limits, cache: Cache) -> Result<Arc<Self>, HostError> {
        Self::start(limits, Some(cache))
    }

    fn start(limits: Limits, cache: Option<Cache>) -> Result<Arc<Self>, HostError> {
        let engine = engine::start(&limits)?;
        Ok(Arc::new(Self {
            engine,
            limits,
            cache,
            tell: Tell::default(),
            lane: Arc::new(Lane::new(
                thread::available_parallelism().map_or(1, NonZeroUsize::get),
            )),
        }))
    }

    /// Says how to run a call that may take long, so that other work of the same thread does not wait for it. Without, it
    /// is run like any other; so many at once as the machine has room for.
    pub fn slow_lane(&self, aside: impl Fn(&mut dyn FnMut()) + Send + Sync + 'static) {
        self.lane.open(aside);
    }

    /// Says whom to tell when a plugin is set aside for its faults; the first who asks is told. It is called on a thread
    /// that serves, and must not block.
    pub fn tell(&self, tell: impl Fn() + Send + Sync + 'static) {
        // Whoever came first stays.
        let _ = self.tell.set(Box::new(tell));
    }

    /// Compiles a component and reads and vets its manifest. Takes from milliseconds to seconds and blocks: keep
    /// it off the threads that serve. `name` is what errors call it.
    ///
    /// # Errors
    /// When the bytes are no component, not one of this interface, or claim what no plugin may.
    pub fn load(self: &Arc<Self>, name: &str, bytes: &[u8]) -> Result<Arc<Plugin>, LoadError> {
        let refuse = |reason: String| LoadError::new(name, reason);
        self.look_at(bytes).map_err(refuse)?;
        let hash = dist::hash(bytes);
        let (component, kept) = self.compiled(&hash, bytes).map_err(refuse)?;
        self.check_export(&component).map_err(refuse)?;
        let template =
            Template::link(&self.engine, &component).map_err(|why| refuse(why.to_string()))?;
        let said = self.describe(name, &template, kept).map_err(refuse)?;
        let manifest = claims::read(said).map_err(refuse)?;
        vet::check(&manifest, self.limits.memory).map_err(refuse)?;
        if let (Some(cache), false) = (&self.cache, kept) {
            cache.keep(&self.engine, &hash, &component);
        }
        Ok(Arc::new(Plugin {
            hash: hash.to_hex().to_string(),
            kept,
            manifest,
            template,
            limits: self.limits.clone(),
            standing: Arc::new(Standing::new(Arc::clone(&self.tell))),
            lane: Arc::clone(&self.lane),
        }))
    }

    /// The machine code of a component, and whether it was kept from an earlier time.
    fn compiled(&self, hash: &blake3::Hash, bytes: &[u8]) -> Result<(Component, bool), String> {
        let kept = self.cache.as_ref();
        if let Some(component) = kept.and_then(|cache| cache.take(&self.engine, hash)) {
            return Ok((component, true));
        }
        let component = Component::new(&self.engine, bytes)
            .map_err(|error| format!("it is damaged: {error:#}"))?;
        Ok((component, false))
    }

    fn look_at(&self, bytes: &[u8]) -> Result<(), String> {
        let limit = self.limits.component;
        if bytes.len() > limit {
            return Err(format!(
                "it is {} bytes long and may have {limit}",
                bytes.len()
            ));
        }
        match bytes {
            [0, b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => Ok(()),
            [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Err(String::from(
                "it is a core module, not a component; `mux plugin build` makes components",
            )),
            [0, b'a', b's', b'm', ..] => Err(String::from(
                "it is WebAssembly of an unknown version; build it anew",
            )),
            [0x7f, b'E', b'L', b'F', ..] => Err(String::from(
                "it is compiled machine code, which is never run from a plugin folder; put the .wasm there",
            )),
            [] => Err(String::from("the file is empty")),
            _ => Err(String::from("it is no WebAssembly")),
        }
    }

    fn check_export(&self, component: &Component) -> Result<(), String> {
        let kind = component.component_type();
        let mut other = None;
        for (name, _) in kind.exports(&self.engine) {
            if name == EXPORT {
                return Ok(());
            }
            if name.starts_with(EXPORT_STEM) {
                other = Some(name.to_owned());
            }
        }
        Err(match other {
            Some(other) => format!("it exports `{other}`, and this mux speaks `{EXPORT}`"),
            None => format!("it does not export `{EXPORT}`"),
        })
    }

    /// What the plugin says of itself, twice, in two instances: a pure function gives one answer. Only what passed that is
    /// kept, so one that was kept is asked once.
    fn describe(
        &self,
        name: &str,
        template: &Template,
        kept: bool,
    ) -> Result<wit::Manifest, String> {
        let first = self.describe_once(name, template)?;
        if kept {
            return Ok(first);
        }
        let second = self.describe_once(name, template)?;
        if format!("{first:?}") != format!("{second:?}") {
            let two = Fault::Output(String::from("two different descriptions of itself"));
            return Err(format!("`describe` failed: {two}"));
        }
        Ok(first)
    }

    fn describe_once(&self, name: &str, template: &Template) -> Result<wit::Manifest, String> {
        let failed = |fault| format!("`describe` failed: {fault}");
        let budget = Budget::new(self.limits.describe, 0);
        let ceiling = Ceiling::new(name, self.limits.memory, self.limits.log);
        let instance = template.instantiate(ceiling, budget).map_err(failed)?;
        let mut instance = instance.complete().map_err(|why| why.to_string())?;
        let said = instance.call(budget, Face::describe);
        said.map_err(failed)
    }
}
