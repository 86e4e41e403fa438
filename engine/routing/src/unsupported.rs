//! What the language can say and this version does not carry out yet. The one place that knows; whoever makes a part
//! work deletes its lines here.

use crate::history::HOUR;
use mux_dsl::Image;
use mux_dsl::image::{
    Budget, By, Fleet, HealthRule, Limit, Plan, PlanId, PolicyId, Route, Rule, RuleId, Scope,
    Terms, Verdict,
};
use std::collections::BTreeSet;

/// Looks through a bundle, every plan that a rule uses and what is declared around them: what is not carried out, in
/// words. It is served all the same.
#[must_use]
pub fn gaps(image: &Image) -> Vec<String> {
    let mut walk = Walk {
        plans: &image.plans,
        seen: BTreeSet::new(),
        gaps: Vec::new(),
    };
    for (id, policy) in (0..).map(PolicyId).zip(&image.policies) {
        for (rule_id, rule) in (0..).map(RuleId).zip(&policy.rules) {
            if let Some(Verdict::Use(plan)) = image.verdict(id, rule_id) {
                walk.plan(*plan, rule);
            }
        }
    }
    walk.fleet(&image.fleet);
    walk.gaps
}

struct Walk<'i> {
    plans: &'i [Plan],
    /// A plan that several rules use is told of once.
    seen: BTreeSet<PlanId>,
    gaps: Vec<String>,
}

impl Walk<'_> {
    fn ignore(&mut self, place: &str, what: &str) {
        self.gaps.push(format!("{place}: {what}"));
    }

    fn plan(&mut self, id: PlanId, rule: &Rule) {
        let Some(plan) = self.plans.get(id.index()).filter(|_| self.seen.insert(id)) else {
            return;
        };
        let place = match &plan.name {
            Some(name) => format!("{}:{} uses plan `{name}`", rule.file, rule.line),
            None => format!("{}:{}", rule.file, rule.line),
        };
        self.route(&plan.route, &place, rule);
    }

    fn route(&mut self, route: &Route, place: &str, rule: &Rule) {
        match route {
            Route::Attempt(_) | Route::Split(_) => {}
            Route::Plan(plan) => self.plan(*plan, rule),
            Route::Cascade(cascade) => self.terms(&cascade.terms, true, place),
            Route::Ensemble(ensemble) => self.terms(&ensemble.terms, true, place),
            Route::Fallback(fallback) => self.terms(&fallback.terms, true, place),
            Route::Listed(list) => {
                if matches!(list.by, By::Latency(_, over, _) if over > HOUR) {
                    self.ignore(place, "`over` reaches no further than the last hour");
                }
                self.terms(&list.terms, false, place);
            }
            Route::Canary(canary) => {
                self.windows(&canary.abort, place);
            }
            Route::Hedge(hedge) => self.terms(&hedge.terms, true, place),
        }
        route.each_inner(&mut |inner| self.route(inner, place, rule));
    }

    /// `ordered` says that the order is as written, so that nothing chooses by affinity.
    fn terms(&mut self, terms: &Terms, ordered: bool, place: &str) {
        if ordered && terms.affinity.is_some() {
            self.ignore(place, "`affinity` does not change a written order yet");
        }
    }

    fn windows(&mut self, rules: &[HealthRule], place: &str) {
        let over = |rule: &HealthRule| match *rule {
            HealthRule::LatencyAbove(_, _, over) | HealthRule::ErrorRateAbove(_, over) => over,
            HealthRule::BreakerOpen => 0,
        };
        if rules.iter().any(|rule| over(rule) > HOUR) {
            self.ignore(place, "`over` reaches no further than the last hour");
        }
    }

    fn fleet(&mut self, fleet: &Fleet) {
        if let Some(health) = &fleet.health {
            self.windows(&health.degraded, "`health`");
            self.windows(&health.down, "`health`");
        }
        let targets = fleet.targets.iter().map(|t| t.concurrency);
        let providers = fleet.providers.iter().map(|p| p.concurrency);
        let mut most = targets.chain(providers).chain([fleet.defaults.concurrency]);
        if fleet.defaults.queue.is_some() && most.any(|most| most.is_some()) {
            self.ignore(
                "`queue`",
                "requests wait for a place at the gateway (`--max-inflight`) only: where a target has its `concurrency` in flight they go on \
                 to the next, and are refused where there is none",
            );
        }
        fleet.budgets.iter().for_each(|b| self.budget(b));
        fleet.limits.iter().for_each(|l| self.limit(l));
    }

    fn budget(&mut self, budget: &Budget) {
        let place = format!("budget `{}`", budget.name);
        if budget.scope.contains(&Scope::Team) {
            self.ignore(
                &place,
                "no request has a team yet: there is one counter for all",
            );
        }
    }

    fn limit(&mut self, limit: &Limit) {
        if limit.rates.iter().any(|r| r.scope.contains(&Scope::Team)) {
            let place = format!("limit `{}`", limit.name);
            self.ignore(
                &place,
                "no request has a team yet: there is one counter for all",
            );
        }
    }
}
