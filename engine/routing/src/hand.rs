//! What an operator has decided about a target by hand, whatever its figures say.

use crate::atomics::{AtomicU8, Ordering::Relaxed};

/// A decision of an operator; it lasts until it is taken back or the gateway ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// No new attempt, not even when nothing else is left; those under way go on.
    Drained,
    /// As if its breaker were open.
    Open,
    /// Its breaker lets everything pass.
    Closed,
}

impl Hand {
    /// All of them, in the order of their numbers from 1.
    const ALL: [Self; 3] = [Self::Drained, Self::Open, Self::Closed];

    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Drained => "drained",
            Self::Open => "held open",
            Self::Closed => "held closed",
        }
    }
}

/// The decision about one target, if there is any; 0 is none.
#[derive(Debug, Default)]
pub(crate) struct ByHand(AtomicU8);

impl ByHand {
    pub(crate) fn set(&self, hand: Option<Hand>) {
        let number = (1..).zip(Hand::ALL).find(|(_, h)| Some(*h) == hand);
        self.0.store(number.map_or(0, |(n, _)| n), Relaxed);
    }

    pub(crate) fn get(&self) -> Option<Hand> {
        let number = self.0.load(Relaxed).checked_sub(1)?;
        Hand::ALL.get(usize::from(number)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_stays_until_it_is_taken_back() {
        let by_hand = ByHand::default();
        assert_eq!(by_hand.get(), None);
        for hand in Hand::ALL {
            by_hand.set(Some(hand));
            assert_eq!(by_hand.get(), Some(hand));
        }
        by_hand.set(None);
        assert_eq!(by_hand.get(), None);
    }
}
