//! How targets behaved in recorded traffic: what a target did with this very request where it was asked, and a drawn
//! sample of what it did with others where it was not.

use crate::play::{Beat, Play, healthy};
use mux_routing::chance::Chance;
use mux_routing::class::Class;
use mux_routing::flight::Failure;
use mux_routing::{MILLI, Nanos};
use mux_traffic::record::{Attempt, Record};
use std::collections::{BTreeMap, BTreeSet};

/// Attempts kept of each target (reservoir sampling: Vitter 1985, algorithm R).
const KEPT: usize = 4_096;

/// Recorded attempts by target and kind of request.
#[derive(Debug, Default)]
pub struct Samples {
    targets: BTreeMap<(String, bool), Reservoir>,
    /// Targets that were asked for and never recorded.
    assumed: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Reservoir {
    seen: u64,
    kept: Vec<Attempt>,
}

impl Samples {
    /// Takes the attempts of a record.
    pub fn learn(&mut self, record: &Record, chance: &mut Chance) {
        for attempt in &record.attempts {
            let reservoir = self
                .targets
                .entry((attempt.target.clone(), record.request.streaming))
                .or_default();
            reservoir.seen += 1;
            if reservoir.kept.len() < KEPT {
                reservoir.kept.push(attempt.clone());
            } else {
                let place = usize::try_from(chance.below(reservoir.seen)).unwrap_or(usize::MAX);
                if let Some(kept) = reservoir.kept.get_mut(place) {
                    kept.clone_from(attempt);
                }
            }
        }
    }

    /// What `target` does with the `nth` attempt a request makes at it.
    pub fn play(&mut self, record: &Record, target: &str, nth: usize, chance: &mut Chance) -> Play {
        if let Some(same) = record
            .attempts
            .iter()
            .filter(|a| a.target == target)
            .nth(nth)
        {
            return replayed(same);
        }
        let streaming = record.request.streaming;
        let reservoir = self
            .targets
            .get(&(target.to_owned(), streaming))
            .filter(|r| !r.kept.is_empty());
        let Some(reservoir) = reservoir else {
            self.assumed.insert(target.to_owned());
            return healthy(
                record.request.tokens,
                record.request.output_limit,
                streaming,
            );
        };
        let place = usize::try_from(chance.below(reservoir.kept.len() as u64)).unwrap_or(0);
        reservoir.kept.get(place).map_or_else(
            || {
                healthy(
                    record.request.tokens,
                    record.request.output_limit,
                    streaming,
                )
            },
            replayed,
        )
    }

    /// Targets for which a healthy upstream was assumed, since the recording knows nothing of them.
    #[must_use]
    pub fn assumed(&self) -> &BTreeSet<String> {
        &self.assumed
    }
}

/// A recorded attempt, happening again. One that ended by our own deadline shows no end: how long it would have taken
/// is not known, so it hangs, and the new policy's deadlines decide.
fn replayed(attempt: &Attempt) -> Play {
    let since = |us: u64| us.saturating_sub(attempt.start_us) * 1_000;
    let mut play: Play = Vec::new();
    let mut take = |at: Option<u64>, beat: Beat| {
        if let Some(us) = at {
            play.push((since(us), beat));
        }
    };
    take(attempt.connected_us, Beat::Connected);
    take(attempt.head_us, Beat::Head(attempt.status.unwrap_or(200)));
    take(attempt.first_us, Beat::Content);
    let text = attempt.usage.map_or(0, |u| u.output * 4);
    let end: Nanos = since(attempt.end_us);
    match Class::parse(&attempt.class) {
        Class::Ok => {
            keep_alive(&mut play, attempt.first_us.map(since), end);
            play.push((end, Beat::Progress(text)));
            play.push((end, Beat::Done(attempt.usage)));
        }
        Class::TimedOut | Class::Idle | Class::Deadline | Class::ClientGone => {}
        class => {
            keep_alive(&mut play, attempt.first_us.map(since), end);
            let failure = Failure {
                class,
                status: attempt.status,
                retry_after: attempt.retry_after_ms.map(|ms| ms * MILLI),
                message: attempt.error.clone(),
                usage: attempt.usage,
            };
            play.push((end, Beat::Failed(failure)));
        }
    }
    play
}

/// Recordings do not hold every token; one a second stands for the flow of a stream that is known to have gone on.
fn keep_alive(play: &mut Play, first: Option<Nanos>, end: Nanos) {
    let Some(first) = first else { return };
    let mut at = first + 1_000 * MILLI;
    while at < end {
        play.push((at, Beat::Progress(0)));
        at += 1_000 * MILLI;
    }
}
