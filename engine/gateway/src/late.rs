//! What was decided about a canary and could not be carried out yet: an end that the disk did not take, a promotion that failed.
//! Both are tried again, at growing intervals, until they succeed or somebody decides otherwise.

use mux_store::Canary;
use std::time::{Duration, Instant};

/// When something that failed is tried again …
const FIRST: Duration = Duration::from_secs(5);
/// … and the longest that it is left alone after it failed again and again.
const LAST: Duration = Duration::from_mins(1);

/// What is to be tried again.
#[derive(Debug, Default)]
pub(crate) struct Late {
    /// An end.
    pub(crate) end: Option<End>,
    /// A promotion.
    pub(crate) promotion: Option<(Canary, Again)>,
}

/// An end that holds and is not written down.
#[derive(Debug)]
pub(crate) struct End {
    /// What has ended.
    pub(crate) canary: Canary,
    /// Who ended it.
    pub(crate) author: String,
    /// Why.
    pub(crate) reason: String,
    /// When to write it down again.
    pub(crate) again: Again,
}

/// When something that failed is tried again, and why it failed last.
#[derive(Debug)]
pub(crate) struct Again {
    pause: Duration,
    at: Instant,
    why: String,
}

impl Again {
    /// It failed just now.
    pub(crate) fn after(why: &str, now: Instant) -> Self {
        Self {
            pause: FIRST,
            at: now + FIRST,
            why: why.to_owned(),
        }
    }

    /// It failed once more; whether for another reason than before.
    pub(crate) fn failed(&mut self, why: &str, now: Instant) -> bool {
        self.pause = (self.pause * 2).min(LAST);
        self.at = now + self.pause;
        let other = self.why != why;
        why.clone_into(&mut self.why);
        other
    }

    /// Whether it is time.
    pub(crate) fn due(&self, now: Instant) -> bool {
        now >= self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_again_and_again_is_left_alone_for_longer_and_a_reason_is_new_once() {
        let begun = Instant::now();
        let mut again = Again::after("the disk is full", begun);
        assert!(!again.due(begun) && again.due(begun + FIRST));
        let mut pauses = Vec::new();
        for _ in 0..5 {
            let now = again.at;
            assert!(!again.failed("the disk is full", now));
            pauses.push((again.at - now).as_secs());
        }
        assert_eq!(pauses, [10, 20, 40, 60, 60]);
        assert!(again.failed("it is read-only", again.at));
        assert!(!again.failed("it is read-only", again.at));
    }
}
