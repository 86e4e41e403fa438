//! The functions of an instance. wasmtime holds each against its type when it is looked up: an instance that serves one call has
//! only what that takes looked up, one that goes on to serve others has all of them, once.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, Instance, InstancePre, Lift, Lower,
};

use crate::bindings::exports::mux::provider::adapter::{Guest, GuestIndices};
use crate::bindings::mux::provider::types::{
    Batch, Decoded, Fault, Manifest, RequestCtx, RequestPlan, ResponseHead, UpstreamError,
};
use crate::ceiling::Ceiling;

/// What a component of this interface exports.
pub(crate) const EXPORT: &str = "mux:provider/adapter@0.2.0";

/// Where a component has its functions.
pub(crate) struct Places {
    all: GuestIndices,
    configure: ComponentExportIndex,
    prepare: ComponentExportIndex,
    decode: ComponentExportIndex,
    map_error: ComponentExportIndex,
}

impl Places {
    /// Those of a component.
    ///
    /// # Errors
    /// When it lacks one.
    pub(crate) fn of(component: &Component, pre: &InstancePre<Ceiling>) -> wasmtime::Result<Self> {
        let export = component.get_export_index(None, EXPORT);
        let place = |name: &str| {
            let place = component.get_export_index(export.as_ref(), name);
            place.ok_or_else(|| wasmtime::Error::msg(format!("it has no `{name}`")))
        };
        Ok(Self {
            all: GuestIndices::new(pre)?,
            configure: place("configure")?,
            prepare: place("prepare")?,
            decode: place("decode")?,
            map_error: place("map-error")?,
        })
    }
}

/// The functions of one instance.
pub(crate) struct Face {
    instance: Instance,
    places: Arc<Places>,
    /// Boxed: instances are handed from place to place with every call.
    all: Option<Box<Guest>>,
}

impl Face {
    pub(crate) fn new(instance: Instance, places: Arc<Places>) -> Self {
        Self {
            instance,
            places,
            all: None,
        }
    }

    /// Looks all functions up, unless that was done.
    ///
    /// # Errors
    /// One of them has another type than it should.
    pub(crate) fn complete(&mut self, store: &mut Store<Ceiling>) -> wasmtime::Result<&Guest> {
        let all = match self.all.take() {
            Some(all) => all,
            None => match self.places.all.load(&mut *store, &self.instance) {
                Ok(all) => Box::new(all),
                Err(error) => return Err(error.context(self.misfit(store))),
            },
        };
        Ok(self.all.insert(all))
    }

    /// The first function of another type, as it is named.
    fn misfit(&self, store: &mut Store<Ceiling>) -> &'static str {
        let Places {
            configure,
            prepare,
            decode,
            map_error,
            ..
        } = &*self.places;
        let function = &self.instance;
        if !fits::<(&[u8],), (Result<(), String>,)>(function, store, configure) {
            "`configure`"
        } else if !fits::<(&RequestCtx, &[u8]), (Result<RequestPlan, Fault>,)>(
            function, store, prepare,
        ) {
            "`prepare`"
        } else if !fits::<(Option<&str>, &Batch), (Result<Decoded, Fault>,)>(
            function, store, decode,
        ) {
            "`decode`"
        } else if !fits::<(&ResponseHead, &[u8]), (UpstreamError,)>(function, store, map_error) {
            "`map-error`"
        } else {
            "`describe`"
        }
    }

    pub(crate) fn describe(&mut self, store: &mut Store<Ceiling>) -> wasmtime::Result<Manifest> {
        self.complete(store)?.call_describe(store)
    }

    pub(crate) fn configure(
        &self,
        store: &mut Store<Ceiling>,
        settings: &[u8],
    ) -> wasmtime::Result<Result<(), String>> {
        match &self.all {
            Some(all) => all.call_configure(store, settings),
            None => self.once(store, &self.places.configure, (settings,)),
        }
    }

    pub(crate) fn prepare(
        &self,
        store: &mut Store<Ceiling>,
        ctx: &RequestCtx,
        body: &[u8],
    ) -> wasmtime::Result<Result<RequestPlan, Fault>> {
        match &self.all {
            Some(all) => all.call_prepare(store, ctx, body),
            None => self.once(store, &self.places.prepare, (ctx, body)),
        }
    }

    pub(crate) fn decode(
        &self,
        store: &mut Store<Ceiling>,
        operation: Option<&str>,
        frames: &Batch,
    ) -> wasmtime::Result<Result<Decoded, Fault>> {
        match &self.all {
            Some(all) => all.call_decode(store, operation, frames),
            None => self.once(store, &self.places.decode, (operation, frames)),
        }
    }

    pub(crate) fn map_error(
        &self,
        store: &mut Store<Ceiling>,
        head: &ResponseHead,
        body: &[u8],
    ) -> wasmtime::Result<UpstreamError> {
        match &self.all {
            Some(all) => all.call_map_error(store, head, body),
            None => self.once(store, &self.places.map_error, (head, body)),
        }
    }

    /// Looks one function up and calls it.
    fn once<P, R>(
        &self,
        store: &mut Store<Ceiling>,
        place: &ComponentExportIndex,
        params: P,
    ) -> wasmtime::Result<R>
    where
        P: ComponentNamedList + Lower,
        (R,): ComponentNamedList + Lift,
    {
        let function = self
            .instance
            .get_typed_func::<P, (R,)>(&mut *store, place)?;
        let (result,) = function.call(store, params)?;
        Ok(result)
    }
}

/// Whether a function is of that type.
fn fits<P, R>(instance: &Instance, store: &mut Store<Ceiling>, place: &ComponentExportIndex) -> bool
where
    P: ComponentNamedList + Lower,
    R: ComponentNamedList + Lift,
{
    instance.get_typed_func::<P, R>(&mut *store, place).is_ok()
}
