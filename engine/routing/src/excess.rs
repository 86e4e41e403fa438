//! Whether a target fails more often than the `health` block of a bundle allows, as it was counted last: counting takes a
//! look at every second of a window, and every request of the bundle asks about every target.

use crate::atomics::{AtomicU64, Ordering::Relaxed};
use crate::{MILLI, Nanos};

/// How old, in milliseconds, a count may be where nothing has failed since.
const FRESH: u64 = 100;

/// 42 bits of the millisecond plus one, 20 of the target's turns, and one each of whether it is down and degraded by how
/// often it fails; 0 is not counted yet.
#[derive(Debug, Default)]
pub(crate) struct Excess(AtomicU64);

const TURNS: u64 = (1 << 20) - 1;
const STAMP: u64 = (1 << 42) - 1;

impl Excess {
    /// Whether it is down, and whether degraded; `turns` is another number after each of its failures, so that none of
    /// them is missed.
    pub(crate) fn get(
        &self,
        turns: u32,
        now: Nanos,
        count: impl FnOnce() -> (bool, bool),
    ) -> (bool, bool) {
        let (word, turns) = (self.0.load(Relaxed), u64::from(turns) & TURNS);
        let stamp = (now / MILLI + 1) & STAMP;
        if word != 0 && word >> 2 & TURNS == turns && stamp < (word >> 22) + FRESH {
            return (word >> 1 & 1 == 1, word & 1 == 1);
        }
        let (down, degraded) = count();
        let flags = u64::from(down) << 1 | u64::from(degraded);
        self.0.store(stamp << 22 | turns << 2 | flags, Relaxed);
        (down, degraded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_counted_again_after_a_failure_and_after_a_tenth_of_a_second() {
        let excess = Excess::default();
        let counted = |turns, ms| {
            let mut counted = false;
            let told = excess.get(turns, ms * MILLI, || {
                counted = true;
                (true, false)
            });
            assert_eq!(told, (true, false));
            counted
        };
        assert!(counted(0, 0), "nothing is known");
        assert!(!counted(0, 99));
        assert!(counted(0, 100));
        assert!(!counted(0, 150));
        assert!(counted(1, 150), "it has failed");
        assert!(!counted(1, 150));
    }
}
