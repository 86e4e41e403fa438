//! The space of requests as the conditions of a bundle cut it up: each fact a field, each field a few cells.
//!
//! Requests in the same cell of every field are treated alike by every condition, so a vector of cells is an equivalence
//! class, and everything that is said about all requests is said about cells: decisions, proofs, differences, coverage.

mod automaton;
mod clock;
mod form;
mod text;
mod told;

use crate::atom::{Number, Text};
use crate::case::NOON;
use crate::cells::Cells;
use crate::fact::{Fact, Sense};
use crate::glob::Glob;
use crate::image::{BudgetId, Compare, Features, Fleet, HealthState, TargetId};
use crate::request::{Live, Request};
use clock::Clock;
use std::collections::{BTreeMap, HashSet};
use text::{Tests, Texts};

pub(crate) use automaton::Automaton;
pub(crate) use form::Form;

/// The values that facts are declared to have; others count as absent.
pub(crate) type Declared = BTreeMap<Fact, Box<[Box<str>]>>;

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

/// How values fall into cells.
#[derive(Debug)]
enum Cut {
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

/// Where a field finds its value in a request; by field.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Text(Text),
    Need(Features),
    Streaming,
    Number(Number),
    Health(Box<[TargetId]>),
    BreakerOpen(TargetId),
    Time,
}

/// Most windows that one field tells apart.
const WINDOWS: usize = 64;

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

impl Cut {
    fn count(&self) -> u32 {
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

    fn cells(&self, sense: &Sense) -> Option<Cells> {
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
fn cuts(fact: &Fact, senses: Vec<Sense>, declared: &Declared) -> Vec<Cut> {
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

/// Where a number test cuts: at the first value of each side.
fn bounds(sense: &Sense) -> Vec<u64> {
    let Sense::Number(compare, value) = sense else {
        return Vec::new();
    };
    let next = value.checked_add(1);
    let cuts = match compare {
        Compare::Less | Compare::AtLeast => [Some(*value), None],
        Compare::More | Compare::AtMost => [None, next],
        Compare::Is | Compare::IsNot => [Some(*value), next],
    };
    cuts.into_iter().flatten().filter(|b| *b > 0).collect()
}

#[inline]
fn step(bounds: &[u64], optional: bool, value: Option<u64>) -> u32 {
    let Some(value) = value else { return 0 };
    let below = bounds.partition_point(|b| *b <= value);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a bundle has fewer bounds than bytes, and those are below 2³²"
    )]
    let below = below as u32;
    below + u32::from(optional)
}

fn compared(bounds: &[u64], optional: bool, compare: Compare, value: u64) -> Cells {
    let first = u32::from(optional);
    let end = u32::try_from(bounds.len()).unwrap_or(u32::MAX) + 1 + first;
    let from = |value: Option<u64>| value.map_or(end, |v| step(bounds, optional, Some(v)));
    let (at, next) = (from(Some(value)), from(value.checked_add(1)));
    match compare {
        Compare::Less => Cells::span(first, at),
        Compare::AtMost => Cells::span(first, next),
        Compare::More => Cells::span(next, end),
        Compare::AtLeast => Cells::span(at, end),
        Compare::Is => Cells::span(at, next),
        Compare::IsNot => Cells::span(first, at).or(&Cells::span(next, end)),
    }
}

fn state_cell(state: HealthState) -> u32 {
    match state {
        HealthState::Ok => 0,
        HealthState::Degraded => 1,
        HealthState::Down => 2,
    }
}

fn source(fact: &Fact, fleet: &Fleet) -> Source {
    let target = |name: &str| {
        let found = (0..)
            .map(TargetId)
            .zip(&fleet.targets)
            .find(|(_, t)| &*t.name == name);
        found.map_or(TargetId(u32::MAX), |(id, _)| id)
    };
    match fact {
        Fact::Model => Source::Text(Text::Model),
        Fact::Operation => Source::Text(Text::Operation),
        Fact::Dialect => Source::Text(Text::Dialect),
        Fact::Key => Source::Text(Text::Key),
        Fact::Team => Source::Text(Text::Team),
        Fact::Tag(name) => Source::Text(Text::Tag(name.clone())),
        Fact::Header(name) => Source::Text(Text::Header(name.clone())),
        Fact::EndUser => Source::Text(Text::EndUser),
        Fact::Conversation => Source::Text(Text::Conversation),
        Fact::Streaming => Source::Streaming,
        Fact::Need(bit) => Source::Need(Features(*bit)),
        Fact::Tokens => Source::Number(Number::Tokens),
        Fact::OutputLimit => Source::Number(Number::OutputLimit),
        Fact::Time => Source::Time,
        Fact::Used(name) => {
            let found = (0..)
                .map(BudgetId)
                .zip(&fleet.budgets)
                .find(|(_, b)| b.name == *name);
            Source::Number(Number::Used(found.map_or(BudgetId(u32::MAX), |(id, _)| id)))
        }
        Fact::Health(names) => Source::Health(names.iter().map(|n| target(n)).collect()),
        Fact::BreakerOpen(name) => Source::BreakerOpen(target(name)),
        Fact::Inflight(name) => Source::Number(Number::Inflight(target(name))),
        Fact::Headroom(name) => Source::Number(Number::Headroom(target(name))),
        Fact::ErrorRate(name) => Source::Number(Number::ErrorRate(target(name))),
        Fact::P50(name) => Source::Number(Number::P50(target(name))),
        Fact::P95(name) => Source::Number(Number::P95(target(name))),
        Fact::P99(name) => Source::Number(Number::P99(target(name))),
    }
}

/// `tokens > 120k and tokens <= 150k`, and the like.
fn steps_words(fact: &Fact, bounds: &[u64], optional: bool, cells: &Cells) -> String {
    let name = fact.words();
    let first = u32::from(optional);
    let end = u32::try_from(bounds.len()).unwrap_or(u32::MAX) + 1 + first;
    if optional && *cells == Cells::span(first, end) && *fact == Fact::OutputLimit {
        return format!("has {name}");
    }
    let absent = optional && cells.contains(0);
    if absent {
        let rest = cells.not(end);
        return format!("not ({})", steps_words(fact, bounds, optional, &rest));
    }
    let mut parts = Vec::new();
    let mut from = None;
    for cell in first..=end {
        match (from, cell < end && cells.contains(cell)) {
            (None, true) => from = Some(cell),
            (Some(start), false) => {
                parts.push(range_words(
                    fact,
                    &name,
                    bounds,
                    start - first,
                    cell - first,
                    optional,
                ));
                from = None;
            }
            _ => {}
        }
    }
    match parts.as_slice() {
        [one] => one.clone(),
        many => format!(
            "({})",
            many.iter()
                .map(|p| if p.contains(" and ") {
                    format!("({p})")
                } else {
                    p.clone()
                })
                .collect::<Vec<_>>()
                .join(" or ")
        ),
    }
}

/// One run of steps, from and up to but not including.
fn range_words(
    fact: &Fact,
    name: &str,
    bounds: &[u64],
    from: u32,
    to: u32,
    optional: bool,
) -> String {
    let low = from.checked_sub(1).and_then(|b| bounds.get(b as usize));
    let high = bounds.get((to - 1) as usize);
    match (low, high) {
        (Some(low), Some(high)) if *high == low + 1 => format!("{name} is {}", amount(fact, *low)),
        (Some(low), Some(high)) => format!(
            "{} and {}",
            above(fact, name, *low),
            below(fact, name, *high)
        ),
        (Some(low), None) => above(fact, name, *low),
        (None, Some(high)) => below(fact, name, *high),
        (None, None) if optional => format!("{name} >= {}", amount(fact, 0)),
        (None, None) => "true".into(),
    }
}

/// `>` where the bound is one above a round number, which is how people write it.
fn above(fact: &Fact, name: &str, low: u64) -> String {
    let under = low - 1;
    if amount(fact, under).len() < amount(fact, low).len() {
        format!("{name} > {}", amount(fact, under))
    } else {
        format!("{name} >= {}", amount(fact, low))
    }
}

fn below(fact: &Fact, name: &str, high: u64) -> String {
    let under = high - 1;
    if amount(fact, under).len() < amount(fact, high).len() {
        format!("{name} <= {}", amount(fact, under))
    } else {
        format!("{name} < {}", amount(fact, high))
    }
}

/// A number of a fact with its unit.
pub(crate) fn amount(fact: &Fact, value: u64) -> String {
    match fact {
        Fact::P50(_) | Fact::P95(_) | Fact::P99(_) => match value {
            v if v > 0 && v.is_multiple_of(60_000) => format!("{}m", v / 60_000),
            v if v > 0 && v.is_multiple_of(1_000) => format!("{}s", v / 1_000),
            v => format!("{v}ms"),
        },
        Fact::Used(_) | Fact::ErrorRate(_) | Fact::Headroom(_) => {
            let (whole, part) = (value / 100, value % 100);
            match part {
                0 => format!("{whole}%"),
                p if p.is_multiple_of(10) => format!("{whole}.{}%", p / 10),
                p => format!("{whole}.{p:02}%"),
            }
        }
        Fact::Inflight(_) => value.to_string(),
        _ => match value {
            v if v > 0 && v.is_multiple_of(1_000_000) => format!("{}M", v / 1_000_000),
            v if v > 0 && v.is_multiple_of(1_000) => format!("{}k", v / 1_000),
            v => v.to_string(),
        },
    }
}

fn states_words(fact: &str, cells: &Cells) -> String {
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
