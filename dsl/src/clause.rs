//! Checked rules: a condition and what follows from it. And the naive way to decide, against which every other is held.

use crate::atom::Tables;
use crate::condition::Cond;
use crate::image::{PolicyId, Verdict};
use crate::request::{Live, Request};

/// A checked rule. Without a condition it takes every request that is left.
#[derive(Clone, Debug)]
pub(crate) struct Clause {
    pub(crate) cond: Option<Cond>,
    pub(crate) then: Then,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Decide(Verdict),
    Go(PolicyId),
}

/// The first clause whose condition holds, by asking one after the other.
pub(crate) fn first<L: Live>(
    clauses: &[Clause],
    tables: &Tables,
    request: &Request<'_>,
    live: &L,
) -> Option<usize> {
    clauses.iter().position(|clause| {
        clause
            .cond
            .as_ref()
            .is_none_or(|cond| cond.holds(tables, request, live))
    })
}
