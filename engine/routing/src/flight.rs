//! One request under way, as a state machine: it is told what happened and when, and says what to do.
//!
//! A flight is *ready*, *flying* (one attempt under way), *waiting* (before a retry), *committed* (the client has got the
//! first of an answer, or the whole of one) and *over*. The client is committed at the first content when streaming and
//! at the complete answer otherwise; until then a failure moves on unseen, after that nothing is ever replaced.

use crate::breaker::Permit;
use crate::chance::Chance;
use crate::class::{Class, Meaning};
use crate::flight_plan::{CONNECT, IDLE, Limits, PATIENCE, first_deadline};
use crate::itinerary::{Itinerary, Next, Step};
use crate::price::cost;
use crate::refusal::Refusal;
use crate::router::{Router, Way};
use crate::target::{Barred, Ended};
use crate::{MILLI, Nanos, SECOND};
use mux_dsl::image::{BudgetId, Features, LimitId, PlanId, RuleId, TargetId, Verdict};
use mux_dsl::request::{HealthState, Live, Request};
use mux_dsl::{Chain, Decision, Path};
use mux_traffic::record::{Facts, Usage};
use smallvec::SmallVec;
use std::sync::Arc;

/// Most attempts of one request, whatever is written.
const MOST_ATTEMPTS: usize = 16;

/// A request that has arrived whole.
#[derive(Clone, Debug, Default)]
pub struct Arrival {
    /// Request id.
    pub id: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// Unix milliseconds.
    pub at: i64,
    /// The same moment on the caller's clock.
    pub now: Nanos,
    /// What it says about itself; `needs` of the facts is filled from [`Arrival::needs`] when recorded.
    pub facts: Facts,
    /// What serving it takes.
    pub needs: Features,
    /// The client gets the answer in one piece: it is committed when the answer is complete, and `timeout` bounds all of it.
    pub whole: bool,
    /// The client's own limit on the whole request.
    pub timeout: Option<Nanos>,
}

impl Arrival {
    /// Shows the request to `look` as policies see it.
    pub fn request<T>(&self, look: impl FnOnce(&Request<'_>) -> T) -> T {
        let facts = &self.facts;
        let tags: SmallVec<[(&str, &str); 8]> = facts
            .tags
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        look(&Request {
            model: &facts.model,
            key: facts.key.as_deref(),
            end_user: facts.end_user.as_deref(),
            conversation: facts.conversation.as_deref(),
            tags: &tags,
            tokens: facts.tokens,
            output_limit: facts.output_limit,
            streaming: facts.streaming,
            needs: self.needs,
            now: self.at,
        })
    }
}

/// What happened. Events of an attempt that is over are ignored.
#[derive(Clone, Debug)]
pub enum Event {
    /// The request of an attempt was handed to the connection.
    Sent(usize),
    /// Its connection stands.
    Connected(usize),
    /// The head of a good reply is there.
    Head(usize, u16),
    /// The first content of a streamed reply is there.
    Content(usize),
    /// Bytes came; so many of them were text.
    Progress(usize, u64),
    /// The reply is complete.
    Done(usize, Option<Usage>),
    /// It failed.
    Failed(usize, Failure),
    /// The moment of [`Flight::wake_at`] has come.
    Wake,
    /// The client hung up.
    ClientGone,
}

/// How an attempt failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What happened.
    pub class: Class,
    /// HTTP status, where there was one.
    pub status: Option<u16>,
    /// The wait the provider asked for.
    pub retry_after: Option<Nanos>,
    /// The provider's words, shortened and without secrets.
    pub message: Option<String>,
    /// Tokens it says it used.
    pub usage: Option<Usage>,
}

impl Failure {
    /// A failure without words.
    #[must_use]
    pub fn of(class: Class) -> Self {
        Self {
            class,
            status: None,
            retry_after: None,
            message: None,
            usage: None,
        }
    }
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send the request to the target.
    Start {
        /// Number of the attempt, from 0.
        attempt: usize,
        /// Whom to call.
        target: TargetId,
    },
    /// Drop the attempt, closing its connection.
    Cancel(usize),
    /// From now on the client gets what this attempt brings.
    Commit(usize),
    /// Nothing more will happen: see [`Flight::end`].
    Finish,
}

/// The answer to one event.
pub type Actions = SmallVec<[Action; 4]>;

/// How a flight ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The attempt of this number served.
    Served(usize),
    /// Nothing was sent to the client but this.
    Refused(Refusal),
    /// The answer broke after the client was committed.
    Broken(Class),
    /// The client hung up.
    ClientGone,
}

/// One attempt, under way or over.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Whom it calls.
    pub target: TargetId,
    /// When it began.
    pub start: Nanos,
    /// When its request was handed to the connection.
    pub sent: Option<Nanos>,
    /// When its connection stood.
    pub connected: Option<Nanos>,
    /// When the head was there.
    pub head: Option<Nanos>,
    /// When the first content was there.
    pub first: Option<Nanos>,
    /// When it was over.
    pub end: Option<Nanos>,
    /// How it ended.
    pub class: Class,
    /// HTTP status.
    pub status: Option<u16>,
    /// The wait the provider asked for.
    pub retry_after: Option<Nanos>,
    /// The provider's words.
    pub message: Option<String>,
    /// Tokens.
    pub usage: Option<Usage>,
    /// Cost; `None` where the price is unknown.
    pub cost: Option<i64>,
    step: usize,
    permit: Permit,
    limits: Limits,
    last: Nanos,
    text: u64,
}

/// Why a candidate was not called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PassedOver {
    /// It lacks these.
    Lacks(Features),
    /// The prompt does not fit its window.
    Window(u32),
    /// It cannot be called at all.
    Unavailable(String),
    /// Not now.
    Barred(Barred),
}

/// What the policy said, without borrowing from the bundle.
#[derive(Clone, Debug)]
pub struct Decided {
    /// Policies entered; the last one decided.
    pub policies: Chain,
    /// Its rule.
    pub rule: RuleId,
    /// Path through the graph.
    pub path: Path,
    /// The plan; `None` is a refusal.
    pub plan: Option<PlanId>,
}

/// Raw live figures of one target at the decision.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Median and 95th percentile of the time to first content, milliseconds.
    pub quantiles: Option<(u64, u64)>,
    /// Share of failures.
    pub error_rate: Option<u32>,
    /// State by the `health` block.
    pub health: HealthState,
    /// Word for the breaker's position.
    pub breaker: &'static str,
    /// Attempts in flight.
    pub inflight: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Ready,
    Flying,
    Waiting {
        until: Nanos,
        step: usize,
        force: bool,
    },
    Committed,
    Over,
}

/// What falls due at [`Flight::wake_at`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Resume,
    Group(usize),
    Request,
    Connect,
    First,
    Total,
    Idle,
}

/// One request under way.
#[derive(Debug)]
pub struct Flight {
    pub(crate) router: Arc<Router>,
    pub(crate) arrival: Arrival,
    pub(crate) decided: Option<Decided>,
    pub(crate) figures: SmallVec<[Figure; 8]>,
    pub(crate) used: SmallVec<[u32; 4]>,
    pub(crate) attempts: SmallVec<[Attempt; 2]>,
    pub(crate) candidates: SmallVec<[(TargetId, Option<PassedOver>); 4]>,
    pub(crate) committed: Option<Nanos>,
    pub(crate) waited: Nanos,
    pub(crate) over: Nanos,
    way: Option<Way>,
    end: Option<End>,
    phase: Phase,
    entered: SmallVec<[Option<Nanos>; 4]>,
    deadline: Nanos,
    chance: Chance,
}

impl Flight {
    /// Decides about a request. Nothing is called yet; a refusal is already known to [`Flight::end`].
    pub fn new<L: Live>(router: &Arc<Router>, arrival: Arrival, live: &L) -> Self {
        let longest = if arrival.whole {
            300 * SECOND
        } else {
            600 * SECOND
        };
        let mut flight = Self {
            deadline: arrival.now + arrival.timeout.unwrap_or(longest).min(longest),
            chance: Chance::new(arrival.seed),
            router: Arc::clone(router),
            decided: None,
            figures: SmallVec::new(),
            used: SmallVec::new(),
            attempts: SmallVec::new(),
            candidates: SmallVec::new(),
            committed: None,
            waited: 0,
            over: arrival.now,
            way: None,
            end: None,
            phase: Phase::Ready,
            entered: SmallVec::new(),
            arrival,
        };
        flight.look(live);
        if let Err(refusal) = flight.decide(live) {
            flight.end = Some(End::Refused(refusal));
        }
        flight
    }

    /// Keeps the figures the decision can read, whether or not this policy reads them.
    fn look<L: Live>(&mut self, live: &L) {
        let router = Arc::clone(&self.router);
        let now = self.arrival.now;
        for id in (0..router.fleet().targets.len())
            .filter_map(|i| u32::try_from(i).ok())
            .map(TargetId)
        {
            let Some(state) = router.state(id) else {
                continue;
            };
            self.figures.push(Figure {
                quantiles: live.p50(id).zip(live.p95(id)),
                error_rate: live.error_rate(id),
                health: live.health(id),
                breaker: state.position(now).word(),
                inflight: state.inflight(),
            });
        }
        let budgets = u32::try_from(router.fleet().budgets.len()).unwrap_or(0);
        self.used = self
            .arrival
            .request(|r| (0..budgets).map(|i| live.used(BudgetId(i), r)).collect());
    }

    fn decide<L: Live>(&mut self, live: &L) -> Result<(), Refusal> {
        let router = Arc::clone(&self.router);
        let way = router.resolve(&self.arrival.facts.model)?;
        let now = self.arrival.now;
        if let Way::Policy(policy) = way {
            let image = router.image();
            let (decided, denied) = self
                .arrival
                .request(|request| keep(&image.decide(policy, request, live)));
            let policies = decided.policies;
            self.decided = Some(decided);
            let limits = policies
                .as_slice()
                .iter()
                .filter_map(|p| image.policies.get(p.index()))
                .flat_map(|p| p.limits.iter().copied());
            self.arrival
                .request(|request| router.take(limits, request, now))?;
            if let Some(refusal) = denied {
                return Err(refusal);
            }
        } else {
            let limits = (0..u32::try_from(router.fleet().limits.len()).unwrap_or(0)).map(LimitId);
            self.arrival
                .request(|request| router.take(limits, request, now))?;
        }
        self.way = Some(way);
        self.refuse_spent()?;
        self.refuse_unservable()
    }

    /// Budgets this request is charged to.
    fn charges(&self) -> SmallVec<[BudgetId; 4]> {
        let image = self.router.image();
        match &self.decided {
            Some(decided) => {
                let policies = decided
                    .policies
                    .as_slice()
                    .iter()
                    .filter_map(|p| image.policies.get(p.index()));
                let mut charges: SmallVec<[BudgetId; 4]> =
                    policies.flat_map(|p| p.charges.iter().copied()).collect();
                charges.sort_unstable();
                charges.dedup();
                charges
            }
            None => (0..u32::try_from(image.fleet.budgets.len()).unwrap_or(0))
                .map(BudgetId)
                .collect(),
        }
    }

    /// A spent budget refuses, unless the policy asks about it and so decides itself.
    fn refuse_spent(&self) -> Result<(), Refusal> {
        let image = self.router.image();
        let policies = self.decided.iter().flat_map(|d| {
            d.policies
                .as_slice()
                .iter()
                .filter_map(|p| image.policies.get(p.index()))
        });
        for budget in self.charges() {
            let spent = self
                .used
                .get(budget.index())
                .is_some_and(|used| *used >= 10_000);
            if spent && !policies.clone().any(|p| p.asks.contains(&budget)) {
                let name = image
                    .fleet
                    .budgets
                    .get(budget.index())
                    .map_or("?", |b| &b.name);
                return Err(Refusal::new(
                    429,
                    "budget_exhausted",
                    format!("budget `{name}` is spent"),
                ));
            }
        }
        Ok(())
    }

    /// Refuses what no target of the plan can ever serve.
    fn refuse_unservable(&mut self) -> Result<(), Refusal> {
        let router = Arc::clone(&self.router);
        let Some(itinerary) = itinerary(&router, self.way, self.decided.as_ref()) else {
            return Ok(());
        };
        let mut lacking = Features::default();
        let mut widest = 0;
        let mut reasons = SmallVec::<[(TargetId, Option<PassedOver>); 4]>::new();
        for step in &itinerary.steps {
            match self.cannot(step.target) {
                None => return Ok(()),
                Some(PassedOver::Lacks(features)) => {
                    lacking = lacking.with(features);
                    reasons.push((step.target, Some(PassedOver::Lacks(features))));
                }
                Some(PassedOver::Window(window)) => {
                    widest = widest.max(window);
                    reasons.push((step.target, Some(PassedOver::Window(window))));
                }
                Some(other) => reasons.push((step.target, Some(other))),
            }
        }
        self.candidates = reasons;
        if lacking != Features::default() {
            let words: Vec<&str> = lacking.words().collect();
            let message = format!("no target of this route can serve `{}`", words.join("`, `"));
            return Err(Refusal::new(400, "capability_missing", message));
        }
        let message = format!(
            "about {} prompt tokens do not fit the largest window of this route, {widest}",
            self.arrival.facts.tokens
        );
        Err(Refusal::new(400, "context_length_exceeded", message).about("messages"))
    }

    /// Why a target can never serve this request.
    fn cannot(&self, target: TargetId) -> Option<PassedOver> {
        let target = self.router.fleet().targets.get(target.index())?;
        let lacks = self.arrival.needs.without(target.can);
        if lacks != Features::default() {
            return Some(PassedOver::Lacks(lacks));
        }
        target
            .context
            .filter(|window| self.arrival.facts.tokens > *window)
            .map(PassedOver::Window)
    }

    /// Sets off.
    pub fn start(&mut self, now: Nanos, out: &mut Actions) {
        if self.phase != Phase::Ready {
            return;
        }
        if let Some(end) = self.end.take() {
            return self.finish(end, now, out);
        }
        let router = Arc::clone(&self.router);
        if let Some(itinerary) = itinerary(&router, self.way, self.decided.as_ref()) {
            self.entered = itinerary.groups.iter().map(|_| None).collect();
            self.seek(itinerary, 0, false, now, out);
        }
    }

    /// Takes an event.
    pub fn on(&mut self, event: Event, now: Nanos, out: &mut Actions) {
        match event {
            Event::Wake => self.wake(now, out),
            Event::ClientGone => self.abandon(now, out),
            Event::Sent(n) => self.mark(n, |a| a.sent = Some(now)),
            Event::Connected(n) => self.mark(n, |a| a.connected = Some(now)),
            Event::Head(n, status) => self.mark(n, |a| {
                a.connected.get_or_insert(now);
                a.head = Some(now);
                a.status = Some(status);
                a.last = now;
            }),
            Event::Progress(n, text) => self.mark(n, |a| {
                a.last = now;
                a.text += text;
            }),
            Event::Content(n) => self.content(n, now, out),
            Event::Done(n, usage) => self.done(n, usage, now, out),
            Event::Failed(n, failure) => {
                if self.current(n) {
                    self.fail(failure, now, out);
                }
            }
        }
    }

    /// When to call [`Flight::on`] with [`Event::Wake`], if nothing else happens before.
    #[must_use]
    pub fn wake_at(&self) -> Option<Nanos> {
        self.due().map(|(at, _)| at)
    }

    /// How it ended, once it did.
    #[must_use]
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Attempts so far, in order.
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// The bundle it flies under.
    #[must_use]
    pub fn router(&self) -> &Arc<Router> {
        &self.router
    }

    /// The request.
    #[must_use]
    pub fn arrival(&self) -> &Arrival {
        &self.arrival
    }

    /// What the policy said.
    #[must_use]
    pub fn decided(&self) -> Option<&Decided> {
        self.decided.as_ref()
    }

    /// Candidates so far, with the reason where one was not called.
    #[must_use]
    pub fn candidates(&self) -> &[(TargetId, Option<PassedOver>)] {
        &self.candidates
    }

    /// Cost of all attempts so far, pico-dollars, and whether every price was known.
    #[must_use]
    pub fn cost(&self) -> (i64, bool) {
        let sum = self.attempts.iter().filter_map(|a| a.cost).sum();
        (sum, self.attempts.iter().all(|a| a.cost.is_some()))
    }

    fn current(&self, attempt: usize) -> bool {
        matches!(self.phase, Phase::Flying | Phase::Committed) && attempt + 1 == self.attempts.len()
    }

    fn mark(&mut self, attempt: usize, change: impl FnOnce(&mut Attempt)) {
        if self.current(attempt)
            && let Some(attempt) = self.attempts.last_mut()
        {
            change(attempt);
        }
    }

    fn content(&mut self, attempt: usize, now: Nanos, out: &mut Actions) {
        if !self.current(attempt) || self.arrival.whole || self.phase == Phase::Committed {
            return;
        }
        if let Some(a) = self.attempts.last_mut() {
            a.first = Some(now);
            a.last = now;
            if let Some(state) = self.router.state(a.target) {
                state.first_content(now.saturating_sub(a.start), now);
            }
        }
        self.commit(attempt, now, out);
    }

    fn commit(&mut self, attempt: usize, now: Nanos, out: &mut Actions) {
        self.phase = Phase::Committed;
        self.committed = Some(now);
        out.push(Action::Commit(attempt));
    }

    fn done(&mut self, attempt: usize, usage: Option<Usage>, now: Nanos, out: &mut Actions) {
        if !self.current(attempt) {
            return;
        }
        if self.phase != Phase::Committed {
            self.commit(attempt, now, out);
        }
        self.settle(
            Failure {
                usage,
                ..Failure::of(Class::Ok)
            },
            now,
        );
        self.finish(End::Served(attempt), now, out);
    }

    /// Books the end of the attempt under way.
    fn settle(&mut self, failure: Failure, now: Nanos) {
        let router = Arc::clone(&self.router);
        let charges = self.charges();
        let tokens = u64::from(self.arrival.facts.tokens);
        let Some(a) = self.attempts.last_mut() else {
            return;
        };
        a.end = Some(now);
        a.class = failure.class;
        a.status = failure.status.or(a.status);
        a.retry_after = failure.retry_after;
        a.message = failure.message;
        // A good head means that the provider worked, and bills: count what it does not say.
        let worked = a.head.is_some();
        a.usage = failure.usage.or_else(|| {
            worked.then(|| Usage {
                input: tokens,
                output: a.text.div_ceil(4),
                estimated: true,
                ..Usage::default()
            })
        });
        let price = router
            .fleet()
            .targets
            .get(a.target.index())
            .and_then(|t| t.price);
        a.cost = match (&a.usage, price) {
            (None, _) => Some(0),
            (Some(usage), Some(price)) => Some(cost(&price, usage)),
            (Some(_), None) => None,
        };
        if let Some(state) = router.state(a.target) {
            let ended = Ended {
                class: failure.class,
                permit: a.permit,
                retry_after: failure.retry_after,
            };
            let rule = itinerary(&router, self.way, self.decided.as_ref())
                .and_then(|i| i.steps.get(a.step))
                .map_or_else(crate::breaker::Rule::default, |s| s.breaker);
            state.settle(&ended, &rule, now, &mut self.chance);
        }
        if let Some(amount) = a.cost.filter(|c| *c > 0) {
            self.arrival
                .request(|request| router.charge(charges.into_iter(), request, amount));
        }
    }

    fn fail(&mut self, failure: Failure, now: Nanos, out: &mut Actions) {
        let (class, status, retry_after) = (failure.class, failure.status, failure.retry_after);
        self.settle(failure, now);
        if self.phase == Phase::Committed {
            return self.finish(End::Broken(class), now, out);
        }
        let router = Arc::clone(&self.router);
        let Some(itinerary) = itinerary(&router, self.way, self.decided.as_ref()) else {
            return;
        };
        let Some(step) = self.attempts.last().map(|a| a.step) else {
            return;
        };
        if let Some(until) = self.retry(itinerary, step, class, status, retry_after, now) {
            self.phase = Phase::Waiting {
                until,
                step,
                force: false,
            };
            if until <= now {
                self.wake(now, out);
            }
            return;
        }
        self.go(itinerary, itinerary.after(step, class, status), now, out);
    }

    fn go(&mut self, itinerary: &Itinerary, next: Next, now: Nanos, out: &mut Actions) {
        match next {
            Next::Step(next) => self.seek(itinerary, next, false, now, out),
            Next::Exhausted => self.exhausted(itinerary, false, now, out),
            Next::Final => self.give_up(now, out),
        }
    }

    /// Launches the first step from `from` on that can be called.
    fn seek(
        &mut self,
        itinerary: &Itinerary,
        from: usize,
        force: bool,
        now: Nanos,
        out: &mut Actions,
    ) {
        for (i, step) in itinerary.steps.iter().enumerate().skip(from) {
            if force && self.attempts.iter().any(|a| a.step == i) {
                continue;
            }
            for group in itinerary.around(i) {
                if let Some(entered) = self.entered.get_mut(group) {
                    entered.get_or_insert(now);
                }
            }
            if self.time_left(itinerary, i) <= now {
                continue;
            }
            match self.admit(step, force, now) {
                Ok(permit) if self.attempts.len() < MOST_ATTEMPTS => {
                    return self.launch(itinerary, i, step, permit, now, out);
                }
                Ok(permit) => {
                    if let Some(state) = self.router.state(step.target) {
                        state.release(permit);
                    }
                }
                Err(reason) => self.pass_over(step.target, reason),
            }
        }
        self.exhausted(itinerary, force, now, out);
    }

    fn admit(&self, step: &Step, force: bool, now: Nanos) -> Result<Permit, PassedOver> {
        if let Some(reason) = self.cannot(step.target) {
            return Err(reason);
        }
        if let Some(why) = self.router.unavailable(step.target) {
            return Err(PassedOver::Unavailable(why.to_owned()));
        }
        match self.router.state(step.target) {
            Some(state) => state.admit(now, force).map_err(PassedOver::Barred),
            None => Ok(Permit::Free),
        }
    }

    fn pass_over(&mut self, target: TargetId, reason: PassedOver) {
        match self.candidates.iter_mut().find(|(t, _)| *t == target) {
            Some((_, known @ Some(_))) => *known = Some(reason),
            Some(_) => {}
            None => self.candidates.push((target, Some(reason))),
        }
    }

    fn launch(
        &mut self,
        itinerary: &Itinerary,
        step_no: usize,
        step: &Step,
        permit: Permit,
        now: Nanos,
        out: &mut Actions,
    ) {
        let attempt = self.attempts.len();
        let limits = Limits {
            connect: now + step.timeouts.connect.map_or(CONNECT, |ms| ms * MILLI),
            first: first_deadline(
                step,
                itinerary.has_alternative(step_no),
                self.arrival.whole,
                now,
            ),
            idle: step.timeouts.idle.map_or(IDLE, |ms| ms * MILLI),
            total: step.timeouts.total.map(|ms| now + ms * MILLI),
        };
        self.attempts.push(Attempt {
            target: step.target,
            start: now,
            sent: None,
            connected: None,
            head: None,
            first: None,
            end: None,
            class: Class::Ok,
            status: None,
            retry_after: None,
            message: None,
            usage: None,
            cost: None,
            step: step_no,
            permit,
            limits,
            last: now,
            text: 0,
        });
        match self.candidates.iter_mut().find(|(t, _)| *t == step.target) {
            Some((_, reason)) => *reason = None,
            None => self.candidates.push((step.target, None)),
        }
        if let Some(state) = self.router.state(step.target) {
            state.begin();
        }
        self.phase = Phase::Flying;
        out.push(Action::Start {
            attempt,
            target: step.target,
        });
    }

    /// Nothing is left in order. Rather than fail, call what an open breaker held back; or wait for a throttled target
    /// where the time allows it.
    fn exhausted(&mut self, itinerary: &Itinerary, forced: bool, now: Nanos, out: &mut Actions) {
        let held = |b: &Barred| matches!(b, Barred::Breaker(_) | Barred::Credential(_));
        let barred = |reason: &Option<PassedOver>| match reason {
            Some(PassedOver::Barred(b)) => Some(*b),
            _ => None,
        };
        if !forced
            && self
                .candidates
                .iter()
                .filter_map(|(_, r)| barred(r))
                .any(|b| held(&b))
        {
            return self.seek(itinerary, 0, true, now, out);
        }
        let soonest = self
            .candidates
            .iter()
            .filter_map(|(target, reason)| match barred(reason) {
                Some(Barred::Throttled(until)) => Some((until, *target)),
                _ => None,
            });
        if let Some((until, target)) = soonest.min_by_key(|(until, _)| *until)
            && let Some(step) = itinerary.steps.iter().position(|s| s.target == target)
            && until + SECOND < self.time_left(itinerary, step)
            && self.attempts.len() < MOST_ATTEMPTS
        {
            self.phase = Phase::Waiting {
                until: until + self.chance.below(100 * MILLI),
                step,
                force: false,
            };
            return;
        }
        self.give_up(now, out);
    }

    /// The moment by which a step must be over.
    fn time_left(&self, itinerary: &Itinerary, step: usize) -> Nanos {
        let groups = itinerary
            .around(step)
            .filter_map(|g| self.group_deadline(itinerary, g));
        groups.fold(self.deadline, Nanos::min)
    }

    fn group_deadline(&self, itinerary: &Itinerary, group: usize) -> Option<Nanos> {
        let entered = (*self.entered.get(group)?)?;
        Some(entered + itinerary.groups.get(group)?.within?)
    }

    fn retry(
        &mut self,
        itinerary: &Itinerary,
        step_no: usize,
        class: Class,
        status: Option<u16>,
        retry_after: Option<Nanos>,
        now: Nanos,
    ) -> Option<Nanos> {
        let step = itinerary.steps.get(step_no)?;
        let made = self.attempts.iter().filter(|a| a.step == step_no).count();
        let allowed =
            crate::flight_plan::retries(step, class, status, !itinerary.has_alternative(step_no));
        if made > usize::from(allowed) || self.attempts.len() >= MOST_ATTEMPTS {
            return None;
        }
        let until = now + crate::flight_plan::backoff(class, retry_after, made, &mut self.chance);
        // A retry that leaves no time to answer is no retry.
        (until + 100 * MILLI < self.time_left(itinerary, step_no)).then_some(until)
    }

    fn due(&self) -> Option<(Nanos, Due)> {
        let router = &self.router;
        let mut soonest: Option<(Nanos, Due)> = None;
        let mut take = |at: Nanos, due: Due| {
            if soonest.is_none_or(|(seen, _)| at < seen) {
                soonest = Some((at, due));
            }
        };
        match self.phase {
            Phase::Ready | Phase::Over => return None,
            Phase::Waiting { until, step, .. } => {
                take(until, Due::Resume);
                self.each_outer(router, step, &mut take);
            }
            Phase::Flying | Phase::Committed => {
                let a = self.attempts.last()?;
                if self.phase == Phase::Flying {
                    self.each_outer(router, a.step, &mut take);
                    take(a.limits.first, Due::First);
                    if a.connected.is_none() {
                        take(a.limits.connect, Due::Connect);
                    }
                } else {
                    take(self.deadline, Due::Request);
                }
                if a.head.is_some() {
                    take(a.last + a.limits.idle, Due::Idle);
                }
                if let Some(total) = a.limits.total {
                    take(total, Due::Total);
                }
            }
        }
        soonest
    }

    /// Deadlines around a step, outermost first so that it wins a tie.
    fn each_outer(&self, router: &Router, step: usize, take: &mut impl FnMut(Nanos, Due)) {
        take(self.deadline, Due::Request);
        if let Some(itinerary) = itinerary(router, self.way, self.decided.as_ref()) {
            let groups: SmallVec<[usize; 4]> = itinerary.around(step).collect();
            for group in groups.into_iter().rev() {
                if let Some(at) = self.group_deadline(itinerary, group) {
                    take(at, Due::Group(group));
                }
            }
        }
    }

    fn wake(&mut self, now: Nanos, out: &mut Actions) {
        let Some((_, due)) = self.due().filter(|(at, _)| *at <= now) else {
            return;
        };
        let router = Arc::clone(&self.router);
        let Some(itinerary) = itinerary(&router, self.way, self.decided.as_ref()) else {
            return;
        };
        if let Due::Resume = due {
            let Phase::Waiting { step, force, .. } = self.phase else {
                return;
            };
            let failed = self
                .attempts
                .last()
                .and_then(|a| a.end)
                .unwrap_or(self.arrival.now);
            self.waited += now.saturating_sub(failed);
            return self.seek(itinerary, step, force, now, out);
        }
        if let Phase::Waiting { .. } = self.phase {
            return match due {
                Due::Group(group) => self.go(itinerary, itinerary.after_group(group), now, out),
                _ => self.give_up(now, out),
            };
        }
        out.push(Action::Cancel(self.attempts.len().saturating_sub(1)));
        match due {
            Due::Connect => self.fail(Failure::of(Class::Connect), now, out),
            Due::First | Due::Total => self.fail(Failure::of(Class::TimedOut), now, out),
            Due::Idle => self.fail(Failure::of(Class::Idle), now, out),
            Due::Group(group) => {
                self.settle(Failure::of(self.blame(now)), now);
                self.go(itinerary, itinerary.after_group(group), now, out);
            }
            Due::Request | Due::Resume => {
                let class = self.blame(now);
                self.settle(Failure::of(class), now);
                match self.phase {
                    Phase::Committed => self.finish(End::Broken(class), now, out),
                    _ => self.give_up(now, out),
                }
            }
        }
    }

    /// Whether a target that was cut short by an outer deadline had a fair chance.
    fn blame(&self, now: Nanos) -> Class {
        match self.attempts.last() {
            Some(a) if now.saturating_sub(a.start) >= PATIENCE => Class::TimedOut,
            _ => Class::Deadline,
        }
    }

    fn abandon(&mut self, now: Nanos, out: &mut Actions) {
        if self.phase == Phase::Over {
            return;
        }
        if matches!(self.phase, Phase::Flying | Phase::Committed) {
            out.push(Action::Cancel(self.attempts.len().saturating_sub(1)));
            self.settle(Failure::of(Class::ClientGone), now);
        }
        self.finish(End::ClientGone, now, out);
    }

    fn give_up(&mut self, now: Nanos, out: &mut Actions) {
        let refusal = match self.attempts.last() {
            Some(last) => {
                let wait = last
                    .retry_after
                    .filter(|_| last.class.meaning() == Meaning::Throttled);
                Refusal::failed(
                    last.class,
                    self.router.name(last.target),
                    last.message.as_deref(),
                )
                .after(wait)
            }
            None => self.nobody(now),
        };
        self.finish(End::Refused(refusal), now, out);
    }

    /// No target could even be called.
    fn nobody(&self, now: Nanos) -> Refusal {
        let mut soonest: Option<Nanos> = None;
        let mut reasons = Vec::new();
        for (target, reason) in &self.candidates {
            let Some(reason) = reason else { continue };
            if let PassedOver::Barred(
                Barred::Breaker(until) | Barred::Throttled(until) | Barred::Credential(until),
            ) = reason
            {
                soonest = Some(soonest.map_or(*until, |s| s.min(*until)));
            }
            reasons.push(format!(
                "`{}` {}",
                self.router.name(*target),
                reason.words(now)
            ));
        }
        let message = format!("no target can be called now: {}", reasons.join("; "));
        Refusal::new(503, "no_target_available", message)
            .after(soonest.map(|s| s.saturating_sub(now)))
    }

    fn finish(&mut self, end: End, now: Nanos, out: &mut Actions) {
        self.phase = Phase::Over;
        self.over = now;
        self.end = Some(end);
        out.push(Action::Finish);
    }
}

impl PassedOver {
    /// The reason in words, for records and errors.
    #[must_use]
    pub fn words(&self, now: Nanos) -> String {
        let wait = |until: Nanos| until.saturating_sub(now).div_ceil(MILLI);
        match self {
            Self::Lacks(features) => format!(
                "cannot serve {}",
                features.words().collect::<Vec<_>>().join(", ")
            ),
            Self::Window(window) => format!("takes at most {window} tokens"),
            Self::Unavailable(why) => why.clone(),
            Self::Barred(Barred::Breaker(until)) => {
                format!("has an open breaker for {} ms", wait(*until))
            }
            Self::Barred(Barred::Throttled(until)) => format!("asked to wait {} ms", wait(*until)),
            Self::Barred(Barred::Credential(until)) => format!(
                "refused the credential and is tried again in {} ms",
                wait(*until)
            ),
        }
    }
}

fn itinerary<'r>(
    router: &'r Router,
    way: Option<Way>,
    decided: Option<&Decided>,
) -> Option<&'r Itinerary> {
    match way? {
        Way::Direct(target) => router.straight(target),
        Way::Policy(_) => router.plan(decided?.plan?),
    }
}

/// Lets go of the bundle a decision borrows from.
fn keep(decision: &Decision<'_>) -> (Decided, Option<Refusal>) {
    let (plan, denied) = match decision.verdict {
        Verdict::Use(plan) => (Some(*plan), None),
        Verdict::Deny { status, message } => (
            None,
            Some(Refusal::new(
                *status,
                "denied_by_policy",
                message.to_string(),
            )),
        ),
    };
    (
        Decided {
            policies: decision.policies,
            rule: decision.rule,
            path: decision.path,
            plan,
        },
        denied,
    )
}
