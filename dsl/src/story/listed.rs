//! `cheapest`, `fastest` and `balance` as their reader should know them: the candidates in the order that the figures at hand
//! give, and what else moves them.

use super::account::{Branch, Course, Truth};
use super::filter;
use super::known::Known;
use crate::image::{Arm, By, Filter, Listed, Millis, Pico, Quantile, Route, TargetId, Terms};
use crate::phrase::{share, time};

/// All shares of a `balance` together, in basis points.
const WHOLE: u64 = 10_000;

/// What an arm of a list is called: its share or weight, where that counts.
pub(super) fn label(list: &Listed, arm: &Arm) -> String {
    let whole: u64 = list.arms.iter().map(|arm| u64::from(arm.weight)).sum();
    match list.by {
        // Shares are kept as weights that are 100% together.
        By::Weight if whole == WHOLE => share(arm.weight),
        By::Weight => format!("weight {}", arm.weight),
        _ => "-".to_owned(),
    }
}

/// A list with its arms as they are written, and what it turns to when none is left. `of` makes a course of words, terms and
/// arms.
pub(super) fn listed(
    list: &Listed,
    (written, otherwise): (Vec<Branch>, Option<Branch>),
    known: &Known<'_>,
    of: &dyn Fn(&str, &Terms, Vec<Branch>) -> Course,
) -> Course {
    let said = match list.by {
        By::Cost => "the cheapest of these for this request, then the others".to_owned(),
        By::Latency(q, over, explore) => format!(
            "the fastest of these by {} over {}{}, then the others",
            q.word(),
            time(over),
            if explore > 0 {
                format!(", {} of requests exploring", share(explore))
            } else {
                String::new()
            }
        ),
        By::Weight => "one of these by weight, then the others".to_owned(),
    };
    let mut arms: Vec<(u32, Branch)> = Vec::new();
    for (arm, mut own) in list.arms.iter().zip(written) {
        if let (Some(asked), Route::Attempt(attempt)) = (&list.filter, &arm.route)
            && filter::passes(asked, attempt.target, known) == Truth::False
        {
            own.course.able = false;
            own.course.notes.push("left out by `where`".into());
        }
        arms.push((arm.weight, own));
    }
    arms.sort_by_cached_key(|(weight, arm)| rank(list.by, *weight, arm, known));
    let mut arms: Vec<Branch> = arms.into_iter().map(|(_, arm)| arm).collect();
    arms.extend(otherwise);
    let mut course = of(&said, &list.terms, arms);
    let asked = list.filter.as_ref();
    course.options.splice(
        0..0,
        asked.map(|f| format!("where {}", filter::words(f, known))),
    );
    course.varies = varies(list);
    course
}

/// Where a candidate comes, as routing orders them: what cannot serve at the end, where it is only named.
fn rank(by: By, weight: u32, arm: &Branch, known: &Known<'_>) -> (bool, i128) {
    let Some(moment) = known.moment else {
        return (false, 0);
    };
    let able = arm.course.able && arm.open != Truth::False;
    let first = arm.course.targets().first().copied();
    let targets = (0..).map(TargetId).zip(&known.image.fleet.targets);
    let first = first.and_then(|name| targets.into_iter().find(|(_, t)| &*t.name == name));
    let Some((id, target)) = first.filter(|_| able) else {
        return (true, 0);
    };
    let figure = match by {
        By::Cost => {
            let (tokens, limit) = (moment.request.tokens, moment.request.output_limit);
            let price = target.price_at(moment.request.now, tokens.into(), limit != Some(0));
            let cost = price.map(|price| price.expected(tokens, limit));
            cost.unwrap_or(Pico::MAX).into()
        }
        By::Latency(quantile, ..) => {
            let figure = match quantile {
                Quantile::P50 => moment.live.p50(id),
                Quantile::P95 => moment.live.p95(id),
                Quantile::P99 => moment.live.p99(id),
            };
            figure.unwrap_or(Millis::MAX).into()
        }
        By::Weight => -i128::from(weight),
    };
    (false, figure)
}

/// What moves candidates, besides what is written and what the request says.
fn varies(list: &Listed) -> Vec<String> {
    let by = match list.by {
        By::Cost => None,
        By::Latency(quantile, _, 0) => Some(format!("the {} of each", quantile.word())),
        By::Latency(quantile, _, explore) => Some(format!(
            "the {} of each, and {} of requests that explore",
            quantile.word(),
            share(explore)
        )),
        By::Weight => Some("a draw by weight".to_owned()),
    };
    let filter = list.filter.as_ref().filter(|filter| moves(filter));
    let stays = list
        .terms
        .affinity
        .map(|_| "who served the like before".to_owned());
    let filter = filter.map(|_| "the figures that `where` asks for".to_owned());
    by.into_iter().chain(filter).chain(stays).collect()
}

/// Whether a filter asks for figures of the moment.
fn moves(filter: &Filter) -> bool {
    match filter {
        Filter::All(parts) | Filter::Any(parts) => parts.iter().any(moves),
        Filter::Not(inner) => moves(inner),
        Filter::Latency(..) | Filter::ErrorRate(..) | Filter::Health(_) => true,
        _ => false,
    }
}
