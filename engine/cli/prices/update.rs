//! `mux prices update`: a table of prices becomes part of the catalogue of a data folder, or is refused with all that is wrong.

use crate::ending::{Exit, Outcome, Trouble};
use crate::out::{Format, Out};
use crate::replace::replace;
use clap::Args;
use mux_gateway::clock::unix_ms;
use mux_gateway::prices::{FILE, own};
use mux_prices::{Catalogue, Edition, Row, day_of, form, shipped, source};
use serde::Serialize;
use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

/// Take prices from a table of genai-prices or models.dev
#[derive(Debug, Args)]
pub(crate) struct Update {
    /// The table, as either source publishes it in JSON
    file: PathBuf,
    /// Which edition of the source it is, such as a version or a commit
    #[arg(long, default_value = "")]
    edition: String,
    /// The day it was taken [default: today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<String>,
    /// The gateway's data folder; a running gateway takes the prices up by itself
    #[arg(long, env = "MUX_DATA", default_value = ".mux")]
    data: PathBuf,
    /// How to write the result
    #[arg(long, default_value = "human")]
    format: Format,
}

/// What became of a table.
#[derive(Debug, Serialize)]
struct Told {
    source: String,
    edition: String,
    date: String,
    models: usize,
    /// Compared with the edition of the same source that was in use.
    new: usize,
    changed: usize,
    gone: usize,
    /// What of the table says no price that mux could use.
    left_out: Vec<String>,
}

impl Update {
    pub(crate) fn run(&self, out: &mut Out) -> Outcome {
        let text = fs::read_to_string(&self.file)
            .map_err(|e| Trouble::usage(format!("cannot read `{}`: {e}", self.file.display())))?;
        let date = self.date.clone().unwrap_or_else(|| day_of(unix_ms()));
        let taken = match source::read(&text, &self.edition, &date) {
            Ok(taken) => taken,
            Err(refused) => {
                let count = refused.0.len();
                out.error(&format!(
                    "`{}` was not taken, and the prices stay as they were; {count} {} wrong with it:\n{refused}",
                    self.file.display(),
                    if count == 1 { "thing is" } else { "things are" },
                ));
                return Ok(Exit::No);
            }
        };
        // A damaged file holds nothing worth keeping; this is how it is mended.
        let before = own(&self.data).ok().flatten().unwrap_or_default();
        let told = told(&taken.edition, &before.over(&shipped()), taken.left_out);
        fs::create_dir_all(&self.data)
            .map_err(|e| Trouble::usage(format!("cannot make `{}`: {e}", self.data.display())))?;
        let text = form::write(&before.with(taken.edition));
        // What cannot be read again must not take the place of what can.
        form::read(&text).map_err(Trouble::internal)?;
        replace(&self.data.join(FILE), &text)?;
        match self.format {
            Format::Json => out.json(&told),
            Format::Human => out.line(&sentence(&told)),
        }
        Ok(Exit::Good)
    }
}

fn told(edition: &Edition, before: &Catalogue, left_out: Vec<String>) -> Told {
    let mut editions = before.editions().iter();
    let older = editions.find(|older| older.source == edition.source);
    let rows = older.map(|older| older.rows.as_slice()).unwrap_or_default();
    let key = |row: &Row| (row.provider.clone(), row.model.clone());
    let known: HashMap<_, _> = rows.iter().map(|row| (key(row), &row.rates)).collect();
    let (mut new, mut changed) = (0, 0);
    for row in &edition.rows {
        match known.get(&key(row)) {
            None => new += 1,
            Some(rates) if **rates != row.rates => changed += 1,
            Some(_) => {}
        }
    }
    let kept = edition.rows.len() - new;
    Told {
        source: edition.source.clone(),
        edition: edition.version.clone(),
        date: edition.date.clone(),
        models: edition.rows.len(),
        new,
        changed,
        gone: known.len().saturating_sub(kept),
        left_out,
    }
}

fn sentence(told: &Told) -> String {
    let left_out = match told.left_out.len() {
        0 => String::new(),
        n => format!("; {n} left out, which `--format json` names"),
    };
    format!(
        "{} {} of {}: {} models, {} of them new, {} with other prices, {} gone{left_out}",
        told.source, told.edition, told.date, told.models, told.new, told.changed, told.gone
    )
}
