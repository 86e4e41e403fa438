//! A route as one request takes it: nothing is left in it that depends on the request.

use mux_dsl::image::{Arm, Attempt, Cascade, Ensemble, Hedge, Plan, Route, TargetId, Terms};

/// What is done, in order.
#[derive(Clone, Debug)]
pub(crate) enum Course<'a> {
    /// One target.
    Attempt(&'a Attempt),
    /// One after the other, under common terms.
    Group(&'a Terms, Vec<Course<'a>>),
    /// Several for one answer, each with its place among those written.
    Joint(Several<'a>, Vec<(usize, Course<'a>)>),
}

/// A strategy that asks several for one answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Several<'a> {
    /// The next where the one before is late.
    Hedge(&'a Hedge),
    /// Until an answer is good enough.
    Cascade(&'a Cascade),
    /// All at once.
    Ensemble(&'a Ensemble),
}

impl<'a> Several<'a> {
    pub(crate) fn terms(self) -> &'a Terms {
        match self {
            Self::Hedge(hedge) => &hedge.terms,
            Self::Cascade(cascade) => &cascade.terms,
            Self::Ensemble(ensemble) => &ensemble.terms,
        }
    }

    /// Its arms, in the order written.
    pub(crate) fn arms(self) -> impl Iterator<Item = &'a Arm> {
        let (listed, steps): (&[Arm], &[_]) = match self {
            Self::Hedge(hedge) => (&hedge.arms, &[]),
            Self::Cascade(cascade) => (&[], &cascade.steps),
            Self::Ensemble(ensemble) => (&ensemble.asks, &[]),
        };
        listed.iter().chain(steps.iter().map(|(arm, _)| arm))
    }
}

impl<'a> Course<'a> {
    /// The course that every request takes; `None` where requests take different ones.
    pub(crate) fn of(route: &'a Route, plans: &'a [Plan]) -> Option<Self> {
        let one = |arm: &'a Arm| match arm.when {
            Some(_) => None,
            None => Self::of(&arm.route, plans),
        };
        let joint = |several: Several<'a>| {
            let arms = several.arms().map(one).collect::<Option<Vec<_>>>()?;
            Some(Self::Joint(several, arms.into_iter().enumerate().collect()))
        };
        match route {
            Route::Attempt(attempt) => Some(Self::Attempt(attempt)),
            Route::Plan(id) => Self::of(&plans.get(id.index())?.route, plans),
            Route::Fallback(fallback) => {
                let tries = fallback.tries.iter().map(one);
                Some(Self::Group(&fallback.terms, tries.collect::<Option<_>>()?))
            }
            Route::Hedge(hedge) => joint(Several::Hedge(hedge)),
            Route::Cascade(cascade) => joint(Several::Cascade(cascade)),
            Route::Ensemble(ensemble) => joint(Several::Ensemble(ensemble)),
            Route::Listed(_) | Route::Split(_) | Route::Canary(_) => None,
        }
    }

    /// All that requests pick from, in the order written: what is fixed, and lists of single targets. `None` where they do
    /// more than pick and put in order.
    pub(crate) fn whole(route: &'a Route, plans: &'a [Plan]) -> Option<Self> {
        match route {
            Route::Plan(id) => Self::whole(&plans.get(id.index())?.route, plans),
            Route::Fallback(fallback) => {
                let tries = fallback.tries.iter();
                let tries = tries.map(|arm| Self::whole(&arm.route, plans));
                Some(Self::Group(&fallback.terms, tries.collect::<Option<_>>()?))
            }
            Route::Listed(list) => {
                let arms = list.arms.iter();
                let arms = arms.map(|arm| single(&arm.route, plans).map(Self::Attempt));
                let mut parts = arms.collect::<Option<Vec<_>>>()?;
                if let Some(otherwise) = &list.otherwise {
                    parts.push(Self::whole(otherwise, plans)?);
                }
                Some(Self::Group(&list.terms, parts))
            }
            _ => Self::of(route, plans),
        }
    }

    /// Whether it has a deadline of its own.
    pub(crate) fn bounded(&self) -> bool {
        match self {
            Self::Attempt(_) => false,
            Self::Group(terms, _) => terms.within.is_some(),
            Self::Joint(several, _) => several.terms().within.is_some(),
        }
    }

    /// The target that is called first.
    pub(crate) fn first(&self) -> Option<TargetId> {
        match self {
            Self::Attempt(attempt) => Some(attempt.target),
            Self::Group(_, parts) => parts.iter().find_map(Self::first),
            Self::Joint(_, arms) => arms.iter().find_map(|(_, arm)| arm.first()),
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
            Self::Joint(several, arms) => {
                let left = arms.into_iter();
                let left = left.filter_map(|(place, arm)| Some((place, arm.only(keep)?)));
                let left: Vec<_> = left.collect();
                (!left.is_empty()).then_some(Self::Joint(several, left))
            }
        }
    }
}

/// The one target that a route leads to.
pub(crate) fn single<'a>(route: &'a Route, plans: &'a [Plan]) -> Option<&'a Attempt> {
    match route {
        Route::Attempt(attempt) => Some(attempt),
        Route::Plan(id) => single(&plans.get(id.index())?.route, plans),
        _ => None,
    }
}

/// How many steps a route is laid as by [`Course::whole`].
pub(crate) fn width(route: &Route, plans: &[Plan]) -> usize {
    match route {
        Route::Plan(id) => plans
            .get(id.index())
            .map_or(0, |plan| width(&plan.route, plans)),
        Route::Fallback(fallback) => {
            let tries = fallback.tries.iter();
            tries.map(|arm| width(&arm.route, plans)).sum()
        }
        Route::Listed(list) => {
            let otherwise = list.otherwise.as_deref();
            list.arms.len() + otherwise.map_or(0, |route| width(route, plans))
        }
        _ => 1,
    }
}
