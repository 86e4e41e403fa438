//! Whether a version that is tried out does worse than the live one: what ends a canary by itself.
//!
//! Both are counted over the same time. As soon as both have 10 answers, and then with the very answer that makes the
//! canary's a quarter more than at the look before, they are looked at, and once more before a canary is promoted:
//!
//! | measure | worse is |
//! |---|---|
//! | errors | a share of failed requests beyond the live one's plus the bound, and by Fisher's exact test more of them than chance would give |
//! | 95th percentile of the time to the answer | beyond the live one's by more than the bound, and by the same test more answers slower than that |
//! | mean cost of a request | by Welch's test beyond the live one's by more than the bound; from 50 priced requests of each |
//!
//! Who looks often finds something by chance. So the n-th look asks for odds below `1 / 1000 / n / (n + 1)`, which add up to
//! one in a thousand over all looks, for each measure. The tests take requests for independent of each other: one client
//! that fails again and again is better tried out by request than by client.
//!
//! The time to the answer is that until the client was committed to it: first content where it is streamed, else all of it. A
//! request fails where its client got no answer, or half of one, and had not left; a refusal by a rule is none either.

use crate::class::Class;
use crate::odds::{as_far_above, as_many, real};
use mux_traffic::Record;

/// Answers of either side before anything is looked at.
const FIRST: u64 = 10;
/// How often a canary is aborted by each measure although it is no worse.
const FALSE_ALARMS: f64 = 0.001;
/// Priced requests of either side before means are compared.
const PRICED: u64 = 50;
/// Times are told apart in 32 steps to each doubling: within 3 %.
const STEPS: u32 = 32;
/// From a microsecond to more than an hour.
const BUCKETS: usize = 33 * STEPS as usize;

/// By how much a canary may be worse, basis points; a measure that is absent is not looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Points that the share of failed requests may be higher.
    pub errors: Option<u32>,
    /// Share by which the 95th percentile of the time to the answer may be longer.
    pub p95: Option<u32>,
    /// Share by which the mean cost may be higher.
    pub cost: Option<u32>,
}

/// One of two versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that is live.
    Live,
    /// The one that is tried out.
    Canary,
}

/// What one request says about the version that decided it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Nobody served it.
    pub failed: bool,
    /// Microseconds until its client was committed to an answer.
    pub committed_us: Option<u64>,
    /// What all its attempts cost, pico-dollars; absent where a price is unknown.
    pub cost: Option<i64>,
}

impl Answer {
    /// What a record says; nothing where its client left, or where no client asked.
    #[must_use]
    pub fn of(record: &Record) -> Option<Self> {
        let outcome = &record.outcome;
        if record.copy_of.is_some() || outcome.class == Class::ClientGone.word() {
            return None;
        }
        let failed = outcome.class != Class::Ok.word();
        Some(Self {
            failed,
            committed_us: outcome.committed_us.filter(|_| !failed),
            cost: record.priced.then_some(record.cost),
        })
    }
}

/// How a version does.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Requests that say something.
    pub answers: u64,
    /// Of these, failed.
    pub failed: u64,
    /// 95th percentile of the time to the answer, microseconds.
    pub p95_us: Option<u64>,
    /// Mean cost of a request, pico-dollars.
    pub cost: Option<f64>,
}

/// What a version was seen to do.
#[derive(Clone, Debug)]
struct Tally {
    answers: u64,
    failed: u64,
    /// Answers by the logarithm of their time.
    times: Box<[u64]>,
    timed: u64,
    priced: u64,
    mean: f64,
    /// Sum of the squared distances from the mean (Welford).
    spread: f64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            answers: 0,
            failed: 0,
            times: vec![0; BUCKETS].into(),
            timed: 0,
            priced: 0,
            mean: 0.0,
            spread: 0.0,
        }
    }
}

impl Tally {
    fn take(&mut self, answer: Answer) {
        self.answers += 1;
        self.failed += u64::from(answer.failed);
        if let Some(us) = answer.committed_us
            && let Some(count) = self.times.get_mut(bucket(us))
        {
            *count += 1;
            self.timed += 1;
        }
        if let Some(cost) = answer.cost {
            #[expect(clippy::cast_precision_loss, reason = "money of one request")]
            let cost = cost as f64;
            self.priced += 1;
            let before = cost - self.mean;
            self.mean += before / real(self.priced);
            self.spread += before * (cost - self.mean);
        }
    }

    fn errors(&self) -> f64 {
        real(self.failed) / real(self.answers.max(1))
    }

    /// The bucket that 95 of 100 answers are not beyond.
    fn p95(&self) -> Option<usize> {
        let rank = (self.timed * 95).div_ceil(100);
        let mut below = 0;
        let mut buckets = self.times.iter();
        (rank > 0).then_some(())?;
        buckets.position(|count| {
            below += count;
            below >= rank
        })
    }

    /// Answers beyond a bucket.
    fn slower(&self, than: usize) -> u64 {
        self.times.iter().skip(than + 1).sum()
    }

    /// The squared error of the mean.
    fn error(&self) -> f64 {
        self.spread / real(self.priced.saturating_sub(1).max(1)) / real(self.priced.max(1))
    }

    fn figures(&self) -> Figures {
        Figures {
            answers: self.answers,
            failed: self.failed,
            p95_us: self.p95().map(longest),
            cost: (self.priced > 0).then_some(self.mean),
        }
    }
}

/// Where a time is counted.
fn bucket(us: u64) -> usize {
    let us = us.max(1);
    let whole = us.ilog2();
    let part = if whole >= 5 {
        us >> (whole - 5)
    } else {
        us << (5 - whole)
    };
    // `part` has six digits, of which the first is always one.
    let at = u64::from(whole * STEPS) + part - u64::from(STEPS);
    usize::try_from(at).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

/// The longest time of a bucket, microseconds.
fn longest(bucket: usize) -> u64 {
    let (whole, part) = (
        bucket as u64 / u64::from(STEPS),
        bucket as u64 % u64::from(STEPS),
    );
    let end = u128::from(u64::from(STEPS) + part + 1) << whole;
    u64::try_from(end / u128::from(STEPS)).unwrap_or(u64::MAX)
}

/// A canary beside the live version, counted.
#[derive(Clone, Debug)]
pub struct Trial {
    bounds: Bounds,
    live: Tally,
    canary: Tally,
    /// Looks that were taken.
    looks: u32,
    /// Answers of the canary at the next one.
    next: u64,
    /// Whether anything was counted since the last one.
    news: bool,
}

impl Trial {
    /// Begins to count.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            live: Tally::default(),
            canary: Tally::default(),
            looks: 0,
            next: FIRST,
            news: false,
        }
    }

    /// Counts a request; whether it is time to look.
    pub fn take(&mut self, side: Side, answer: Answer) -> bool {
        self.news = true;
        match side {
            Side::Live => self.live.take(answer),
            Side::Canary => self.canary.take(answer),
        }
        self.due()
    }

    /// Whether it is time to look.
    #[must_use]
    pub fn due(&self) -> bool {
        self.canary.answers >= self.next && self.live.answers >= FIRST
    }

    /// Whether a look would see anything that the last one did not.
    #[must_use]
    pub fn news(&self) -> bool {
        self.news
    }

    /// Answers of the side that has fewer.
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.live.answers.min(self.canary.answers)
    }

    /// How the live version and the canary do.
    #[must_use]
    pub fn figures(&self) -> [Figures; 2] {
        [self.live.figures(), self.canary.figures()]
    }

    /// Looks, and says in words what is worse, if something is.
    pub fn look(&mut self) -> Option<String> {
        self.looks += 1;
        self.news = false;
        self.next = (self.canary.answers + 1).max(self.canary.answers * 5 / 4);
        let look = f64::from(self.looks);
        let odds = FALSE_ALARMS / (look * (look + 1.0));
        let (live, canary) = (&self.live, &self.canary);
        self.worse_errors(live, canary, odds)
            .or_else(|| self.worse_times(live, canary, odds))
            .or_else(|| self.worse_cost(live, canary, odds))
    }

    fn worse_errors(&self, live: &Tally, canary: &Tally, odds: f64) -> Option<String> {
        let bound = share(self.bounds.errors?);
        let beyond = canary.errors() > live.errors() + bound;
        let many = || as_many(canary.failed, canary.answers, live.failed, live.answers) < odds;
        (beyond && many()).then(|| {
            format!(
                "{} of {} requests failed, of the live version {} of {}",
                canary.failed, canary.answers, live.failed, live.answers
            )
        })
    }

    fn worse_times(&self, live: &Tally, canary: &Tally, odds: f64) -> Option<String> {
        let bound = 1.0 + share(self.bounds.p95?);
        let (of_live, of_canary) = (live.p95()?, canary.p95()?);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and a cast saturates"
        )]
        let limit = bucket((real(longest(of_live)) * bound) as u64);
        let (slow, slow_live) = (canary.slower(limit), live.slower(limit));
        let many = || as_many(slow, canary.timed, slow_live, live.timed) < odds;
        (of_canary > limit && many()).then(|| {
            format!(
                "95 of 100 answers came within {} ms, those of the live version within {} ms",
                longest(of_canary).div_ceil(1_000),
                longest(of_live).div_ceil(1_000)
            )
        })
    }

    fn worse_cost(&self, live: &Tally, canary: &Tally, odds: f64) -> Option<String> {
        let bound = 1.0 + share(self.bounds.cost?);
        if live.priced.min(canary.priced) < PRICED {
            return None;
        }
        let excess = canary.mean - bound * live.mean;
        let error = (canary.error() + bound * bound * live.error()).sqrt();
        (as_far_above(excess, error) < odds).then(|| {
            format!(
                "a request cost ${:.6} on average, of the live version ${:.6}",
                canary.mean / 1e12,
                live.mean / 1e12
            )
        })
    }
}

fn share(basis_points: u32) -> f64 {
    f64::from(basis_points) / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;

    const BOUNDS: Bounds = Bounds {
        errors: Some(50),
        p95: Some(5_000),
        cost: Some(5_000),
    };

    /// How many of a million requests fail, what the times are scaled by, and the costs; percent.
    #[derive(Clone, Copy)]
    struct Version {
        failing: u64,
        slow: u64,
        dear: i64,
    }

    const LIVE: Version = Version {
        failing: 10_000,
        slow: 100,
        dear: 100,
    };

    fn answer(of: Version, chance: &mut Chance) -> Answer {
        let failed = chance.below(1_000_000) < of.failing;
        // Long tails, as prompts and providers have them.
        let tail = 1 << chance.below(32).max(1).leading_zeros().saturating_sub(59);
        let us = (200_000 + chance.below(300_000)) * tail * of.slow / 100;
        let cost = i64::try_from(500 + chance.below(2_000) * tail).unwrap() * of.dear / 100;
        Answer {
            failed,
            committed_us: (!failed).then_some(us),
            cost: Some(cost),
        }
    }

    /// Answers of the canary when it was aborted, and why; `None` where it was not within so many requests.
    fn aborted(canary: Version, requests: u64, seed: u64) -> Option<(u64, String)> {
        let mut chance = Chance::new(seed);
        let mut trial = Trial::new(BOUNDS);
        for _ in 0..requests {
            let (side, of) = if chance.below(10) == 0 {
                (Side::Canary, canary)
            } else {
                (Side::Live, LIVE)
            };
            if trial.take(side, answer(of, &mut chance))
                && let Some(why) = trial.look()
            {
                return Some((trial.figures()[1].answers, why));
            }
        }
        None
    }

    #[test]
    fn a_canary_that_is_no_worse_is_left_alone_however_often_it_is_looked_at() {
        let alarms = (0..1_000).filter(|seed| aborted(LIVE, 20_000, *seed).is_some());
        let alarms = alarms.count();
        assert!(alarms <= 5, "{alarms} of a thousand");
    }

    #[test]
    fn a_canary_that_fails_is_aborted_within_ten_answers_and_one_that_fails_a_little_within_some_hundred()
     {
        for seed in 0..100 {
            let all = Version {
                failing: 1_000_000,
                ..LIVE
            };
            let (answers, why) = aborted(all, 1_000, seed).unwrap();
            assert!(
                answers <= 12 && why.contains("requests failed"),
                "{answers}: {why}"
            );
            let some = Version {
                failing: 60_000,
                ..LIVE
            };
            let (answers, why) = aborted(some, 20_000, seed).unwrap();
            assert!(
                answers <= 1_500 && why.contains("requests failed"),
                "{answers}: {why}"
            );
        }
    }

    #[test]
    fn a_canary_that_is_slow_or_dear_is_aborted_and_told_by_how_much() {
        for seed in 0..100 {
            let slow = Version { slow: 300, ..LIVE };
            let (answers, why) = aborted(slow, 20_000, seed).unwrap();
            assert!(
                answers <= 1_000 && why.contains("95 of 100 answers"),
                "{answers}: {why}"
            );
            let dear = Version { dear: 300, ..LIVE };
            let (answers, why) = aborted(dear, 20_000, seed).unwrap();
            assert!(
                answers <= 1_000 && why.contains("cost $"),
                "{answers}: {why}"
            );
        }
    }

    #[test]
    fn what_is_worse_within_the_bounds_or_is_not_looked_at_ends_nothing() {
        let within = Version {
            failing: 13_000,
            slow: 120,
            dear: 120,
        };
        for seed in 0..20 {
            assert_eq!(aborted(within, 20_000, seed), None);
        }
        let mut trial = Trial::new(Bounds::default());
        for _ in 0..1_000 {
            let bad = Answer {
                failed: true,
                ..Answer::default()
            };
            trial.take(Side::Live, Answer::default());
            assert!(!trial.take(Side::Canary, bad) || trial.look().is_none());
        }
        assert_eq!(trial.answers(), 1_000);
    }

    #[test]
    fn times_are_counted_within_three_percent() {
        for us in [
            1,
            2,
            3,
            31,
            32,
            33,
            63,
            64,
            65,
            1_000,
            123_456,
            4_000_000_000,
        ] {
            let end = longest(bucket(us));
            assert!(end >= us && end <= us + us / 30 + 1, "{us}: {end}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn a_client_that_left_and_a_copy_say_nothing_and_a_denial_is_a_failure() {
        let record = |class: &str| {
            let mut record = Record::default();
            class.clone_into(&mut record.outcome.class);
            record.outcome.committed_us = Some(5);
            record
        };
        assert_eq!(Answer::of(&record("client-gone")), None);
        let copy = Record {
            copy_of: Some("req".to_owned()),
            ..record("ok")
        };
        assert_eq!(Answer::of(&copy), None);
        assert!(Answer::of(&record("denied")).unwrap().failed);
        let served = Answer::of(&record("ok")).unwrap();
        assert_eq!(
            (served.failed, served.committed_us, served.cost),
            (false, Some(5), None)
        );
    }
}
