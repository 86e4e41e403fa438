//! What can be said about rules without running them: never reached, never servable, never used.

use super::policy::Ruled;
use crate::clause::{Clause, Then};
use crate::condition::Cond;
use crate::image::{Features, Fleet, Plan, Policy, TargetId, Verdict};
use crate::names::{Names, Table};
use crate::report::Report;
use crate::source::Span;

/// Steps one comparison of two conditions may take.
const FUEL: u32 = 10_000;

/// Reports rules behind one that takes all of their requests.
pub(super) fn rules(policies: &[Policy], rules: &[Vec<Ruled>], report: &mut Report) {
    for (policy, rules) in policies.iter().zip(rules) {
        let conds = rules
            .iter()
            .map(|r| r.clause.as_ref().and_then(|c| c.cond.as_ref()));
        let demands: Vec<u64> = conds.map(|c| c.map_or(0, Cond::demands)).collect();
        for (at, rule) in rules.iter().enumerate() {
            let Some(clause) = &rule.clause else { continue };
            let marks = clause.cond.as_ref().map_or(0, Cond::marks);
            let cover = rules
                .iter()
                .zip(&demands)
                .take(at)
                .position(|(earlier, demands)| {
                    demands & !marks == 0
                        && earlier.clause.as_ref().is_some_and(|e| covers(e, clause))
                });
            if let Some((cover, first)) =
                cover.and_then(|c| Some((rules.get(c)?, policy.rules.get(c)?)))
            {
                let name = first.name.as_ref().map_or_else(
                    || format!("the rule in line {}", first.line),
                    |n| format!("rule `{n}`"),
                );
                report
                    .error("mux::rule::unreachable", rule.span, "this rule can never run")
                    .also(cover.span, "takes every one of its requests")
                    .help(format!("{name} stands above it and always matches first: move this one above it, or delete it"));
            }
        }
    }
}

fn covers(earlier: &Clause, later: &Clause) -> bool {
    match (&earlier.cond, &later.cond) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(earlier), Some(later)) => later.implies(earlier, &mut FUEL.clone()),
    }
}

/// Reports rules whose requests need something that no target they can reach has. Plans must be free of loops.
pub(super) fn needs(
    policies: &[Policy],
    rules: &[Vec<Ruled>],
    plans: &[Plan],
    fleet: &Fleet,
    report: &mut Report,
) {
    for (policy, rules) in policies.iter().zip(rules) {
        for rule in rules {
            let Some(Clause {
                cond: Some(cond),
                then: Then::Decide(Verdict::Use(plan)),
            }) = &rule.clause
            else {
                continue;
            };
            let mut targets = Vec::new();
            if let Some(plan) = plans.get(plan.index()) {
                plan.route.reach(plans, &mut targets);
            }
            unserved(policy, cond, &targets, rule.span, fleet, report);
        }
    }
}

fn unserved(
    policy: &Policy,
    cond: &Cond,
    targets: &[TargetId],
    at: Span,
    fleet: &Fleet,
    report: &mut Report,
) {
    let wanted = Features(cond.needs().0 & Features::NEEDS.0);
    let can = |id: &TargetId| fleet.targets.get(id.index()).map_or(wanted, |t| t.can);
    let name = |id: &TargetId| fleet.targets.get(id.index()).map_or("", |t| &t.name);
    let every = targets
        .iter()
        .map(can)
        .fold(Features::default(), Features::with);
    let Some(missing) = wanted
        .without(every)
        .words()
        .next()
        .filter(|_| !targets.is_empty())
    else {
        return;
    };
    let names: Vec<_> = targets.iter().map(|t| format!("`{}`", name(t))).collect();
    let able: Vec<_> = fleet
        .targets
        .iter()
        .filter(|t| t.can.contains(wanted))
        .map(|t| t.name.as_ref())
        .collect();
    let advice = match able.first() {
        Some(able) => format!("`{able}` can"),
        None => "no model of this fleet can".to_owned(),
    };
    report
        .error(
            "mux::target::cannot-serve",
            at,
            format!("these requests need `{missing}`, and nothing this rule can reach has it"),
        )
        .label(format!("reaches {}", names.join(", ")))
        .help(format!(
            "for example: model `@{}`, has {}; {advice}",
            policy.name,
            wanted.words().collect::<Vec<_>>().join(", has ")
        ));
}

/// Warns of what is declared and never named. A bundle without policies is a part of others, and is left alone.
pub(super) fn unused(names: &Names<'_>, report: &mut Report) {
    if names.policies.iter().next().is_none() || report.failed() {
        return;
    }
    for model in names.models.iter().filter(|m| m.used()) {
        names.providers.mark(model.owner);
    }
    let direct = names.others.iter().any(|l| l.entry.word == "allow");
    if !direct {
        warn(
            &names.providers,
            "mux::unused::provider",
            "no rule reaches a model of this provider",
            report,
        );
    }
    warn(
        &names.plans,
        "mux::unused::plan",
        "no rule uses this plan",
        report,
    );
    warn(
        &names.sets,
        "mux::unused::set",
        "no condition asks for this set",
        report,
    );
    warn(
        &names.defines,
        "mux::unused::define",
        "no rule uses this condition",
        report,
    );
    warn(
        &names.budgets,
        "mux::unused::budget",
        "no policy charges this budget",
        report,
    );
    warn(
        &names.limits,
        "mux::unused::limit",
        "no policy obeys this limit",
        report,
    );
    warn(
        &names.breakers,
        "mux::unused::breaker",
        "no plan uses this breaker",
        report,
    );
}

fn warn(table: &Table<'_>, code: &'static str, message: &str, report: &mut Report) {
    for decl in table.unused() {
        report
            .warning(code, decl.span, message)
            .help(format!("delete `{}`, or use it", decl.name));
    }
}
