//! The component face: the exports of `mux:provider`, in terms of [`Adapter`].

use std::sync::OnceLock;

use crate::adapter::Adapter;
use crate::reply::Batch;

mod arena;
mod incoming;
mod outgoing;

/// The generated bindings.
#[expect(
    missing_docs,
    reason = "generated from the interface text, which has the documentation"
)]
pub mod wit {
    wit_bindgen::generate!({
        path: "../wit",
        world: "provider",
        pub_export_macro: true,
        default_bindings_module: "mux_plugin_sdk::component::wit",
    });
}

use wit::exports::mux::provider::adapter as face;

/// The operation that is not named.
const CHAT: &str = "chat";

/// What [`export!`](crate::export) implements: an adapter and the place of its one instance.
pub trait Exported {
    /// The adapter.
    type Adapter: Adapter;

    /// Where the configured adapter is kept.
    fn slot() -> &'static OnceLock<Self::Adapter>;
}

fn configured<F: Exported>() -> Result<&'static F::Adapter, face::Fault> {
    let missing = || face::Fault::Internal(String::from("configure was not called"));
    F::slot().get().ok_or_else(missing)
}

impl<F: Exported> face::Guest for F {
    fn describe() -> face::Manifest {
        F::Adapter::describe().into()
    }

    fn configure(config: Vec<u8>) -> Result<(), String> {
        let adapter = F::Adapter::configure(&config)?;
        let again = |_| String::from("configure was called twice");
        F::slot().set(adapter).map_err(again)?;
        arena::keep();
        Ok(())
    }

    fn prepare(ctx: face::RequestCtx, body: Vec<u8>) -> Result<face::RequestPlan, face::Fault> {
        let plan = configured::<F>()?.prepare(&ctx.into(), &body);
        plan.map(Into::into).map_err(Into::into)
    }

    fn decode(
        operation: Option<String>,
        frames: face::Batch,
    ) -> Result<face::Decoded, face::Fault> {
        let (operation, frames) = (operation.as_deref().unwrap_or(CHAT), frames.into());
        let decoded = configured::<F>()?.decode(operation, Batch::state(&frames), &frames);
        decoded.map(Into::into).map_err(Into::into)
    }

    fn map_error(head: face::ResponseHead, body: Vec<u8>) -> face::UpstreamError {
        let head = head.into();
        match F::slot().get() {
            Some(adapter) => adapter.map_error(&head, &body),
            None => crate::error::UpstreamError::by_status(head.status, ""),
        }
        .into()
    }
}
