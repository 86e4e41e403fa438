//! How many attempts beyond the first all requests together may make, so that an outage is not multiplied.
//!
//! Every request deposits a share of an attempt, every further attempt withdraws one, and both are forgotten after ten
//! seconds (Finagle's and linkerd's retry budget). Two shares are kept of the same count: a small one for attempts that
//! are unlikely to help, and one of a whole attempt for those that go to another target which is not known to be ill.

use crate::atomics::{AtomicU64, Ordering::Relaxed};
use crate::{Nanos, SECOND};

/// Slots of a second that are counted, and how many there are: the others keep a late reader from seeing one reused.
const SPAN: u64 = 10;
const SLOTS: usize = 16;
/// Further attempts that are allowed in that span however few requests there are.
const FLOOR: u64 = 10;
/// What a request deposits for attempts that are unlikely to help where nothing is written: one in six, basis points.
const SCARCE: u32 = 1_667;

/// How likely an attempt is to help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hope {
    /// The target is known to be well.
    Good,
    /// Another target, not known to be ill.
    Fair,
    /// The same target again, or one that is ill.
    Poor,
}

/// Requests and further attempts of the last ten seconds.
#[derive(Debug, Default)]
pub struct RetryBudget {
    /// 24 bits of the second plus one, 20 each of requests and of further attempts.
    slots: [AtomicU64; SLOTS],
}

const COUNT: u64 = 0xf_ffff;
const STAMP: u64 = 0xff_ffff;

impl RetryBudget {
    /// A request came.
    pub fn deposit(&self, now: Nanos) {
        self.add(1 << 20, now);
    }

    /// A further attempt is made; one in good hope, too, is counted.
    pub fn withdraw(&self, now: Nanos) {
        self.add(1, now);
    }

    /// Whether a further attempt may be made. A policy may write the share, basis points, and how many are allowed
    /// whatever it comes to.
    #[must_use]
    pub fn allows(&self, hope: Hope, written: Option<(u32, Option<u32>)>, now: Nanos) -> bool {
        let (requests, further) = self.counts(now);
        let (share, floor) = written.unwrap_or((SCARCE, None));
        let floor = floor.map_or(FLOOR, u64::from);
        match hope {
            Hope::Good => true,
            Hope::Fair => further < requests.max(floor),
            Hope::Poor => further < (requests * u64::from(share) / 10_000).max(floor),
        }
    }

    fn counts(&self, now: Nanos) -> (u64, u64) {
        let last = now / SECOND;
        let mut sums = (0, 0);
        for second in last.saturating_sub(SPAN - 1)..=last {
            let word = self.slot(second).map_or(0, |slot| slot.load(Relaxed));
            if word >> 40 == stamp(second) {
                sums = (sums.0 + (word >> 20 & COUNT), sums.1 + (word & COUNT));
            }
        }
        sums
    }

    fn add(&self, amount: u64, now: Nanos) {
        let second = now / SECOND;
        let Some(slot) = self.slot(second) else {
            return;
        };
        let fresh = stamp(second) << 40;
        let _ = slot.fetch_update(Relaxed, Relaxed, |word| {
            let word = if word >> 40 == stamp(second) {
                word
            } else {
                fresh
            };
            let full = word >> 20 & COUNT == COUNT || word & COUNT == COUNT;
            (!full).then_some(word + amount)
        });
    }

    fn slot(&self, second: u64) -> Option<&AtomicU64> {
        self.slots.get(usize::try_from(second % SLOTS as u64).ok()?)
    }
}

/// Never 0, which is a slot that was never used.
fn stamp(second: u64) -> u64 {
    (second + 1) & STAMP
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_attempts_are_a_share_of_requests() {
        let budget = RetryBudget::default();
        for _ in 0..100 {
            budget.deposit(5 * SECOND);
        }
        let mut made = 0;
        while budget.allows(Hope::Poor, None, 5 * SECOND) {
            budget.withdraw(5 * SECOND);
            made += 1;
        }
        assert_eq!(made, 16);
        assert!(budget.allows(Hope::Fair, None, 5 * SECOND));
        for _ in made..100 {
            budget.withdraw(5 * SECOND);
        }
        assert!(!budget.allows(Hope::Fair, None, 5 * SECOND));
        assert!(budget.allows(Hope::Good, None, 5 * SECOND));
    }

    #[test]
    fn a_written_share_and_floor_are_kept() {
        let budget = RetryBudget::default();
        for _ in 0..100 {
            budget.deposit(5 * SECOND);
        }
        let made = |share, floor| {
            let mut made = 0;
            while budget.allows(Hope::Poor, Some((share, floor)), 5 * SECOND) {
                budget.withdraw(5 * SECOND);
                made += 1;
            }
            made
        };
        assert_eq!(made(500, Some(2)), 5);
        assert_eq!(made(5_000, None), 45, "five were made");
        assert_eq!(made(0, Some(60)), 10, "fifty were made");
    }

    #[test]
    fn what_is_older_than_ten_seconds_is_forgotten() {
        let budget = RetryBudget::default();
        for _ in 0..FLOOR {
            budget.withdraw(5 * SECOND);
        }
        assert!(!budget.allows(Hope::Fair, None, 14 * SECOND));
        assert!(budget.allows(Hope::Fair, None, 15 * SECOND));
    }
}
