//! What traffic was, in figures: how much, how well, how quick, how dear; in all and by what it has in common.

use crate::index::Index;
use crate::record::{Record, VERSION};
use crate::spread::Spread;
use std::collections::BTreeMap;

/// Most values of one property that are told apart: clients may send any model. The rest are counted together.
const APART: usize = 10_000;
/// What the rest are called.
pub const OTHERS: &str = "(others)";

/// What requests may have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// The target that served.
    Target,
    /// The model that the client asked for.
    Model,
    /// The policy that decided.
    Policy,
    /// How it ended.
    Class,
    /// The version that decided.
    Version,
    /// The hash of the client's key.
    Key,
    /// The team.
    Team,
}

impl By {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Target,
        Self::Model,
        Self::Policy,
        Self::Class,
        Self::Version,
        Self::Key,
        Self::Team,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Model => "model",
            Self::Policy => "policy",
            Self::Class => "class",
            Self::Version => "version",
            Self::Key => "key",
            Self::Team => "team",
        }
    }

    /// Its value of a request; `-` where it has none.
    #[must_use]
    pub fn of(self, record: &Record) -> &str {
        match self {
            Self::Target => record.outcome.served.as_deref(),
            Self::Model => Some(&*record.request.model),
            Self::Policy => record
                .decision
                .as_ref()
                .and_then(|decision| decision.policies.last())
                .map(String::as_str),
            Self::Class => Some(&*record.outcome.class),
            Self::Version => Some(&*record.version),
            Self::Key => record.request.key.as_deref(),
            Self::Team => record.request.team.as_deref(),
        }
        .filter(|text| !text.is_empty())
        .unwrap_or("-")
    }
}

/// Figures of some requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// How many; copies and probes, which no client waited for, are not among them.
    pub requests: u64,
    /// Of these, those that got an answer.
    pub served: u64,
    /// Of these, those that another target than the first able one served.
    pub failed_over: u64,
    /// Attempts.
    pub attempts: u64,
    /// Prompt tokens of delivered answers.
    pub input: u64,
    /// Answer tokens of delivered answers.
    pub output: u64,
    /// Pico-dollars, of all attempts.
    pub cost: i128,
    /// Requests with an attempt whose price is unknown: their cost is more than it says.
    pub unpriced: u64,
    /// Microseconds until the client was committed to an answer, of those served.
    pub first: Spread,
    /// Microseconds until it was over, of those served.
    pub total: Spread,
}

impl Figures {
    fn add(&mut self, record: &Record) {
        self.attempts += record.attempts.len() as u64;
        self.cost += i128::from(record.cost);
        self.unpriced += u64::from(!record.priced);
        if record.copy_of.is_some() {
            return;
        }
        self.requests += 1;
        self.failed_over += u64::from(record.failed_over());
        if let Some(usage) = record.usage {
            self.input = self.input.saturating_add(usage.input);
            self.output = self.output.saturating_add(usage.output);
        }
        if record.outcome.class == "ok" {
            self.served += 1;
            // What others recorded may not say how long it took.
            if record.outcome.total_us > 0 {
                self.total.add(record.outcome.total_us);
            }
            if let Some(first) = record.outcome.committed_us {
                self.first.add(first);
            }
        }
    }
}

/// Figures of traffic.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Of all of it.
    pub all: Figures,
    /// Copies of requests and probes: what they cost is in [`Figures::cost`].
    pub copies: u64,
    /// Records that belong to a sample: there were more requests than are counted here.
    pub sampled: u64,
    /// Records of a later schema than this one's: what it has beyond is not in any figure.
    pub newer: u64,
    /// From when to when.
    pub span: Index,
    groups: BTreeMap<By, BTreeMap<String, Figures>>,
}

impl Summary {
    /// One that tells these apart.
    #[must_use]
    pub fn by(wanted: &[By]) -> Self {
        Self {
            groups: wanted.iter().map(|by| (*by, BTreeMap::new())).collect(),
            ..Self::default()
        }
    }

    /// Counts a record.
    pub fn add(&mut self, record: &Record) {
        self.span.count(record.at);
        self.copies += u64::from(record.copy_of.is_some());
        self.sampled += u64::from(record.sample.is_some());
        self.newer += u64::from(record.v > VERSION);
        self.all.add(record);
        for (by, groups) in &mut self.groups {
            let mut value = by.of(record);
            if !groups.contains_key(value) {
                if groups.len() >= APART {
                    value = OTHERS;
                }
                groups.entry(value.to_owned()).or_default();
            }
            if let Some(figures) = groups.get_mut(value) {
                figures.add(record);
            }
        }
    }

    /// The groups that were asked for, each with the most frequent first.
    pub fn groups(&self) -> impl Iterator<Item = (By, Vec<(&str, &Figures)>)> {
        self.groups.iter().map(|(by, groups)| {
            let mut rows: Vec<_> = groups.iter().map(|(name, f)| (name.as_str(), f)).collect();
            rows.sort_by_key(|(_, figures)| std::cmp::Reverse(figures.requests));
            (*by, rows)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Attempt, Candidate, Outcome, Usage};

    fn record(at: i64, served: Option<&str>, total_us: u64) -> Record {
        let mut record = Record {
            at,
            cost: 3,
            priced: true,
            outcome: Outcome {
                class: if served.is_some() { "ok" } else { "server" }.to_owned(),
                served: served.map(str::to_owned),
                committed_us: Some(total_us / 2),
                total_us,
                ..Outcome::default()
            },
            usage: served.map(|_| Usage {
                input: 10,
                output: 2,
                ..Usage::default()
            }),
            attempts: vec![Attempt::default()],
            candidates: vec![Candidate {
                target: "a/m".to_owned(),
                ..Candidate::default()
            }],
            ..Record::default()
        };
        record.request.model = "@chat".to_owned();
        record
    }

    #[test]
    fn a_summary_counts_once_what_was_asked_once() {
        let mut summary = Summary::by(&[By::Target, By::Class]);
        for (at, served, total) in [
            (5, Some("a/m"), 100),
            (1, Some("b/m"), 50),
            (9, None, 1_000_000),
            (2, Some("a/m"), 100),
        ] {
            summary.add(&record(at, served, total));
        }
        let copy = Record {
            copy_of: Some("r".to_owned()),
            ..record(30, Some("a/m"), 9)
        };
        summary.add(&copy);
        let all = &summary.all;
        assert_eq!(
            (all.requests, all.served, all.failed_over, summary.copies),
            (4, 3, 1, 1)
        );
        assert_eq!(
            (all.attempts, all.cost, all.input, all.output),
            (5, 15, 30, 6)
        );
        assert_eq!((summary.span.first, summary.span.last), (1, 30));
        // What failed is not quick or slow.
        assert_eq!(
            (all.total.count(), all.total.percentile(100)),
            (3, Some(100))
        );
        let groups: Vec<_> = summary
            .groups()
            .map(|(by, rows)| {
                (
                    by,
                    rows.iter()
                        .map(|(n, f)| ((*n).to_owned(), f.requests))
                        .collect::<Vec<_>>(),
                )
            })
            .collect();
        let row = |name: &str, count| (name.to_owned(), count);
        assert_eq!(
            groups,
            [
                (By::Target, vec![row("a/m", 2), row("-", 1), row("b/m", 1)]),
                (By::Class, vec![row("ok", 3), row("server", 1)]),
            ]
        );
    }

    #[test]
    fn clients_that_send_any_model_do_not_fill_the_memory() {
        let mut summary = Summary::by(&[By::Model]);
        for n in 0..APART + 500 {
            let mut record = record(1, None, 1);
            record.request.model = format!("m{n}");
            summary.add(&record);
        }
        let (_, rows) = summary.groups().next().unwrap();
        assert_eq!(rows.len(), APART + 1);
        assert_eq!((rows[0].0, rows[0].1.requests), (OTHERS, 500));
    }
}
