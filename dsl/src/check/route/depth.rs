//! How deep strategies are nested, named plans written out.

use super::deadline::Timed;
use crate::image::{Plan, Route};
use crate::report::Report;

/// Deepest nesting.
const DEEPEST: usize = 4;

/// Reports strategies that are nested too deep. Plans must be free of loops.
pub(super) fn check(timed: &[Timed], plans: &[Plan], report: &mut Report) {
    for timed in timed {
        // Those around it are too deep for the same reason.
        if inside(&timed.route, plans) == DEEPEST {
            report
                .error(
                    "mux::plan::depth",
                    timed.at,
                    format!("strategies are nested more than {DEEPEST} deep from here"),
                )
                .help(
                    "choose by rules what is chosen by plans here: nobody can follow that at night",
                );
        }
    }
}

/// Strategies on the longest way inside a route, itself left out.
fn inside(route: &Route, plans: &[Plan]) -> usize {
    let mut inner = 0;
    route.each_inner(&mut |route| inner = inner.max(depth(route, plans)));
    inner
}

/// Strategies on the longest way inside a route, itself included.
fn depth(route: &Route, plans: &[Plan]) -> usize {
    match route {
        Route::Attempt(_) => 0,
        Route::Plan(plan) => {
            let plan = plans.get(plan.index());
            plan.map_or(0, |plan| depth(&plan.route, plans))
        }
        strategy => 1 + inside(strategy, plans),
    }
}
