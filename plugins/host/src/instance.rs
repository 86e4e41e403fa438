//! One live instance, and the border every call crosses: deadline, memory, size of the result.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{Component, HasSelf, InstancePre, Linker};
use wasmtime::{Engine, Store, Trap, UpdateDeadline};

use crate::bindings::Provider;
use crate::ceiling::Ceiling;
use crate::face::{Face, Places};
use crate::fault::Fault;
use crate::limits::Budget;
use crate::wasi;

/// The ticks after which a call is looked at first: with one, it would be at once where a tick is just about to come.
const FIRST_LOOK: u64 = 2;

/// Calls of an instance that serves one request: its settings, and that request.
const ONCE: u32 = 2;

/// A component ready to be instantiated.
#[derive(Clone)]
pub(crate) struct Template {
    engine: Engine,
    pre: InstancePre<Ceiling>,
    places: Arc<Places>,
}

/// Why a component is no provider adapter.
#[derive(Debug)]
pub(crate) struct NotAnAdapter(String);

impl fmt::Display for NotAnAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it does not fit the interface: {}", self.0)
    }
}

impl Template {
    /// Links a compiled component. It gets the log, and a WASI that grants nothing: any other import traps when it is
    /// called.
    pub(crate) fn link(engine: &Engine, component: &Component) -> Result<Self, NotAnAdapter> {
        let wrong = |error: wasmtime::Error| NotAnAdapter(format!("{error:#}"));
        let mut linker = Linker::new(engine);
        Provider::add_to_linker::<Ceiling, HasSelf<Ceiling>>(&mut linker, |ceiling| ceiling)
            .map_err(wrong)?;
        wasi::define(&mut linker, engine, component).map_err(wrong)?;
        linker
            .define_unknown_imports_as_traps(component)
            .map_err(wrong)?;
        let pre = linker.instantiate_pre(component).map_err(wrong)?;
        Ok(Self {
            engine: engine.clone(),
            places: Arc::new(Places::of(component, &pre).map_err(wrong)?),
            pre,
        })
    }

    /// Makes an instance.
    pub(crate) fn instantiate(
        &self,
        mut ceiling: Ceiling,
        budget: Budget,
    ) -> Result<Instance, Fault> {
        ceiling.next_call(budget.ticks);
        let mut store = Store::new(&self.engine, ceiling);
        store.limiter(|ceiling| ceiling);
        store.epoch_deadline_callback(|mut store| {
            Ok(match store.data_mut().time_left() {
                Some(ticks) => UpdateDeadline::Continue(ticks),
                None => UpdateDeadline::Interrupt,
            })
        });
        store.set_epoch_deadline(FIRST_LOOK);
        match self.pre.instantiate(&mut store) {
            Ok(instance) => Ok(Instance {
                store,
                face: Face::new(instance, Arc::clone(&self.places)),
                calls: 0,
                first: 0,
            }),
            Err(error) if error.is::<wasmtime::PoolConcurrencyLimitError>() => Err(Fault::Busy),
            Err(error) => Err(crash(&error, store.data())),
        }
    }
}

/// One live instance. After a fault it must be dropped: what it holds is no longer to be trusted.
pub(crate) struct Instance {
    store: Store<Ceiling>,
    face: Face,
    calls: u32,
    /// The memory it had when it was ready for its first request, in bytes.
    first: usize,
}

impl Instance {
    /// Looks all of its functions up.
    ///
    /// # Errors
    /// One of them is of another type than it should be.
    pub(crate) fn complete(mut self) -> Result<Self, NotAnAdapter> {
        match self.face.complete(&mut self.store) {
            Ok(_) => Ok(self),
            Err(error) => Err(NotAnAdapter(format!("{error:#}"))),
        }
    }

    /// Makes one call within a budget.
    pub(crate) fn call<R>(
        &mut self,
        budget: Budget,
        call: impl FnOnce(&mut Face, &mut Store<Ceiling>) -> wasmtime::Result<R>,
    ) -> Result<R, Fault> {
        self.calls = self.calls.saturating_add(1);
        self.store.data_mut().next_call(budget.ticks);
        self.store.set_epoch_deadline(FIRST_LOOK);
        self.store.set_hostcall_fuel(budget.output);
        if self.calls > ONCE {
            let complete = self.face.complete(&mut self.store);
            complete.map_err(|error| crash(&error, self.store.data()))?;
        }
        call(&mut self.face, &mut self.store).map_err(|error| crash(&error, self.store.data()))
    }

    /// Processor time of the last call, where it took longer than a tick.
    pub(crate) fn long(&self) -> Option<Duration> {
        self.store.data().long()
    }

    /// Calls made so far.
    pub(crate) fn calls(&self) -> u32 {
        self.calls
    }

    /// Says that it is ready for requests.
    pub(crate) fn ready(mut self) -> Self {
        self.first = self.memory();
        self
    }

    /// The memory it has, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.store.data().taken()
    }

    /// The memory it had when it was ready, in bytes.
    pub(crate) fn first_memory(&self) -> usize {
        self.first
    }
}

/// What an error from wasmtime means: limits first, since a guest that runs into one mostly crashes by itself.
fn crash(error: &wasmtime::Error, ceiling: &Ceiling) -> Fault {
    let trap = error.downcast_ref::<Trap>();
    if trap == Some(&Trap::Interrupt) {
        return Fault::Deadline;
    }
    if ceiling.refused() {
        return Fault::Memory;
    }
    if let Some(trap) = trap {
        return Fault::Trap(trap.to_string());
    }
    let words = error.root_cause().to_string();
    if words.contains("fuel allocated for hostcalls") {
        Fault::Output(String::from("more bytes than one call may return"))
    } else {
        Fault::Trap(words)
    }
}
