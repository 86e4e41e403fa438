//! Checked conditions: what was written, with names resolved and numbers in base units.

use crate::atom::{Atom, Number};
use crate::case::Compare;
use crate::image::{BudgetId, Features};
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
    /// A single test.
    Test(Arc<Test>),
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
    /// Number of tests.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::size).sum(),
            Self::Not(inner) => inner.size(),
            Self::Test(_) => 1,
        }
    }

    /// Budgets that are asked about, with repeats.
    pub(crate) fn budgets(&self) -> Vec<BudgetId> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::budgets).collect(),
            Self::Not(inner) => inner.budgets(),
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

    /// Features that every request needs for which this is true.
    pub(crate) fn needs(&self) -> Features {
        match self {
            Self::All(parts) => parts.iter().fold(Features::default(), |all, p| all.with(p.needs())),
            Self::Any(parts) => {
                let shared = parts.iter().map(Self::needs).reduce(|a, b| Features(a.0 & b.0));
                shared.unwrap_or_default()
            }
            Self::Test(test) => match test.atom {
                Atom::Needs(features) => features,
                _ => Features::default(),
            },
            Self::Not(_) => Features::default(),
        }
    }

    /// Whether every request for which `self` is true makes `other` true. `false` may mean "not known": steps are
    /// bounded by `fuel`, and facts are taken to be unrelated.
    pub(crate) fn implies(&self, other: &Self, fuel: &mut u32) -> bool {
        let Some(left) = fuel.checked_sub(1) else { return false };
        *fuel = left;
        match (self, other) {
            (Self::Any(parts), _) => parts.iter().all(|p| p.implies(other, fuel)),
            (_, Self::All(parts)) => parts.iter().all(|p| self.implies(p, fuel)),
            (Self::All(parts), Self::Any(others)) => {
                others.iter().any(|o| self.implies(o, fuel)) || parts.iter().any(|p| p.implies(other, fuel))
            }
            (_, Self::Any(others)) => others.iter().any(|o| self.implies(o, fuel)),
            (Self::All(parts), _) => parts.iter().any(|p| p.implies(other, fuel)),
            (Self::Not(a), Self::Not(b)) => b.implies(a, fuel),
            (Self::Test(a), Self::Test(b)) => within(&a.atom, &b.atom),
            (Self::Not(_), Self::Test(_)) | (Self::Test(_), Self::Not(_)) => false,
        }
    }
}

/// Whether the first test is true only where the second is.
fn within(a: &Atom, b: &Atom) -> bool {
    use Compare::{AtLeast, AtMost, Is, Less, More};
    match (a, b) {
        (Atom::Number(x, how, v), Atom::Number(y, bound, w)) if x == y => match (how, bound) {
            (More, More) | (AtLeast | Is, AtLeast) => v >= w,
            (AtLeast | Is, More) => v > w,
            (More, AtLeast) => v.saturating_add(1) >= *w,
            (Less, Less) | (AtMost | Is, AtMost) => v <= w,
            (AtMost | Is, Less) => v < w,
            (Less, AtMost) => *v <= w.saturating_add(1),
            _ => a == b,
        },
        (Atom::Number(Number::OutputLimit, ..), Atom::HasOutputLimit) => true,
        (
            Atom::Is(x, _) | Atom::In(x, _) | Atom::Matches(x, _) | Atom::StartsWith(x, _),
            Atom::Has(y),
        ) if x == y => true,
        (Atom::Is(x, value), Atom::StartsWith(y, start)) if x == y => value.starts_with(&**start),
        (Atom::StartsWith(x, long), Atom::StartsWith(y, short)) if x == y => long.starts_with(&**short),
        (Atom::Needs(all), Atom::Needs(some)) => all.contains(*some),
        _ => a == b,
    }
}
