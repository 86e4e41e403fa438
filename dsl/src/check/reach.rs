//! What the strategies that a rule can reach ask of its requests.

use super::policy::Ruled;
use super::route::longest;
use crate::atom::{Atom, Text};
use crate::clause::Then;
use crate::condition::Cond;
use crate::image::{Arm, Features, GuardId, Millis, Plan, PlanId, Policy, Route, Sticky, Verdict};
use crate::report::Report;
use crate::source::Span;
use std::collections::BTreeSet;

/// Reports strategies that do not suit the requests of a rule: each once, at the first such rule. Plans must be free of
/// loops.
pub(super) fn suits(
    policies: &[Policy],
    rules: &[Vec<Ruled>],
    (plans, guards): (&[Plan], &[Cond]),
    report: &mut Report,
) {
    let mut walk = Walk {
        plans,
        guards,
        found: Vec::new(),
        told: BTreeSet::new(),
    };
    for (policy, rules) in policies.iter().zip(rules) {
        let mut known = Known::default();
        for rule in rules {
            let Some(clause) = &rule.clause else { continue };
            let before = known.0.len();
            known.add(clause.cond.as_ref(), true);
            if let Then::Decide(Verdict::Use(plan)) = &clause.then {
                walk.plan(*plan, &mut known);
                walk.tell(rule.span, report);
                time(policy, *plan, plans, rule.span, report);
            }
            known.0.truncate(before);
            known.add(clause.cond.as_ref(), false);
        }
    }
}

/// Warns where a policy gives its requests less time than a rule's plan may take.
fn time(policy: &Policy, plan: PlanId, plans: &[Plan], at: Span, report: &mut Report) {
    let Some(within) = policy.within else { return };
    let longest = longest(&Route::Plan(plan), plans);
    if let Some(longest) = longest.filter(|l| *l > within) {
        report
            .warning(
                "mux::time::budget",
                at,
                "this rule's plan may not get its time",
            )
            .label(format!(
                "may take {}, and `@{}` gives {}",
                shown(longest),
                policy.name,
                shown(within)
            ))
            .help("raise `within` of the policy, or shorten that of the plan");
    }
}

fn shown(time: Millis) -> String {
    if time.is_multiple_of(1_000) {
        format!("{}s", time / 1_000)
    } else {
        format!("{time}ms")
    }
}

/// Tests that are known to be true or false of every request that gets here.
#[derive(Default)]
struct Known(Vec<(Atom, bool)>);

impl Known {
    /// What follows from a condition that holds, or does not.
    fn add(&mut self, cond: Option<&Cond>, holds: bool) {
        match (cond, holds) {
            (Some(Cond::Test(test)), _) => self.0.push((test.atom.clone(), holds)),
            (Some(Cond::Not(inner)), _) => self.add(Some(inner), !holds),
            (Some(Cond::Named(_, inner)), _) => self.add(Some(inner), holds),
            (Some(Cond::All(parts)), true) | (Some(Cond::Any(parts)), false) => {
                for part in parts {
                    self.add(Some(part), holds);
                }
            }
            _ => {}
        }
    }

    fn says(&self, atom: &Atom, holds: bool) -> bool {
        self.0.iter().any(|(a, h)| a == atom && *h == holds)
    }

    /// Whether every request has a fact.
    fn has(&self, fact: &Text) -> bool {
        self.0.iter().any(|(atom, holds)| {
            *holds
                && match atom {
                    Atom::Has(text)
                    | Atom::Is(text, _)
                    | Atom::In(text, _)
                    | Atom::Matches(text, _)
                    | Atom::StartsWith(text, _) => text == fact,
                    _ => false,
                }
        })
    }
}

/// What a strategy asks for that a request may not give.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Finding {
    /// It makes one answer, and the client may want a stream.
    Whole(&'static str),
    /// It sends requests twice, and they may have tools.
    Twice,
    /// It tells requests apart by a fact that they may not have.
    Apart(String),
}

struct Walk<'i> {
    plans: &'i [Plan],
    guards: &'i [Cond],
    /// With the plan it is written in.
    found: Vec<(Option<PlanId>, Finding)>,
    told: BTreeSet<(Option<PlanId>, Finding)>,
}

impl Walk<'_> {
    fn plan(&mut self, plan: PlanId, known: &mut Known) {
        if let Some(found) = self.plans.get(plan.index()) {
            self.route(&found.route, Some(plan), known);
        }
    }

    fn route(&mut self, route: &Route, owner: Option<PlanId>, known: &mut Known) {
        let finding = match route {
            Route::Plan(plan) => return self.plan(*plan, known),
            Route::Cascade(cascade) if !cascade.buffer => Some(Finding::Whole("cascade")),
            Route::Ensemble(ensemble) if !ensemble.buffer => Some(Finding::Whole("ensemble")),
            Route::Hedge(_) => Some(Finding::Twice),
            Route::Split(split) => apart(&split.by, known),
            Route::Canary(canary) => apart(&canary.by, known),
            _ => None,
        };
        let may = match &finding {
            Some(Finding::Whole(_)) => !known.says(&Atom::Streaming, false),
            Some(Finding::Twice) => !known.says(&Atom::Needs(Features::TOOLS), false),
            Some(Finding::Apart(_)) => true,
            None => false,
        };
        self.found
            .extend(finding.filter(|_| may).map(|f| (owner, f)));
        for (arm, guard) in arms(route) {
            let before = known.0.len();
            let cond = guard.and_then(|g| self.guards.get(g));
            known.add(cond, true);
            self.route(arm, owner, known);
            known.0.truncate(before);
        }
    }

    /// Reports what was found on the way from one rule.
    fn tell(&mut self, at: Span, report: &mut Report) {
        for (owner, finding) in std::mem::take(&mut self.found) {
            if !self.told.insert((owner, finding.clone())) {
                continue;
            }
            let plan = owner.and_then(|o| self.plans.get(o.index())?.name.as_ref());
            let of = plan.map_or_else(String::new, |name| format!(" of plan `{name}`"));
            match finding {
                Finding::Whole(word) => report
                    .error(
                        "mux::plan::illegal",
                        at,
                        format!("streaming requests can reach the `{word}`{of}, which answers in one piece"),
                    )
                    .help(format!("write `{word} buffer {{ … }}` to give them the answer in one piece, or add `and not streaming` to this rule")),
                Finding::Twice => report
                    .warning(
                        "mux::hedge::tools",
                        at,
                        format!("requests with tools can reach the `hedge`{of}, which sends them twice"),
                    )
                    .help("a tool that a provider runs itself would run twice: put a rule `when has tools …` above this one, or add `and not has tools`"),
                Finding::Apart(fact) => report
                    .warning(
                        "mux::sticky::absent",
                        at,
                        format!("a request without `{fact}` gets an arm{of} by its key, or by chance where it has none"),
                    )
                    .help(format!("name a further fact behind it, such as `by {fact} key`, or ask `has {fact}` first")),
            };
        }
    }
}

/// The last fact of `by`, where a request may have none of them.
fn apart(by: &[Sticky], known: &Known) -> Option<Finding> {
    let fact = |who: &Sticky| match who {
        Sticky::EndUser => Text::EndUser,
        Sticky::Key => Text::Key,
        Sticky::Team => Text::Team,
        Sticky::Conversation => Text::Conversation,
        Sticky::Tag(name) => Text::Tag(name.clone()),
        Sticky::Header(name) => Text::Header(name.clone()),
    };
    // Gateways that let nobody in without a key are the rule.
    let sure = |who: &Sticky| *who == Sticky::Key || known.has(&fact(who));
    let last = by.last().filter(|_| !by.iter().any(sure))?;
    Some(Finding::Apart(match last {
        Sticky::EndUser => "end_user".to_owned(),
        Sticky::Key => "key".to_owned(),
        Sticky::Team => "team".to_owned(),
        Sticky::Conversation => "conversation".to_owned(),
        Sticky::Tag(name) => format!("tag.{name}"),
        Sticky::Header(name) => format!("header.{name}"),
    }))
}

/// The routes inside one, each with the condition it has.
fn arms(route: &Route) -> Vec<(&Route, Option<usize>)> {
    let guarded = |arm: &'_ Arm| arm.when.map(GuardId::index);
    let mut found: Vec<(&Route, Option<usize>)> = Vec::new();
    match route {
        Route::Fallback(chain) => {
            found.extend(chain.tries.iter().map(|arm| (&arm.route, guarded(arm))));
        }
        Route::Listed(chosen) => {
            found.extend(chosen.arms.iter().map(|arm| (&arm.route, guarded(arm))));
            found.extend(chosen.otherwise.iter().map(|route| (&**route, None)));
        }
        Route::Ensemble(ensemble) => {
            found.extend(ensemble.asks.iter().map(|arm| (&arm.route, guarded(arm))));
        }
        Route::Hedge(hedge) => {
            found.extend(hedge.arms.iter().map(|arm| (&arm.route, guarded(arm))));
        }
        other => other.each_inner(&mut |inner| found.push((inner, None))),
    }
    found
}
