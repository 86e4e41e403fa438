//! What the language can say and this version does not carry out yet. The one place that knows; whoever makes a part
//! work deletes its lines here.

use mux_dsl::Image;
use mux_dsl::image::{
    Budget, By, Defaults, Fleet, HealthRule, Limit, Millis, Plan, PlanId, Policy, PolicyId,
    Provider, Route, Rule, RuleId, Scope, Terms, Verdict,
};
use std::collections::BTreeSet;

/// Code of the refusal of a request whose plan cannot be carried out. The gateway loads no such plan, so only tests meet it.
pub const CODE: &str = "strategy_unsupported";

/// What live figures cover, whatever is written.
const MEASURED: Millis = 60_000;

/// What is told about a strategy.
#[must_use]
pub fn words(strategy: &str) -> String {
    format!("this version cannot carry out `{strategy}` yet")
}

/// What of a bundle this version does not carry out, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// Without these a request would not get what its policy says: such a bundle must not be served.
    pub missing: Vec<String>,
    /// Without these it is served all the same.
    pub ignored: Vec<String>,
}

/// Looks through a bundle: every plan that a rule uses, and what is declared around them.
#[must_use]
pub fn gaps(image: &Image) -> Gaps {
    let mut walk = Walk {
        plans: &image.plans,
        seen: BTreeSet::new(),
        gaps: Gaps::default(),
    };
    for (id, policy) in (0..).map(PolicyId).zip(&image.policies) {
        walk.policy(policy);
        for (rule_id, rule) in (0..).map(RuleId).zip(&policy.rules) {
            walk.rule(rule);
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
    gaps: Gaps,
}

impl Walk<'_> {
    fn ignore(&mut self, place: &str, what: &str) {
        self.gaps.ignored.push(format!("{place}: {what}"));
    }

    fn policy(&mut self, policy: &Policy) {
        if policy.priority != 5 {
            let place = format!("policy `@{}`", policy.name);
            self.ignore(&place, "`priority` is not carried out yet: nothing is shed");
        }
    }

    fn rule(&mut self, rule: &Rule) {
        if !rule.shadows.is_empty() {
            let place = format!("{}:{}", rule.file, rule.line);
            self.ignore(&place, "`shadow` is not carried out yet: no copy is sent");
        }
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
            Route::Cascade(_) => self
                .gaps
                .missing
                .push(format!("{place}: {}", words("cascade"))),
            Route::Ensemble(_) => self
                .gaps
                .missing
                .push(format!("{place}: {}", words("ensemble"))),
            Route::Fallback(fallback) => self.terms(&fallback.terms, true, place),
            Route::Listed(list) => {
                if matches!(list.by, By::Latency(_, over, _) if over > MEASURED) {
                    self.ignore(place, "`over` reaches no further than the last minute yet");
                }
                self.terms(&list.terms, false, place);
            }
            Route::Canary(canary) => {
                if canary.ramp.is_some() {
                    self.ignore(
                        place,
                        "`ramp` is not carried out yet: its first share stays",
                    );
                }
                self.windows(&canary.abort, place);
            }
            Route::Hedge(hedge) => {
                let what =
                    "`hedge` asks its targets one after the other: no second request is sent yet";
                self.ignore(place, what);
                self.terms(&hedge.terms, true, place);
            }
        }
        route.each_inner(&mut |inner| self.route(inner, place, rule));
    }

    /// `ordered` says that the order is as written, so that nothing chooses by affinity.
    fn terms(&mut self, terms: &Terms, ordered: bool, place: &str) {
        if ordered && terms.affinity.is_some() {
            self.ignore(place, "`affinity` does not change a written order yet");
        }
        if terms.resume {
            self.ignore(
                place,
                "`continue` is not carried out yet: a stream that breaks off ends",
            );
        }
    }

    fn windows(&mut self, rules: &[HealthRule], place: &str) {
        let over = |rule: &HealthRule| match *rule {
            HealthRule::LatencyAbove(_, _, over) | HealthRule::ErrorRateAbove(_, over) => over,
            HealthRule::BreakerOpen => 0,
        };
        if rules.iter().any(|rule| over(rule) > MEASURED) {
            self.ignore(place, "`over` reaches no further than the last minute yet");
        }
    }

    fn fleet(&mut self, fleet: &Fleet) {
        if let Some(health) = &fleet.health {
            self.windows(&health.degraded, "`health`");
            self.windows(&health.down, "`health`");
        }
        for breaker in fleet.breakers.iter().filter(|b| b.slow_start.is_some()) {
            let place = format!("breaker `{}`", breaker.name);
            self.ignore(&place, "`slow-start` is not carried out yet");
        }
        let words = unheeded(&fleet.defaults);
        if !words.is_empty() {
            let what = format!("not carried out yet: `{}`", words.join("`, `"));
            self.ignore("`defaults`", &what);
        }
        fleet.providers.iter().for_each(|p| self.provider(p));
        for target in fleet.targets.iter().filter(|t| t.concurrency.is_some()) {
            let place = format!("`{}`", target.name);
            self.ignore(&place, "`concurrency` is not carried out yet");
        }
        fleet.budgets.iter().for_each(|b| self.budget(b));
        fleet.limits.iter().for_each(|l| self.limit(l));
    }

    fn provider(&mut self, provider: &Provider) {
        let written = [
            ("concurrency", provider.concurrency.is_some()),
            ("probe", provider.probe.is_some()),
            ("warm", provider.warm.is_some()),
            ("on-disconnect", provider.abandon.is_some()),
            ("quirks", !provider.quirks.is_empty()),
        ];
        for (word, _) in written.into_iter().filter(|(_, written)| *written) {
            let place = format!("provider `{}`", provider.name);
            self.ignore(&place, &format!("`{word}` is not carried out yet"));
        }
    }

    fn budget(&mut self, budget: &Budget) {
        let place = format!("budget `{}`", budget.name);
        if budget.hard {
            self.ignore(
                &place,
                "`mode hard` is not carried out yet: nothing is reserved",
            );
        }
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

/// Words of a `defaults` block that do nothing yet; routing's own defaults hold.
fn unheeded(defaults: &Defaults) -> Vec<&'static str> {
    let written = [
        ("adaptive", defaults.adaptive.is_some()),
        ("retry-budget", defaults.retry_budget.is_some()),
        ("hedge-budget", defaults.hedge_budget.is_some()),
        ("concurrency", defaults.concurrency.is_some()),
        ("queue", defaults.queue.is_some()),
        ("slow-start", defaults.slow_start.is_some()),
        ("spill", defaults.spill.is_some()),
        ("probe", defaults.probe.is_some()),
        ("warm", defaults.warm.is_some()),
        ("on-disconnect", defaults.abandon.is_some()),
        ("early-headers", defaults.early_headers.is_some()),
    ];
    written
        .into_iter()
        .filter(|(_, is)| *is)
        .map(|(word, _)| word)
        .collect()
}
