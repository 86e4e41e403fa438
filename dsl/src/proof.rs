//! What can be proved about rules for all requests, by the regions they take: never run, never needed, never servable.
//!
//! Everything is asked locally: within the box of one rule, with those earlier boxes that reach into it, so that one
//! policy's cost does not depend on whether its whole graph fits.

mod answer;
mod guarantee;
mod property;
mod reach;
mod rules;
mod serve;
#[cfg(test)]
mod tests;
mod toll;
mod worlds;

pub use answer::{Answer, Counterexample, Proof};
pub(crate) use guarantee::{Scene, prove};
pub(crate) use reach::{Order, Reach};
pub(crate) use rules::{Judged, exhaustive, rules};
pub(crate) use serve::{Overrun, Unserved, Why, needs, windows};
