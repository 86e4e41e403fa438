//! One attempt at one target: what is known of it, and its deadlines.

use crate::breaker::Permit;
use crate::class::Class;
use crate::itinerary::Step;
use crate::{MILLI, Nanos, SECOND};
use mux_dsl::image::TargetId;
use mux_traffic::record::Usage;

/// Until the connection stands: DNS, TCP and TLS together.
const CONNECT: Nanos = 5 * SECOND;
/// Silence in the middle of an answer.
const IDLE: Nanos = 30 * SECOND;
/// What an unanswered attempt must have had before its silence is held against the target.
const PATIENCE: Nanos = 2 * SECOND;
/// Until the first content of a stream, while another target could serve and nothing is written.
const FIRST_STREAMED: Nanos = 10 * SECOND;
/// Until the whole answer, while another target could serve and nothing is written.
const FIRST_WHOLE: Nanos = 60 * SECOND;

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
    pub(crate) step: usize,
    pub(crate) permit: Permit,
    pub(crate) limits: Limits,
    pub(crate) last: Nanos,
    /// When the last piece of content was there.
    pub(crate) heard: Nanos,
    pub(crate) text: u64,
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
    /// Begins one. `alternative` tells whether another target comes after it, `whole` whether the client waits for the
    /// complete answer.
    pub(crate) fn begin(
        step_no: usize,
        step: &Step,
        permit: Permit,
        alternative: bool,
        whole: bool,
        now: Nanos,
    ) -> Self {
        Self {
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
            limits: Limits {
                connect: now + step.timeouts.connect.map_or(CONNECT, |ms| ms * MILLI),
                first: first_deadline(step, alternative, whole, now),
                idle: step.timeouts.idle.map_or(IDLE, |ms| ms * MILLI),
                content_idle: step.timeouts.content_idle.map(|ms| ms * MILLI),
                total: step.timeouts.total.map(|ms| now + ms * MILLI),
            },
            last: now,
            heard: now,
            text: 0,
        }
    }

    /// How a target that is cut short by an outer deadline is judged: only one that was silent, and had a fair chance to
    /// speak, is blamed.
    pub(crate) fn blame(&self, now: Nanos) -> Class {
        let silent = self.first.is_none() && now.saturating_sub(self.last) >= PATIENCE;
        if silent {
            Class::TimedOut
        } else {
            Class::Deadline
        }
    }

    /// Whether the provider may have worked on it, and so may bill it, though it did not say so.
    pub(crate) fn ambiguous(&self, class: Class) -> bool {
        let unsaid = matches!(
            class,
            Class::ClientGone | Class::TimedOut | Class::Deadline | Class::Idle | Class::Cut
        );
        self.head.is_some() || (self.connected.is_some() && unsaid)
    }
}

/// When the first content (streamed) or the whole answer must be there. A last target may use all the time that is left.
fn first_deadline(step: &Step, alternative: bool, whole: bool, now: Nanos) -> Nanos {
    match step.timeouts.first {
        Some(ms) => now + ms * MILLI,
        None if !alternative => Nanos::MAX,
        None if whole => now + FIRST_WHOLE,
        None => now + FIRST_STREAMED,
    }
}
