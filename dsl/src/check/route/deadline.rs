//! Whether attempts can get the time they are promised.

use crate::image::{Fallback, Millis, Plan, Route};
use crate::report::Report;
use crate::source::Span;

/// A fallback with a deadline, and where its tries stand.
#[derive(Debug)]
pub(super) struct Timed {
    pub(super) fallback: Fallback,
    pub(super) within: Millis,
    pub(super) spans: Vec<Span>,
}

/// Warns where a try cannot get its timeout because those before it may have used up `within`. Plans must be free
/// of loops.
pub(super) fn budgets(timed: &[Timed], plans: &[Plan], report: &mut Report) {
    for Timed {
        fallback,
        within,
        spans,
    } in timed
    {
        let mut spent = 0;
        for (arm, span) in fallback.tries.iter().zip(spans) {
            let route = &arm.route;
            let Some(wish) = first_wait(route) else { break };
            let left = within.saturating_sub(spent);
            if wish > left {
                report
                    .warning(
                        "mux::time::budget",
                        *span,
                        "this attempt may not get its timeout",
                    )
                    .label(format!(
                        "wants {}, and has {} if all before it are slow",
                        shown(wish),
                        shown(left)
                    ))
                    .help(format!(
                        "raise `within {}`, or shorten the timeouts above",
                        shown(*within)
                    ));
                break;
            }
            let Some(worst) = worst(route, plans) else {
                break;
            };
            spent += worst;
        }
    }
}

/// The longest a route can take, where everything has a deadline.
fn worst(route: &Route, plans: &[Plan]) -> Option<Millis> {
    match route {
        Route::Attempt(attempt) => {
            let times = 1 + u64::from(attempt.retry.as_ref().map_or(0, |r| r.times));
            first_wait(route).map(|once| once.saturating_mul(times))
        }
        Route::Plan(plan) => worst(&plans.get(plan.index())?.route, plans),
        Route::Fallback(fallback) => {
            let sum = fallback
                .tries
                .iter()
                .map(|t| worst(&t.route, plans))
                .try_fold(0, |sum: u64, t| Some(sum.saturating_add(t?)));
            match (fallback.terms.within, sum) {
                (Some(within), Some(sum)) => Some(within.min(sum)),
                (within, sum) => within.or(sum),
            }
        }
        _ => None,
    }
}

fn first_wait(route: &Route) -> Option<Millis> {
    match route {
        Route::Attempt(attempt) => attempt.timeouts.first.or(attempt.timeouts.total),
        Route::Fallback(fallback) => fallback.terms.within,
        Route::Plan(_) => Some(0),
        _ => None,
    }
}

fn shown(time: Millis) -> String {
    if time.is_multiple_of(1_000) {
        format!("{}s", time / 1_000)
    } else {
        format!("{time}ms")
    }
}
