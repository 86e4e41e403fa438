//! One attempt at one target: what is known of it, and its deadlines.

use crate::answer::Told;
use crate::arrival::Arrival;
use crate::breaker::Permit;
use crate::class::Class;
use crate::event::Failure;
use crate::itinerary::Step;
use crate::ledger::Reservations;
use crate::{MILLI, Nanos, SECOND};
use mux_dsl::image::{Features, TargetId};
use mux_traffic::record::Usage;

/// Until the connection stands: DNS, TCP and TLS together.
const CONNECT: Nanos = 5 * SECOND;
/// Silence in the middle of an answer.
const IDLE: Nanos = 30 * SECOND;
/// What an unanswered attempt must have had before its silence is held against the target.
const PATIENCE: Nanos = 2 * SECOND;
/// Bounds of the time until the first content of a stream, and what it is for a target that is not known.
const STREAMED: (Nanos, Nanos) = (2 * SECOND, 10 * SECOND);
/// The same until the whole answer.
const WHOLE: (Nanos, Nanos) = (10 * SECOND, 60 * SECOND);
/// A probe is at the cost of a client: it gets twice the usual time, and no less than this.
const PROBE: Nanos = 1_500 * MILLI;
/// What takes long by its nature gets so many times as much …
const LONG: u64 = 3;
/// … such as prompts of more tokens than this, and reasoning.
const LONG_PROMPT: u32 = 50_000;

/// How long a target is waited for while there is another one to turn to: four times its 95th percentile, which is wrong
/// once in a thousand where times are distributed as they usually are.
pub(crate) fn patience(
    arrival: &Arrival,
    whole: bool,
    p95_ms: Option<u64>,
    permit: Permit,
) -> Nanos {
    let (least, most) = if whole { WHOLE } else { STREAMED };
    let usual = |times: u64| p95_ms.map(|ms| ms * MILLI * times);
    let long = arrival.facts.tokens > LONG_PROMPT || arrival.needs.contains(Features::REASONING);
    let factor = if long { LONG } else { 1 };
    let patience = usual(4).map_or(most, |t| t.clamp(least, most)) * factor;
    match permit {
        Permit::Probe(_) if !whole => {
            let probe = usual(2).map_or(least, |t| t.max(PROBE)) * factor;
            patience.min(probe)
        }
        _ => patience,
    }
}

/// What an attempt is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// The answer.
    #[default]
    Answer,
    /// The answer, besides an attempt that is late.
    Duplicate,
    /// The score of the answer of another attempt.
    Judge(usize),
    /// One answer out of those of other attempts.
    Merge,
    /// The rest of the answer of another attempt, which broke off.
    Resume(usize),
}

impl Role {
    /// The word records use; the usual role has none.
    #[must_use]
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Answer => None,
            Self::Duplicate => Some("duplicate"),
            Self::Judge(_) => Some("judge"),
            Self::Merge => Some("merge"),
            Self::Resume(_) => Some("continue"),
        }
    }

    /// Whether it may bring what the client asked for.
    #[must_use]
    pub fn answers(self) -> bool {
        !matches!(self, Self::Judge(_))
    }
}

/// What an attempt waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaits {
    /// That its credential is fetched: nobody has its request yet.
    Credential,
    /// That it is answered.
    Provider,
    /// Nothing more: its first content was there, or all of it where it is not streamed.
    Nothing,
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
    /// What the provider calls the model that answered.
    pub model: Option<Box<str>>,
    /// Tokens.
    pub usage: Option<Usage>,
    /// Cost; `None` where the price is unknown.
    pub cost: Option<i64>,
    /// What it is for.
    pub role: Role,
    /// What a judge made of its answer, basis points.
    pub score: Option<u32>,
    /// Whether its answer was good enough, where that was asked.
    pub accepted: Option<bool>,
    /// What was told of its answer.
    pub(crate) told: Option<Box<Told>>,
    /// A judge was asked about it.
    pub(crate) judged: bool,
    /// All of the answer is waited for.
    pub(crate) whole: bool,
    /// The leg it belongs to.
    pub(crate) leg: usize,
    pub(crate) step: usize,
    pub(crate) permit: Permit,
    /// What is kept for it of budgets whose cap is never passed.
    pub(crate) reserved: Reservations,
    pub(crate) limits: Limits,
    pub(crate) last: Nanos,
    /// When the last piece of content was there.
    pub(crate) heard: Nanos,
    pub(crate) text: u64,
    pub(crate) awaits: Awaits,
}

/// Deadlines of one attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The connection must stand.
    pub(crate) connect: Nanos,
    /// First content must be there, or the whole answer where it is not streamed.
    pub(crate) first: Nanos,
    /// Longest silence after the head.
    pub(crate) idle: Nanos,
    /// Longest silence between two pieces of content, whatever else is sent.
    pub(crate) content_idle: Option<Nanos>,
    /// The last byte must be there.
    pub(crate) total: Option<Nanos>,
}

impl Attempt {
    /// Begins one of a leg, whose first content must be there by `first`.
    pub(crate) fn begin(
        (leg, step_no, step): (usize, usize, &Step),
        (role, whole): (Role, bool),
        permit: Permit,
        first: Nanos,
        now: Nanos,
    ) -> Self {
        Self {
            role,
            score: None,
            accepted: None,
            told: None,
            judged: false,
            whole,
            leg,
            target: step.target,
            reserved: Reservations::new(),
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
            model: None,
            usage: None,
            cost: None,
            step: step_no,
            permit,
            limits: Limits {
                connect: now + step.timeouts.connect.map_or(CONNECT, |ms| ms * MILLI),
                first,
                idle: step.timeouts.idle.map_or(IDLE, |ms| ms * MILLI),
                content_idle: step.timeouts.content_idle.map(|ms| ms * MILLI),
                total: step.timeouts.total.map(|ms| now + ms * MILLI),
            },
            last: now,
            heard: now,
            text: 0,
            awaits: Awaits::Provider,
        }
    }

    /// Its request is handed to the connection. A target's times begin when it could have the request: what the wait for a
    /// credential took is not at its expense.
    pub(crate) fn send(&mut self, now: Nanos) {
        if self.awaits == Awaits::Credential {
            self.awaits = Awaits::Provider;
            let waited = now.saturating_sub(self.start);
            let limits = &mut self.limits;
            limits.connect = limits.connect.saturating_add(waited);
            limits.first = limits.first.saturating_add(waited);
            limits.total = limits.total.map(|total| total.saturating_add(waited));
            (self.last, self.heard) = (now, now);
        }
        self.sent = Some(now);
    }

    /// How a target that is cut short by an outer deadline is judged: only one that was silent, and had a fair chance to
    /// speak, is blamed; where its credential was still being fetched, that is.
    pub(crate) fn blame(&self, now: Nanos) -> Failure {
        let silent = self.first.is_none() && now.saturating_sub(self.last) >= PATIENCE;
        match (silent, self.awaits == Awaits::Credential) {
            (true, false) => Failure::of(Class::TimedOut),
            (true, true) => Failure {
                message: Some(
                    "its credential was still being fetched when its time was up".to_owned(),
                ),
                // It may be there at any moment.
                retry_after: Some(SECOND),
                ..Failure::of(Class::Authentication)
            },
            (false, _) => Failure::of(Class::Deadline),
        }
    }

    /// Whether the provider may have worked on it, and so may bill it, though it did not say so.
    pub(crate) fn ambiguous(&self, class: Class) -> bool {
        let unsaid = matches!(
            class,
            Class::ClientGone
                | Class::Superseded
                | Class::TimedOut
                | Class::Deadline
                | Class::Idle
                | Class::Cut
        );
        self.head.is_some() || (self.connected.is_some() && unsaid)
    }
}
