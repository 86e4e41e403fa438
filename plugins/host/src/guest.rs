//! A plugin with its settings, callable: takes a warm instance or makes one, and tries once more where a warm one failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wasmtime::Store;

use crate::ceiling::Ceiling;
use crate::face::Face;
use crate::fault::Fault;
use crate::instance::{Instance, Template};
use crate::lane::Lane;
use crate::limits::{Budget, Limits};
use crate::plugin::Plugin;
use crate::standing::Standing;
use crate::warm;

/// How many times its first size an instance may grow to before it is replaced.
const GROWTH: usize = 4;
/// Instances below this size are not replaced for having grown, in bytes, unless it is half of what they may have.
const SMALL: usize = 8 << 20;

/// Everything needed to call a plugin under one set of settings.
pub(crate) struct Guest {
    name: String,
    template: Template,
    settings: Vec<u8>,
    memory: usize,
    limits: Limits,
    standing: Arc<Standing>,
    lane: Arc<Lane>,
    key: u64,
    alive: Arc<()>,
}

impl Guest {
    pub(crate) fn new(plugin: &Plugin, settings: Vec<u8>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            name: plugin.id().to_owned(),
            template: plugin.template.clone(),
            settings,
            memory: plugin.memory(),
            limits: plugin.limits.clone(),
            standing: Arc::clone(&plugin.standing),
            lane: Arc::clone(&plugin.lane),
            key: NEXT.fetch_add(1, Ordering::Relaxed),
            alive: Arc::new(()),
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether new requests may be planned; streams that have begun go on.
    ///
    /// # Errors
    /// The plugin is set aside.
    pub(crate) fn admit(&self) -> Result<(), Fault> {
        self.standing.aside().map_or(Ok(()), |left| {
            Err(Fault::Quarantined {
                seconds: left.as_secs() + 1,
            })
        })
    }

    /// Puts a fault on the plugin's account, with what it was given.
    pub(crate) fn blame(&self, fault: &Fault, input: &[&[u8]]) {
        self.standing.failed(&self.name, fault, input);
    }

    /// Calls the guest. Calls are pure, so one that failed on a warm instance is made once more on a fresh one: what an
    /// earlier call left behind must not decide. On a fresh one it would fail again, and a time that ran out is not
    /// spent twice. `input` is how much goes in, in bytes: a slow call gets out of the way of others.
    pub(crate) fn call<R>(
        &self,
        budget: Budget,
        input: usize,
        call: impl Fn(&mut Face, &mut Store<Ceiling>) -> wasmtime::Result<R>,
    ) -> Result<R, Fault> {
        let slow = self.standing.is_slow();
        self.lane.run(slow, input, || self.call_here(budget, call))
    }

    fn call_here<R>(
        &self,
        budget: Budget,
        call: impl Fn(&mut Face, &mut Store<Ceiling>) -> wasmtime::Result<R>,
    ) -> Result<R, Fault> {
        let Some(instance) = warm::take(self.key) else {
            return self.call_fresh(budget, &call);
        };
        match self.call_on(instance, budget, &call) {
            Err(fault) if fault != Fault::Deadline => {
                tracing::debug!(plugin = self.name, %fault, "trying once more on a fresh instance");
                self.standing.retried();
                self.call_fresh(budget, &call)
            }
            done => done,
        }
    }

    /// The settings as the plugin is shown them.
    pub(crate) fn settings(&self) -> &[u8] {
        &self.settings
    }

    /// The memory that this thread's warm instance has, in bytes.
    pub(crate) fn memory(&self) -> Option<usize> {
        warm::memory(self.key)
    }

    /// Makes an instance and configures it.
    ///
    /// # Errors
    /// The plugin's own words about the settings, or a fault.
    pub(crate) fn configured(&self) -> Result<Result<Instance, String>, Fault> {
        let budget = Budget::new(self.limits.describe, self.settings.len());
        let ceiling = Ceiling::new(&self.name, self.memory, self.limits.log);
        let mut instance = self.template.instantiate(ceiling, budget)?;
        self.standing.instantiated();
        let configured =
            instance.call(budget, |face, store| face.configure(store, &self.settings))?;
        Ok(configured.map(|()| instance.ready()))
    }

    fn call_fresh<R>(
        &self,
        budget: Budget,
        call: &impl Fn(&mut Face, &mut Store<Ceiling>) -> wasmtime::Result<R>,
    ) -> Result<R, Fault> {
        match self.configured()? {
            Ok(instance) => self.call_on(instance, budget, call),
            Err(words) => Err(Fault::Internal(format!(
                "it took its settings once and now refuses them: {words}"
            ))),
        }
    }

    /// Whether an instance has so much memory that the next call is better made on a fresh one: memory is never given back, and
    /// one that stands at what it may have fails calls that others would serve. One that needs about as much to begin with gains
    /// nothing by being made anew.
    fn outgrown(&self, instance: &Instance) -> bool {
        let (first, half) = (instance.first_memory(), self.memory / 2);
        let most = first.saturating_mul(GROWTH).max(SMALL).min(half).max(first);
        instance.memory() > most && first < half
    }

    fn call_on<R>(
        &self,
        mut instance: Instance,
        budget: Budget,
        call: &impl Fn(&mut Face, &mut Store<Ceiling>) -> wasmtime::Result<R>,
    ) -> Result<R, Fault> {
        let timed = self.standing.calls();
        let result = instance.call(budget, call);
        self.standing.took(timed, instance.long());
        let result = result?;
        if !self.outgrown(&instance) && instance.calls() < self.limits.calls {
            warm::keep(self.key, Arc::downgrade(&self.alive), instance);
        }
        Ok(result)
    }
}
