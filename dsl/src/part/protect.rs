//! Breakers, the `defaults` block, and what providers may write of it themselves, as parts.

use super::attempt::{deadlines, retry};
use super::{Figure, Part};
use crate::image::{Abandon, Breaker, Defaults, Fleet, Probe};

/// A breaker by what it does.
pub(crate) fn breaker(breaker: &Breaker) -> Part {
    let Breaker {
        name,
        error_rate,
        over,
        failures,
        min,
        cool,
        cool_most,
        probe,
        slow_start,
    } = breaker;
    let part = Part::new("breaker", "")
        .with("error_rate >", Figure::Share(*error_rate))
        .with("over", Figure::Time(*over))
        .with("failures >=", Figure::Number((*failures).into()))
        .with("min", Figure::Number((*min).into()))
        .with("cool", Figure::Time(*cool))
        .maybe("up-to", cool_most.map(Figure::Time))
        .with("probe", Figure::Number((*probe).into()))
        .maybe("slow-start", slow_start.map(Figure::Time));
    Part {
        label: Some(format!("breaker {name}").into()),
        ..part
    }
}

/// What holds where nothing nearer is written.
pub(crate) fn defaults(defaults: &Defaults, fleet: &Fleet) -> Part {
    let Defaults {
        timeouts,
        within,
        adaptive,
        attempts: (attempts, per_target),
        retry: again,
        retry_budget,
        backoff,
        hedge_budget,
        concurrency,
        queue,
        slow_start,
        spill,
        probe: asked,
        warm,
        abandon,
        breaker: trip,
        early_headers,
    } = defaults;
    let number = |n: &u32| Figure::Number((*n).into());
    let pair = |a: Figure, b: Option<Figure>| Figure::Row(std::iter::once(a).chain(b).collect());
    let on_off = |on: bool| Figure::Words(vec![if on { "on" } else { "off" }.into()]);
    let part = deadlines(Part::new("defaults", ""), *timeouts)
        .maybe("within", within.map(Figure::Time))
        .maybe("adaptive", adaptive.map(on_off))
        .maybe("attempts", attempts.as_ref().map(number))
        .maybe("per-target", per_target.as_ref().map(number));
    let part = retry(part, again.as_ref())
        .maybe(
            "retry-budget",
            retry_budget.map(|(s, floor)| pair(Figure::Share(s), floor.as_ref().map(number))),
        )
        .maybe(
            "backoff",
            backoff.map(|(a, b)| pair(Figure::Time(a), Some(Figure::Time(b)))),
        )
        .maybe(
            "hedge-budget",
            hedge_budget.map(|(s, cost)| pair(Figure::Share(s), cost.map(Figure::Money))),
        )
        .maybe("concurrency", concurrency.as_ref().map(number))
        .maybe(
            "queue",
            queue.map(|(n, wait)| pair(number(&n), Some(Figure::Time(wait)))),
        )
        .maybe("slow-start", slow_start.map(Figure::Time))
        .maybe("spill below", spill.map(Figure::Share))
        .maybe("probe", asked.map(probe))
        .maybe("warm", warm.map(Figure::Time))
        .maybe("on-disconnect", abandon.map(abandoned))
        .maybe("early-headers", early_headers.map(on_off));
    match trip.and_then(|id| fleet.breakers.get(id.index())) {
        Some(trip) => part.holding(breaker(trip)),
        None => part,
    }
}

/// How a target without traffic is asked.
pub(super) fn probe(probe: Probe) -> Figure {
    let word = |word: &str| Figure::Words(vec![word.into()]);
    match probe {
        Probe::Off => word("off"),
        Probe::Free(every) => Figure::Row(vec![word("free every"), Figure::Time(every)]),
        Probe::Paid(every) => Figure::Row(vec![word("paid every"), Figure::Time(every)]),
    }
}

/// What happens when a client hangs up.
pub(super) fn abandoned(abandon: Abandon) -> Figure {
    let word = |word: &str| Figure::Words(vec![word.into()]);
    match abandon {
        Abandon::Cancel => word("cancel"),
        Abandon::Drain(most) => Figure::Row(vec![word("drain"), Figure::Time(most)]),
    }
}
