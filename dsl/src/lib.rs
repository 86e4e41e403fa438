//! The `.mux` language: sources become a checked, immutable [`Image`]; a request becomes a [`Decision`].
//!
//! This crate is pure. It may not know files, the network, threads, clocks or tokio: text and facts are handed in,
//! diagnostics, decisions and plans are handed out. `mux policy test`, the simulator and the live gateway all decide
//! with the code here.

pub mod image;
pub mod request;
