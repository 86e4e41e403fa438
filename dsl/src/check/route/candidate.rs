//! What can be said of a list of candidates without running it.

use super::deadline::Timed;
use crate::image::{Filter, Fleet, Listed, Plan, Route, Target, TargetId};
use crate::report::Report;

/// Reports lists whose filter leaves nobody. Plans must be free of loops.
pub(super) fn lists(timed: &[Timed], plans: &[Plan], fleet: &Fleet, report: &mut Report) {
    for timed in timed {
        if let Route::Listed(listed) = &timed.route
            && let Some(filter) = &listed.filter
        {
            list(timed, listed, filter, (plans, fleet), report);
        }
    }
}

fn list(
    timed: &Timed,
    listed: &Listed,
    filter: &Filter,
    (plans, fleet): (&[Plan], &Fleet),
    report: &mut Report,
) {
    let answer = |route: &Route| {
        let mut targets: Vec<TargetId> = Vec::new();
        route.reach(plans, &mut targets);
        let each = targets.iter().filter_map(|t| fleet.targets.get(t.index()));
        any(each.map(|target| passes(filter, target, fleet)))
    };
    let answers: Vec<Option<bool>> = listed.arms.iter().map(|a| answer(&a.route)).collect();
    let nobody = answers.iter().all(|a| *a == Some(false));
    if nobody && listed.otherwise.is_none() {
        report
            .error(
                "mux::list::empty",
                timed.at,
                "no candidate passes this filter, and nothing else is named",
            )
            .help("add `otherwise …`, or loosen the filter: a target that does not say what is asked for does not pass");
        return;
    }
    if listed.otherwise.is_none() && !answers.contains(&Some(true)) {
        report
            .warning(
                "mux::list::live",
                timed.at,
                "this filter can leave nobody, and nothing else is named",
            )
            .label("a live figure that is not known yet does not pass")
            .help("add `otherwise …`, which is taken while no candidate passes");
    }
    let arms = answers.iter().zip(&timed.spans);
    for (_, at) in arms.filter(|(answer, _)| **answer == Some(false)) {
        report
            .warning(
                "mux::list::never",
                *at,
                "this is never a candidate: it does not pass the filter",
            )
            .help("delete it, or loosen the filter");
    }
}

/// Whether a target passes; unknown where that hangs on the moment.
fn passes(filter: &Filter, target: &Target, fleet: &Fleet) -> Option<bool> {
    match filter {
        Filter::All(parts) => {
            let each = parts.iter().map(|p| passes(p, target, fleet));
            any(each.map(|a| a.map(|a| !a))).map(|a| !a)
        }
        Filter::Any(parts) => any(parts.iter().map(|p| passes(p, target, fleet))),
        Filter::Not(inner) => passes(inner, target, fleet).map(|a| !a),
        Filter::Tier(compare, tier) => Some(target.tier.is_some_and(|t| compare.holds(&t, tier))),
        Filter::Provider(provider) => Some(target.provider == *provider),
        Filter::Region(region) => {
            let provider = fleet.providers.get(target.provider.index())?;
            let regions = &provider.regions;
            Some(!regions.is_empty() && regions.iter().all(|r| r == region))
        }
        Filter::Context(compare, tokens) => {
            Some(target.context.is_some_and(|c| compare.holds(&c, tokens)))
        }
        Filter::Price(compare, price) => {
            Some(target.price.is_some_and(|p| compare.holds(&p.input, price)))
        }
        Filter::Can(features) => Some(target.can.contains(*features)),
        Filter::Latency(..) | Filter::ErrorRate(..) | Filter::Health(_) => None,
    }
}

/// Whether one is true; unknown where none is, and one is unknown.
fn any(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut found = Some(false);
    for answer in answers {
        match answer {
            Some(true) => return Some(true),
            Some(false) => {}
            None => found = None,
        }
    }
    found
}
