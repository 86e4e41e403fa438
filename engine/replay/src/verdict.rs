//! Holds what a test expects against what happened.

use mux_dsl::Image;
use mux_dsl::case::{Compare, Expect, That};
use mux_dsl::image::{Features, Pico, ProviderId, TargetId, Tier};
use mux_routing::flight::{Attempt, End, Flight};
use serde::Serialize;

/// An expectation that did not hold.
#[derive(Clone, Debug, Serialize)]
pub struct Miss {
    /// File it stands in.
    pub file: String,
    /// Line of the `expect`, from 1.
    pub line: u32,
    /// As written.
    pub expected: String,
    /// What happened instead.
    pub got: String,
}

/// The expectations of `file` that a flight does not meet.
#[must_use]
pub fn misses(expects: &[Expect], file: &str, flight: &Flight) -> Vec<Miss> {
    let seen = Seen::of(flight);
    let missed = expects.iter().filter_map(|expect| {
        let (holds, got) = seen.judge(&expect.that);
        let holds = holds.unwrap_or(false);
        let miss = || Miss {
            file: file.to_owned(),
            line: expect.line,
            expected: expect.text.clone(),
            got,
        };
        (!holds).then(miss)
    });
    missed.collect()
}

/// A flight that is over, as tests ask about it.
struct Seen<'f> {
    flight: &'f Flight,
    image: &'f Image,
    attempts: Vec<TargetId>,
    served: Option<TargetId>,
    denied: Option<u16>,
}

/// Whether an expectation holds, and what is the case. Of what cannot be told neither an expectation nor its opposite holds.
type Verdict = (Option<bool>, String);

impl<'f> Seen<'f> {
    fn of(flight: &'f Flight) -> Self {
        Self {
            flight,
            image: flight.router().image(),
            attempts: flight
                .attempts()
                .iter()
                .map(|a: &Attempt| a.target)
                .collect(),
            served: match flight.end() {
                Some(End::Served(n)) => flight.attempts().get(*n).map(|a| a.target),
                _ => None,
            },
            denied: match flight.end() {
                Some(End::Refused(refusal)) if flight.attempts().is_empty() => Some(refusal.status),
                _ => None,
            },
        }
    }

    fn judge(&self, that: &That) -> Verdict {
        match that {
            That::Not(inner) => {
                if let Some(out) = regions(inner) {
                    return self.outside(&out);
                }
                let (holds, got) = self.judge(inner);
                (holds.map(|holds| !holds), got)
            }
            That::Any(several) => {
                let each: Vec<Verdict> = several.iter().map(|one| self.judge(one)).collect();
                let holds = each.iter().find(|(holds, _)| *holds != Some(false));
                let (holds, got) = holds.or(each.first()).cloned().unwrap_or_default();
                (holds, got)
            }
            that => self.decision(that),
        }
    }

    fn decision(&self, that: &That) -> Verdict {
        match that {
            That::Plan(plan) => {
                let got = self.flight.decided().and_then(|d| d.plan);
                let name = got.and_then(|p| self.image.plans.get(p.index())?.name.as_deref());
                (Some(got == Some(*plan)), self.or_ending(name))
            }
            That::Rule(wanted) => self.rule(wanted),
            That::Policy(policy) => {
                let got = self.flight.decided().map(|d| d.policies.last());
                let name = got
                    .and_then(|p| Some(format!("@{}", self.image.policies.get(p.index())?.name)));
                (Some(got == Some(*policy)), self.or_ending(name.as_deref()))
            }
            That::Arm(wanted) => self.arm(wanted),
            That::Denied(status) => (Some(self.denied == Some(*status)), self.ending()),
            That::Allowed => (Some(self.denied.is_none()), self.ending()),
            that => self.execution(that),
        }
    }

    fn execution(&self, that: &That) -> Verdict {
        match that {
            That::First(target) => (
                Some(self.attempts.first() == Some(target)),
                self.names(self.attempts.get(..1).unwrap_or_default()),
            ),
            That::Attempts(wanted) => (Some(self.attempts == *wanted), self.names(&self.attempts)),
            That::Count(compare, count) => {
                let made = u32::try_from(self.attempts.len()).unwrap_or(u32::MAX);
                (Some(compare.holds(&made, count)), made.to_string())
            }
            That::Served(target) => (Some(self.served == Some(*target)), self.ending()),
            That::Failed => {
                // A plan whose targets cannot serve the request failed, though nobody was asked.
                let by_rule = self.flight.decided().is_some_and(|d| d.plan.is_none());
                (Some(self.served.is_none() && !by_rule), self.ending())
            }
            That::Cost(compare, wanted) => self.cost(*compare, *wanted),
            That::Total(compare, wanted) => {
                let outcome = self.flight.record().outcome;
                let total = outcome.committed_us.unwrap_or(outcome.total_us) / 1_000;
                (Some(compare.holds(&total, wanted)), format!("{total}ms"))
            }
            That::Region(region) => self.region(region),
            That::Tier(compare, wanted) => self.tier(*compare, *wanted),
            That::Provider(wanted) => self.provider(*wanted),
            That::Private => self.private(),
            That::Can(wanted) => self.can(*wanted),
            // Judged before.
            _ => (None, self.ending()),
        }
    }

    /// Of nested shares any arm will do.
    fn arm(&self, wanted: &str) -> Verdict {
        let order = self.flight.admission().order.iter();
        let arms: Vec<&str> = order.flat_map(|o| &o.choices).map(|c| &*c.arm).collect();
        let got = if arms.is_empty() {
            "none".to_owned()
        } else {
            arms.join(" ")
        };
        (Some(arms.contains(&wanted)), got)
    }

    fn rule(&self, wanted: &str) -> Verdict {
        let last = self.flight.decided().map(|d| (d.policies.last(), d.rule));
        let rule = last.and_then(|(p, r)| self.image.policies.get(p.index())?.rules.get(r.index()));
        match rule {
            Some(rule) => {
                let place = || format!("the rule at {}:{}", rule.file, rule.line);
                (
                    Some(rule.name.as_deref() == Some(wanted)),
                    rule.name.as_deref().map_or_else(place, str::to_owned),
                )
            }
            None => (Some(false), self.ending()),
        }
    }

    fn cost(&self, compare: Compare, wanted: Pico) -> Verdict {
        match self.flight.cost() {
            (cost, true) => (Some(compare.holds(&cost, &wanted)), dollars(cost)),
            (_, false) => (None, "unknown, for a target without a price".to_owned()),
        }
    }

    fn provider(&self, wanted: ProviderId) -> Verdict {
        let fleet = &self.image.fleet;
        let target = self.served.and_then(|t| fleet.targets.get(t.index()));
        let provider = target.map(|t| t.provider);
        let name = provider.and_then(|p| fleet.providers.get(p.index()));
        (
            provider.map(|p| p == wanted),
            self.or_ending(name.map(|p| p.name.as_ref())),
        )
    }

    fn private(&self) -> Verdict {
        let fleet = &self.image.fleet;
        let target = self.served.and_then(|t| fleet.targets.get(t.index()));
        let provider = target.and_then(|t| fleet.providers.get(t.provider.index()));
        (provider.map(|p| p.private), self.ending())
    }

    fn can(&self, wanted: Features) -> Verdict {
        let targets = &self.image.fleet.targets;
        let target = self.served.and_then(|t| targets.get(t.index()));
        (target.map(|t| t.can.contains(wanted)), self.ending())
    }

    fn region(&self, wanted: &str) -> Verdict {
        let fleet = &self.image.fleet;
        let target = self.served.and_then(|t| fleet.targets.get(t.index()));
        let regions = target
            .and_then(|t| fleet.providers.get(t.provider.index()))
            .map(|p| p.regions.as_slice())
            .unwrap_or_default();
        let got = if regions.is_empty() {
            "none".to_owned()
        } else {
            regions.join(" ")
        };
        let all = || regions.iter().all(|r| **r == *wanted);
        ((!regions.is_empty()).then(all), got)
    }

    /// Whether it was served in none of some regions.
    fn outside(&self, out: &[&str]) -> Verdict {
        let (known, got) = self.region("");
        let none = || out.iter().all(|r| !got.split(' ').any(|own| own == *r));
        (known.map(|_| none()), got)
    }

    fn tier(&self, compare: Compare, wanted: Tier) -> Verdict {
        match self
            .served
            .and_then(|t| self.image.fleet.targets.get(t.index())?.tier)
        {
            Some(tier) => (
                Some(compare.holds(&tier, &wanted)),
                format!("{tier:?}").to_lowercase(),
            ),
            None => (None, "no tier".to_owned()),
        }
    }

    fn names(&self, targets: &[TargetId]) -> String {
        match targets {
            [] => "none".to_owned(),
            some => some
                .iter()
                .map(|t| self.flight.router().name(*t))
                .collect::<Vec<_>>()
                .join(" "),
        }
    }

    fn or_ending(&self, name: Option<&str>) -> String {
        name.map_or_else(|| self.ending(), str::to_owned)
    }

    fn ending(&self) -> String {
        match self.flight.end() {
            Some(End::Served(_)) => format!(
                "served by {}",
                self.served.map_or("?", |t| self.flight.router().name(t))
            ),
            Some(End::Refused(refusal)) => {
                format!("{} {}: {}", refusal.status, refusal.code, refusal.message)
            }
            Some(End::Broken(class)) => format!("broke off: {}", class.word()),
            Some(End::ClientGone) | None => "no end".to_owned(),
        }
    }
}

/// The regions of `region is …` and `region in …`.
fn regions(that: &That) -> Option<Vec<&str>> {
    match that {
        That::Region(region) => Some(vec![region]),
        That::Any(parts) => {
            let each: Option<Vec<_>> = parts.iter().map(regions).collect();
            each.map(|each| each.concat())
        }
        _ => None,
    }
}

/// Pico-dollars as people write them.
#[must_use]
pub fn dollars(pico: i64) -> String {
    let micro = pico / 1_000_000;
    let sign = if micro < 0 { "-" } else { "" };
    format!(
        "{sign}${}.{:06}",
        micro.abs() / 1_000_000,
        micro.abs() % 1_000_000
    )
}
