//! Load, vet, call and limit WebAssembly provider adapters.
//!
//! The only crate that knows wasmtime. It may not know policies or sockets: callers bring a request's facts and
//! bytes, get a checked plan, send it themselves, and hand the answer's bytes back.
//!
//! Reading order: [`host`] loads a component and vets what it says of itself in [`manifest`]; [`adapter`] joins a
//! plugin with an operator's settings; [`plan`] is what to send, [`reply`] reads what comes back into [`output`];
//! `guest` and `instance` are the call border with its limits. [`build`] makes components from crates.

pub mod adapter;
mod answer;
mod bindings;
mod body;
pub mod build;
pub mod call;
mod ceiling;
mod claims;
mod credential;
pub mod dist;
mod engine;
pub mod fault;
mod guest;
mod header;
pub mod host;
mod instance;
pub mod limits;
pub mod manifest;
pub mod output;
mod place;
pub mod plan;
pub mod plugin;
mod proposal;
pub mod reply;
mod vet;
mod warm;

pub use adapter::Adapter;
pub use call::Call;
pub use dist::embedded;
pub use fault::{Fault, HostError, LoadError};
pub use host::Host;
pub use limits::Limits;
pub use manifest::{AuthScheme, Manifest};
pub use output::{Output, Part};
pub use plan::Plan;
pub use plugin::Plugin;
pub use reply::Reply;
