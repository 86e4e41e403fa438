//! A target that was looked at before an attempt, with everything that decided whether it was called. The decision is a
//! function of what is written here and of the request's seed; a record keeps both, so that it can be decided again.

use crate::Nanos;
use crate::breaker::Position;
use crate::candidate::PassedOver;
use crate::chance::Chance;
use crate::score::WELL;
use crate::target::Barred;
use mux_dsl::image::TargetId;

/// Sets the draws of spills apart from others of the same request.
const SPILLS: u64 = 0x7370_696c_6c00_0001;

/// A target that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// When.
    pub at: Nanos,
    /// The walk along a plan that it is on: 0 is the request's own, others are parts of several attempts at once.
    pub leg: usize,
    /// Its place in the order of that.
    pub step: usize,
    /// Whom.
    pub target: TargetId,
    /// Why it came into question.
    pub way: Way,
    /// Its score, basis points.
    pub score: u32,
    /// Share of the requests that stays with a target of such a score, basis points; all where its score does not decide that.
    pub stays: u32,
    /// Where its breaker stood.
    pub position: Position,
    /// How many others could serve in its place that were not called yet; counted where some leave it.
    pub others: u32,
    /// What kept it from being called, whatever its score.
    pub held: Option<Held>,
}

/// Why a target comes into question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It is next.
    InOrder,
    /// Nothing else is left, and of those that were left as unwell it is the least ill.
    LeastIll,
    /// Nothing else is left, and only its breaker or a refused credential holds it back.
    HeldBack,
    /// It is next after one whose answer broke off, and carries that on.
    GoesOn,
    /// After a wait: it failed before, or asked for that wait.
    Again,
}

/// What keeps a target from being called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It can never serve this request.
    Unable,
    /// Its breaker.
    Breaker,
    /// A wait that its provider asked for.
    Wait,
    /// Its credential was refused.
    Credential,
    /// An operator.
    Operator,
    /// It has as many attempts in flight as it may.
    Full,
    /// Too many further attempts were made of late.
    RetryBudget,
    /// The request has made as many attempts as it may.
    Attempts,
    /// A budget would not hold what it may cost.
    Budget,
}

/// What becomes of a target that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is called.
    Called,
    /// It is left, as unwell as it is.
    Unwell,
    /// It may not be called now.
    Held,
}

impl Look {
    /// What becomes of the target, for a request of this seed.
    ///
    /// A request stays with a target in order with the probability that its score gives, as long as another could
    /// serve. One whose breaker is not closed is judged by that.
    #[must_use]
    pub fn verdict(&self, seed: u64) -> Verdict {
        let could = self.by_score() && self.stays < WELL && self.others > 0;
        if could && drawn(seed, self.step) >= u64::from(self.stays) {
            return Verdict::Unwell;
        }
        self.held.map_or(Verdict::Called, |_| Verdict::Held)
    }

    /// Whether its score decides how many requests stay with it.
    pub(crate) fn by_score(&self) -> bool {
        self.way == Way::InOrder && self.position == Position::Closed
    }
}

/// The draw of a request for a place in its order, below [`WELL`].
fn drawn(seed: u64, step: usize) -> u64 {
    let salt = (step as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Chance::new(seed ^ SPILLS ^ salt).below(WELL.into())
}

impl Held {
    /// For the reason that a candidate was passed over.
    pub(crate) fn by(reason: &PassedOver) -> Self {
        match reason {
            PassedOver::Barred(Barred::Breaker(_)) => Self::Breaker,
            PassedOver::Barred(Barred::Throttled(_)) => Self::Wait,
            PassedOver::Barred(Barred::Credential(_)) => Self::Credential,
            PassedOver::Barred(Barred::Drained) => Self::Operator,
            PassedOver::Barred(Barred::Full) => Self::Full,
            PassedOver::Scarce => Self::RetryBudget,
            PassedOver::Budget(_) | PassedOver::Unpriced(_) => Self::Budget,
            _ => Self::Unable,
        }
    }
}

/// Words of records, with what they stand for.
pub(crate) const WAYS: [(&str, Way); 5] = [
    ("in-order", Way::InOrder),
    ("least-ill", Way::LeastIll),
    ("held-back", Way::HeldBack),
    ("goes-on", Way::GoesOn),
    ("again", Way::Again),
];

/// See [`WAYS`].
pub(crate) const HELD: [(&str, Held); 9] = [
    ("unable", Held::Unable),
    ("breaker", Held::Breaker),
    ("wait", Held::Wait),
    ("credential", Held::Credential),
    ("operator", Held::Operator),
    ("full", Held::Full),
    ("retry-budget", Held::RetryBudget),
    ("attempts", Held::Attempts),
    ("budget", Held::Budget),
];

/// See [`WAYS`].
pub(crate) const VERDICTS: [(&str, Verdict); 3] = [
    ("called", Verdict::Called),
    ("unwell", Verdict::Unwell),
    ("held", Verdict::Held),
];

/// See [`WAYS`].
pub(crate) const POSITIONS: [(&str, Position); 3] = [
    ("closed", Position::Closed),
    ("open", Position::Open),
    ("half-open", Position::HalfOpen),
];

/// The word for a value.
pub(crate) fn word<T: PartialEq>(table: &[(&'static str, T)], value: &T) -> &'static str {
    let found = table.iter().find(|(_, known)| known == value);
    found.map_or("", |(word, _)| word)
}

/// The value of a word.
pub(crate) fn meant<T: Copy>(table: &[(&str, T)], word: &str) -> Option<T> {
    let found = table.iter().find(|(known, _)| *known == word);
    found.map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look() -> Look {
        Look {
            at: 0,
            leg: 0,
            step: 0,
            target: TargetId(0),
            way: Way::InOrder,
            score: 2_000,
            stays: 1_500,
            position: Position::Closed,
            others: 1,
            held: None,
        }
    }

    fn left(look: &Look) -> usize {
        let left = |seed: &u64| look.verdict(*seed) == Verdict::Unwell;
        (0..10_000).filter(left).count()
    }

    #[test]
    fn requests_leave_an_unwell_target_by_as_much_as_it_is_unwell() {
        let gone = left(&look());
        assert!(gone.abs_diff(8_500) < 150, "{gone}");
        assert_eq!(
            left(&Look {
                stays: 10_000,
                ..look()
            }),
            0
        );
    }

    #[test]
    fn nobody_leaves_for_nobody_and_a_breaker_speaks_for_itself() {
        for stays in [
            Look {
                others: 0,
                ..look()
            },
            Look {
                position: Position::Open,
                ..look()
            },
            Look {
                way: Way::LeastIll,
                ..look()
            },
        ] {
            assert_eq!(left(&stays), 0, "{stays:?}");
        }
        let held = Look {
            others: 0,
            held: Some(Held::Breaker),
            ..look()
        };
        assert_eq!(held.verdict(1), Verdict::Held);
    }

    #[test]
    fn every_value_has_a_word_of_its_own() {
        for (word_of, way) in WAYS {
            assert_eq!(
                (word(&WAYS, &way), meant(&WAYS, word_of)),
                (word_of, Some(way))
            );
        }
        for (word_of, held) in HELD {
            assert_eq!(
                (word(&HELD, &held), meant(&HELD, word_of)),
                (word_of, Some(held))
            );
        }
    }
}
