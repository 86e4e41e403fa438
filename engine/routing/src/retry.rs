//! Whether an outcome is tried again at the same target, and how long to wait before.

use crate::chance::Chance;
use crate::class::Class;
use crate::itinerary::Step;
use crate::{MILLI, Nanos, SECOND};
use mux_dsl::image::Millis;

/// Longest wait before any retry; a provider that asks for more is left.
pub(crate) const LONGEST_RETRY: Nanos = 30 * SECOND;
/// Longest wait before a retry that the policy did not ask for.
pub(crate) const UNASKED_WAIT: Nanos = 2 * SECOND;
/// Longest wait before a retry that no provider asked for.
const LONGEST_BACKOFF: Nanos = 8 * SECOND;

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
                Class::Connect
                    | Class::Cut
                    | Class::Server
                    | Class::Overloaded
                    | Class::RateLimited
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
    written: Option<(Millis, Millis)>,
    chance: &mut Chance,
) -> Nanos {
    if let Some(wait) = retry_after {
        return wait.saturating_add(chance.below(wait / 4 + 100 * MILLI));
    }
    let (base, longest) = match (written, class) {
        (Some((base, longest)), _) => (base * MILLI, longest * MILLI),
        (None, Class::RateLimited | Class::Overloaded) => (500 * MILLI, LONGEST_BACKOFF),
        (None, _) => (50 * MILLI, LONGEST_BACKOFF),
    };
    chance.below((base << made.saturating_sub(1).min(10)).min(longest))
}
