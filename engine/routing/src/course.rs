//! A route as one request takes it: nothing is left in it that depends on the request.

use mux_dsl::image::{Attempt, Plan, Route, TargetId, Terms};

/// What is done, in order.
#[derive(Clone, Debug)]
pub(crate) enum Course<'a> {
    /// One target.
    Attempt(&'a Attempt),
    /// One after the other, under common terms.
    Group(&'a Terms, Vec<Course<'a>>),
    /// A strategy this version cannot carry out.
    Missing(&'static str),
}

impl<'a> Course<'a> {
    /// The course that every request takes; `None` where requests take different ones.
    pub(crate) fn of(route: &'a Route, plans: &'a [Plan]) -> Option<Self> {
        let all = |arms: &'a [mux_dsl::image::Arm]| -> Option<Vec<Self>> {
            arms.iter()
                .map(|arm| match arm.when {
                    Some(_) => None,
                    None => Self::of(&arm.route, plans),
                })
                .collect()
        };
        match route {
            Route::Attempt(attempt) => Some(Self::Attempt(attempt)),
            Route::Plan(id) => Self::of(&plans.get(id.index())?.route, plans),
            Route::Fallback(fallback) => Some(Self::Group(&fallback.terms, all(&fallback.tries)?)),
            // Its arms in order: the second request is not sent yet.
            Route::Hedge(hedge) => Some(Self::Group(&hedge.terms, all(&hedge.arms)?)),
            Route::Cascade(_) => Some(Self::Missing("cascade")),
            Route::Ensemble(_) => Some(Self::Missing("ensemble")),
            Route::Listed(_) | Route::Split(_) | Route::Canary(_) => None,
        }
    }

    /// Whether it has a deadline of its own.
    pub(crate) fn bounded(&self) -> bool {
        matches!(self, Self::Group(terms, _) if terms.within.is_some())
    }

    /// The target that is called first.
    pub(crate) fn first(&self) -> Option<TargetId> {
        match self {
            Self::Attempt(attempt) => Some(attempt.target),
            Self::Group(_, parts) => parts.iter().find_map(Self::first),
            Self::Missing(_) => None,
        }
    }

    /// A strategy in it that this version cannot carry out.
    pub(crate) fn missing(&self) -> Option<&'static str> {
        match self {
            Self::Attempt(_) => None,
            Self::Group(_, parts) => parts.iter().find_map(Self::missing),
            Self::Missing(strategy) => Some(strategy),
        }
    }

    /// Leaves out the targets that `keep` refuses, and what then holds nothing.
    pub(crate) fn only(self, keep: &mut impl FnMut(TargetId) -> bool) -> Option<Self> {
        match self {
            Self::Attempt(attempt) => keep(attempt.target).then_some(self),
            Self::Group(terms, parts) => {
                let left: Vec<Self> = parts.into_iter().filter_map(|p| p.only(keep)).collect();
                (!left.is_empty()).then_some(Self::Group(terms, left))
            }
            Self::Missing(_) => Some(self),
        }
    }
}
