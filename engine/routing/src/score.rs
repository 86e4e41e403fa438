//! How well a target is, as one number from 0 to 1, so that traffic leaves it before it fails outright.
//!
//! `h = A·L·Q·R·S`: failures, slowness, load, what is left of its rate limits, and how long ago it recovered. Each factor
//! is 1 for a target that is well, so one bad sign is enough and none hides another. The shape of each is that of the
//! design's prototype, which was measured against thresholds with a cool-down on hangs and brown-outs.

/// Attempts that a target is taken to have made before any, and the share of them that failed: one failure out of one is
/// no outage.
const SUPPOSED: f64 = 5.0;
const SUPPOSED_RATE: f64 = 0.01;
/// Slower than usual by less than this is no slowness; times to first content vary by more than half.
pub const SLOW: f64 = 1.5;
/// Load below this share of what a target takes is no load.
const LOADED: f64 = 0.7;
/// Rate limits of which less than this share is left are close.
const CLOSE: f64 = 0.1;
/// No single sign but failures takes more than this away: a target that is only slow still serves a little, and so
/// shows when it is well again.
const LEAST: f64 = 0.05;
/// A target that has just recovered begins with this.
const COLD: f64 = 0.1;

/// What a score is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signals {
    /// Failed attempts, older ones weighing less; a rate limit counts half.
    pub failed: f64,
    /// Attempts, weighed alike.
    pub attempts: f64,
    /// Time to first content over what is usual for the target, or that of the attempts that still wait for it.
    pub slowness: f64,
    /// Attempts in flight over what it is known to take; 0 where that is not known.
    pub load: f64,
    /// Share left of its tightest rate limit; 1 where that is not known.
    pub headroom: f64,
    /// Share of the slow start that is over; 1 where there is none.
    pub warmth: f64,
}

impl Default for Signals {
    /// Those of a target nothing is known of.
    fn default() -> Self {
        Self {
            failed: 0.0,
            attempts: 0.0,
            slowness: 0.0,
            load: 0.0,
            headroom: 1.0,
            warmth: 1.0,
        }
    }
}

/// The score, from 0 (of no use) to 1 (well).
#[must_use]
pub fn score(signals: &Signals) -> f64 {
    let errors = (signals.failed + SUPPOSED * SUPPOSED_RATE) / (signals.attempts + SUPPOSED);
    let answers = (1.0 - errors.clamp(0.0, 1.0)).powi(4);
    let slow = if signals.slowness <= SLOW {
        1.0
    } else {
        (SLOW / signals.slowness).powi(2).max(LEAST)
    };
    let room = if signals.load <= LOADED {
        1.0
    } else {
        ((1.0 - signals.load) / (1.0 - LOADED)).max(LEAST)
    };
    let limits = (signals.headroom / CLOSE).clamp(LEAST, 1.0);
    answers * slow * room * limits * signals.warmth.clamp(COLD, 1.0)
}

/// A score that is well, basis points.
pub const WELL: u32 = 10_000;
/// Score below which traffic begins to move where nothing is written.
pub const SPILL: f64 = 5.0 / 7.0;

/// Share of requests that stay with a target of this score while another could serve: all of them down to `spill`, then
/// less and less. The factor, 1.4, is that of Envoy's spill between priorities; a score, unlike a share of healthy hosts, says how
/// badly a request would be served, so the rest falls faster than by proportion.
#[must_use]
pub fn stays(score: f64, spill: f64) -> f64 {
    if score >= spill {
        return 1.0;
    }
    let share = score / spill;
    share * share.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Enough attempts that what is supposed of a new target does not matter.
    fn failing(rate: f64) -> Signals {
        Signals {
            failed: rate * 1e6,
            attempts: 1e6,
            ..Signals::default()
        }
    }

    #[test]
    fn failures_take_away_more_than_their_share() {
        for (rate, wanted) in [
            (0.02, 0.92),
            (0.08, 0.72),
            (0.15, 0.52),
            (0.30, 0.24),
            (0.50, 0.06),
        ] {
            let got = score(&failing(rate));
            assert!((got - wanted).abs() < 0.006, "{rate}: {got}");
        }
    }

    #[test]
    fn a_single_failure_of_a_new_target_diverts_little_and_none_of_a_busy_one() {
        let one = |attempts| Signals {
            failed: 1.0,
            attempts,
            ..Signals::default()
        };
        assert!(stays(score(&one(1.0)), SPILL) > 0.5);
        assert!((stays(score(&one(100.0)), SPILL) - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn twice_as_slow_as_usual_begins_to_move_traffic() {
        let slow = |slowness| Signals {
            slowness,
            ..Signals::default()
        };
        assert!((stays(score(&slow(1.5)), SPILL) - 1.0).abs() < f64::EPSILON);
        assert!((0.6..0.8).contains(&stays(score(&slow(2.0)), SPILL)));
        assert!(stays(score(&slow(5.0)), SPILL) < 0.13);
    }

    fn signals() -> impl Strategy<Value = Signals> {
        (
            (0.0..1.0_f64, 0.0..1_000.0_f64),
            0.0..50.0_f64,
            0.0..2.0_f64,
            0.0..1.0_f64,
            0.0..1.0_f64,
        )
            .prop_map(
                |((rate, attempts), slowness, load, headroom, warmth)| Signals {
                    failed: rate * attempts,
                    attempts,
                    slowness,
                    load,
                    headroom,
                    warmth,
                },
            )
    }

    proptest! {
        #[test]
        fn a_score_is_a_share_and_no_worse_sign_makes_it_better(s in signals(), more in 0.0..5.0_f64) {
            let own = score(&s);
            prop_assert!((0.0..=1.0).contains(&own));
            let failed = (s.failed + more).min(s.attempts);
            prop_assert!(score(&Signals { attempts: s.attempts + more, ..s }) >= own - 1e-12, "{s:?}");
            for worse in [
                Signals { failed: failed.max(s.failed), ..s },
                Signals { slowness: s.slowness + more, ..s },
                Signals { load: s.load + more, ..s },
                Signals { headroom: (s.headroom - more).max(0.0), ..s },
                Signals { warmth: (s.warmth - more).max(0.0), ..s },
            ] {
                prop_assert!(score(&worse) <= own + 1e-12, "{s:?} {worse:?}");
            }
        }
    }
}
