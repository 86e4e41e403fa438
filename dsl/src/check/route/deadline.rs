//! Whether attempts can get the time they are promised.

use crate::image::{After, Millis, Plan, Route};
use crate::report::Report;
use crate::source::Span;

/// A strategy, and where its arms stand.
#[derive(Debug)]
pub(super) struct Timed {
    pub(super) route: Route,
    /// Its word.
    pub(super) at: Span,
    pub(super) spans: Vec<Span>,
}

/// Warns where an arm cannot get its time because those before it may have used up `within`. Plans must be free of
/// loops.
pub(super) fn budgets(timed: &[Timed], plans: &[Plan], report: &mut Report) {
    for Timed { route, spans, .. } in timed {
        let Some(within) = limit(route) else { continue };
        let starts = starts(route, plans);
        let mut arms = Vec::new();
        route.each_inner(&mut |arm| arms.push(arm));
        for ((arm, span), start) in arms.into_iter().zip(spans).zip(starts) {
            let (Some(wish), Some(start)) = (wish(arm), start) else {
                continue;
            };
            let left = within.saturating_sub(start);
            if wish > left {
                late(*span, (wish, left, within), start > 0, report);
                break;
            }
        }
    }
}

fn late(
    at: Span,
    (wish, left, within): (Millis, Millis, Millis),
    queued: bool,
    report: &mut Report,
) {
    let (left, help) = if queued {
        (
            format!("{} if all before it are slow", shown(left)),
            format!(
                "raise `within {}`, or shorten the timeouts above",
                shown(within)
            ),
        )
    } else {
        (
            shown(left),
            format!("raise `within {}`, or shorten this timeout", shown(within)),
        )
    };
    report
        .warning(
            "mux::time::budget",
            at,
            "this attempt may not get its timeout",
        )
        .label(format!("wants {}, and has {left}", shown(wish)))
        .help(help);
}

/// When each arm begins at the latest, where that is known.
fn starts(route: &Route, plans: &[Plan]) -> Vec<Option<Millis>> {
    match route {
        Route::Fallback(chain) => queued(chain.tries.iter().map(|arm| longest(&arm.route, plans))),
        Route::Cascade(cascade) => {
            let judge = cascade.judge.as_ref();
            let judge = judge.map(|judge| longest(&Route::Attempt(judge.attempt.clone()), plans));
            queued(cascade.steps.iter().map(|(arm, accept)| {
                let step = longest(&arm.route, plans);
                match judge.filter(|_| accept.is_some()) {
                    Some(judge) => step.zip(judge).map(|(a, b)| a.saturating_add(b)),
                    None => step,
                }
            }))
        }
        Route::Hedge(hedge) => (0..)
            .zip(&hedge.arms)
            .map(|(at, _)| match hedge.after {
                After::Time(time) => Some(time.saturating_mul(at)),
                After::Quantile(_) => (at == 0).then_some(0),
            })
            .collect(),
        Route::Listed(list) => list.arms.iter().map(|_| Some(0)).collect(),
        Route::Ensemble(ensemble) => ensemble.asks.iter().map(|_| Some(0)).collect(),
        _ => Vec::new(),
    }
}

/// One after the other.
fn queued(times: impl Iterator<Item = Option<Millis>>) -> Vec<Option<Millis>> {
    let mut spent = Some(0_u64);
    times
        .map(|time| {
            let start = spent;
            spent = spent.zip(time).map(|(a, b)| a.saturating_add(b));
            start
        })
        .collect()
}

/// The longest a route can take, waits between attempts left out, where everything has a deadline.
pub(in crate::check) fn longest(route: &Route, plans: &[Plan]) -> Option<Millis> {
    let own = match route {
        Route::Attempt(attempt) => {
            let times = 1 + u64::from(attempt.retry.as_ref().map_or(0, |r| r.times));
            wish(route).map(|once| once.saturating_mul(times))
        }
        Route::Plan(plan) => longest(&plans.get(plan.index())?.route, plans),
        Route::Split(_) | Route::Canary(_) => {
            let mut most = Some(0);
            route.each_inner(&mut |arm| {
                most = most.zip(longest(arm, plans)).map(|(a, b)| a.max(b));
            });
            most
        }
        Route::Fallback(_) | Route::Listed(_) | Route::Cascade(_) => {
            let mut sum = Some(0_u64);
            route.each_inner(&mut |arm| {
                sum = sum
                    .zip(longest(arm, plans))
                    .map(|(a, b)| a.saturating_add(b));
            });
            sum
        }
        Route::Ensemble(_) | Route::Hedge(_) => None,
    };
    match (own, limit(route)) {
        (Some(own), Some(limit)) => Some(own.min(limit)),
        (own, limit) => own.or(limit),
    }
}

/// The time that an arm is promised.
fn wish(route: &Route) -> Option<Millis> {
    match route {
        Route::Attempt(attempt) => attempt.timeouts.first.or(attempt.timeouts.total),
        Route::Plan(_) => None,
        strategy => limit(strategy),
    }
}

fn limit(route: &Route) -> Option<Millis> {
    match route {
        Route::Fallback(fallback) => fallback.terms.within,
        Route::Listed(list) => list.terms.within,
        Route::Cascade(cascade) => cascade.terms.within,
        Route::Ensemble(ensemble) => ensemble.terms.within,
        Route::Hedge(hedge) => hedge.terms.within,
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
