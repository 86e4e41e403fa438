//! Checked conditions: what was written, with names resolved and numbers in base units.

use crate::atom::{Atom, Number, Tables};
use crate::image::BudgetId;
use crate::request::{Live, Request};
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
    /// Nobody wrote it: it comes with another test.
    pub(crate) implied: bool,
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

    /// Every test that makes it true by being true, in textual order: none that is negated.
    pub(crate) fn each_positive<'a>(&'a self, visit: &mut impl FnMut(&'a Arc<Test>)) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.each_positive(visit);
                }
            }
            Self::Named(_, inner) => inner.each_positive(visit),
            Self::Not(_) => {}
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
}
