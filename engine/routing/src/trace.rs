//! A flight as a record: the one account that logs, metrics, replays and people read.

use crate::Nanos;
use crate::candidate::{Candidates, PassedOver};
use crate::class::Class;
use crate::flight::{Attempt, End, Flight};
use mux_dsl::request::HealthState;
use mux_traffic::record::{self, Arm, Candidate, Decision, Figures, Outcome, Record};

impl Flight {
    /// Everything that decided and happened. Meant to be called once, off the hot path, when the flight is over.
    #[must_use]
    pub fn record(&self) -> Record {
        let router = self.router();
        let (cost, priced) = self.cost();
        let mut facts = self.arrival().facts.clone();
        facts.needs = self.arrival().needs.words().map(str::to_owned).collect();
        let budgets = router.fleet().budgets.iter();
        Record {
            v: record::VERSION,
            id: self.arrival().id.clone(),
            at: self.arrival().at,
            version: router.version().to_owned(),
            seed: self.arrival().seed,
            request: facts,
            live: self.live_figures(),
            used: budgets
                .zip(&self.admission().used)
                .map(|(b, used)| (b.name.to_string(), *used))
                .collect(),
            decision: self.decision(),
            candidates: self.weighed(),
            attempts: self.attempts().iter().map(|a| self.attempt(a)).collect(),
            outcome: self.outcome(),
            usage: match self.end() {
                Some(End::Served(n)) => self.attempts().get(*n).and_then(|a| a.usage),
                _ => None,
            },
            cost,
            priced,
        }
    }

    fn since(&self, at: Nanos) -> u64 {
        at.saturating_sub(self.arrival().now) / 1_000
    }

    /// Those that came into question; of an order of this request's own, also those that did not.
    fn weighed(&self) -> Vec<Candidate> {
        let mut all = Candidates::from(self.candidates());
        let order = self.admission().order.as_ref();
        let own = order.filter(|o| !o.fixed);
        let steps = own.iter().flat_map(|o| &o.itinerary.steps);
        let rest = steps.map(|s| (s.target, Some(PassedOver::NotNeeded)));
        let dropped = own.iter().flat_map(|o| o.dropped.iter().cloned());
        for (target, reason) in rest.chain(dropped) {
            if all.iter().all(|(known, _)| *known != target) {
                all.push((target, reason));
            }
        }
        let costs = order.map_or(&[][..], |o| o.costs.as_slice());
        let cost = |target| costs.iter().find(|(t, _)| *t == target)?.1;
        let candidates = all.iter().map(|(target, reason)| Candidate {
            target: self.router().name(*target).to_owned(),
            reason: reason.as_ref().map(|r| r.kind().to_owned()),
            passed_over: reason.as_ref().map(|r| r.words(self.arrival().now)),
            expected_cost: cost(*target),
        });
        candidates.collect()
    }

    fn arms(&self) -> Vec<Arm> {
        let order = self.admission().order.iter();
        let choices = order.flat_map(|o| &o.choices).map(|choice| Arm {
            strategy: choice.strategy.to_owned(),
            arm: choice.arm.to_string(),
            bucket: choice.bucket,
            aborted: choice.aborted,
        });
        choices.collect()
    }

    fn live_figures(&self) -> Vec<Figures> {
        let targets = self.router().fleet().targets.iter();
        let figures = targets
            .zip(&self.admission().figures)
            .map(|(target, f)| Figures {
                target: target.name.to_string(),
                p50_ms: f.p50,
                p95_ms: f.p95,
                p99_ms: f.p99,
                error_rate: f.error_rate,
                health: match f.health {
                    HealthState::Ok => "ok",
                    HealthState::Degraded => "degraded",
                    HealthState::Down => "down",
                }
                .to_owned(),
                breaker: f.breaker.to_owned(),
                score: Some(f.score),
                inflight: f.inflight,
                headroom: f.headroom,
            });
        figures.collect()
    }

    fn decision(&self) -> Option<Decision> {
        let decided = self.decided()?;
        let image = self.router().image();
        let policies: Vec<_> = decided
            .policies
            .as_slice()
            .iter()
            .filter_map(|p| image.policies.get(p.index()))
            .collect();
        let rule = policies
            .last()
            .and_then(|p| p.rules.get(decided.rule.index()));
        let plan = decided
            .plan
            .and_then(|id| image.plans.get(id.index()).map(|plan| (id, plan)));
        Some(Decision {
            policies: policies.iter().map(|p| p.name.to_string()).collect(),
            rule: rule.map_or_else(String::new, |r| match &r.name {
                Some(name) => format!("{}:{} {name}", r.file, r.line),
                None => format!("{}:{}", r.file, r.line),
            }),
            path: decided.path.to_string(),
            verdict: if plan.is_some() { "use" } else { "deny" }.to_owned(),
            plan: plan.map(|(id, plan)| match &plan.name {
                Some(name) => name.to_string(),
                None => image
                    .targets_of(id)
                    .iter()
                    .map(|t| self.router().name(*t))
                    .collect::<Vec<_>>()
                    .join(" "),
            }),
            arms: self.arms(),
        })
    }

    fn attempt(&self, a: &Attempt) -> record::Attempt {
        record::Attempt {
            target: self.router().name(a.target).to_owned(),
            start_us: self.since(a.start),
            connected_us: a.connected.map(|t| self.since(t)),
            head_us: a.head.map(|t| self.since(t)),
            first_us: a.first.map(|t| self.since(t)),
            end_us: self.since(a.end.unwrap_or(self.over().0)),
            class: a.class.word().to_owned(),
            status: a.status,
            retry_after_ms: a.retry_after.map(|t| t / crate::MILLI),
            // What a provider says may quote the prompt or the answer, and a record never holds those: only our own
            // words are kept, about attempts that no provider answered.
            error: a.message.clone().filter(|_| a.status.is_none()),
            usage: a.usage,
            cost: a.cost,
        }
    }

    fn outcome(&self) -> Outcome {
        let served = match self.end() {
            Some(End::Served(n)) => self
                .attempts()
                .get(*n)
                .map(|a| self.router().name(a.target).to_owned()),
            _ => None,
        };
        let (status, class) = match self.end() {
            Some(End::Served(_)) => (200, Class::Ok.word()),
            Some(End::Refused(refusal)) => (
                refusal.status,
                self.attempts().last().map_or("refused", |a| a.class.word()),
            ),
            Some(End::Broken(class)) => (200, class.word()),
            Some(End::ClientGone) | None => (499, Class::ClientGone.word()),
        };
        let upstream: Nanos = self
            .attempts()
            .iter()
            .map(|a| {
                a.end
                    .unwrap_or(self.over().0)
                    .saturating_sub(a.sent.unwrap_or(a.start))
            })
            .sum();
        let (over, waited) = self.over();
        let total = over.saturating_sub(self.arrival().now);
        Outcome {
            status,
            class: class.to_owned(),
            served,
            committed_us: self.committed().map(|t| self.since(t)),
            total_us: total / 1_000,
            overhead_us: total.saturating_sub(upstream).saturating_sub(waited) / 1_000,
        }
    }
}
