//! How a fact is cut into cells by the tests that are made of it.

use super::clock::Clock;
use super::steps::{bounds, compared};
use super::text::{self, Tests, Texts};
use crate::cells::Cells;
use crate::fact::{Fact, Sense};
use crate::glob::Glob;
use crate::image::HealthState;
use std::collections::BTreeMap;

/// The values that facts are declared to have; others count as absent.
pub(crate) type Declared = BTreeMap<Fact, Box<[Box<str>]>>;

/// Most windows that one field tells apart.
const WINDOWS: usize = 64;

/// How values fall into cells.
#[derive(Debug)]
pub(super) enum Cut {
    /// No, yes.
    Flag,
    Texts(Texts),
    /// Whether one pattern fits.
    Fits(Glob),
    Clock(Clock),
    /// Absent first, if it can be; then from one bound to the next.
    Steps {
        bounds: Box<[u64]>,
        optional: bool,
    },
    /// Ok, degraded, down.
    States,
}

impl Cut {
    pub(super) fn count(&self) -> u32 {
        match self {
            Self::Flag | Self::Fits(_) => 2,
            Self::Texts(texts) => texts.count(),
            Self::Clock(clock) => clock.count(),
            Self::Steps { bounds, optional } => {
                u32::try_from(bounds.len() + 1).unwrap_or(u32::MAX) + u32::from(*optional)
            }
            Self::States => 3,
        }
    }

    pub(super) fn cells(&self, sense: &Sense) -> Option<Cells> {
        Some(match (self, sense) {
            (Self::Flag, Sense::Has) => Cells::One(1),
            (Self::Fits(own), _) => {
                return (text::glob(sense).as_ref() == Some(own)).then_some(Cells::One(1));
            }
            (Self::Texts(texts), Sense::Fits(_) | Sense::StartsWith(_)) => {
                return texts.knows(sense).then(|| texts.cells(sense));
            }
            (Self::Texts(texts), _) => texts.cells(sense),
            (Self::Clock(clock), Sense::During(window, zone)) => return clock.cells(window, zone),
            (Self::Steps { bounds, optional }, Sense::Has) => Cells::span(
                u32::from(*optional),
                u32::try_from(bounds.len()).ok()? + 1 + u32::from(*optional),
            ),
            (Self::Steps { bounds, optional }, Sense::Number(compare, value)) => {
                compared(bounds, *optional, *compare, *value)
            }
            (Self::States, Sense::State(state)) => Cells::One(state_cell(*state)),
            _ => return None,
        })
    }
}

/// The fields that a fact needs: one, unless its tests are too many to be told apart together.
pub(super) fn cuts(fact: &Fact, senses: Vec<Sense>, declared: &Declared) -> Vec<Cut> {
    match fact {
        Fact::Streaming | Fact::Need(_) | Fact::BreakerOpen(_) => vec![Cut::Flag],
        Fact::Health(_) => vec![Cut::States],
        Fact::Time => {
            let windows = senses.into_iter().filter_map(|s| match s {
                Sense::During(window, zone) => Some((window, zone)),
                _ => None,
            });
            let windows: Vec<_> = windows.collect();
            windows
                .chunks(WINDOWS)
                .map(|some| Cut::Clock(Clock::cut(some.to_vec())))
                .collect()
        }
        _ if senses.iter().any(|s| matches!(s, Sense::Number(..)))
            || *fact == Fact::OutputLimit =>
        {
            let bounds: std::collections::BTreeSet<u64> = senses.iter().flat_map(bounds).collect();
            vec![Cut::Steps {
                bounds: bounds.into_iter().collect(),
                optional: !fact.always(),
            }]
        }
        _ => texts(fact, &senses, declared),
    }
}

fn texts(fact: &Fact, senses: &[Sense], declared: &Declared) -> Vec<Cut> {
    let declared = declared.get(fact).map(AsRef::as_ref);
    let optional = !fact.always() || declared.is_some();
    if let Some(texts) = Texts::cut(&Tests {
        senses,
        optional,
        declared,
    }) {
        return vec![Cut::Texts(texts)];
    }
    let (patterns, others): (Vec<Sense>, Vec<Sense>) = senses
        .iter()
        .cloned()
        .partition(|s| text::glob(s).is_some());
    let mut globs: Vec<Glob> = patterns.iter().filter_map(text::glob).collect();
    globs.sort_unstable();
    globs.dedup();
    let plain = Texts::cut(&Tests {
        senses: &others,
        optional,
        declared,
    });
    plain
        .map(Cut::Texts)
        .into_iter()
        .chain(globs.into_iter().map(Cut::Fits))
        .collect()
}

/// The cell of a state of health.
pub(super) fn state_cell(state: HealthState) -> u32 {
    match state {
        HealthState::Ok => 0,
        HealthState::Degraded => 1,
        HealthState::Down => 2,
    }
}

/// `health of p/a is not ok`, and the like.
pub(super) fn states_words(fact: &str, cells: &Cells) -> String {
    let words = ["ok", "degraded", "down"];
    let held: Vec<&str> = cells
        .iter()
        .filter_map(|c| words.get(c as usize).copied())
        .collect();
    if let [one] = held.as_slice() {
        return format!("{fact} is {one}");
    }
    let other = cells.not(3).first();
    let other = other.and_then(|c| words.get(c as usize).copied());
    format!("{fact} is not {}", other.unwrap_or("?"))
}
