//! The most that one request can take on a route: attempts, time, money. Upper bounds, never estimates.

use crate::image::{
    Arm, Attempt, Cascade, Combine, Defaults, Ensemble, Fleet, GuardId, Hedge, Listed, Millis,
    Pico, Plan, Retry, Route, Split, Target, TargetId,
};
use crate::passing::may_pass;

/// Most attempts at one request that routing makes, whatever a plan says.
pub const MOST_ATTEMPTS: u32 = 16;
/// Longest wait before a retry that a policy asks for.
pub const ASKED_WAIT: Millis = 30_000;
/// Longest wait before the one retry that the last target of a route gets where no `retry` is written.
pub const UNASKED_WAIT: Millis = 2_000;

/// The most that one request can take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Worst {
    /// Calls to providers, those of judges included.
    pub attempts: u32,
    /// Until the client is committed when streaming, until the whole answer is there otherwise; absent where some part
    /// has no deadline.
    pub time: Option<Millis>,
    /// Money by tokens; absent where some target has no price.
    pub cost: Option<Tariff>,
}

/// Pico-dollars for one token of the prompt and one of the answer, all calls together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tariff {
    /// For each token of the prompt.
    pub input: Pico,
    /// For each token of the answer.
    pub output: Pico,
}

impl Tariff {
    /// What so many tokens cost.
    #[must_use]
    pub fn of(self, input: u32, output: u32) -> Pico {
        let input = self.input.saturating_mul(input.into());
        input.saturating_add(self.output.saturating_mul(output.into()))
    }

    /// Both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
        }
    }
}

/// The most that one request can take on a route, whichever it is. Plans must be free of loops.
#[must_use]
pub fn worst(route: &Route, plans: &[Plan], fleet: &Fleet) -> Worst {
    worst_up_to(route, plans, fleet, u64::MAX)
}

/// The same of requests whose prompts have at most so many tokens: catalogues may list higher prices for longer ones.
#[must_use]
pub fn worst_up_to(route: &Route, plans: &[Plan], fleet: &Fleet, prompt: u64) -> Worst {
    let any = Asking {
        open: &|_| true,
        able: &|_| true,
        answer: &|_| Some(1),
        prompt,
    };
    worst_of(route, (plans, fleet), any).0
}

/// Targets of a route, judges and those that merge included, of which nobody knows what an answer costs.
#[must_use]
pub fn unpriced<'f>(route: &Route, plans: &[Plan], fleet: &'f Fleet) -> Vec<&'f Target> {
    let mut called = Vec::new();
    route.reach(plans, &mut called);
    route.reach_helpers(plans, &mut called);
    called.sort_unstable();
    called.dedup();
    let targets = called.iter().filter_map(|t| fleet.targets.get(t.index()));
    targets.filter(|t| t.dearest(u64::MAX).is_none()).collect()
}

/// Requests of one kind, as far as what they take hangs on it.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    /// Whether an arm with this condition is there for them.
    pub(crate) open: &'a dyn Fn(GuardId) -> bool,
    /// Whether a target can serve them.
    pub(crate) able: &'a dyn Fn(TargetId) -> bool,
    /// The length of an answer of a target, in the unit that [`Tariff::output`] is for; absent where it has no bound.
    pub(crate) answer: &'a dyn Fn(TargetId) -> Option<u32>,
    /// Most tokens of their prompts, by which prices may rise.
    pub(crate) prompt: u64,
}

/// The most that requests of one kind can take; and whether a bound on attempts cuts off some that time and money are counted
/// for.
pub(crate) fn worst_of(
    route: &Route,
    (plans, fleet): (&[Plan], &Fleet),
    asking: Asking<'_>,
) -> (Worst, bool) {
    let sum = Sum {
        plans,
        fleet,
        asking,
    };
    let worst = sum.whole(route);
    let most = fleet.defaults.attempts.0.unwrap_or(MOST_ATTEMPTS);
    let attempts = worst.attempts.min(most);
    (Worst { attempts, ..worst }, attempts < worst.attempts)
}

struct Sum<'i> {
    plans: &'i [Plan],
    fleet: &'i Fleet,
    asking: Asking<'i>,
}

impl Worst {
    const NOTHING: Self = Self {
        attempts: 0,
        time: Some(0),
        cost: Some(Tariff {
            input: 0,
            output: 0,
        }),
    };

    /// One after the other.
    fn then(self, next: Self) -> Self {
        Self {
            time: self.time.zip(next.time).map(|(a, b)| a.saturating_add(b)),
            ..self.beside(next)
        }
    }

    /// Both at the same time.
    fn beside(self, other: Self) -> Self {
        Self {
            attempts: self.attempts.saturating_add(other.attempts),
            time: self.time.zip(other.time).map(|(a, b)| a.max(b)),
            cost: self.cost.zip(other.cost).map(|(a, b)| a.and(b)),
        }
    }

    /// What it takes more than a part of it.
    fn beyond(self, part: Self) -> Self {
        Self {
            attempts: self.attempts.saturating_sub(part.attempts),
            time: self.time.zip(part.time).map(|(a, b)| a.saturating_sub(b)),
            cost: self.cost.zip(part.cost).map(|(a, b)| Tariff {
                input: a.input.saturating_sub(b.input),
                output: a.output.saturating_sub(b.output),
            }),
        }
    }

    /// One or the other.
    fn or(self, other: Self) -> Self {
        Self {
            attempts: self.attempts.max(other.attempts),
            time: self.time.zip(other.time).map(|(a, b)| a.max(b)),
            cost: self.cost.zip(other.cost).map(|(a, b)| Tariff {
                input: a.input.max(b.input),
                output: a.output.max(b.output),
            }),
        }
    }

    fn capped(self, limit: Option<Millis>) -> Self {
        Self {
            time: within(self.time, limit),
            ..self
        }
    }
}

impl Sum<'_> {
    /// A route as all of a request: where it has no deadline of its own, the default one holds.
    fn whole(&self, route: &Route) -> Worst {
        let arms: Vec<&Route> = match route {
            Route::Plan(plan) => match self.plans.get(plan.index()) {
                Some(plan) => return self.whole(&plan.route),
                None => return Worst::NOTHING,
            },
            Route::Split(split) => shared(split).collect(),
            Route::Canary(canary) => vec![&canary.base, &canary.trial.route],
            other => {
                let own = other.terms().and_then(|terms| terms.within);
                let limit = self.fleet.defaults.within.filter(|_| own.is_none());
                return self.route(other, true).capped(limit);
            }
        };
        let each = arms.into_iter().map(|arm| self.whole(arm));
        each.reduce(Worst::or).unwrap_or(Worst::NOTHING)
    }

    /// `last` says that nothing follows, so that a target without `retry` is tried again.
    fn route(&self, route: &Route, last: bool) -> Worst {
        match route {
            Route::Attempt(attempt) => self.attempt(attempt, last),
            Route::Plan(plan) => match self.plans.get(plan.index()) {
                Some(plan) => self.route(&plan.route, last),
                None => Worst::NOTHING,
            },
            Route::Fallback(fallback) => self
                .chain(self.open(&fallback.tries), last)
                .capped(fallback.terms.within),
            Route::Listed(chosen) => self.listed(chosen, last),
            Route::Split(split) => self.one(shared(split), last),
            Route::Canary(canary) => self.one([&*canary.base, &canary.trial.route], last),
            Route::Cascade(cascade) => self.cascade(cascade, last),
            Route::Ensemble(ensemble) => self.ensemble(ensemble, last),
            Route::Hedge(hedge) => self.hedge(hedge, last),
        }
    }

    /// The arms that are there for the request.
    fn open<'r>(&self, arms: &'r [Arm]) -> impl Iterator<Item = &'r Route> {
        let open = self.asking.open;
        let there = arms.iter().filter(move |arm| arm.when.is_none_or(open));
        there.map(|arm| &arm.route)
    }

    /// Any of them may be the last one to be tried.
    fn listed(&self, chosen: &Listed, last: bool) -> Worst {
        let passes = |route: &&Route| match (route, &chosen.filter) {
            (Route::Attempt(attempt), Some(filter)) => may_pass(filter, attempt.target, self.fleet),
            _ => true,
        };
        let arms = self.open(&chosen.arms).filter(passes);
        let spare = chosen.otherwise.iter().map(AsRef::as_ref);
        arms.chain(spare)
            .map(|route| self.route(route, last))
            .fold(Worst::NOTHING, Worst::then)
            .capped(chosen.terms.within)
    }

    fn cascade(&self, cascade: &Cascade, last: bool) -> Worst {
        let open = |arm: &Arm| arm.when.is_none_or(self.asking.open);
        let there = || cascade.steps.iter().filter(|(arm, _)| open(arm));
        let steps = self.chain(there().map(|(arm, _)| &arm.route), last);
        let judged = there().filter(|(_, accept)| accept.is_some());
        let judge = cascade.judge.as_ref();
        let judge = judge.map_or(Worst::NOTHING, |judge| self.helper(&judge.attempt, 1));
        judged
            .fold(steps, |sum, _| sum.then(judge))
            .capped(cascade.terms.within)
    }

    fn ensemble(&self, ensemble: &Ensemble, last: bool) -> Worst {
        let judge = ensemble.judge.as_ref();
        let judge = judge.map_or(Worst::NOTHING, |judge| self.helper(&judge.attempt, 1));
        let asked = self.open(&ensemble.asks).count();
        let judged = std::iter::repeat_n(judge, asked);
        let merged = match &ensemble.combine {
            Combine::Merge(attempt) => self.helper(attempt, asked),
            _ => Worst::NOTHING,
        };
        self.beside(&ensemble.asks, last)
            .then(judged.fold(Worst::NOTHING, Worst::beside))
            .then(merged)
            .capped(ensemble.terms.within)
    }

    /// Its arms are asked one after the other, all of them where each fails.
    fn hedge(&self, hedge: &Hedge, last: bool) -> Worst {
        self.chain(self.open(&hedge.arms), last)
            .capped(hedge.terms.within)
    }

    /// All of them; whichever is left when all have failed may be asked once more.
    fn chain<'r>(&self, routes: impl Iterator<Item = &'r Route>, last: bool) -> Worst {
        let (mut all, mut again) = (Worst::NOTHING, Worst::NOTHING);
        for route in routes {
            let once = self.route(route, false);
            all = all.then(once);
            if last {
                again = again.or(self.route(route, true).beyond(once));
            }
        }
        all.then(again)
    }

    fn one<'r>(&self, routes: impl IntoIterator<Item = &'r Route>, last: bool) -> Worst {
        let each = routes.into_iter().map(|route| self.route(route, last));
        each.reduce(Worst::or).unwrap_or(Worst::NOTHING)
    }

    fn beside(&self, arms: &[Arm], last: bool) -> Worst {
        let each = self.open(arms).map(|route| self.route(route, last));
        each.fold(Worst::NOTHING, Worst::beside)
    }

    fn attempt(&self, attempt: &Attempt, last: bool) -> Worst {
        if !(self.asking.able)(attempt.target) {
            return Worst::NOTHING;
        }
        let defaults = &self.fleet.defaults;
        let (extra, wait) = retries(attempt, defaults, last);
        let most = defaults.attempts.1.unwrap_or(u32::MAX);
        let attempts = extra.saturating_add(1).min(most);
        let timeouts = attempt.timeouts;
        let once = timeouts
            .first
            .or(timeouts.total)
            .or(defaults.timeouts.first)
            .or(defaults.timeouts.total);
        let time = once.map(|once| {
            let waits = wait.saturating_mul(u64::from(attempts) - 1);
            once.saturating_mul(attempts.into()).saturating_add(waits)
        });
        Worst {
            attempts,
            time,
            cost: self.price(attempt.target).map(|price| Tariff {
                input: price.input.saturating_mul(attempts.into()),
                output: price.output.saturating_mul(attempts.into()),
            }),
        }
    }

    /// A call about answers: it reads the prompt and so many answers, and writes one.
    fn helper(&self, attempt: &Attempt, answers: usize) -> Worst {
        let call = self.attempt(attempt, false);
        let targets = (0..).map(TargetId).take(self.fleet.targets.len());
        let lengths = targets.map(|target| (self.asking.answer)(target));
        let longest = lengths.collect::<Option<Vec<u32>>>();
        let Some(longest) = longest.map(|all| all.into_iter().max().unwrap_or(0)) else {
            return Worst { cost: None, ..call };
        };
        let answers = Pico::try_from(answers).unwrap_or(Pico::MAX);
        let answers = answers.saturating_mul(longest.into());
        Worst {
            cost: call.cost.map(|cost| Tariff {
                input: cost.input,
                output: cost
                    .output
                    .saturating_add(cost.input.saturating_mul(answers)),
            }),
            ..call
        }
    }

    fn price(&self, target: TargetId) -> Option<Tariff> {
        let of = self.fleet.targets.get(target.index())?;
        let answer = (self.asking.answer)(target)?;
        let price = of.dearest(self.asking.prompt)?;
        Some(Tariff {
            input: price.dearest_input(),
            output: price.dearest_output().saturating_mul(answer.into()),
        })
    }
}

/// The arms of a split that a share goes to.
fn shared(split: &Split) -> impl Iterator<Item = &Route> {
    let some = split.arms.iter().filter(|(share, _)| *share > 0);
    some.map(|(_, arm)| &arm.route)
}

/// Further attempts at a target, and the longest wait before each.
fn retries(attempt: &Attempt, defaults: &Defaults, last: bool) -> (u32, Millis) {
    let written: Option<&Retry> = attempt.retry.as_ref().or(defaults.retry.as_ref());
    match written {
        Some(retry) => (retry.times.into(), ASKED_WAIT),
        None => (u32::from(last), UNASKED_WAIT),
    }
}

fn within(time: Option<Millis>, limit: Option<Millis>) -> Option<Millis> {
    match (time, limit) {
        (Some(time), Some(limit)) => Some(time.min(limit)),
        (time, limit) => time.or(limit),
    }
}
