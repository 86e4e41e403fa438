//! What policies change about recorded traffic: every side counted the same way, in memory that does not grow with it.

use crate::by::By;
use crate::fate::Fate;
use crate::interval::{bounds, draws};
use crate::part::Part;
use crate::said::Said;
use crate::side::Side;
use mux_dsl::Image;
use mux_dsl::image::Plan;
use mux_traffic::Spread;
use mux_traffic::record::Record;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Request ids kept as examples of each change.
const EXAMPLES: usize = 3;
/// Most kinds of changes that are told apart.
const CHANGES: usize = 2_000;
/// Most values of a fact that are told apart.
const VALUES: usize = 500;
/// What stands for the rest of either.
pub const REST: &str = "(others)";
/// Most parts the traffic is cut into; when there would be more, two and two become one.
const PARTS: usize = 256;

/// The comparison.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// How it was made: `simulated` or `decisions`.
    pub mode: String,
    /// Requests that were decided again.
    pub requests: u64,
    /// Records that hold no decision to repeat: requests that could not be read.
    pub skipped: u64,
    /// Records of copies and of mux's own questions: they say how targets behave, and no client is behind them.
    pub copies: u64,
    /// When the first request came, Unix milliseconds.
    pub from: i64,
    /// When the last one came.
    pub until: i64,
    /// Requests whose plan or refusal differs from what it is compared with.
    pub changed: u64,
    /// Records whose times were years from those of the others, and count as the first or the last of them.
    pub mistimed: u64,
    /// Requests that fall on classes of requests that policies treat alike; absent where each was carried out by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<usize>,
    /// As it was recorded.
    pub was: Side,
    /// As the policies would have it.
    pub now: Side,
    /// As another version would have it. Where there is one, changes are counted against it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<Side>,
    /// How decisions changed, most frequent first.
    pub changes: Vec<Change>,
    /// Whether plans keep to their own time.
    pub within: Vec<Within>,
    /// The same figures by what requests have in common.
    pub groups: Vec<Group>,
    /// Over time.
    pub parts: Vec<Part>,
    /// Targets that were never recorded: what they do is assumed, at the prices of the policies.
    pub assumed: BTreeSet<String>,
    /// Attempts by where what happens in them comes from.
    pub drawn: Drawn,
    /// What was made to fail.
    pub outages: Vec<String>,
    /// Of that, what struck nobody: no attempt under these policies fell into it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub idle_outages: Vec<String>,
    /// The least share of requests that was recorded, basis points; absent where all were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<u32>,
    /// The request that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traced: Option<Traced>,
    #[serde(skip)]
    by: Vec<Told>,
    /// Places of changes, by their words.
    #[serde(skip)]
    known: HashMap<String, usize>,
    #[serde(skip)]
    each: u64,
}

/// A fact that is counted by, and the places of its groups by its values.
#[derive(Clone, Debug)]
struct Told {
    by: By,
    groups: HashMap<String, usize>,
}

/// Attempts by where what happens in them comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Drawn {
    /// As it was recorded of this very request.
    pub same: u64,
    /// As it was recorded of others at that target, about that time.
    pub others: u64,
    /// As it is assumed.
    pub assumed: u64,
    /// As an outage has it.
    pub outages: u64,
}

/// One way in which decisions changed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Change {
    /// The plan or refusal before.
    pub was: String,
    /// The same after.
    pub now: String,
    /// The rule that decided before.
    pub was_rule: String,
    /// The rule that decides now.
    pub now_rule: String,
    /// How many requests.
    pub count: u64,
    /// Some of them.
    pub examples: Vec<String>,
}

/// Whether a plan keeps to its own time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Within {
    /// The plan; one that is written in a rule has no name to be told by.
    pub plan: String,
    /// Its time, milliseconds.
    pub within_ms: u64,
    /// Requests that took it.
    pub requests: u64,
    /// The longest that one of those took until its client was committed, or until it failed.
    pub longest_ms: u64,
    /// Those that failed because the time was up.
    pub out_of_time: u64,
    /// Those that took longer than they may.
    pub over: u64,
}

impl Change {
    /// What it is found by.
    fn key(&self) -> String {
        if self.was == REST && self.now == REST {
            return REST.to_owned();
        }
        [self.was.as_str(), &self.now, &self.was_rule, &self.now_rule].join("\n")
    }
}

/// Requests that have something in common.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Group {
    /// The fact.
    pub by: String,
    /// Its value.
    pub value: String,
    /// Requests.
    pub requests: u64,
    /// Of them, those that are decided differently.
    pub changed: u64,
    /// As it was recorded.
    pub was: Side,
    /// As the policies would have it.
    pub now: Side,
    /// As another version would have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<Side>,
}

/// One request as it was and as it would be.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'r> {
    /// As it was recorded.
    pub was: &'r Record,
    /// As the policies would have it.
    pub now: Fate<'r>,
    /// As another version would have it.
    pub against: Option<Fate<'r>>,
}

/// What is decided about one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decided<'r> {
    /// As it was recorded.
    pub(crate) was: Said<'r>,
    /// As the policies have it.
    pub(crate) now: Said<'r>,
    /// As another version has it.
    pub(crate) against: Option<Said<'r>>,
    /// The orders of the plans on both sides that are compared, where they have the same name and another order.
    pub(crate) orders: Option<[&'r str; 2]>,
}

/// All of one request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Traced {
    /// As it was recorded.
    pub was: Record,
    /// As the policies would have it.
    pub now: Record,
    /// As another version would have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<Record>,
}

/// A report that is not complete, to be written down and gone on with.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    report: Report,
    /// Of every side, in their order.
    times: Vec<Spread>,
    each: u64,
}

impl Drawn {
    /// Takes all of another.
    pub(crate) fn merge(&mut self, other: Self) {
        self.same += other.same;
        self.others += other.others;
        self.assumed += other.assumed;
        self.outages += other.outages;
    }
}

impl Report {
    /// An empty one of a bundle, that also counts by these facts.
    #[must_use]
    pub fn of(image: &Image, mode: &str, by: &[By]) -> Self {
        let timed = |plan: &Plan| {
            Some(Within {
                plan: plan.name.as_ref()?.to_string(),
                within_ms: plan.route.terms()?.within?,
                ..Within::default()
            })
        };
        Self {
            mode: mode.to_owned(),
            within: image.plans.iter().filter_map(timed).collect(),
            by: told(by),
            each: 1,
            from: i64::MAX,
            ..Self::default()
        }
    }

    /// All that is needed to go on with it.
    pub(crate) fn kept(&self) -> Kept {
        let mut report = self.clone();
        let each = report.sides().map(|side| std::mem::take(&mut side.times));
        Kept {
            times: each.collect(),
            report,
            each: self.each,
        }
    }

    /// Goes on with one that was written down; it counts by these facts.
    pub(crate) fn go_on(kept: Kept, by: &[By]) -> Self {
        let mut report = kept.report;
        (report.by, report.each) = (told(by), kept.each);
        for (side, times) in report.sides().zip(kept.times) {
            side.times = times;
        }
        for (at, change) in report.changes.iter().enumerate() {
            report.known.insert(change.key(), at);
        }
        for (at, group) in report.groups.iter().enumerate() {
            let mut by = report.by.iter_mut();
            if let Some(told) = by.find(|told| told.by.to_string() == group.by) {
                told.groups.insert(group.value.clone(), at);
            }
        }
        report
    }

    /// Every side that is counted.
    fn sides(&mut self) -> impl Iterator<Item = &mut Side> {
        let groups = self.groups.iter_mut();
        let groups = groups.map(|g| (&mut g.was, &mut g.now, &mut g.against));
        let parts = self.parts.iter_mut();
        let parts = parts.map(|p| (&mut p.was, &mut p.now, &mut p.against));
        let whole = std::iter::once((&mut self.was, &mut self.now, &mut self.against));
        let each = whole.chain(groups).chain(parts);
        each.flat_map(|(was, now, against)| [was, now].into_iter().chain(against))
    }

    /// Takes a request.
    pub fn add(&mut self, seen: Seen<'_>) {
        let Seen { was, now, against } = seen;
        let recorded = Fate::of(was);
        let before = against.unwrap_or(recorded);
        let (said, says) = (before.said, now.said);
        // Where the words are the same and the target that comes first is not, it is named.
        let firsts = before.first.zip(now.first).filter(|(a, b)| a != b);
        let differs = said.what != says.what || firsts.is_some();
        self.requests += 1;
        self.from = self.from.min(was.at);
        self.until = self.until.max(was.at);
        if let Some(share) = was.sample {
            self.sample = Some(self.sample.map_or(share, |least| least.min(share)));
        }
        if differs {
            let [mut before, mut after] = [said, says].map(|said| said.what.to_string());
            if let (true, Some((a, b))) = (before == after, firsts) {
                before = format!("{before}, first {a}");
                after = format!("{after}, first {b}");
            }
            let at = self.change([before, after], [said.rule, says.rule]);
            self.changes_to(at, &was.id);
        }
        self.held(&now);
        let fates = [Some(recorded), Some(now), against];
        self.part(was.at, &fates, differs);
        self.grouped(was, &fates, differs);
    }

    /// The place of a change.
    fn change(&mut self, [was, now]: [String; 2], [was_rule, now_rule]: [&str; 2]) -> usize {
        let key = [was.as_str(), &now, was_rule, now_rule].join("\n");
        match self.known.get(&key) {
            Some(at) => *at,
            None if self.changes.len() < CHANGES => self.push(
                key,
                Change {
                    was_rule: was_rule.to_owned(),
                    now_rule: now_rule.to_owned(),
                    was,
                    now,
                    ..Change::default()
                },
            ),
            None => match self.known.get(REST) {
                Some(at) => *at,
                None => self.push(
                    REST.to_owned(),
                    Change {
                        was: REST.to_owned(),
                        now: REST.to_owned(),
                        ..Change::default()
                    },
                ),
            },
        }
    }

    /// Counts a request of this id that is decided differently.
    fn changes_to(&mut self, at: usize, id: &str) {
        self.changed += 1;
        if let Some(change) = self.changes.get_mut(at) {
            change.count += 1;
            if change.examples.len() < EXAMPLES {
                change.examples.push(id.to_owned());
            }
        }
    }

    fn push(&mut self, key: String, change: Change) -> usize {
        self.changes.push(change);
        self.known.insert(key, self.changes.len() - 1);
        self.changes.len() - 1
    }

    /// The place of the change that a decision is; `None` where it is none.
    pub(crate) fn differs(&mut self, told: &Decided<'_>) -> Option<usize> {
        let (said, says) = (told.against.unwrap_or(told.was), told.now);
        if said.what == says.what && told.orders.is_none() {
            return None;
        }
        let [mut before, mut after] = [said, says].map(|said| said.what.to_string());
        if let (true, Some([a, b])) = (before == after, told.orders) {
            before = format!("{before}, {a}");
            after = format!("{after}, {b}");
        }
        Some(self.change([before, after], [said.rule, says.rule]))
    }

    /// Takes a request of which nothing but the decision is known, which is this change or none. It is counted on the sides by
    /// [`Report::took`].
    pub(crate) fn decided(&mut self, was: &Record, told: &Decided<'_>, change: Option<usize>) {
        self.requests += 1;
        self.from = self.from.min(was.at);
        self.until = self.until.max(was.at);
        if let Some(at) = change {
            self.changes_to(at, &was.id);
        }
        for at in 0..self.by.len() {
            if let Some(group) = self.group(at, was) {
                group.requests += 1;
                group.changed += u64::from(change.is_some());
                took(
                    [&mut group.was, &mut group.now],
                    &mut group.against,
                    told,
                    1,
                );
            }
        }
    }

    /// Counts so many requests that were decided so on the sides. Routes are plans and refusals.
    pub(crate) fn took(&mut self, told: &Decided<'_>, count: u64) {
        took(
            [&mut self.was, &mut self.now],
            &mut self.against,
            told,
            count,
        );
    }

    fn held(&mut self, now: &Fate<'_>) {
        let Some(plan) = now.plan else {
            return;
        };
        let Some(within) = self.within.iter_mut().find(|w| w.plan == plan) else {
            return;
        };
        let took = now.committed_us.unwrap_or(now.total_us) / 1_000;
        within.requests += 1;
        within.longest_ms = within.longest_ms.max(took);
        within.over += u64::from(took > within.within_ms);
        let failed = now.served.is_none() && now.class != "client-gone";
        within.out_of_time += u64::from(failed && took >= within.within_ms);
    }

    fn part(&mut self, at: i64, fates: &Fates<'_>, differs: bool) {
        if self.parts.last().is_none_or(|p| p.requests >= self.each) {
            if self.parts.len() >= PARTS {
                self.halve();
            }
            self.parts.push(Part {
                from: at,
                until: at,
                ..Part::default()
            });
        }
        if let Some(part) = self.parts.last_mut() {
            part.from = part.from.min(at);
            part.until = part.until.max(at);
            part.requests += 1;
            part.changed += u64::from(differs);
            count(fates, [&mut part.was, &mut part.now], &mut part.against);
        }
    }

    /// Two and two parts become one.
    fn halve(&mut self) {
        self.each *= 2;
        let mut parts = std::mem::take(&mut self.parts).into_iter();
        while let Some(mut one) = parts.next() {
            if let Some(other) = parts.next() {
                one.merge(&other);
            }
            self.parts.push(one);
        }
    }

    fn grouped(&mut self, was: &Record, fates: &Fates<'_>, differs: bool) {
        for at in 0..self.by.len() {
            let Some(group) = self.group(at, was) else {
                continue;
            };
            group.requests += 1;
            group.changed += u64::from(differs);
            count(fates, [&mut group.was, &mut group.now], &mut group.against);
        }
    }

    /// The group of a request by the fact of this place.
    fn group(&mut self, at: usize, was: &Record) -> Option<&mut Group> {
        let told = self.by.get_mut(at)?;
        let value = told.by.value(was);
        let value = match told.groups.get(value) {
            Some(at) => return self.groups.get_mut(*at),
            None if told.groups.len() >= VALUES => REST,
            None => value,
        };
        if let Some(at) = told.groups.get(value) {
            return self.groups.get_mut(*at);
        }
        told.groups.insert(value.to_owned(), self.groups.len());
        self.groups.push(Group {
            by: told.by.to_string(),
            value: value.to_owned(),
            ..Group::default()
        });
        self.groups.last_mut()
    }

    /// Works out the figures that need all requests, and, with a seed, where they may be.
    pub fn close(&mut self, seed: Option<u64>) {
        let each = self.groups.iter_mut().map(|g| [&mut g.was, &mut g.now]);
        let parts = self.parts.iter_mut().map(|p| [&mut p.was, &mut p.now]);
        for side in each.chain(parts).flatten() {
            side.close();
        }
        let each = self.groups.iter_mut().map(|g| &mut g.against);
        let parts = self.parts.iter_mut().map(|p| &mut p.against);
        for side in each.chain(parts).flatten() {
            side.close();
        }
        // All of it is all of its parts.
        for part in &self.parts {
            self.was.merge(&part.was);
            self.now.merge(&part.now);
            if let Some(against) = &part.against {
                self.against.get_or_insert_default().merge(against);
            }
        }
        self.was.close();
        self.now.close();
        if let Some(against) = &mut self.against {
            against.close();
        }
        if let Some(seed) = seed {
            let draws = draws(self.parts.len(), seed);
            let before: fn(&Part) -> &Side = if self.against.is_some() {
                Part::against
            } else {
                |part| &part.was
            };
            self.now.bounds = Some(bounds(&self.parts, &draws, |p| &p.now, before));
            if let Some(against) = &mut self.against {
                against.bounds = Some(bounds(&self.parts, &draws, Part::against, |p| &p.was));
            }
        }
        self.changes
            .sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.was.cmp(&b.was)));
        let order: BTreeMap<String, usize> = (0..)
            .zip(&self.by)
            .map(|(at, told)| (told.by.to_string(), at))
            .collect();
        self.groups.sort_by(|a, b| {
            let place = |g: &Group| order.get(&g.by).copied();
            (place(a), b.requests, &a.value).cmp(&(place(b), a.requests, &b.value))
        });
        self.within.retain(|w| w.requests > 0);
        self.from = self.from.min(self.until);
    }

    /// Share of all requests, basis points, rounded up so that a rounded figure never passes a gate.
    #[must_use]
    pub fn share(&self, count: u64) -> u32 {
        share(count, self.requests)
    }

    /// What changes are counted against.
    #[must_use]
    pub fn before(&self) -> &Side {
        self.against.as_ref().unwrap_or(&self.was)
    }

    /// Change of the cost, basis points of what it was; `None` where it was nothing.
    #[must_use]
    pub fn cost_change(&self) -> Option<i64> {
        let before = self.before().cost;
        let change = (self.now.cost - before)
            .checked_mul(10_000)?
            .checked_div(before)?;
        i64::try_from(change).ok()
    }
}

/// Facts that are counted by, each once.
fn told(by: &[By]) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    for by in by {
        if !told.iter().any(|other| other.by == *by) {
            told.push(Told {
                by: by.clone(),
                groups: HashMap::new(),
            });
        }
    }
    told
}

/// Counts so many requests that were decided so on the sides that know it.
fn took([was, now]: [&mut Side; 2], against: &mut Option<Side>, told: &Decided<'_>, count: u64) {
    was.took(told.was.what, count);
    now.took(told.now.what, count);
    if let Some(said) = told.against {
        against.get_or_insert_default().took(said.what, count);
    }
}

/// As it was, as it is now, as it is under another version.
type Fates<'f> = [Option<Fate<'f>>; 3];

/// Counts what became of a request on the sides that know it: as it was, as it is now, as it is under another version.
fn count(fates: &Fates<'_>, own: [&mut Side; 2], against: &mut Option<Side>) {
    let [was, now, other] = fates;
    for (side, fate) in own.into_iter().zip([was, now]) {
        if let Some(fate) = fate {
            side.add(fate);
        }
    }
    if let Some(fate) = other {
        against.get_or_insert_default().add(fate);
    }
}

/// Share of so many, basis points, rounded up.
#[must_use]
pub fn share(count: u64, of: u64) -> u32 {
    let share = (u128::from(count) * 10_000).div_ceil(u128::from(of.max(1)));
    u32::try_from(share).unwrap_or(u32::MAX)
}
