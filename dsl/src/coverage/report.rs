//! What was covered, in exact numbers, and what was not, with its place.

use serde::Serialize;
use std::fmt::Write as _;

/// Version of the report; it rises when the meaning of a field changes, not when one is added.
pub const VERSION: u32 = 1;

/// Most edges that people are shown; they mean little one by one.
const EDGES: usize = 10;

/// What decisions covered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// [`VERSION`].
    pub version: u32,
    /// Requests that were decided.
    pub requests: u64,
    /// Rules that took a request.
    pub rules: Count,
    /// Conditions seen true, seen false, and deciding: three for each.
    pub conditions: Count,
    /// Edges of the decision graphs.
    pub edges: Count,
    /// Arms of plans: asked, served, their conditions true and false.
    pub arms: Count,
    /// All of them.
    pub total: Count,
    /// What no request can cover, and is not counted.
    pub impossible: Vec<Gap>,
    /// What was not covered.
    pub missing: Vec<Gap>,
    /// How often each line counted, by file and line.
    pub lines: Vec<Line>,
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Covered.
    pub covered: u64,
    /// All that can be.
    pub all: u64,
}

/// Something that was not covered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Gap {
    /// File; empty where it has no place in the text.
    pub file: String,
    /// Line, from 1; 0 where it has no place.
    pub line: u32,
    /// `rule`, `condition`, `edge` or `arm`.
    pub kind: &'static str,
    /// What is missing: `` `tokens > 150k` was never true ``
    pub what: String,
}

/// How often a line counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Line {
    /// File.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Requests that the rule took, or of which the condition was asked.
    pub hits: u64,
    /// For each condition on the line, in textual order: how often it was true, and false.
    pub branches: Vec<(u64, u64)>,
}

impl Count {
    /// Adds one that was or was not covered.
    pub(super) fn add(&mut self, covered: bool) {
        self.all += 1;
        self.covered += u64::from(covered);
    }

    /// Whether it is at least so much, in parts of a million: exactly, never by a rounded figure.
    #[must_use]
    pub fn reaches(self, millionths: u64) -> bool {
        u128::from(self.covered) * 1_000_000 >= u128::from(millionths) * u128::from(self.all)
    }

    /// Both together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            covered: self.covered + other.covered,
            all: self.all + other.all,
        }
    }

    /// As a share, rounded down, so that it says 100% only where all is covered.
    #[must_use]
    pub fn percent(self) -> String {
        if self.all == 0 {
            return "100%".into();
        }
        let points = u128::from(self.covered) * 10_000 / u128::from(self.all);
        let (whole, part) = (points / 100, points % 100);
        if part == 0 {
            format!("{whole}%")
        } else {
            format!("{whole}.{part:02}%")
        }
    }
}

impl Report {
    /// For people.
    #[must_use]
    pub fn told(&self) -> String {
        let row = |name: &str, count: Count| {
            let of = format!("{} of {}", count.covered, count.all);
            format!("{name:<11}  {:>7}  {of}", count.percent())
        };
        let mut lines = vec![
            row("rules", self.rules),
            row("conditions", self.conditions),
            row("edges", self.edges),
            row("arms", self.arms),
            row("total", self.total),
        ];
        let (edges, missing): (Vec<&Gap>, Vec<&Gap>) =
            self.missing.iter().partition(|g| g.kind == "edge");
        let shown: Vec<&Gap> = missing
            .into_iter()
            .chain(edges.iter().copied().take(EDGES))
            .collect();
        let width = shown
            .iter()
            .map(|g| g.place().chars().count())
            .max()
            .unwrap_or(0);
        if !shown.is_empty() {
            lines.extend([String::new(), "missing".to_owned()]);
        }
        let told = shown
            .iter()
            .map(|gap| format!("  {:<width$}  {}", gap.place(), gap.what));
        lines.extend(told);
        if edges.len() > EDGES {
            let more = edges.len() - EDGES;
            lines.push(format!("  {:<width$}  and {more} more edges", ""));
        }
        if !self.impossible.is_empty() {
            lines.push(format!(
                "\n{} more cannot be covered by any request, and are not counted",
                self.impossible.len()
            ));
        }
        lines.join("\n")
    }

    /// The format of `lcov`, which editors show. `path` turns a file of the bundle into one that they can open.
    #[must_use]
    pub fn lcov(&self, path: &dyn Fn(&str) -> String) -> String {
        let mut text = String::from("TN:\n");
        let mut files: Vec<&str> = self.lines.iter().map(|l| l.file.as_str()).collect();
        files.dedup();
        for file in files {
            let lines: Vec<&Line> = self.lines.iter().filter(|l| l.file == file).collect();
            // Writing to a text cannot fail.
            let _ = writeln!(text, "SF:{}", path(file));
            let (mut found, mut hit) = (0, 0);
            for line in &lines {
                for (block, (yes, no)) in line.branches.iter().enumerate() {
                    for (branch, taken) in [yes, no].into_iter().enumerate() {
                        found += 1;
                        hit += u64::from(*taken > 0);
                        let _ = writeln!(text, "BRDA:{},{block},{branch},{taken}", line.line);
                    }
                }
            }
            let _ = writeln!(text, "BRF:{found}\nBRH:{hit}");
            for line in &lines {
                let _ = writeln!(text, "DA:{},{}", line.line, line.hits);
            }
            let hit = lines.iter().filter(|l| l.hits > 0).count();
            let _ = writeln!(text, "LF:{}\nLH:{hit}\nend_of_record", lines.len());
        }
        text
    }
}

impl Gap {
    /// `FILE:LINE`, as far as it has one.
    #[must_use]
    pub fn place(&self) -> String {
        match (self.file.as_str(), self.line) {
            ("", _) => String::new(),
            (file, 0) => file.to_owned(),
            (file, line) => format!("{file}:{line}"),
        }
    }
}
