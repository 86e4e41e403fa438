//! How targets behaved in recorded traffic, and what they would do with a request that they were not asked.
//!
//! What a target did with this very request is what it does with it. Else it does what it did with another request about
//! that time, so that an hour in which it was slow or down is one for whoever is sent there: one of the attempts nearest in time
//! is drawn, its time to the first content is moved by what prompts of such a length take longer there, and its tokens are
//! counted for this prompt. An attempt that was ended before anything came shows that it would have taken longer, not how
//! long: one that did take longer is drawn in its place, or none ever comes.

use crate::play::{Beat, FIRST, Play, RATE, answer};
use foldhash::fast::RandomState;
use mux_routing::chance::Chance;
use mux_routing::class::Class;
use mux_routing::flight::Failure;
use mux_routing::{MILLI, Nanos};
use mux_traffic::record::{Attempt, Behaviour, Facts, Prompt, Record, Usage};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Most attempts kept of each target and kind of request; when there would be more, every other one is dropped.
const KEPT: usize = 8_192;
/// One of so many attempts, those nearest in time, is drawn.
const NEAR: usize = 24;
/// So many are looked through for one that took longer.
const FAR: usize = 256;
/// Fewer successes say nothing about what the length of a prompt does.
const FITTED: f64 = 30.0;
/// Beats of an attempt, mostly.
const BEATS: usize = 7;
/// Output tokens where no answer was recorded at all.
const OUTPUT: u64 = 256;

const DAY: i64 = 86_400_000;
/// Days from the middle one of all records that a request can have come in: ten years.
const DAYS: i64 = 3_653;
/// Days that are told apart.
const MOST_DAYS: usize = 65_536;

/// Where what happens in an attempt comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was recorded of this very request.
    Same,
    /// It was recorded of others.
    Others,
    /// The target was never recorded.
    Assumed,
}

/// A request at a target.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'r> {
    /// As it was recorded, but for its facts.
    pub record: &'r Record,
    /// Those.
    pub facts: &'r Facts,
    /// Who is asked now.
    pub target: &'r str,
    /// Which attempt of this request at that target it is, from 0.
    pub nth: usize,
    /// When, Unix milliseconds.
    pub at: i64,
}

/// What is learnt from a record.
#[derive(Clone, Copy, Debug)]
pub struct Lesson<'r> {
    /// Arrival, Unix milliseconds.
    at: i64,
    prompt: Prompt,
    attempts: &'r [Attempt],
}

impl<'r> From<&'r Record> for Lesson<'r> {
    fn from(record: &'r Record) -> Self {
        Self {
            at: record.at,
            prompt: Prompt {
                tokens: record.request.tokens,
                streaming: record.request.streaming,
            },
            attempts: &record.attempts,
        }
    }
}

impl<'r> From<&'r Behaviour> for Lesson<'r> {
    fn from(behaviour: &'r Behaviour) -> Self {
        Self {
            at: behaviour.at,
            prompt: behaviour.request,
            attempts: &behaviour.attempts,
        }
    }
}

/// Recorded attempts, by target.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Samples {
    targets: HashMap<String, Kinds, RandomState>,
    outputs: Mean,
    days: BTreeMap<i64, Day>,
    /// When the first and the last request came, Unix milliseconds, once all are there.
    span: (i64, i64),
    /// Records whose times cannot be.
    mistimed: u64,
}

/// The records of one day: how many, and when the first and the last came.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Day(u64, i64, i64);

/// Those of one target.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kinds {
    stream: Pool,
    whole: Pool,
    /// Its tokens of a prompt, for each that mux estimates.
    input: Mean,
}

/// Those of one kind of requests, by time once all are there.
#[derive(Debug, Serialize, Deserialize)]
struct Pool {
    /// One of so many is kept.
    every: u64,
    kept: Vec<Sample>,
    /// When each of them was, close together: all that is looked at in search of those near in time.
    #[serde(skip)]
    times: Vec<i64>,
    #[serde(skip)]
    fit: Fit,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            every: 1,
            kept: Vec::new(),
            times: Vec::new(),
            fit: Fit::default(),
        }
    }
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Sample {
    /// Unix milliseconds.
    at: i64,
    /// Estimated tokens of the prompt.
    tokens: u32,
    course: Course,
}

/// What happened in an attempt; microseconds since it began.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Course {
    connected: Option<u64>,
    head: Option<u64>,
    first: Option<u64>,
    end: u64,
    #[serde(with = "word")]
    class: Class,
    status: Option<u16>,
    retry_after_ms: Option<u64>,
    usage: Option<Usage>,
}

/// A class as its word.
mod word {
    use mux_routing::class::Class;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
    pub(super) fn serialize<S: Serializer>(class: &Class, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(class.word())
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Class, D::Error> {
        String::deserialize(from).map(|word| Class::parse(&word))
    }
}

/// A mean, as its sums.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Mean {
    sum: u64,
    of: u64,
}

impl Mean {
    fn add(&mut self, value: u64, of: u64) {
        self.sum = self.sum.saturating_add(value);
        self.of = self.of.saturating_add(of);
    }

    fn get(self) -> Option<f64> {
        (self.of > 0 && self.sum > 0).then(|| real(self.sum) / real(self.of))
    }
}

/// Least squares of a time over the length of the prompt.
#[derive(Clone, Copy, Debug, Default)]
struct Fit {
    n: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
}

impl Fit {
    fn add(&mut self, x: f64, y: f64) {
        self.n += 1.0;
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.xy += x * y;
    }

    /// Microseconds that one more token takes; a longer prompt never takes less.
    fn slope(&self) -> f64 {
        let spread = self.n * self.xx - self.x * self.x;
        if self.n < FITTED || spread <= 0.0 {
            return 0.0;
        }
        ((self.n * self.xy - self.x * self.y) / spread).max(0.0)
    }
}

impl Course {
    fn of(attempt: &Attempt) -> Self {
        let since = |us: u64| us.saturating_sub(attempt.start_us);
        Self {
            connected: attempt.connected_us.map(since),
            head: attempt.head_us.map(since),
            first: attempt.first_us.map(since),
            end: since(attempt.end_us),
            class: Class::parse(&attempt.class),
            status: attempt.status,
            retry_after_ms: attempt.retry_after_ms,
            usage: attempt.usage,
        }
    }

    /// Ended by mux or the client, so that what would have come is not known.
    fn cut_short(&self) -> bool {
        matches!(
            self.class,
            Class::TimedOut | Class::Idle | Class::Deadline | Class::ClientGone | Class::Superseded
        )
    }

    /// When the first thing of interest happened.
    fn told(&self) -> u64 {
        self.first.unwrap_or(self.end)
    }

    /// So many microseconds later, or earlier, but never before a fifth of its time.
    fn moved(mut self, by: f64) -> Self {
        let told = self.told();
        let least = told / 5;
        let to = whole(real(told) + by).max(least);
        let shift = |at: u64| (at + to).saturating_sub(told);
        self.head = self
            .head
            .map(|at| if at * 2 > told { shift(at) } else { at });
        self.first = self.first.map(shift);
        self.end = shift(self.end);
        self
    }

    /// With tokens for another prompt, and no more of them in the answer than it may have.
    fn counted(mut self, input: u64, limit: Option<u32>) -> Self {
        let Some(usage) = &mut self.usage else {
            return self;
        };
        let scale = |part: u64| part.saturating_mul(input) / usage.input.max(1);
        (usage.cache_read, usage.cache_write) = (scale(usage.cache_read), scale(usage.cache_write));
        usage.input = input;
        let most = limit.map_or(u64::MAX, u64::from);
        if usage.output > most {
            let from = self.first.unwrap_or(0);
            self.end = from + (self.end.saturating_sub(from)) * most / usage.output;
            usage.reasoning = usage.reasoning.min(most);
            usage.output = most;
        }
        self
    }

    fn play(&self, error: Option<&str>) -> Play {
        let mut play = Play::with_capacity(BEATS);
        let mut take = |at: Option<u64>, beat: Beat| {
            if let Some(us) = at {
                play.push((us * 1_000, beat));
            }
        };
        take(self.connected, Beat::Connected);
        take(self.head, Beat::Head(self.status.unwrap_or(200)));
        take(self.first, Beat::Content);
        let (first, end) = (self.first.map(|us| us * 1_000), self.end * 1_000);
        if self.class == Class::Ok {
            keep_alive(&mut play, first, end);
            play.push((end, Beat::Progress(self.usage.map_or(0, |u| u.output * 4))));
            play.push((end, Beat::Done(self.usage)));
        } else if !self.cut_short() {
            keep_alive(&mut play, first, end);
            let failure = Failure {
                class: self.class,
                status: self.status,
                retry_after: self.retry_after_ms.map(|ms| ms * MILLI),
                message: error.map(str::to_owned),
                usage: self.usage,
                resumable: false,
            };
            play.push((end, Beat::Failed(failure)));
        }
        play
    }
}

impl Pool {
    fn learn(&mut self, sample: Sample, chance: &mut Chance) {
        if chance.below(self.every) != 0 {
            return;
        }
        if self.kept.len() >= KEPT {
            let mut at = 0;
            let mut stays = false;
            self.kept.retain(|_| {
                // One of each two.
                stays = if at % 2 == 0 {
                    chance.below(2) == 0
                } else {
                    !stays
                };
                at += 1;
                stays
            });
            self.every *= 2;
        }
        self.kept.push(sample);
    }

    fn settle(&mut self) {
        self.kept.sort_by_cached_key(|s| s.at);
        self.times = self.kept.iter().map(|s| s.at).collect();
        self.fit = Fit::default();
        let good = self.kept.iter().filter(|s| s.course.class == Class::Ok);
        for sample in good {
            self.fit
                .add(f64::from(sample.tokens), real(sample.course.told()));
        }
    }

    /// So many of those that are nearest in time.
    fn near(&self, at: i64, many: usize) -> &[Sample] {
        let place = self.times.partition_point(|time| *time < at);
        let from = place.saturating_sub(many / 2);
        let from = from.min(self.kept.len().saturating_sub(many));
        let until = (from + many).min(self.kept.len());
        self.kept.get(from..until).unwrap_or_default()
    }
}

impl Samples {
    /// Takes the attempts of a record.
    pub fn learn<'r>(&mut self, from: impl Into<Lesson<'r>>, chance: &mut Chance) {
        let Lesson {
            at: came,
            prompt: Prompt { tokens, streaming },
            attempts,
        } = from.into();
        self.came(came);
        for attempt in attempts {
            // They have prompts of their own.
            if matches!(attempt.role.as_deref(), Some("judge" | "merge")) {
                continue;
            }
            if !self.targets.contains_key(&attempt.target) {
                self.targets
                    .insert(attempt.target.clone(), Kinds::default());
            }
            let Some(kinds) = self.targets.get_mut(&attempt.target) else {
                continue;
            };
            let course = Course::of(attempt);
            if let (Class::Ok, Some(usage)) = (course.class, course.usage) {
                kinds.input.add(usage.input, u64::from(tokens));
                self.outputs.add(usage.output, 1);
            }
            let pool = if streaming {
                &mut kinds.stream
            } else {
                &mut kinds.whole
            };
            let at = came.saturating_add(ms(attempt.start_us));
            pool.learn(Sample { at, tokens, course }, chance);
        }
    }

    fn came(&mut self, at: i64) {
        let day = at.div_euclid(DAY);
        let full = self.days.len() >= MOST_DAYS;
        if let Some(Day(count, first, last)) = self.days.get_mut(&day) {
            (*count, *first, *last) = (*count + 1, at.min(*first), at.max(*last));
        } else if full {
            self.mistimed += 1;
        } else {
            self.days.insert(day, Day(1, at, at));
        }
    }

    /// When the first and the last request came, Unix milliseconds; 0 where there was none.
    #[must_use]
    pub fn span(&self) -> (i64, i64) {
        self.span
    }

    /// When a request came that is said to have come then: clocks that were not set, and nonsense, stretch no time.
    #[must_use]
    pub fn time(&self, at: i64) -> i64 {
        let (first, last) = self.span;
        at.clamp(first, last.max(first))
    }

    /// Records of which [`Samples::time`] is another one than theirs.
    #[must_use]
    pub fn mistimed(&self) -> u64 {
        self.mistimed
    }

    /// To be called once all have been learnt from; more than once does no harm where they were written down between.
    pub fn settle(&mut self) {
        for kinds in self.targets.values_mut() {
            kinds.stream.settle();
            kinds.whole.settle();
        }
        let all: u64 = self.days.values().map(|Day(count, ..)| count).sum();
        let mut seen = 0;
        let mut days = self.days.iter();
        let middle = days.find(|(_, Day(count, ..))| {
            seen += count;
            seen * 2 >= all
        });
        let Some(middle) = middle.map(|(day, _)| *day) else {
            return;
        };
        let days = std::mem::take(&mut self.days);
        let (near, far): (Vec<_>, Vec<_>) = days
            .into_iter()
            .partition(|(day, _)| (day - middle).abs() <= DAYS);
        self.mistimed += far.iter().map(|(_, Day(count, ..))| count).sum::<u64>();
        let first = near.first().map_or(0, |(_, Day(_, first, _))| *first);
        let last = near.last().map_or(first, |(_, Day(.., last))| *last);
        self.span = (first, last);
    }

    /// What a target does with a request, and where that comes from.
    pub fn play(&self, ask: Ask<'_>, chance: &mut Chance) -> (Play, Origin) {
        let own = ask.record.attempts.iter();
        let mut own = own.filter(|a| a.target == ask.target);
        if let Some(same) = own.nth(ask.nth) {
            let course = Course::of(same);
            let course = self.ended(course, ask, chance);
            return (course.play(same.error.as_deref()), Origin::Same);
        }
        let Some((pool, slope)) = self.pool(ask) else {
            return (self.assumed(ask), Origin::Assumed);
        };
        let near = pool.near(ask.at, NEAR);
        let place = usize::try_from(chance.below(near.len() as u64)).unwrap_or(0);
        let Some(drawn) = near.get(place) else {
            return (self.assumed(ask), Origin::Assumed);
        };
        let facts = ask.facts;
        let longer = f64::from(facts.tokens) - f64::from(drawn.tokens);
        let course = self.ended(drawn.course, ask, chance);
        let course = if course.class == Class::Ok {
            course.moved(slope * longer)
        } else {
            course
        };
        let course = course.counted(self.input(ask), facts.output_limit);
        (course.play(None), Origin::Others)
    }

    /// What was recorded of a target, of requests of the same kind where there are any.
    fn pool(&self, ask: Ask<'_>) -> Option<(&Pool, f64)> {
        let kinds = self.targets.get(ask.target)?;
        let (own, other) = if ask.facts.streaming {
            (&kinds.stream, &kinds.whole)
        } else {
            (&kinds.whole, &kinds.stream)
        };
        let pool = if own.kept.is_empty() { other } else { own };
        (!pool.kept.is_empty()).then(|| (pool, pool.fit.slope()))
    }

    /// An attempt that was ended too early to know, carried on as another one went.
    fn ended(&self, course: Course, ask: Ask<'_>, chance: &mut Chance) -> Course {
        if !course.cut_short() {
            return course;
        }
        let Some((pool, _)) = self.pool(ask) else {
            return course;
        };
        let near = pool.near(ask.at, FAR);
        if let Some(first) = course.first {
            // Whoever fell silent in the middle would have been silent for longer.
            if course.class == Class::Idle {
                return course;
            }
            let good = |s: &&Sample| s.course.class == Class::Ok && s.course.first.is_some();
            return match draw(near.iter().filter(good), chance) {
                Some(drawn) => Course {
                    head: course.head,
                    connected: course.connected,
                    first: course.first,
                    end: first + drawn.course.end.saturating_sub(drawn.course.told()),
                    ..drawn.course
                },
                None => course,
            };
        }
        let longer = |s: &&Sample| {
            let other = &s.course;
            let known = other.told() > course.end && (!other.cut_short() || other.first.is_some());
            known || (other.cut_short() && other.first.is_none() && other.end >= course.end)
        };
        match draw(near.iter().filter(longer), chance) {
            // One that was itself not waited for says that nothing comes.
            Some(drawn) if !drawn.course.cut_short() => drawn.course,
            _ => course,
        }
    }

    /// Tokens of the prompt, as a target would count them.
    fn input(&self, ask: Ask<'_>) -> u64 {
        let ratio = |target: &str| self.targets.get(target).and_then(|k| k.input.get());
        let own = ratio(ask.target).unwrap_or(1.0);
        let told = ask.record.attempts.iter().find_map(|a| {
            let usage = a.usage.filter(|u| u.input > 0)?;
            Some(real(usage.input) / ratio(&a.target)?)
        });
        let tokens = told.unwrap_or_else(|| f64::from(ask.facts.tokens));
        whole((tokens * own).round())
    }

    /// A healthy target of which nothing is known but the length of answers elsewhere.
    fn assumed(&self, ask: Ask<'_>) -> Play {
        let facts = ask.facts;
        let told = ask.record.usage.map(|u| u.output).filter(|o| *o > 0);
        let mean = || {
            self.outputs
                .get()
                .map_or(OUTPUT, |mean| whole(mean.round()))
        };
        let most = facts.output_limit.map_or(u64::MAX, u64::from);
        let output = told.unwrap_or_else(mean).min(most);
        let [input, output] =
            [self.input(ask), output].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        answer(FIRST, input, output, RATE, facts.streaming)
    }
}

/// One of some, each as likely as the others.
fn draw<'s>(
    some: impl Iterator<Item = &'s Sample> + Clone,
    chance: &mut Chance,
) -> Option<&'s Sample> {
    let many = some.clone().count();
    let place = usize::try_from(chance.below(many as u64)).unwrap_or(0);
    let mut some = some;
    some.nth(place)
}

/// Recordings do not hold every token; one a second stands for the flow of a stream that is known to have gone on.
fn keep_alive(play: &mut Play, first: Option<Nanos>, end: Nanos) {
    let Some(first) = first else { return };
    let mut at = first + 1_000 * MILLI;
    while at < end {
        play.push((at, Beat::Progress(0)));
        at += 1_000 * MILLI;
    }
}

fn ms(us: u64) -> i64 {
    i64::try_from(us / 1_000).unwrap_or(i64::MAX)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "times and tokens are compared to a few digits"
)]
fn real(number: u64) -> f64 {
    number as f64
}

/// What is below 0 is 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float becomes the nearest number there is"
)]
fn whole(number: f64) -> u64 {
    number.max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: i64 = 1_767_614_400_000;

    fn attempt(target: &str, class: &str, first_ms: u64, end_ms: u64) -> Attempt {
        Attempt {
            target: target.to_owned(),
            connected_us: Some(1_000),
            head_us: (class == "ok").then_some(first_ms * 1_000),
            first_us: (class == "ok").then_some(first_ms * 1_000),
            end_us: end_ms * 1_000,
            class: class.to_owned(),
            usage: (class == "ok").then_some(Usage {
                input: 200,
                output: 50,
                ..Usage::default()
            }),
            ..Attempt::default()
        }
    }

    fn record(second: i64, tokens: u32, attempts: Vec<Attempt>) -> Record {
        Record {
            at: BEGIN + second * 1_000,
            request: Facts {
                model: "@x".to_owned(),
                tokens,
                streaming: true,
                ..Facts::default()
            },
            attempts,
            ..Record::default()
        }
    }

    fn learnt(records: &[Record]) -> Samples {
        let (mut samples, mut chance) = (Samples::default(), Chance::new(3));
        for record in records {
            samples.learn(record, &mut chance);
        }
        samples.settle();
        samples
    }

    /// What becomes of a hundred requests of that second: the mean milliseconds to the first content, and how many fail.
    fn tried(samples: &Samples, second: i64, tokens: u32) -> (u64, usize) {
        let mut chance = Chance::new(9);
        let asked = record(second, tokens, Vec::new());
        let (mut sum, mut good, mut bad) = (0, 0, 0);
        for _ in 0..100 {
            let ask = Ask {
                record: &asked,
                facts: &asked.request,
                target: "p/a",
                nth: 0,
                at: asked.at,
            };
            let (play, _) = samples.play(ask, &mut chance);
            match play.iter().find(|(_, b)| matches!(b, Beat::Content)) {
                Some((at, _)) => {
                    sum += at / MILLI;
                    good += 1;
                }
                None => bad += 1,
            }
        }
        (sum / good.max(1), bad)
    }

    #[test]
    fn an_hour_in_which_a_target_was_down_is_one_for_whoever_is_sent_there() {
        let records: Vec<Record> = (0..600)
            .map(|s| {
                let down = (200..300).contains(&s);
                let class = if down { "server" } else { "ok" };
                record(s, 100, vec![attempt("p/a", class, 300, 900)])
            })
            .collect();
        let samples = learnt(&records);
        assert_eq!(tried(&samples, 100, 100), (300, 0));
        assert_eq!(tried(&samples, 250, 100).1, 100);
        assert_eq!(tried(&samples, 400, 100), (300, 0));
    }

    #[test]
    fn a_longer_prompt_takes_as_much_longer_as_it_did() {
        let records: Vec<Record> = (0..400)
            .map(|s| {
                let tokens = u32::try_from(100 + (s % 10) * 100).unwrap();
                let first = 200 + u64::from(tokens) / 2;
                record(s, tokens, vec![attempt("p/a", "ok", first, first + 500)])
            })
            .collect();
        let samples = learnt(&records);
        for (tokens, first) in [(100, 250), (1_000, 700), (3_000, 1_700)] {
            let (told, _) = tried(&samples, 200, tokens);
            assert!(
                told.abs_diff(first) <= first / 50,
                "{tokens}: {told} and not {first}"
            );
        }
    }

    #[test]
    fn one_that_was_not_waited_for_takes_longer_than_it_was_waited_for() {
        // Half of the requests take 400 ms, half 1,600; whoever waits for a second sees those time out.
        let records: Vec<Record> = (0..200)
            .map(|s| {
                let attempt = match s % 4 {
                    0 => attempt("p/a", "timed-out", 0, 1_000),
                    1 => attempt("p/a", "ok", 1_600, 2_000),
                    _ => attempt("p/a", "ok", 400, 800),
                };
                record(s, 100, vec![attempt])
            })
            .collect();
        let samples = learnt(&records);
        let mut chance = Chance::new(5);
        let mut plays = records
            .iter()
            .filter(|r| r.attempts[0].class == "timed-out")
            .map(|r| {
                let ask = Ask {
                    record: r,
                    facts: &r.request,
                    target: "p/a",
                    nth: 0,
                    at: r.at,
                };
                let (play, origin) = samples.play(ask, &mut chance);
                assert_eq!(origin, Origin::Same);
                play.iter()
                    .find(|(_, b)| matches!(b, Beat::Content))
                    .map(|(at, _)| at / MILLI)
            });
        let mut seen = [0, 0];
        assert!(plays.all(|first| {
            seen[usize::from(first.is_some())] += 1;
            first.is_none_or(|first| first == 1_600)
        }));
        assert!(seen[0] > 10 && seen[1] > 10, "silent and late: {seen:?}");
    }

    #[test]
    fn tokens_are_those_of_this_prompt_and_of_no_longer_answer_than_it_may_have() {
        let samples = learnt(&[record(0, 100, vec![attempt("p/a", "ok", 300, 1_300)])]);
        let mut asked = record(1, 1_000, Vec::new());
        asked.request.output_limit = Some(10);
        let ask = Ask {
            record: &asked,
            facts: &asked.request,
            target: "p/a",
            nth: 0,
            at: asked.at,
        };
        let (play, _) = samples.play(ask, &mut Chance::new(1));
        let Some((end, Beat::Done(Some(usage)))) = play.last() else {
            panic!("{play:?}");
        };
        assert_eq!((usage.input, usage.output, end / MILLI), (2_000, 10, 500));
    }

    #[test]
    fn what_is_kept_does_not_grow_and_spans_all_of_the_traffic() {
        let records: Vec<Record> = (0..40_000)
            .map(|s| record(s, 100, vec![attempt("p/a", "ok", 300, 900)]))
            .collect();
        let samples = learnt(&records);
        let kept = &samples.targets["p/a"].stream.kept;
        assert!((KEPT / 2..=KEPT).contains(&kept.len()), "{}", kept.len());
        let late = kept.iter().filter(|s| s.at >= BEGIN + 20_000_000).count();
        assert!(late.abs_diff(kept.len() / 2) < kept.len() / 20, "{late}");
    }
}
