//! Checked conditions: what was written, with names resolved and numbers in base units.

use crate::atom::{Atom, Number, Tables};
use crate::case::Compare;
use crate::image::{BudgetId, Features};
use crate::request::{Live, Request};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cond {
    /// True where all are; true when empty.
    All(Vec<Cond>),
    /// True where one is.
    Any(Vec<Cond>),
    /// True where the other is not.
    Not(Box<Cond>),
    /// A condition by the name that a `define` gave it.
    Named(Arc<Named>, Box<Cond>),
    /// A single test.
    Test(Arc<Test>),
}

/// The name of a condition and where it was declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) name: Box<str>,
    pub(crate) file: Arc<str>,
    /// From 1.
    pub(crate) line: u32,
}

/// A test and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Test {
    pub(crate) atom: Atom,
    /// As written, for traces.
    pub(crate) text: Box<str>,
    pub(crate) file: Arc<str>,
    /// From 1.
    pub(crate) line: u32,
}

impl Cond {
    /// Whether it is true of a request at a moment.
    pub(crate) fn holds<L: Live>(&self, tables: &Tables, request: &Request<'_>, live: &L) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|p| p.holds(tables, request, live)),
            Self::Any(parts) => parts.iter().any(|p| p.holds(tables, request, live)),
            Self::Not(inner) => !inner.holds(tables, request, live),
            Self::Named(_, inner) => inner.holds(tables, request, live),
            Self::Test(test) => test.atom.holds(tables, request, live),
        }
    }

    /// Every test in it, in textual order.
    pub(crate) fn each_test<'a>(&'a self, visit: &mut impl FnMut(&'a Arc<Test>)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|p| p.each_test(visit)),
            Self::Not(inner) | Self::Named(_, inner) => inner.each_test(visit),
            Self::Test(test) => visit(test),
        }
    }

    /// Number of tests.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::size).sum(),
            Self::Not(inner) | Self::Named(_, inner) => inner.size(),
            Self::Test(_) => 1,
        }
    }

    /// Budgets that are asked about, with repeats.
    pub(crate) fn budgets(&self) -> Vec<BudgetId> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::budgets).collect(),
            Self::Not(inner) | Self::Named(_, inner) => inner.budgets(),
            Self::Test(test) => match test.atom {
                Atom::Number(Number::Used(budget), ..) => vec![budget],
                _ => Vec::new(),
            },
        }
    }

    /// Both.
    pub(crate) fn and(self, other: Self) -> Self {
        match self {
            Self::All(mut parts) => {
                parts.push(other);
                Self::All(parts)
            }
            one => Self::All(vec![one, other]),
        }
    }

    /// Longest way from the whole to a test.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                1 + parts.iter().map(Self::depth).max().unwrap_or(0)
            }
            Self::Not(inner) => 1 + inner.depth(),
            Self::Named(_, inner) => inner.depth(),
            Self::Test(_) => 1,
        }
    }

    /// Features that every request needs for which this is true.
    pub(crate) fn needs(&self) -> Features {
        match self {
            Self::All(parts) => parts
                .iter()
                .fold(Features::default(), |all, p| all.with(p.needs())),
            Self::Any(parts) => {
                let shared = parts
                    .iter()
                    .map(Self::needs)
                    .reduce(|a, b| Features(a.0 & b.0));
                shared.unwrap_or_default()
            }
            Self::Test(test) => match test.atom {
                Atom::Needs(features) => features,
                _ => Features::default(),
            },
            Self::Named(_, inner) => inner.needs(),
            Self::Not(_) => Features::default(),
        }
    }

    /// Marks of the exact values that are compared anywhere in it; see [`Self::demands`].
    pub(crate) fn marks(&self) -> u64 {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().fold(0, |all, p| all | p.marks()),
            Self::Not(inner) | Self::Named(_, inner) => inner.marks(),
            Self::Test(test) => mark(&test.atom),
        }
    }

    /// Marks that a condition must have to imply this one: a quick look that spares most comparisons of long policies.
    pub(crate) fn demands(&self) -> u64 {
        match self {
            Self::All(parts) => parts.iter().fold(0, |all, p| all | p.demands()),
            Self::Named(_, inner) => inner.demands(),
            Self::Test(test) => mark(&test.atom),
            Self::Any(_) | Self::Not(_) => 0,
        }
    }

    /// Whether every request for which `self` is true makes `other` true. `false` may mean "not known": steps are
    /// bounded by `fuel`, and facts are taken to be unrelated.
    pub(crate) fn implies(&self, other: &Self, fuel: &mut u32) -> bool {
        let Some(left) = fuel.checked_sub(1) else {
            return false;
        };
        *fuel = left;
        match (self, other) {
            (Self::Named(_, inner), _) => inner.implies(other, fuel),
            (_, Self::Named(_, inner)) => self.implies(inner, fuel),
            (Self::Any(parts), _) => parts.iter().all(|p| p.implies(other, fuel)),
            (_, Self::All(parts)) => parts.iter().all(|p| self.implies(p, fuel)),
            (Self::All(parts), Self::Any(others)) => {
                others.iter().any(|o| self.implies(o, fuel))
                    || parts.iter().any(|p| p.implies(other, fuel))
            }
            (_, Self::Any(others)) => others.iter().any(|o| self.implies(o, fuel)),
            (Self::All(parts), _) => parts.iter().any(|p| p.implies(other, fuel)),
            (Self::Not(a), Self::Not(b)) => b.implies(a, fuel),
            (Self::Test(a), Self::Test(b)) => within(&a.atom, &b.atom),
            (Self::Not(_), Self::Test(_)) | (Self::Test(_), Self::Not(_)) => false,
        }
    }
}

/// One of 64 bits for a test on an exact value, which nothing but the same test implies.
fn mark(atom: &Atom) -> u64 {
    if !matches!(atom, Atom::Is(..)) {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    atom.hash(&mut hasher);
    1 << (hasher.finish() % 64)
}

/// Whether the first test is true only where the second is.
fn within(first: &Atom, second: &Atom) -> bool {
    match (first, second) {
        (Atom::Number(fact, how, value), Atom::Number(other, bound, edge)) if fact == other => {
            figure_within((*how, *value), (*bound, *edge))
        }
        (Atom::Number(Number::OutputLimit, ..), Atom::HasOutputLimit) => true,
        (
            Atom::Is(fact, _)
            | Atom::In(fact, _)
            | Atom::Matches(fact, _)
            | Atom::StartsWith(fact, _),
            Atom::Has(other),
        ) if fact == other => true,
        (Atom::Is(fact, value), Atom::StartsWith(other, start)) if fact == other => {
            value.starts_with(&**start)
        }
        (Atom::StartsWith(fact, long), Atom::StartsWith(other, short)) if fact == other => {
            long.starts_with(&**short)
        }
        (Atom::Needs(all), Atom::Needs(some)) => all.contains(*some),
        _ => first == second,
    }
}

/// Whether every number that stands so to the first value stands so to the second.
fn figure_within((how, value): (Compare, u64), (bound, edge): (Compare, u64)) -> bool {
    use Compare::{AtLeast, AtMost, Is, Less, More};
    match (how, bound) {
        (More, More) | (AtLeast | Is, AtLeast) => value >= edge,
        (AtLeast | Is, More) => value > edge,
        (More, AtLeast) => value.saturating_add(1) >= edge,
        (Less, Less) | (AtMost | Is, AtMost) => value <= edge,
        (AtMost | Is, Less) => value < edge,
        (Less, AtMost) => value <= edge.saturating_add(1),
        _ => how == bound && value == edge,
    }
}
