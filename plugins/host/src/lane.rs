//! The slow lane: calls that take long, or probably will, do not hold up the thread that serves everybody else.
//!
//! The host knows which calls these are; whoever runs it knows how to get other work out of their way.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::fault::Fault;

/// Input from which on a call is slow, in bytes.
const LARGE: usize = 256 << 10;
/// Slow calls at once for each processor.
const EACH: usize = 2;

type Aside = Box<dyn Fn(&mut dyn FnMut()) + Send + Sync>;

/// Where slow calls run, and how many do.
pub(crate) struct Lane {
    aside: OnceLock<Aside>,
    room: usize,
    taken: AtomicUsize,
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane")
            .field("room", &self.room)
            .field("taken", &self.taken)
            .finish_non_exhaustive()
    }
}

/// A place in the lane; given back when dropped, whatever became of the call.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Lane {
    /// With room for slow calls on so many processors.
    pub(crate) fn new(processors: usize) -> Self {
        Self {
            aside: OnceLock::new(),
            room: processors.saturating_mul(EACH).max(EACH),
            taken: AtomicUsize::new(0),
        }
    }

    /// Says how a slow call is run; the first who says so is heard.
    pub(crate) fn open(&self, aside: impl Fn(&mut dyn FnMut()) + Send + Sync + 'static) {
        // Whoever came first stays.
        let _ = self.aside.set(Box::new(aside));
    }

    /// Makes a call, in the lane if it is slow: because such calls usually are, or because so much goes in.
    pub(crate) fn run<R>(
        &self,
        usually_slow: bool,
        input: usize,
        call: impl FnOnce() -> Result<R, Fault>,
    ) -> Result<R, Fault> {
        let Some(aside) = self.aside.get() else {
            return call();
        };
        if !usually_slow && input < LARGE {
            return call();
        }
        let place = Place(&self.taken);
        if self.taken.fetch_add(1, Ordering::AcqRel) >= self.room {
            // More threads would only share the same processors: the one that serves has to wait after all.
            return call();
        }
        let (mut call, mut result) = (Some(call), None);
        aside(&mut || result = call.take().map(|call| call()));
        drop(place);
        // Whoever runs it without running it has no result.
        result.unwrap_or(Err(Fault::Busy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn lane() -> (Lane, Arc<AtomicUsize>) {
        let (lane, runs) = (Lane::new(1), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&runs);
        lane.open(move |work| {
            counted.fetch_add(1, Ordering::Relaxed);
            work();
        });
        (lane, runs)
    }

    #[test]
    fn calls_that_are_slow_or_large_are_run_aside() {
        let (lane, runs) = lane();
        for (slow, input, aside) in [(false, 10, 0), (true, 10, 1), (false, LARGE, 2)] {
            assert_eq!(lane.run(slow, input, || Ok(7)), Ok(7));
            assert_eq!(runs.load(Ordering::Relaxed), aside);
        }
        assert_eq!(
            Lane::new(1).run(true, 0, || Ok(7)),
            Ok(7),
            "nobody said how"
        );
    }

    #[test]
    fn a_full_lane_lets_calls_run_where_they_are_and_faults_give_their_place_back() {
        let (lane, runs) = lane();
        for _ in 0..10 {
            assert_eq!(
                lane.run(true, 0, || Err::<(), _>(Fault::Deadline)),
                Err(Fault::Deadline)
            );
        }
        let aside = runs.load(Ordering::Relaxed);
        let third = || lane.run(true, 0, || Ok(runs.load(Ordering::Relaxed) - aside));
        let second = || lane.run(true, 0, third);
        assert_eq!(lane.run(true, 0, second), Ok(2), "the third found no room");
        assert_eq!(lane.run(true, 0, third), Ok(4), "both have room again");
    }
}
