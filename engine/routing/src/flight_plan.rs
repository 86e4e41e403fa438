//! The numbers behind an attempt: its deadlines, whether it is retried, and how long to wait before.

use crate::chance::Chance;
use crate::class::Class;
use crate::itinerary::Step;
use crate::{MILLI, Nanos, SECOND};

/// Until the connection stands: DNS, TCP and TLS together.
pub(crate) const CONNECT: Nanos = 5 * SECOND;
/// Silence in the middle of an answer.
pub(crate) const IDLE: Nanos = 30 * SECOND;
/// What an unanswered attempt must have had before its silence is held against the target.
pub(crate) const PATIENCE: Nanos = 2 * SECOND;
/// Until the first content of a stream, while another target could serve and nothing is written.
const FIRST_STREAMED: Nanos = 10 * SECOND;
/// Until the whole answer, while another target could serve and nothing is written.
const FIRST_WHOLE: Nanos = 60 * SECOND;
/// Longest wait before a retry that no provider asked for.
const LONGEST_BACKOFF: Nanos = 8 * SECOND;

/// Deadlines of one attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The connection must stand.
    pub(crate) connect: Nanos,
    /// First content must be there, or the whole answer where it is not streamed.
    pub(crate) first: Nanos,
    /// Longest silence after the head.
    pub(crate) idle: Nanos,
    /// The last byte must be there.
    pub(crate) total: Option<Nanos>,
}

/// When the first content (streamed) or the whole answer must be there. A last target may use all the time that is left.
pub(crate) fn first_deadline(step: &Step, alternative: bool, whole: bool, now: Nanos) -> Nanos {
    match step.timeouts.first {
        Some(ms) => now + ms * MILLI,
        None if !alternative => Nanos::MAX,
        None if whole => now + FIRST_WHOLE,
        None => now + FIRST_STREAMED,
    }
}

/// How often an outcome is retried at the same target. A written `retry` is obeyed; otherwise only a last target is
/// tried again, once, since any other target is a better bet than the one that just failed.
pub(crate) fn retries(step: &Step, class: Class, status: Option<u16>, last: bool) -> u8 {
    match &step.retry {
        Some(retry)
            if retry
                .on
                .as_ref()
                .map_or_else(|| class.retries(), |on| class.within(on, status)) =>
        {
            retry.times
        }
        Some(_) => 0,
        None => u8::from(
            last && matches!(
                class,
                Class::Connect | Class::Cut | Class::Server | Class::Overloaded | Class::RateLimited
            ),
        ),
    }
}

/// How long to wait before the retry that follows the `made`-th attempt: what the provider asked for and a little more,
/// else full jitter over a doubling span (AWS, "Exponential Backoff and Jitter").
pub(crate) fn backoff(
    class: Class,
    retry_after: Option<Nanos>,
    made: usize,
    chance: &mut Chance,
) -> Nanos {
    if let Some(wait) = retry_after {
        return wait + chance.below(wait / 4 + 100 * MILLI);
    }
    let base = match class {
        Class::RateLimited | Class::Overloaded => 500 * MILLI,
        _ => 50 * MILLI,
    };
    chance.below((base << made.saturating_sub(1).min(10)).min(LONGEST_BACKOFF))
}
