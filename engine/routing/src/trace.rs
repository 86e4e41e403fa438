//! A flight as a record: the one account that logs, metrics, replays and people read.

use crate::Nanos;
use crate::candidate::{Candidates, PassedOver};
use crate::class::Class;
use crate::flight::{Attempt, End, Flight};
use crate::look::{HELD, Look, VERDICTS, WAYS, word};
use mux_dsl::Image;
use mux_dsl::image::{PlanId, Quantile, Rule, TargetId};
use mux_dsl::request::HealthState;
use mux_traffic::record::{self, Arm, Candidate, Decision, Figures, Outcome, Over, Record};

/// A plan by its name, or by the targets of one that is written in a rule.
#[must_use]
pub fn called(image: &Image, plan: PlanId) -> String {
    let name = image.plans.get(plan.index()).and_then(|p| p.name.as_ref());
    name.map_or_else(
        || {
            let targets = image.targets_of(plan).into_iter();
            let targets = targets.filter_map(|t| image.fleet.targets.get(t.index()));
            let names: Vec<&str> = targets.map(|t| &*t.name).collect();
            names.join(" ")
        },
        ToString::to_string,
    )
}

/// Where a rule stands, with its name where it has one.
#[must_use]
pub fn placed(rule: &Rule) -> String {
    match &rule.name {
        Some(name) => format!("{}:{} {name}", rule.file, rule.line),
        None => format!("{}:{}", rule.file, rule.line),
    }
}

impl Flight {
    /// Everything that decided and happened. Meant to be called once, off the hot path, when the flight is over.
    #[must_use]
    pub fn record(&self) -> Record {
        let router = self.router();
        let mut facts = self.arrival().facts.clone();
        facts.needs = self.arrival().needs.words().map(str::to_owned).collect();
        let budgets = router.fleet().budgets.iter();
        Record {
            request: facts,
            live: self.live_figures(),
            used: budgets
                .zip(&self.admission().used)
                .map(|(b, used)| (b.name.to_string(), *used))
                .collect(),
            looks: self.looks().iter().map(|l| self.looked(l)).collect(),
            ..self.summary()
        }
    }

    /// The record without what decided: no facts, figures, spent shares and looks. For those who count what happened.
    #[must_use]
    pub fn summary(&self) -> Record {
        let (cost, priced) = self.cost();
        Record {
            v: record::VERSION,
            id: self.arrival().id.clone(),
            at: self.arrival().at,
            version: self.router().version().to_owned(),
            seed: self.arrival().seed,
            decision: self.decision(),
            candidates: self.weighed(),
            attempts: self.attempts().iter().map(|a| self.attempt(a)).collect(),
            outcome: self.outcome(),
            usage: match self.end() {
                Some(End::Served(n)) => self.used(*n),
                _ => None,
            },
            cost,
            priced,
            copy_of: self.copy_of().map(str::to_owned),
            ..Record::default()
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
        let mut able = Vec::new();
        if let Some(order) = own {
            order.itinerary.each_target(&mut |target| able.push(target));
        }
        let rest = able.into_iter();
        let rest = rest.map(|target| (target, Some(PassedOver::NotNeeded)));
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
            share: choice.share,
            aborted: choice.aborted,
        });
        choices.collect()
    }

    fn live_figures(&self) -> Vec<Figures> {
        let (targets, spans) = (self.router().fleet().targets.iter(), self.router().spans());
        let mut longer = self.admission().longer.iter();
        let figures = targets.zip(&self.admission().figures).map(|(target, f)| {
            let [p50_ms, p95_ms, p99_ms] = f.times();
            let over = spans.iter().zip(longer.by_ref());
            let over = over.map(|(span, measured)| Over {
                span_ms: *span,
                p50_ms: measured.time(Quantile::P50),
                p95_ms: measured.time(Quantile::P95),
                p99_ms: measured.time(Quantile::P99),
                error_rate: measured.error_rate,
            });
            Figures {
                target: target.name.to_string(),
                p50_ms,
                p95_ms,
                p99_ms,
                error_rate: f.error_rate(),
                health: match f.health() {
                    HealthState::Ok => "ok",
                    HealthState::Degraded => "degraded",
                    HealthState::Down => "down",
                }
                .to_owned(),
                breaker: f.position().word().to_owned(),
                score: Some(f.score()),
                inflight: f.inflight(),
                headroom: f.headroom(),
                over: over.collect(),
            }
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
        let plan = decided.plan;
        Some(Decision {
            policies: policies.iter().map(|p| p.name.to_string()).collect(),
            rule: rule.map_or_else(String::new, placed),
            path: decided.path.to_string(),
            verdict: if plan.is_some() { "use" } else { "deny" }.to_owned(),
            plan: plan.map(|id| called(image, id)),
            arms: self.arms(),
        })
    }

    fn looked(&self, look: &Look) -> record::Look {
        record::Look {
            at_us: self.since(look.at),
            leg: u32::try_from(look.leg).unwrap_or(u32::MAX),
            step: u32::try_from(look.step).unwrap_or(u32::MAX),
            target: self.router().name(look.target).to_owned(),
            way: word(&WAYS, &look.way).to_owned(),
            score: look.score,
            stays: look.stays,
            breaker: look.position.word().to_owned(),
            others: look.others,
            held: look.held.map(|held| word(&HELD, &held).to_owned()),
            verdict: word(&VERDICTS, &look.verdict(self.arrival().seed)).to_owned(),
        }
    }

    fn attempt(&self, a: &Attempt) -> record::Attempt {
        record::Attempt {
            target: self.router().name(a.target).to_owned(),
            start_us: self.since(a.start),
            sent_us: a.sent.map(|t| self.since(t)),
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
            role: a.role.word().map(str::to_owned),
            score: a.score,
            accepted: a.accepted,
        }
    }

    /// Time during which at least one upstream had a request.
    fn upstream(&self) -> Nanos {
        let (mut sum, mut until) = (0, 0);
        for a in self.attempts() {
            let (from, end) = (a.sent.unwrap_or(a.start), a.end.unwrap_or(self.over().0));
            sum += end.saturating_sub(from.max(until));
            until = until.max(end);
        }
        sum
    }

    /// The class of the last attempt that could have served.
    fn failed_with(&self) -> &'static str {
        let failed = self.attempts().iter().rev().map(|a| a.class);
        let mut failed = failed.filter(|class| !matches!(class, Class::Ok | Class::Superseded));
        match failed.next() {
            Some(class) => class.word(),
            None if self.attempts().is_empty() => "refused",
            None => Class::BadResponse.word(),
        }
    }

    /// The status it ended with, the class in one word, and the target that served.
    #[must_use]
    pub fn ended(&self) -> (u16, &'static str, Option<TargetId>) {
        match self.end() {
            Some(End::Served(n)) => {
                let served = self.attempts().get(*n).map(|a| a.target);
                (200, Class::Ok.word(), served)
            }
            Some(End::Refused(_)) if self.promised() => (200, self.failed_with(), None),
            Some(End::Refused(refusal)) => (refusal.status, self.failed_with(), None),
            Some(End::Broken(class)) => (200, class.word(), None),
            Some(End::ClientGone) | None => (499, Class::ClientGone.word(), None),
        }
    }

    /// The target that comes first among those that came into question: the first candidate of its record.
    #[must_use]
    pub fn leading(&self) -> Option<TargetId> {
        let looked = self.candidates().first().map(|(target, _)| *target);
        looked.or_else(|| {
            let own = self.admission().order.as_ref().filter(|o| !o.fixed)?;
            let dropped = || own.dropped.first().map(|(target, _)| *target);
            self.foremost().or_else(dropped)
        })
    }

    /// Whether another target than the first able one served: what its record says.
    #[must_use]
    pub fn failed_over(&self) -> bool {
        let (_, _, Some(served)) = self.ended() else {
            return false;
        };
        let unable = |reason: &PassedOver| {
            matches!(
                reason,
                PassedOver::Lacks(_) | PassedOver::Window(_) | PassedOver::Filtered
            )
        };
        let mut able = self.candidates().iter();
        let first = able.find(|(_, reason)| !reason.as_ref().is_some_and(unable));
        let first = first.map(|(target, _)| *target);
        first.or_else(|| self.attempts().first().map(|a| a.target)) != Some(served)
    }

    fn outcome(&self) -> Outcome {
        let (status, class, served) = self.ended();
        let served = served.map(|target| self.router().name(target).to_owned());
        let (over, waited) = self.over();
        let upstream = self.upstream();
        let (total, queued) = (
            over.saturating_sub(self.arrival().now),
            self.arrival().queued,
        );
        let idle = upstream + waited + queued;
        Outcome {
            status,
            class: class.to_owned(),
            served,
            committed_us: self.committed().map(|t| self.since(t)),
            total_us: total / 1_000,
            queued_us: queued / 1_000,
            overhead_us: total.saturating_sub(idle) / 1_000,
        }
    }
}
