//! How hard pressed the machine is, judged from a few signals. A pure function of them and of what was judged before, so
//! that a table can say what it does; [`crate::gauge`] reads the signals.
//!
//! Places in flight bound themselves, request by request: those of lower priority leave the last ones to others, and who
//! finds none waits or is refused. So a number in flight, looked at now and then, only ends what nobody waits for.

use std::time::Duration;

/// From here on only what clients wait for is sent, basis points.
const SPARING: u32 = 7_000;
/// From here on only requests of the foremost priority are taken.
const STRICT: u32 = 8_500;
/// From here on none is.
const CLOSED: u32 = 9_500;
/// How far below a threshold it has to be before it counts as passed.
const MARGIN: u32 = 500;
/// An event loop that is later than this has more to do than it can.
const LATE: Duration = Duration::from_millis(50);
/// One that was late is well again below this.
const PROMPT: Duration = Duration::from_millis(25);
/// Looks that span a second: so many have to find the event loop late. One long pause is seen by one fewer.
const LATE_LOOKS: u8 = 5;
/// Looks that have to find it better before a stage ends.
const BETTER_LOOKS: u8 = 4;

/// What is done about it. Whatever a stage does, those above it do as well. Answers under way are finished at all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Nothing.
    #[default]
    Calm,
    /// No probes, no connections kept warm, no duplicates, no copies.
    Sparing,
    /// Only requests of the foremost priority are taken.
    Strict,
    /// No request is taken.
    Closed,
}

impl Stage {
    /// All of them, mildest first.
    pub(crate) const ALL: [Self; 4] = [Self::Calm, Self::Sparing, Self::Strict, Self::Closed];

    /// Its word.
    #[must_use]
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Sparing => "sparing",
            Self::Strict => "strict",
            Self::Closed => "closed",
        }
    }
}

/// What is seen at one look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signals {
    /// How late the event loop was, at the 99th percentile of the last second.
    pub(crate) lag: Duration,
    /// Resident memory, as a share of the most there may be, basis points; `None` where nothing is known or bounds it.
    pub(crate) memory: Option<u32>,
    /// Places in flight that are taken, basis points.
    pub(crate) inflight: u32,
}

/// What was made of all looks so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// What is done.
    pub(crate) stage: Stage,
    /// Looks in a row that found the event loop late.
    late: u8,
    /// Looks in a row that found it better than the stage says.
    better: u8,
}

impl Judgement {
    /// After one more look. It gets worse at once; it gets better when it has been better by a margin for a second.
    #[must_use]
    pub(crate) fn after(self, seen: &Signals) -> Self {
        let late = match seen.lag {
            lag if lag > LATE => LATE_LOOKS.min(self.late + 1),
            lag if lag > PROMPT && self.late == LATE_LOOKS => LATE_LOOKS,
            _ => 0,
        };
        let is_late = late == LATE_LOOKS;
        let rises = stage(seen, 0, is_late);
        let falls = stage(seen, MARGIN, is_late);
        let better = self.better + 1;
        let (stage, better) = if rises >= self.stage || falls >= self.stage {
            (rises.max(self.stage), 0)
        } else if better < BETTER_LOOKS {
            (self.stage, better)
        } else {
            (falls, 0)
        };
        Self {
            stage,
            late,
            better,
        }
    }
}

fn stage(seen: &Signals, margin: u32, late: bool) -> Stage {
    let reaches = |share: u32, threshold: u32| share + margin >= threshold;
    let memory = seen.memory.unwrap_or(0);
    if reaches(memory, CLOSED) {
        Stage::Closed
    } else if late || reaches(memory, STRICT) {
        Stage::Strict
    } else if reaches(memory.max(seen.inflight), SPARING) {
        Stage::Sparing
    } else {
        Stage::Calm
    }
}

#[cfg(test)]
mod tests {
    use super::Stage::{Calm, Closed, Sparing, Strict};
    use super::*;

    fn memory(share: u32) -> Signals {
        Signals {
            memory: Some(share),
            ..Signals::default()
        }
    }

    fn inflight(inflight: u32) -> Signals {
        Signals {
            inflight,
            ..Signals::default()
        }
    }

    fn lag(millis: u64) -> Signals {
        Signals {
            lag: Duration::from_millis(millis),
            ..Signals::default()
        }
    }

    /// Looks in a row, and the stage after each run of them.
    fn looks(table: &[(usize, Signals, Stage)]) {
        let mut judged = Judgement::default();
        for (row, (times, seen, expected)) in table.iter().enumerate() {
            for _ in 0..*times {
                judged = judged.after(seen);
            }
            assert_eq!(judged.stage, *expected, "row {row}: {table:?}");
        }
    }

    #[test]
    fn each_signal_leads_to_the_stages_that_it_may() {
        for (seen, stage) in [
            (Signals::default(), Calm),
            (memory(6_999), Calm),
            (memory(7_000), Sparing),
            (memory(8_499), Sparing),
            (memory(8_500), Strict),
            (memory(9_499), Strict),
            (memory(9_500), Closed),
            (memory(u32::MAX / 2), Closed),
            (inflight(6_999), Calm),
            (inflight(7_000), Sparing),
            (inflight(10_000), Sparing),
        ] {
            looks(&[(1, seen, stage)]);
        }
    }

    #[test]
    fn it_gets_worse_at_once_and_better_only_after_a_second_by_a_margin() {
        looks(&[
            (1, memory(9_600), Closed),
            (9, memory(9_001), Closed),
            (3, memory(8_999), Closed),
            (1, memory(8_999), Strict),
            (9, memory(8_000), Strict),
            (3, memory(0), Strict),
            (1, memory(8_000), Strict),
            (3, memory(0), Strict),
            (1, memory(0), Calm),
        ]);
        looks(&[
            (1, inflight(7_000), Sparing),
            (99, inflight(6_500), Sparing),
            (4, inflight(6_499), Calm),
        ]);
    }

    #[test]
    fn a_signal_that_swings_about_a_threshold_does_not_make_a_stage_come_and_go() {
        let mut judged = Judgement::default();
        let mut changes = 0;
        for look in 0..400 {
            let next = judged.after(&memory(8_500 + 400 * (look % 2) - 200));
            changes += usize::from(next.stage != judged.stage);
            judged = next;
        }
        assert!(changes <= 2, "{changes}");
    }

    #[test]
    fn an_event_loop_has_to_be_late_for_a_second_and_then_prompt_for_one() {
        looks(&[
            (4, lag(60), Calm),
            (1, lag(50), Calm),
            (4, lag(5_000), Calm),
            (1, lag(51), Strict),
            (9, lag(40), Strict),
            (3, lag(25), Strict),
            (1, lag(25), Calm),
            (9, lag(40), Calm),
        ]);
    }
}
