//! The price catalogue at hand: what mux comes with, under what `mux prices update` left in the data folder.

use crate::clock::unix_ms;
use mux_dsl::Image;
use mux_dsl::image::PriceList;
use mux_prices::{Catalogue, form, shipped};
use mux_routing::served::List;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file in the data folder.
pub const FILE: &str = "prices.jsonl";

/// The catalogue of a data folder: what was put there, over what mux comes with.
///
/// # Errors
/// What was put there is damaged; the text names all of it.
pub fn read(data: &Path) -> Result<Catalogue, String> {
    match own(data)? {
        Some(own) => Ok(own.over(&shipped())),
        None => Ok((*shipped()).clone()),
    }
}

/// What was put into a data folder; `None` where nothing was.
///
/// # Errors
/// As for [`read`].
pub fn own(data: &Path) -> Result<Option<Catalogue>, String> {
    let path = data.join(FILE);
    let text = text(&path)?;
    text.map(|text| parsed(&path, &text)).transpose()
}

/// The text of a file; `None` where there is none.
fn text(path: &Path) -> Result<Option<String>, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("cannot read `{}`: {error}", path.display())),
    }
}

fn parsed(path: &Path, text: &str) -> Result<Catalogue, String> {
    form::read(text).map_err(|why| {
        format!(
            "the prices in `{}` are damaged; write them anew with `mux prices update`:\n{why}",
            path.display()
        )
    })
}

/// The catalogue of a running gateway.
#[derive(Debug)]
pub struct Prices {
    path: PathBuf,
    /// Hash of the file when it was last read.
    seen: Option<blake3::Hash>,
    /// Why it cannot be read, once that is told.
    unreadable: Option<String>,
    catalogue: Arc<Catalogue>,
}

impl Prices {
    /// That of a data folder; [`Prices::refresh`] reads it.
    #[must_use]
    pub fn new(data: &Path) -> Self {
        Self {
            path: data.join(FILE),
            seen: None,
            unreadable: None,
            catalogue: shipped(),
        }
    }

    /// The file that `mux prices update` writes.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.path
    }

    /// Reads the file again where it changed; whether prices are other ones now. A file that is damaged or cannot be read
    /// changes nothing, loudly.
    pub fn refresh(&mut self) -> bool {
        let text = match text(&self.path) {
            Ok(text) => text,
            Err(why) => {
                if self.unreadable.as_ref() != Some(&why) {
                    tracing::error!("{why}\nthe prices stay as they were");
                    self.unreadable = Some(why);
                }
                return false;
            }
        };
        self.unreadable = None;
        let hash = text.as_deref().map(|text| blake3::hash(text.as_bytes()));
        if hash == self.seen {
            return false;
        }
        self.seen = hash;
        let own = text.map(|text| parsed(&self.path, &text)).transpose();
        match own {
            Ok(own) => {
                self.catalogue = own.map_or_else(shipped, |own| Arc::new(own.over(&shipped())));
                let editions = self.catalogue.editions().iter();
                let told: Vec<String> = editions
                    .map(|e| format!("{} {} of {}", e.source, e.version, e.date))
                    .collect();
                tracing::info!("prices: {}", told.join(", "));
                true
            }
            Err(why) => {
                tracing::error!("{why}\nthe prices stay as they were");
                false
            }
        }
    }

    /// What a catalogue lists for a model, today.
    #[must_use]
    pub fn list(&self, kind: &str, model: &str, today: i64) -> Option<PriceList> {
        self.catalogue.list(kind, model, today)
    }

    /// The same for models that only answers name.
    #[must_use]
    pub fn served(&self) -> List {
        let catalogue = Arc::clone(&self.catalogue);
        Arc::new(move |kind, model| catalogue.list(kind, model, unix_ms()))
    }

    /// Hash of the prices that a bundle takes from the catalogue; `None` where it takes none. Another edition that says the same of
    /// these models has the same hash.
    #[must_use]
    pub fn of(&self, image: &Image) -> Option<String> {
        let fleet = &image.fleet;
        let mut lines: Vec<String> = fleet
            .targets
            .iter()
            .filter(|target| target.listed.is_some())
            .filter_map(|target| {
                let provider = fleet.providers.get(target.provider.index())?;
                let found = self.catalogue.find(&provider.kind, &target.model)?;
                let rates = form::rates_of(found.row);
                Some(format!("{}\n{}\n{rates}\n", provider.kind, target.model))
            })
            .collect();
        lines.sort_unstable();
        lines.dedup();
        (!lines.is_empty()).then(|| blake3::hash(lines.concat().as_bytes()).to_hex().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_that_cannot_be_read_any_more_stay_and_those_that_are_taken_away_do_not() {
        let data = tempfile::tempdir().unwrap();
        let file = data.path().join(FILE);
        let mut prices = Prices::new(data.path());
        let head =
            r#"{"mux-prices":1,"source":"own","version":"1","date":"2026-11-27","notice":"mine"}"#;
        let row = r#"{"provider":"openai","model":"own-model","rates":[{"input":1000000,"output":2000000}]}"#;
        std::fs::write(&file, format!("{head}\n{row}\n")).unwrap();
        assert!(prices.refresh());
        let known = |prices: &Prices| prices.list("openai", "own-model", unix_ms()).is_some();
        assert!(known(&prices));

        // A folder in its place is there, and cannot be read.
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        assert!(!prices.refresh() && known(&prices));
        assert!(
            prices.unreadable.is_some(),
            "it is told, and remembered that it was"
        );
        std::fs::remove_dir(&file).unwrap();
        assert!(prices.refresh() && !known(&prices));
        assert!(prices.unreadable.is_none());
    }
}
