//! One modelled upstream: how fast it answers, how much it takes, and what is wrong with it.

use super::arrivals::Size;
use super::draw::{lognormal, pareto, seconds, time, uniform};
use super::fault::{Fault, Kind};
use crate::play::{Beat, Play};
use mux_routing::chance::Chance;
use mux_routing::class::Class;
use mux_routing::flight::Failure;
use mux_routing::{MILLI, Nanos, SECOND};
use mux_traffic::record::Usage;

/// What a provider is like when nothing is wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Model {
    /// Median of the time to first content.
    pub first: Nanos,
    /// Deviation of its logarithm.
    pub sigma: f64,
    /// Output tokens a second.
    pub rate: f64,
    /// Least output tokens of an answer; twice as many in the mean.
    pub tokens: f64,
    /// Share of requests that fail all the same.
    pub noise: f64,
    /// Requests a second that it takes, and how many at once after a rest.
    pub capacity: Option<(f64, f64)>,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            first: 500 * MILLI,
            sigma: 0.5,
            rate: 50.0,
            tokens: 60.0,
            noise: 0.005,
            capacity: None,
        }
    }
}

/// How heavy the tail of the lengths of answers is, and where it ends, in tokens.
const ANSWER: (f64, f64) = (2.0, 4_000.0);
/// A prompt of so many tokens takes twice as long as none until the first content.
const PROMPT: f64 = 4_000.0;
/// Until a refusal is there.
const REFUSAL: Nanos = 30 * MILLI;
/// Until a connection stands.
const CONNECT: Nanos = 5 * MILLI;
/// Between two pieces of an answer that are told of.
const TOLD: Nanos = 10 * SECOND;
/// Between two events without content.
const PING: Nanos = 5 * SECOND;

/// One upstream of a run.
#[derive(Debug)]
pub struct Provider {
    model: Model,
    faults: Vec<Fault>,
    chance: Chance,
    tokens: f64,
    filled: Nanos,
}

/// What becomes of one request at it; times since it was sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// First content, and all of it.
    Content {
        /// First content.
        first: Nanos,
        /// All of it.
        last: Nanos,
        /// Output tokens.
        tokens: u32,
    },
    /// First content, and then it breaks off.
    Cut {
        /// First content.
        first: Nanos,
        /// The end.
        last: Nanos,
    },
    /// A failure.
    Fails {
        /// When it is there.
        after: Nanos,
        /// Of which class.
        class: Class,
        /// HTTP status, where there is one.
        status: Option<u16>,
        /// The wait it asks for.
        retry_after: Option<Nanos>,
    },
    /// Nothing, but for events without content.
    Silence {
        /// The head comes.
        head: bool,
        /// And more, without content.
        pings: bool,
    },
}

impl Provider {
    /// One that has rested.
    #[must_use]
    pub fn new(model: Model, faults: Vec<Fault>, seed: u64) -> Self {
        Self {
            tokens: model.capacity.map_or(0.0, |(_, burst)| burst),
            model,
            faults,
            chance: Chance::new(seed),
            filled: 0,
        }
    }

    /// What becomes of a request that is sent now.
    pub fn answer(&mut self, now: Nanos, size: Size) -> Answer {
        // Every request draws alike, so that a fault changes nothing but what it breaks.
        let first = lognormal(
            &mut self.chance,
            seconds(self.model.first),
            self.model.sigma,
        );
        let (alpha, most) = ANSWER;
        let length = pareto(&mut self.chance, self.model.tokens, alpha).min(most);
        let length = size.output.map_or(length, f64::from);
        let (luck, flaw) = (uniform(&mut self.chance), uniform(&mut self.chance));
        let mut slower = 1.0 + f64::from(size.input) / PROMPT;
        let holding: Vec<Fault> = self
            .faults
            .iter()
            .copied()
            .filter(|f| f.holds(now))
            .collect();
        for fault in &holding {
            match broken(fault, luck, now) {
                Broken::Answer(answer) => return answer,
                Broken::Slower(times) => slower *= times,
                Broken::Not => {}
            }
        }
        if let Some(wait) = self.full(now) {
            return Answer::Fails {
                after: REFUSAL,
                class: Class::RateLimited,
                status: Some(429),
                retry_after: Some(wait),
            };
        }
        if flaw < self.model.noise {
            return fails(Class::Server, 500);
        }
        let (first, span) = (time(first * slower), time(length / self.model.rate));
        let cut = |f: &Fault| matches!(f.kind, Kind::Cuts { share } if luck < share);
        if holding.iter().any(cut) {
            return Answer::Cut {
                first,
                last: first + span / 2,
            };
        }
        Answer::Content {
            first,
            last: first + span,
            tokens: tokens(length),
        }
    }

    /// How long to wait where it takes no more.
    fn full(&mut self, now: Nanos) -> Option<Nanos> {
        let (rate, burst) = self.model.capacity?;
        let since = seconds(now.saturating_sub(self.filled));
        self.tokens = (self.tokens + since * rate).min(burst);
        self.filled = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return None;
        }
        Some(time((1.0 - self.tokens) / rate))
    }
}

/// What is left of an answer.
pub(crate) enum Broken {
    /// Nothing: this comes in its place.
    Answer(Answer),
    /// The first content comes so many times later.
    Slower(f64),
    /// All.
    Not,
}

/// What a fault does to a request that drew `luck`.
pub(crate) fn broken(fault: &Fault, luck: f64, now: Nanos) -> Broken {
    let silence = |head, pings| Broken::Answer(Answer::Silence { head, pings });
    let failure = |class, status| Broken::Answer(fails(class, status));
    match fault.kind {
        Kind::Fails => failure(Class::Overloaded, 503),
        Kind::Overloaded => failure(Class::Overloaded, 529),
        Kind::Hangs => silence(false, false),
        Kind::HangsSome { share } if luck < share => silence(false, false),
        Kind::HangsAfterHead => silence(true, false),
        Kind::PingsForever => silence(true, true),
        Kind::BrownOut { errors, .. } if luck < errors * fault.progress(now) => {
            failure(Class::Server, 500)
        }
        Kind::BrownOut { slower, .. } => Broken::Slower(1.0 + (slower - 1.0) * fault.progress(now)),
        Kind::Slow { times } => Broken::Slower(times),
        Kind::Throttles { share, retry_after } if luck < share => Broken::Answer(Answer::Fails {
            after: REFUSAL,
            class: Class::RateLimited,
            status: Some(429),
            retry_after: retry_after.map(time),
        }),
        Kind::Spent => failure(Class::QuotaExhausted, 429),
        Kind::Refuses => failure(Class::Authentication, 401),
        Kind::Unreachable => Broken::Answer(Answer::Fails {
            after: CONNECT,
            class: Class::Connect,
            status: None,
            retry_after: None,
        }),
        Kind::Garbage => failure(Class::BadResponse, 200),
        Kind::Flaps { period } => {
            let turns = seconds(now.saturating_sub(fault.from)) / period.max(0.1);
            if turns.rem_euclid(2.0) < 1.0 {
                failure(Class::Server, 500)
            } else {
                Broken::Not
            }
        }
        Kind::HangsSome { .. } | Kind::Throttles { .. } | Kind::Cuts { .. } => Broken::Not,
    }
}

fn fails(class: Class, status: u16) -> Answer {
    Answer::Fails {
        after: REFUSAL,
        class,
        status: Some(status),
        retry_after: None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a length of some thousand at most"
)]
fn tokens(length: f64) -> u32 {
    length as u32
}

impl Answer {
    /// As events of an attempt.
    #[must_use]
    pub fn play(&self) -> Play {
        let mut play = Vec::with_capacity(4);
        play.push((CONNECT, Beat::Connected));
        match *self {
            Self::Content {
                first,
                last,
                tokens,
            } => {
                let usage = Usage {
                    input: 100,
                    output: u64::from(tokens),
                    ..Usage::default()
                };
                play.push((first, Beat::Head(200)));
                play.push((first, Beat::Content));
                let told = (1..).map(|n| first + n * TOLD).take_while(|at| *at < last);
                play.extend(told.map(|at| (at, Beat::Progress(1_000))));
                play.push((last, Beat::Done(Some(usage))));
            }
            Self::Cut { first, last } => {
                play.push((first, Beat::Head(200)));
                play.push((first, Beat::Content));
                play.push((last, Beat::Failed(Failure::of(Class::Cut))));
            }
            Self::Fails {
                after,
                class,
                status,
                retry_after,
            } => {
                if class == Class::Connect {
                    play.clear();
                }
                let failure = Failure {
                    status,
                    retry_after,
                    ..Failure::of(class)
                };
                play.push((after, Beat::Failed(failure)));
            }
            Self::Silence { head, pings } => {
                if head {
                    play.push((200 * MILLI, Beat::Head(200)));
                }
                if pings {
                    play.extend((1..=200).map(|n| (n * PING, Beat::Progress(0))));
                }
            }
        }
        play
    }
}
