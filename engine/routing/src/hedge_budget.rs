//! How many duplicates hedges may send: a share of the requests that come to them, whatever happens.
//!
//! A bucket of tokens: every request puts a share of one in, every duplicate takes a whole one. In an outage, where all
//! are late, it is soon empty: duplicates are for the slow tail, not for a target that is down (Dean and Barroso, "The
//! Tail at Scale"; Finagle's `BackupRequestFilter`).

use crate::atomics::{AtomicU32, Ordering::Relaxed};

/// A token, in basis points of one.
const TOKEN: u32 = 10_000;
/// Most tokens it holds: so many duplicates may follow each other.
const MOST: u32 = 10 * TOKEN;

/// What hedges with the same share may send together.
#[derive(Debug)]
pub struct HedgeBudget {
    share: u32,
    tokens: AtomicU32,
}

impl HedgeBudget {
    /// For a share of requests, basis points. The first late request may be hedged.
    #[must_use]
    pub fn new(share: u32) -> Self {
        Self {
            share,
            tokens: AtomicU32::new(if share == 0 { 0 } else { TOKEN }),
        }
    }

    /// A request came to a hedge.
    pub fn deposit(&self) {
        let add = |tokens: u32| Some(tokens.saturating_add(self.share).min(MOST));
        let _ = self.tokens.fetch_update(Relaxed, Relaxed, add);
    }

    /// Takes a duplicate out; `false` where none may be sent.
    #[must_use]
    pub fn withdraw(&self) -> bool {
        let take = |tokens: u32| tokens.checked_sub(TOKEN);
        self.tokens.fetch_update(Relaxed, Relaxed, take).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_are_a_share_of_requests_and_a_few() {
        let budget = HedgeBudget::new(500);
        let mut sent = 0;
        for _ in 0..10_000 {
            budget.deposit();
            sent += u32::from(budget.withdraw());
        }
        assert_eq!(sent, 501);
    }

    #[test]
    fn what_was_not_used_does_not_add_up_for_ever() {
        let budget = HedgeBudget::new(5_000);
        for _ in 0..10_000 {
            budget.deposit();
        }
        let sent = (0..100).filter(|_| budget.withdraw()).count();
        assert_eq!(sent, 10);
    }
}
