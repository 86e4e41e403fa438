//! Looking models up: by the kind of provider, and by what it calls the model.

use crate::kinds::{PRICED, providers};
use crate::moment;
use crate::row::{Edition, Listed, Row};
use mux_dsl::image::{PriceList, Rates};
use std::collections::HashMap;

/// Editions of sources, the most trusted first.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    editions: Vec<Edition>,
    /// By edition: where the rows of a provider are.
    places: Vec<HashMap<String, Vec<usize>>>,
}

/// A row that was looked for.
#[derive(Clone, Copy, Debug)]
pub struct Found<'c> {
    /// Where it is from.
    pub edition: &'c Edition,
    /// What it says.
    pub row: &'c Row,
}

/// The order in which sources are asked: the first tells of dates, hours and names.
const TRUST: [&str; 2] = ["genai-prices", "models.dev"];

impl Catalogue {
    /// Of these editions; of two of one source the first counts.
    #[must_use]
    pub fn new(editions: Vec<Edition>) -> Self {
        let mut kept: Vec<Edition> = Vec::new();
        for edition in editions {
            if !kept.iter().any(|known| known.source == edition.source) {
                kept.push(edition);
            }
        }
        let rank = |edition: &Edition| TRUST.iter().position(|source| *source == edition.source);
        kept.sort_by_key(|edition| rank(edition).unwrap_or(TRUST.len()));
        let places = kept.iter().map(|edition| {
            let mut places: HashMap<String, Vec<usize>> = HashMap::new();
            for (at, row) in edition.rows.iter().enumerate() {
                places.entry(row.provider.clone()).or_default().push(at);
            }
            places
        });
        Self {
            places: places.collect(),
            editions: kept,
        }
    }

    /// Its editions.
    #[must_use]
    pub fn editions(&self) -> &[Edition] {
        &self.editions
    }

    /// This one's editions, and those of another for sources that it has none of.
    #[must_use]
    pub fn over(&self, other: &Self) -> Self {
        let all = self.editions.iter().chain(&other.editions);
        Self::new(all.cloned().collect())
    }

    /// With an edition in the place of an older one of the same source.
    #[must_use]
    pub fn with(&self, edition: Edition) -> Self {
        let all = [edition].into_iter().chain(self.editions.iter().cloned());
        Self::new(all.collect())
    }

    /// Kinds of providers of which prices may be known.
    #[must_use]
    pub const fn kinds() -> &'static [&'static str] {
        &PRICED
    }

    /// The row of a model: the exact name first, then the clauses of the source; then those of providers whose models this kind
    /// offers.
    #[must_use]
    pub fn find(&self, kind: &str, model: &str) -> Option<Found<'_>> {
        let name = model.to_lowercase();
        let (own, others) = providers(kind);
        let found = self.among(own, &name).or_else(|| self.among(others, &name));
        found.or_else(|| {
            let dashed = dashed(&name)?;
            self.among(own, &dashed)
                .or_else(|| self.among(others, &dashed))
        })
    }

    fn among(&self, providers: &[&str], name: &str) -> Option<Found<'_>> {
        self.editions
            .iter()
            .zip(&self.places)
            .find_map(|(edition, places)| {
                let rows = |provider: &&str| {
                    let places = places.get(*provider).map(Vec::as_slice).unwrap_or_default();
                    places.iter().filter_map(|at| edition.rows.get(*at))
                };
                let mut exact = providers.iter().flat_map(rows);
                let exact = exact.find(|row| row.model == name);
                let mut like = providers.iter().flat_map(rows);
                let mut like =
                    || like.find(|row| row.names.iter().any(|clause| clause.holds(name)));
                let row = exact.or_else(&mut like)?;
                Some(Found { edition, row })
            })
    }

    /// What a model costs, for a bundle that is made ready at a moment, unix milliseconds.
    #[must_use]
    pub fn list(&self, kind: &str, model: &str, today: i64) -> Option<PriceList> {
        self.find(kind, model)?.list(today)
    }
}

impl Found<'_> {
    /// As bundles have it, made ready at a moment, unix milliseconds.
    #[must_use]
    pub fn list(&self, today: i64) -> Option<PriceList> {
        let rates: Option<Vec<Rates>> = self.row.rates.iter().map(rates).collect();
        let source = self.told();
        PriceList::new(&source, rates?, self.row.is_for_prompts_only(), today)
    }

    /// Where it is from, for people.
    #[must_use]
    pub fn told(&self) -> String {
        let Edition {
            source,
            version,
            date,
            ..
        } = self.edition;
        format!("{source} {version} of {date}")
    }
}

fn rates(listed: &Listed) -> Option<Rates> {
    let from = match &listed.from {
        Some(day) => Some(moment::day(day).ok()?),
        None => None,
    };
    let daily = match &listed.daily {
        Some((from, to)) => Some((moment::time(from).ok()?, moment::time(to).ok()?)),
        None => None,
    };
    let step = |above: u32| Some((above, listed.price(u64::from(above) + 1)?));
    let steps: Option<Vec<_>> = listed.sizes().into_iter().map(step).collect();
    Some(Rates {
        from,
        daily,
        price: listed.price(0)?,
        steps: steps?.into(),
    })
}

/// `gpt-5.2-20251211` as `gpt-5.2-2025-12-11`: some providers write dates that way, and tables the other.
fn dashed(name: &str) -> Option<String> {
    let (head, date) = name.rsplit_once('-')?;
    let digits =
        date.len() == 8 && date.starts_with("20") && date.bytes().all(|b| b.is_ascii_digit());
    let (year, rest) = date.split_at_checked(4).filter(|_| digits)?;
    let (month, day) = rest.split_at_checked(2)?;
    Some(format!("{head}-{year}-{month}-{day}"))
}
