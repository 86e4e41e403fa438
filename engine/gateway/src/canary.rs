//! Counts what a canary and the live version do, from their records, looks at that when it is time to, and tells what came of it.

use mux_routing::trial::{Answer, Bounds, Figures, Side, Trial};
use mux_store::{Canary, Terms};
use mux_traffic::Record;
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Where the recorder's thread counts and looks, and the reload thread reads what to do.
#[derive(Default)]
pub struct Board {
    trial: Mutex<Option<Beside>>,
    tell: OnceLock<Box<dyn Fn() + Send + Sync>>,
    aborted: AtomicU64,
    promoted: AtomicU64,
}

impl std::fmt::Debug for Board {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Board").finish_non_exhaustive()
    }
}

/// A version beside the live one.
struct Beside {
    live: String,
    canary: String,
    terms: Terms,
    since_unix_ms: i64,
    /// When the gateway was started, where that was meanwhile.
    resumed_unix_ms: Option<i64>,
    trial: Trial,
    /// How it is worse, once a look has shown that.
    worse: Option<String>,
}

/// Shared between the two threads.
pub(crate) type SharedBoard = Arc<Board>;

/// What becomes of a canary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Open,
    /// Its time is up, and it was no worse; what it did, in words.
    Good(String),
    /// It is worse; how, in words.
    Worse(String),
}

/// How a canary does, for operators.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    /// The version that is tried out.
    pub version: String,
    /// The version it is compared with.
    pub beside: String,
    /// When it began, unix milliseconds.
    pub since_unix_ms: i64,
    /// From when on answers are counted: counts are kept in memory, and begin anew when the gateway is started.
    pub counted_since_unix_ms: i64,
    /// How it is run.
    pub terms: Terms,
    /// What the live version did since then.
    pub live: Did,
    /// What the canary did.
    pub canary: Did,
}

/// What a version did.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Did {
    /// Requests that say something.
    pub answers: u64,
    /// Of these, failed.
    pub failed: u64,
    /// 95th percentile of the time to the answer, microseconds.
    pub p95_us: Option<u64>,
    /// Mean cost of a request, pico-dollars.
    pub cost: Option<i64>,
}

impl From<Figures> for Did {
    fn from(figures: Figures) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a mean of money in 64 bits"
        )]
        let cost = figures.cost.map(|cost| cost as i64);
        Self {
            answers: figures.answers,
            failed: figures.failed,
            p95_us: figures.p95_us,
            cost,
        }
    }
}

impl Board {
    /// Says whom to tell when there may be something to decide.
    pub fn tell(&self, tell: impl Fn() + Send + Sync + 'static) {
        // Said once, when a gateway starts.
        let _ = self.tell.set(Box::new(tell));
    }

    /// Begins to count for a canary beside the live version; one that goes on with other terms, or after a restart, is counted
    /// anew, so that it takes all the answers of its terms again.
    pub fn begin(&self, live: &str, canary: &Canary, resumed_unix_ms: Option<i64>) {
        let Canary {
            version,
            since_unix_ms,
            terms,
        } = canary.clone();
        let bounds = Bounds {
            errors: terms.bounds.errors_bp,
            p95: terms.bounds.p95_bp,
            cost: terms.bounds.cost_bp,
        };
        *self.lock() = Some(Beside {
            live: live.to_owned(),
            canary: version,
            terms,
            since_unix_ms,
            resumed_unix_ms,
            trial: Trial::new(bounds),
            worse: None,
        });
    }

    /// Counts no more.
    pub fn end(&self) {
        *self.lock() = None;
    }

    /// Counts a request, and looks where it is time to: here, so that whoever acts on it may be busy and the canary is judged
    /// by the same answers all the same. Called on the recorder's thread, never by a request.
    pub fn take(&self, record: &Record) {
        let decide = self.lock().as_mut().is_some_and(|beside| {
            let side = match record.version.as_str() {
                version if version == beside.canary => Side::Canary,
                version if version == beside.live => Side::Live,
                _ => return false,
            };
            let Some(answer) = Answer::of(record) else {
                return false;
            };
            let before = beside.trial.answers();
            let look = beside.trial.take(side, answer) && beside.worse.is_none();
            if look {
                beside.worse = beside.trial.look();
            }
            let now = beside.trial.answers();
            let enough = before < beside.terms.answers && now >= beside.terms.answers;
            look && beside.worse.is_some() || enough
        });
        if let (true, Some(tell)) = (decide, self.tell.get()) {
            tell();
        }
    }

    /// What becomes of the canary as it stands. `last` says that it is promoted where it is good, so that a last look is
    /// taken: each look uses up some of the odds of those after it.
    #[must_use]
    pub fn verdict(&self, now_unix_ms: i64, last: bool) -> Verdict {
        let mut trial = self.lock();
        let Some(beside) = trial.as_mut() else {
            return Verdict::Open;
        };
        let over = beside.over(now_unix_ms) && beside.trial.answers() >= beside.terms.answers;
        if over && last && beside.worse.is_none() && beside.trial.news() {
            beside.worse = beside.trial.look();
        }
        match &beside.worse {
            Some(worse) => Verdict::Worse(worse.clone()),
            None if over => Verdict::Good(beside.told()),
            None => Verdict::Open,
        }
    }

    /// Counts an end that mux decided about: a promotion, or else an abortion.
    pub fn ended(&self, promoted: bool) {
        let ends = if promoted {
            &self.promoted
        } else {
            &self.aborted
        };
        ends.fetch_add(1, Relaxed);
    }

    /// How many canaries mux has aborted, and how many promoted, since the gateway started.
    #[must_use]
    pub fn ends(&self) -> [u64; 2] {
        [&self.aborted, &self.promoted].map(|ends| ends.load(Relaxed))
    }

    /// Milliseconds until its time is up; `None` where that makes no difference.
    #[must_use]
    pub fn left(&self, now_unix_ms: i64) -> Option<u64> {
        let trial = self.lock();
        let beside = trial.as_ref()?;
        let end = beside.end()?;
        (!beside.over(now_unix_ms)).then(|| u64::try_from(end - now_unix_ms).unwrap_or(0))
    }

    /// How it does.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        let trial = self.lock();
        let beside = trial.as_ref()?;
        let [live, canary] = beside.trial.figures();
        Some(Standing {
            version: beside.canary.clone(),
            beside: beside.live.clone(),
            since_unix_ms: beside.since_unix_ms,
            counted_since_unix_ms: beside.resumed_unix_ms.unwrap_or(beside.since_unix_ms),
            terms: beside.terms.clone(),
            live: live.into(),
            canary: canary.into(),
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Beside>> {
        self.trial.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Beside {
    fn end(&self) -> Option<i64> {
        let span = i64::try_from(self.terms.span_ms?).unwrap_or(i64::MAX);
        Some(self.since_unix_ms.saturating_add(span))
    }

    fn over(&self, now_unix_ms: i64) -> bool {
        self.end().is_some_and(|end| now_unix_ms >= end)
    }

    /// What both did, in words.
    fn told(&self) -> String {
        let [live, canary] = self.trial.figures();
        let resumed = self
            .resumed_unix_ms
            .map(|_| ", counted since the gateway was started");
        let anew = resumed.unwrap_or_default();
        format!(
            "as a canary it was no worse: {} of {} requests failed, of the live version {} of {}{anew}",
            canary.failed, canary.answers, live.failed, live.answers
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mux_store::Unit;

    fn canary(span_ms: Option<u64>) -> Canary {
        Canary {
            version: "new".to_owned(),
            since_unix_ms: 1_000,
            terms: Terms {
                share_bp: 5_000,
                by: Unit::Client,
                span_ms,
                answers: 100,
                bounds: mux_store::Bounds {
                    errors_bp: Some(50),
                    ..mux_store::Bounds::default()
                },
            },
        }
    }

    fn record(version: &str, class: &str) -> Record {
        let mut record = Record {
            version: version.to_owned(),
            ..Record::default()
        };
        class.clone_into(&mut record.outcome.class);
        record
    }

    #[test]
    fn a_canary_is_good_when_its_time_is_up_and_both_have_enough_answers() {
        let board = Board::default();
        board.begin("old", &canary(Some(500)), None);
        assert_eq!(board.left(1_200), Some(300));
        for _ in 0..99 {
            board.take(&record("old", "ok"));
            board.take(&record("new", "ok"));
            board.take(&record("another", "server"));
        }
        assert_eq!(
            board.verdict(1_600, true),
            Verdict::Open,
            "not enough answers"
        );
        board.take(&record("old", "ok"));
        board.take(&record("new", "ok"));
        assert_eq!(
            board.verdict(1_400, true),
            Verdict::Open,
            "its time is not up"
        );
        assert!(matches!(board.verdict(1_600, true), Verdict::Good(_)));
        assert_eq!(board.left(1_600), None);
        board.end();
        assert_eq!(board.verdict(1_600, true), Verdict::Open);
        assert!(board.standing().is_none());
    }

    #[test]
    fn while_its_promotion_waits_a_canary_is_looked_at_only_when_that_is_due() {
        let board = Board::default();
        board.begin("old", &canary(Some(500)), None);
        for _ in 0..100 {
            board.take(&record("old", "ok"));
            board.take(&record("new", "ok"));
        }
        assert!(matches!(board.verdict(1_600, true), Verdict::Good(_)));
        // Too few for the next look.
        for _ in 0..19 {
            board.take(&record("new", "server"));
        }
        assert!(matches!(board.verdict(1_600, false), Verdict::Good(_)));
        assert!(matches!(board.verdict(1_600, true), Verdict::Worse(_)));
    }

    #[test]
    fn a_canary_is_judged_by_the_tenth_answer_and_by_a_quarter_more_however_late_anybody_acts() {
        let board = Board::default();
        board.begin("old", &canary(None), None);
        for _ in 0..100 {
            board.take(&record("old", "ok"));
        }
        for n in 0..300 {
            board.take(&record("new", if n < 200 { "ok" } else { "server" }));
        }
        // Looks are at 10, 12, 15, 18 … 188 and 235 answers, and nobody has asked for a verdict meanwhile.
        let Verdict::Worse(why) = board.verdict(2_000, true) else {
            panic!("left alone")
        };
        assert!(why.contains("35 of 235 requests failed"), "{why}");
    }

    #[test]
    fn a_canary_that_goes_on_after_a_restart_takes_all_its_answers_again_and_says_so() {
        let board = Board::default();
        // Its time was up long before the gateway was started again.
        board.begin("old", &canary(Some(500)), Some(9_000));
        let serve = |requests| {
            for _ in 0..requests {
                board.take(&record("old", "ok"));
                board.take(&record("new", "ok"));
            }
        };
        serve(99);
        assert_eq!(board.verdict(9_500, true), Verdict::Open);
        assert_eq!(board.standing().unwrap().counted_since_unix_ms, 9_000);
        serve(1);
        let Verdict::Good(told) = board.verdict(9_500, true) else {
            panic!("not enough")
        };
        assert!(told.contains("since the gateway was started"), "{told}");
    }

    #[test]
    fn a_canary_without_an_end_is_never_promoted_by_itself_and_is_aborted_all_the_same() {
        let board = Board::default();
        let told = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let telling = Arc::clone(&told);
        board.tell(move || {
            telling.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        });
        board.begin("old", &canary(None), None);
        for _ in 0..200 {
            board.take(&record("old", "ok"));
            board.take(&record("new", "ok"));
        }
        assert_eq!(board.verdict(i64::MAX, true), Verdict::Open);
        assert!(told.load(std::sync::atomic::Ordering::Relaxed) > 0);
        board.begin("old", &canary(None), None);
        for _ in 0..20 {
            board.take(&record("old", "ok"));
            board.take(&record("new", "server"));
        }
        let Verdict::Worse(why) = board.verdict(2_000, true) else {
            panic!("left alone")
        };
        assert!(why.contains("10 of 10 requests failed"), "{why}");
        let standing = board.standing().unwrap();
        assert_eq!((standing.canary.failed, standing.live.failed), (20, 0));
    }
}
