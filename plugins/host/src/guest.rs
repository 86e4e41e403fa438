//! A plugin with its settings, callable: takes a warm instance or makes one, and tries once more after a fault.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wasmtime::Store;

use crate::bindings::exports::mux::provider::adapter as face;
use crate::ceiling::Ceiling;
use crate::fault::Fault;
use crate::instance::{Instance, Template};
use crate::limits::{Budget, Limits};
use crate::warm;

/// How many times its first size an instance may grow to before it is replaced.
const GROWTH: usize = 4;
/// Instances below this size are not replaced for having grown, in bytes.
const SMALL: usize = 8 << 20;

/// Everything needed to call a plugin under one set of settings.
pub(crate) struct Guest {
    name: String,
    template: Template,
    settings: Vec<u8>,
    memory: usize,
    limits: Limits,
    key: u64,
    alive: Arc<()>,
}

impl Guest {
    pub(crate) fn new(
        name: &str,
        template: &Template,
        settings: Vec<u8>,
        memory: usize,
        limits: &Limits,
    ) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            name: name.to_owned(),
            template: template.clone(),
            settings,
            memory,
            limits: limits.clone(),
            key: NEXT.fetch_add(1, Ordering::Relaxed),
            alive: Arc::new(()),
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Calls the guest. Calls are pure, so one that failed is made once more on a fresh instance: what an earlier
    /// call left behind in a warm one must not decide.
    pub(crate) fn call<R>(
        &self,
        budget: Budget,
        call: impl Fn(&face::Guest, &mut Store<Ceiling>) -> wasmtime::Result<R>,
    ) -> Result<R, Fault> {
        let first = match warm::take(self.key) {
            Some(instance) => self.call_on(instance, budget, &call),
            None => self.call_fresh(budget, &call),
        };
        match first {
            Err(fault) if fault != Fault::Busy => {
                tracing::debug!(plugin = self.name, %fault, "trying once more on a fresh instance");
                self.call_fresh(budget, &call)
            }
            done => done,
        }
    }

    /// Makes an instance and configures it.
    ///
    /// # Errors
    /// The plugin's own words about the settings, or a fault.
    pub(crate) fn configured(&self) -> Result<Result<Instance, String>, Fault> {
        let budget = Budget::new(self.limits.describe, self.settings.len());
        let ceiling = Ceiling::new(&self.name, self.memory, self.limits.log);
        let mut instance = self.template.instantiate(ceiling, budget)?;
        let configured = instance.call(budget, |guest, store| {
            guest.call_configure(store, &self.settings)
        })?;
        Ok(configured.map(|()| instance))
    }

    fn call_fresh<R>(
        &self,
        budget: Budget,
        call: &impl Fn(&face::Guest, &mut Store<Ceiling>) -> wasmtime::Result<R>,
    ) -> Result<R, Fault> {
        match self.configured()? {
            Ok(instance) => self.call_on(instance, budget, call),
            Err(words) => Err(Fault::Internal(format!(
                "it took its settings once and now refuses them: {words}"
            ))),
        }
    }

    fn call_on<R>(
        &self,
        mut instance: Instance,
        budget: Budget,
        call: &impl Fn(&face::Guest, &mut Store<Ceiling>) -> wasmtime::Result<R>,
    ) -> Result<R, Fault> {
        let before = instance.peak();
        let result = instance.call(budget, call)?;
        let grown = instance.peak() > (before * GROWTH).max(SMALL);
        if !grown && instance.calls() < self.limits.calls {
            warm::keep(self.key, Arc::downgrade(&self.alive), instance);
        }
        Ok(result)
    }
}
