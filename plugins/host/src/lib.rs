//! Load, vet, call and limit WebAssembly provider adapters.
//!
//! The only crate that knows wasmtime. It may not know policies or sockets: callers bring a request's facts and
//! bytes, get a checked plan, send it themselves, and hand the answer's bytes back.
//!
//! Reading order: [`host`] loads a component and vets what it says of itself in [`manifest`]; [`adapter`] joins a
//! plugin with an operator's settings; [`plan`] is what to send, signed where its provider wants that by [`sigv4`], [`reply`] reads what comes back into [`output`];
//! [`quirks`] are where a provider departs from a dialect, and
//! [`preset`] holds those of providers that need no component; `guest` and `instance` are the call border with its limits, and
//! `wasi` what components of other toolchains meet there. [`cache`] keeps compiled code,
//! [`trust`] and [`lock`] say what may be loaded at all, and [`standing`] how a plugin has done. [`build`] makes components from crates,
//! [`exchange`] reads what was recorded, and [`conformance`] holds a plugin to what all of them promise.

pub mod adapter;
mod answer;
mod batch;
mod bindings;
mod body;
pub mod build;
pub mod cache;
pub mod call;
mod ceiling;
mod claims;
mod code;
pub mod conformance;
mod credential;
pub mod dist;
mod engine;
pub mod exchange;
mod face;
pub mod fault;
mod guest;
mod header;
pub mod host;
mod instance;
mod lane;
pub mod limits;
pub mod lock;
pub mod manifest;
pub mod output;
mod place;
pub mod plan;
pub mod plugin;
pub mod preset;
mod proposal;
pub mod quirks;
pub mod reply;
pub mod sigv4;
pub mod standing;
pub mod trust;
mod vet;
mod warm;
mod wasi;

pub use adapter::{Adapter, Manner};
pub use cache::Cache;
pub use call::Call;
pub use conformance::{Report, Trial};
pub use dist::embedded;
pub use exchange::Exchange;
pub use fault::{Fault, HostError, LoadError};
pub use host::Host;
pub use limits::Limits;
pub use lock::{Lock, Locked};
pub use manifest::{AuthScheme, Manifest};
pub use output::{Output, Part};
pub use plan::Plan;
pub use plugin::Plugin;
pub use quirks::Quirks;
pub use reply::Reply;
pub use sigv4::AwsKeys;
pub use standing::{Figures, Standing};
pub use trust::{Judge, Trust};
