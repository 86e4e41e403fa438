//! The rules that other gateways route by, against the same modelled providers, to have something to compare with.
//!
//! They are our models of those rules, not their code: a plain chain, a chain with a breaker that opens after failures in
//! a row, and one that leaves a target alone for some seconds when most of its calls of the current minute failed. All
//! give an attempt ten seconds until its first content, and the client's patience is the same as for mux.

use super::arrivals::Size;
use super::provider::{Answer, Provider};
use super::run::providers;
use super::scenario::{PATIENCE, Scenario};
use super::tally::{Seen, Tally};
use mux_routing::{Nanos, SECOND};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// Whose rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Baseline {
    /// One after the other, always.
    Chain,
    /// A target is left alone after five failures in a row, for a second and then twice as long each time, up to a
    /// minute; where all are, all are tried.
    Breaker,
    /// A target is left alone for five seconds when more than half of at least two calls of this minute failed; where
    /// all are, the request fails.
    CoolDown,
}

impl Baseline {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Chain, Self::Breaker, Self::CoolDown];

    /// For tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chain => "chain",
            Self::Breaker => "breaker-5",
            Self::CoolDown => "cool-down",
        }
    }
}

/// Until the first content of an attempt.
const TIMEOUT: Nanos = 10 * SECOND;
/// Longest pause of the breaker.
const LONGEST: Nanos = 60 * SECOND;
/// Pause of the cool-down.
const COOL: Nanos = 5 * SECOND;

#[derive(Debug, Default)]
struct Target {
    left_until: Nanos,
    row: u32,
    openings: u32,
    minute: u64,
    calls: u32,
    failures: u32,
}

impl Target {
    fn ended(&mut self, rule: Baseline, ok: bool, now: Nanos) {
        let minute = now / (60 * SECOND);
        if minute != self.minute {
            (self.minute, self.calls, self.failures) = (minute, 0, 0);
        }
        self.calls += 1;
        self.failures += u32::from(!ok);
        self.row = if ok { 0 } else { self.row + 1 };
        match rule {
            Baseline::Breaker if ok => self.openings = 0,
            Baseline::Breaker if self.row >= 5 => {
                let pause = (SECOND << self.openings.min(6)).min(LONGEST);
                self.left_until = now + pause;
                self.openings += 1;
                // The next failure opens it again.
                self.row = 4;
            }
            Baseline::CoolDown if self.calls > 1 && self.failures * 2 > self.calls => {
                self.left_until = now + COOL;
            }
            Baseline::Chain | Baseline::Breaker | Baseline::CoolDown => {}
        }
    }
}

struct Request {
    came: Nanos,
    size: Size,
    tried: Vec<usize>,
    /// Whether the targets that are left alone are tried all the same.
    all: bool,
}

/// When, in which order, which request, and how its attempt ended: the target and the time to the first content.
type Ended = Reverse<(Nanos, u64, u64, usize, Option<Nanos>)>;

struct Run {
    rule: Baseline,
    providers: Vec<Provider>,
    targets: Vec<Target>,
    requests: HashMap<u64, Request>,
    queue: BinaryHeap<Ended>,
    order: u64,
    tally: Tally,
}

/// Carries a scenario out by another rule.
#[must_use]
pub fn run(rule: Baseline, scenario: &Scenario, seed: u64) -> Tally {
    let providers = providers(scenario, seed);
    let mut run = Run {
        rule,
        targets: providers.iter().map(|_| Target::default()).collect(),
        providers,
        requests: HashMap::new(),
        queue: BinaryHeap::new(),
        order: 0,
        tally: Tally::default(),
    };
    for (no, call) in (0..).zip(scenario.arrivals.calls(scenario.span, seed)) {
        let at = call.at;
        run.advance(at);
        let request = Request {
            came: at,
            size: call.size,
            tried: Vec::new(),
            all: false,
        };
        run.requests.insert(no, request);
        run.next(no, at);
    }
    run.advance(Nanos::MAX);
    run.tally
}

impl Run {
    fn advance(&mut self, until: Nanos) {
        while self.queue.peek().is_some_and(|Reverse(e)| e.0 <= until) {
            let Some(Reverse((now, _, no, target, content))) = self.queue.pop() else {
                return;
            };
            let over = now >= self.requests.get(&no).map_or(0, |r| r.came + PATIENCE);
            if let Some(state) = self.targets.get_mut(target) {
                state.ended(self.rule, content.is_some(), now);
            }
            if content.is_some() || over {
                self.end(no, content.map(|_| (target, now)));
            } else {
                self.next(no, now);
            }
        }
    }

    fn next(&mut self, no: u64, now: Nanos) {
        let Some(request) = self.requests.get_mut(&no) else {
            return;
        };
        let free = |(at, target): (usize, &Target)| {
            let open = request.all || target.left_until <= now;
            (open && !request.tried.contains(&at)).then_some(at)
        };
        let found = self.targets.iter().enumerate().find_map(free);
        let Some(target) = found else {
            // A breaker fails open; a cool-down does not.
            if self.rule == Baseline::Breaker && !request.all {
                request.all = true;
                return self.next(no, now);
            }
            return self.end(no, None);
        };
        request.tried.push(target);
        let latest = (now + TIMEOUT).min(request.came + PATIENCE);
        let Some(provider) = self.providers.get_mut(target) else {
            return;
        };
        let (at, content) = match provider.answer(now, request.size) {
            Answer::Content { first, .. } if now + first < latest => (now + first, Some(first)),
            // The client has got the first content; that it breaks off later is no one's to mend.
            Answer::Cut { first, .. } if now + first < latest => (now + first, None),
            Answer::Fails { after, .. } => (now + after, None),
            _ => (latest, None),
        };
        self.order += 1;
        self.queue
            .push(Reverse((at, self.order, no, target, content)));
    }

    fn end(&mut self, no: u64, served: Option<(usize, Nanos)>) {
        let Some(request) = self.requests.remove(&no) else {
            return;
        };
        let place = |at: usize| u8::try_from(at).ok();
        self.tally.all.push(Seen {
            at: request.came,
            first: request.tried.first().copied().and_then(place),
            served: served.and_then(|(target, _)| place(target)),
            attempts: u8::try_from(request.tried.len()).unwrap_or(u8::MAX),
            primary: u8::from(request.tried.contains(&0)),
            content: served.map(|(_, now)| now - request.came),
        });
    }
}
