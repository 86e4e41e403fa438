//! The price catalogue: what tokens cost at known providers, from tables that volunteers keep.
//!
//! This crate is pure: texts are handed in and out. It may not know files, clocks or routing. A catalogue holds one **edition** a
//! source; an edition holds a **row** a model. [`source`] reads the sources' own forms, [`form`] reads and writes mux's, [`catalogue`] looks
//! models up.
//!
//! Prices are facts that others copied from the pages of providers: none is authoritative, and what an operator writes in a
//! policy stands before all of them. Amounts are whole pico-dollars for one token; what a source says more finely is rounded to
//! the nearest.

pub mod catalogue;
pub mod clause;
mod decimal;
pub mod form;
mod genai;
mod kinds;
mod models_dev;
mod moment;
pub mod row;
pub mod source;
mod taken;

pub use catalogue::{Catalogue, Found};
pub use moment::day_of;
pub use row::{Class, Edition, Row};
pub use taken::{Refused, Taken};

use std::sync::{Arc, OnceLock};

/// What mux comes with: [`form`] says how it is written.
const SHIPPED: &str = include_str!("../catalogue.jsonl");

/// The catalogue that mux comes with.
///
/// # Panics
/// Never: a test reads it.
pub fn shipped() -> Arc<Catalogue> {
    static CATALOGUE: OnceLock<Arc<Catalogue>> = OnceLock::new();
    let read = || Arc::new(form::read(SHIPPED).unwrap_or_default());
    Arc::clone(CATALOGUE.get_or_init(read))
}
