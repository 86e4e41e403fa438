//! `mux prices`: what tokens cost where policies do not say it.

mod show;
mod update;

use crate::ending::Outcome;
use crate::out::Out;
use clap::Subcommand;

/// Show and renew what tokens cost where policies do not say it
#[derive(Debug, Subcommand)]
pub(crate) enum Prices {
    /// Tell what a model costs, since when, and who says so
    Show(show::Show),
    /// Take prices from a table of genai-prices or models.dev
    Update(update::Update),
}

impl Prices {
    pub(crate) fn run(&self, out: &mut Out) -> Outcome {
        match self {
            Self::Show(show) => show.run(out),
            Self::Update(update) => update.run(out),
        }
    }
}
