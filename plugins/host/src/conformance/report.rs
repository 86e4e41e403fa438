//! What a trial found.

use serde::Serialize;

/// What came of all checks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The plugin.
    pub id: String,
    /// Its version.
    pub version: String,
    /// BLAKE3 of it, in hexadecimal.
    pub hash: String,
    /// What was checked.
    pub checks: Vec<Check>,
    /// What its calls cost.
    pub costs: Vec<Cost>,
}

impl Report {
    /// Whether nothing failed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.checks
            .iter()
            .all(|check| check.verdict != Verdict::Fail)
    }
}

/// One promise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// Whether it is kept.
    pub verdict: Verdict,
    /// How often it was tried.
    pub tried: usize,
    /// Where it is not kept, or why it was not tried.
    pub problems: Vec<Problem>,
}

/// Whether a promise is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As far as was seen.
    Pass,
    /// It is not.
    Fail,
    /// There was nothing to try it on.
    Skipped,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Problem {
    /// In which exchange; empty where it is about all.
    pub exchange: String,
    /// What, and where it can be told, what would be right.
    pub what: String,
}

/// What one kind of call costs on one exchange.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    /// The exchange.
    pub exchange: String,
    /// Time of planning at the median, in microseconds.
    pub plan_us: f64,
    /// Time of reading the whole answer at the median, in microseconds.
    pub read_us: f64,
    /// Memory of the instance at its largest, in KiB.
    pub memory_kib: usize,
}

/// Most problems kept of one check.
const PROBLEM_LIMIT: usize = 20;

impl Check {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            verdict: Verdict::Skipped,
            tried: 0,
            problems: Vec::new(),
        }
    }

    /// One more try, and what was wrong with it.
    pub(super) fn tried(&mut self, exchange: &str, problem: Option<String>) {
        self.tried += 1;
        match problem {
            Some(what) => self.fail(exchange, what),
            None if self.verdict == Verdict::Skipped => self.verdict = Verdict::Pass,
            None => {}
        }
    }

    /// The promise is broken.
    pub(super) fn fail(&mut self, exchange: &str, what: String) {
        self.verdict = Verdict::Fail;
        if self.problems.len() < PROBLEM_LIMIT {
            self.problems.push(Problem {
                exchange: exchange.to_owned(),
                what,
            });
        }
    }

    /// Whether so much was found that more would tell nothing new.
    pub(super) fn is_settled(&self) -> bool {
        self.problems.len() >= PROBLEM_LIMIT
    }

    /// Nothing was tried, and why.
    pub(super) fn skipped(mut self, why: &str) -> Self {
        self.problems.push(Problem {
            exchange: String::new(),
            what: why.to_owned(),
        });
        self
    }
}
