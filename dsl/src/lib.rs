//! The `.mux` language: sources become a checked, immutable [`Image`]; a request becomes a [`Decision`].
//!
//! This crate is pure. It may not know files, the network, threads, clocks or tokio: text and facts are handed in,
//! diagnostics, decisions and plans are handed out. `mux policy test`, the simulator and the live gateway all decide
//! with the code here.
//!
//! The way of a bundle: `load` reads files, `secret` strikes credentials out, `parse` (the only place that knows pest)
//! makes trees, `lines` holds them against the statement table in `words`, `check` resolves names and quantities, `space`
//! cuts facts into cells, `region` lays conditions out in them, `program` compiles, `proof` proves, and `decide` decides. `format` lays files out anew from their
//! trees.
//!
//! What a bundle does can be told apart from how it is written: `outcome` says by content what becomes of a request, `part`
//! describes everything as trees, `canon` makes bytes and hashes of them, `diff` compares two bundles in one space, and `pack`
//! puts a bundle into one file.

// What pest generates without its `std` feature names it. That feature would ask for the stack left at every part of every
// rule; texts are held to a depth before they are parsed instead.
extern crate alloc;

pub mod assist;
pub mod canon;
pub mod case;
pub mod codes;
pub mod coverage;
pub mod diff;
pub mod drawing;
pub mod editor;
pub mod image;
pub mod pack;
pub mod reference;
pub mod rendering;
pub mod request;
pub mod story;

mod atom;
mod cells;
mod check;
mod classify;
mod clause;
mod compiler;
mod condition;
mod cursor;
mod decide;
mod demand;
mod diagnostic;
mod diagram;
mod entry;
mod fact;
mod format;
mod glob;
mod lines;
mod load;
mod mentions;
mod names;
mod outcome;
mod outside;
mod parse;
mod part;
mod passing;
mod phrase;
mod possible;
mod program;
mod proof;
mod quantity;
mod region;
mod report;
mod secret;
mod source;
mod space;
mod suggest;
mod trace;
mod tree;
mod witness;
pub mod words;
pub mod worst;

pub use compiler::{Compiled, compile, compile_forced, compile_within};
pub use decide::{Asked, Decision, Form, Image};
pub use demand::Demand;
pub use diagnostic::{Diagnostic, Fix, Label, Severity};
pub use format::{Unformatted, formatted, upgraded};
pub use outside::Outside;
pub use phrase::price as per_mtok;
pub use proof::{Answer, Counterexample, Proof};
pub use rendering::render;
pub use source::Sources;
pub use suggest::closest;
pub use trace::{BITS, BadPath, CHAIN, Chain, Path};
