//! Whether a plugin keeps what all of them promise, as far as trying can tell: recorded exchanges come out as they should,
//! nothing is remembered from one call to the next, nothing depends on how the network cuts an answer, whatever comes is
//! read or refused, calls are short, and the component does what the same crate does natively.

mod budget;
mod chance;
mod cuts;
mod golden;
mod hostile;
mod modes;
mod native;
mod report;
mod trial;

use std::path::Path;

pub use report::{Check, Cost, Problem, Report, Verdict};
pub use trial::Trial;

/// Tries a plugin. `native` is a program that answers the same calls, where there is one.
#[must_use]
pub fn examine(trial: &Trial, native: Option<&Path>) -> Report {
    let (budget, costs) = budget::check(trial);
    Report {
        id: trial.plugin().id().to_owned(),
        version: trial.plugin().version().to_owned(),
        hash: trial.plugin().hash().to_owned(),
        checks: vec![
            golden::check(trial),
            modes::check(trial),
            cuts::check(trial),
            hostile::check(trial),
            budget,
            native::check(trial, native),
        ],
        costs,
    }
}
