//! The space of requests as the conditions of a bundle cut it up: each fact a field, each field a few cells.
//!
//! Requests in the same cell of every field are treated alike by every condition, so a vector of cells is an equivalence
//! class, and everything that is said about all requests is said about cells: decisions, proofs, differences, coverage.

mod automaton;
mod clock;
mod cut;
mod form;
mod source;
mod steps;
mod text;
mod told;

use crate::case::NOON;
use crate::cells::Cells;
use crate::fact::{Fact, Sense};
use crate::image::{Fleet, HealthState};
use crate::request::{Live, Request};
use cut::{Cut, cuts, state_cell, states_words};
use source::source;
use std::collections::{BTreeMap, HashSet};
use steps::{step, steps_words};

pub(crate) use automaton::Automaton;
pub(crate) use cut::Declared;
pub(crate) use form::Form;
pub(crate) use source::Source;
pub(crate) use steps::amount;

/// Every field, in the fixed order of facts.
#[derive(Debug, Default)]
pub(crate) struct Space {
    fields: Vec<Field>,
}

/// One fact, or a part of one whose tests are too many to be told apart together.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) fact: Fact,
    cut: Cut,
    count: u32,
}

impl Space {
    /// Cuts facts up by every test that is made of them.
    pub(crate) fn cut(tests: impl IntoIterator<Item = (Fact, Sense)>, declared: &Declared) -> Self {
        let mut by_fact: BTreeMap<Fact, Vec<Sense>> = BTreeMap::new();
        for (fact, sense) in tests {
            by_fact.entry(fact).or_default().push(sense);
        }
        let mut space = Self::default();
        for (fact, senses) in by_fact {
            for cut in cuts(&fact, senses, declared) {
                space.fields.push(Field {
                    fact: fact.clone(),
                    count: cut.count(),
                    cut,
                });
            }
        }
        space
    }

    /// How many fields there are.
    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    /// Every field, in order.
    pub(crate) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// One field.
    ///
    /// # Panics
    /// If it is of another space.
    #[inline]
    pub(crate) fn field(&self, at: u16) -> &Field {
        #[expect(
            clippy::indexing_slicing,
            reason = "fields are named by what was built from this space"
        )]
        &self.fields[usize::from(at)]
    }

    /// Number of cells of a field.
    pub(crate) fn count(&self, at: u16) -> u32 {
        self.fields.get(usize::from(at)).map_or(0, |f| f.count)
    }

    /// The field of a test, and the cells where it holds. `None` for a test that this space was not cut by.
    pub(crate) fn cells(&self, fact: &Fact, sense: &Sense) -> Option<(u16, Cells)> {
        let from = self.fields.partition_point(|f| f.fact < *fact);
        let own = self
            .fields
            .iter()
            .enumerate()
            .skip(from)
            .take_while(|(_, f)| f.fact == *fact);
        for (at, field) in own {
            if let Some(cells) = field.cut.cells(sense) {
                return Some((u16::try_from(at).ok()?, cells));
            }
        }
        None
    }

    /// Where each field finds its value, for requests of the bundle with this fleet.
    pub(crate) fn sources(&self, fleet: &Fleet) -> Vec<Source> {
        self.fields.iter().map(|f| source(&f.fact, fleet)).collect()
    }
}

impl Field {
    /// Number of cells.
    #[inline]
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Bits that tell its cells apart.
    #[inline]
    pub(crate) fn width(&self) -> u32 {
        u32::BITS - (self.count.max(1) - 1).leading_zeros()
    }

    /// The cell of a request.
    #[inline]
    pub(crate) fn cell<L: Live>(&self, source: &Source, request: &Request<'_>, live: &L) -> u32 {
        match (&self.cut, source) {
            (Cut::Flag, Source::Need(features)) => u32::from(request.needs.contains(*features)),
            (Cut::Flag, Source::Streaming) => u32::from(request.streaming),
            (Cut::Flag, Source::BreakerOpen(target)) => u32::from(live.breaker_open(*target)),
            (Cut::Texts(texts), Source::Text(text)) => texts.of(text.of(request)),
            (Cut::Fits(glob), Source::Text(text)) => {
                u32::from(text.of(request).is_some_and(|value| glob.fits(value)))
            }
            (Cut::Steps { bounds, optional }, Source::Number(number)) => {
                step(bounds, *optional, number.of(request, live))
            }
            (Cut::States, Source::Health(targets)) => {
                let best = targets.iter().map(|t| live.health(*t)).min();
                state_cell(best.unwrap_or(HealthState::Down))
            }
            (Cut::Clock(clock), Source::Time) => clock.of(request.now),
            // A source is made from the fact of its field, so it always fits the cut.
            _ => 0,
        }
    }

    /// The only values it can have, where they are declared.
    pub(crate) fn declared(&self) -> Option<Vec<&str>> {
        match &self.cut {
            Cut::Texts(texts) => texts.declared(),
            _ => None,
        }
    }

    /// The cell of requests that name this model, where the field is about the model.
    pub(crate) fn cell_of_model(&self, name: &str) -> Option<u32> {
        match (&self.fact, &self.cut) {
            (Fact::Model, Cut::Texts(texts)) => Some(texts.of(Some(name))),
            (Fact::Model, Cut::Fits(glob)) => Some(u32::from(glob.fits(name))),
            _ => None,
        }
    }

    /// The cell of a fact that a test does not give, if there is one: absent, no, none, healthy, unspent.
    pub(crate) fn usual(&self) -> u32 {
        match (&self.cut, &self.fact) {
            (Cut::Texts(texts), Fact::Operation) => texts.of(Some("chat")),
            (Cut::Texts(texts), Fact::Dialect) => texts.of(Some("openai-chat")),
            (Cut::Texts(texts), _) => texts.absent().unwrap_or(0),
            (Cut::Clock(clock), _) => clock.of(NOON),
            _ => 0,
        }
    }

    /// Whether the cell is where the fact is absent.
    pub(crate) fn is_absent(&self, cell: u32) -> bool {
        match &self.cut {
            Cut::Texts(texts) => texts.absent() == Some(cell),
            Cut::Steps { optional, .. } => *optional && cell == 0,
            _ => false,
        }
    }

    /// The lowest number of a cell, where it holds numbers.
    pub(crate) fn lowest(&self, cell: u32) -> Option<u64> {
        let Cut::Steps { bounds, optional } = &self.cut else {
            return None;
        };
        let at = cell.checked_sub(u32::from(*optional))?;
        Some(
            at.checked_sub(1)
                .and_then(|b| bounds.get(b as usize))
                .copied()
                .unwrap_or(0),
        )
    }

    /// The first number behind a cell, where there is one.
    pub(crate) fn end(&self, cell: u32) -> Option<u64> {
        let Cut::Steps { bounds, optional } = &self.cut else {
            return None;
        };
        bounds
            .get(cell.checked_sub(u32::from(*optional))? as usize)
            .copied()
    }

    /// The cell of a text.
    pub(crate) fn cell_of(&self, text: &str) -> u32 {
        match &self.cut {
            Cut::Texts(texts) => texts.of(Some(text)),
            Cut::Fits(glob) => u32::from(glob.fits(text)),
            _ => 0,
        }
    }

    /// A value of a cell that is text; `None` where it is absent.
    pub(crate) fn text(&self, cell: u32) -> Option<&str> {
        match &self.cut {
            Cut::Texts(texts) => texts.sample(cell),
            _ => None,
        }
    }

    /// A moment of a cell of time, Unix milliseconds.
    pub(crate) fn moment(&self, cell: u32) -> Option<i64> {
        match &self.cut {
            Cut::Clock(clock) => Some(clock.sample(cell)),
            _ => None,
        }
    }

    /// A condition that holds in these cells and no other, as policies write it. `names` knows what a set is called.
    pub(crate) fn words(
        &self,
        cells: &Cells,
        names: &dyn Fn(&HashSet<Box<str>>) -> Option<String>,
    ) -> String {
        let fact = self.fact.words();
        match &self.cut {
            _ if cells.is_all(self.count) => "true".into(),
            Cut::Flag => {
                let (yes, no) = match &self.fact {
                    Fact::BreakerOpen(_) => {
                        (format!("{fact} is open"), format!("{fact} is closed"))
                    }
                    _ => (fact.clone(), format!("not {fact}")),
                };
                if cells.contains(1) { yes } else { no }
            }
            Cut::Texts(texts) => texts.words(&fact, cells, names),
            Cut::Fits(glob) => {
                let text = glob.words(&fact);
                if cells.contains(1) {
                    text
                } else {
                    format!("not ({text})")
                }
            }
            Cut::Clock(clock) => clock.words(cells),
            Cut::Steps { bounds, optional } => steps_words(&self.fact, bounds, *optional, cells),
            Cut::States => states_words(&fact, cells),
        }
    }
}
