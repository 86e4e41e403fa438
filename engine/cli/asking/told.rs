//! What came of asking again: for people, as JSON, and as Markdown.

use super::chosen::Skipped;
use crate::ending::Trouble;
use crate::found::{Pages, Told};
use crate::out::columns;
use mux_dsl::rendering::{Case, Failure};
use mux_replay::expectation::percent;
use mux_replay::verdict::dollars;
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// What came of it all.
#[derive(Debug)]
pub(crate) struct Reasked {
    pub(crate) pairs: Vec<Pair>,
    /// Pico-dollars that may be spent, and that were.
    pub(crate) cap: i64,
    pub(crate) spent: i64,
    /// The next one might have passed the cap.
    pub(crate) stopped: bool,
    /// What put an end to it before that.
    pub(crate) trouble: Option<Trouble>,
    /// The version that was asked first, where that was one.
    against: Option<String>,
    skipped: Skipped,
}

/// One request, asked twice.
#[derive(Debug, Serialize)]
pub(crate) struct Pair {
    pub(crate) id: String,
    /// By who served it when it was recorded, or under another version of the policies.
    pub(crate) was: Answer,
    /// Under the policies as they are.
    pub(crate) now: Answer,
    /// How alike the answers are, basis points; absent where there are not two.
    pub(crate) alike: Option<u32>,
    /// What the judge makes of the new one, basis points.
    pub(crate) judged: Option<u32>,
}

/// An answer. What it says is not told: it may hold what nobody else should read.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    pub(crate) target: Option<String>,
    pub(crate) status: u16,
    /// Pico-dollars; absent where it is not known.
    pub(crate) cost: Option<i64>,
    pub(crate) total_ms: u64,
    #[serde(skip)]
    pub(crate) text: Option<String>,
}

impl Reasked {
    pub(crate) fn new(cap: i64, against: Option<String>, skipped: Skipped) -> Self {
        Self {
            pairs: Vec::new(),
            cap,
            spent: 0,
            stopped: false,
            trouble: None,
            against,
            skipped,
        }
    }

    /// Whether there are two answers to anything that was asked.
    pub(crate) fn compared(&self) -> bool {
        self.pairs.iter().any(|pair| pair.alike.is_some())
    }

    /// The run as a case.
    fn case(&self) -> Case {
        let failure = (!self.compared()).then(|| Failure {
            kind: "test-failed".to_owned(),
            message: NOTHING.to_owned(),
            text: self.summary().join("\n"),
        });
        Case {
            name: "recorded prompts are answered on both sides".to_owned(),
            group: "live".to_owned(),
            place: None,
            failure,
            note: None,
        }
    }

    /// In every format.
    pub(crate) fn told(&self, suite: &'static str) -> Told<Value> {
        let summary = self.summary();
        let lines = self.lines();
        let mut table = vec![HEAD.map(str::to_owned).to_vec()];
        table.extend(lines.iter().cloned());
        let human = format!("{}\n\n{}", columns(&table), summary.join("\n"));
        Told {
            suite,
            json: json!({ "live": {
                "cap": self.cap,
                "spent": self.spent,
                "stopped": self.stopped,
                "against": self.against,
                "skipped": self.skipped.0,
                "alike": mean(self.pairs.iter().filter_map(|p| p.alike)),
                "judged": mean(self.pairs.iter().filter_map(|p| p.judged)),
                "requests": self.pairs,
            } }),
            cases: Some(vec![self.case()]),
            pages: Some(Pages {
                markdown: markdown(&lines, &summary),
                html: html(&lines, &summary),
            }),
            human,
        }
    }

    fn lines(&self) -> Vec<Vec<String>> {
        let share = |share: Option<u32>| share.map_or("-".to_owned(), |s| percent(s.into()));
        let each = self.pairs.iter().map(|pair| {
            let sides =
                |of: &dyn Fn(&Answer) -> String| format!("{} -> {}", of(&pair.was), of(&pair.now));
            vec![
                pair.id.clone(),
                sides(&|a| a.target.clone().unwrap_or_else(|| a.status.to_string())),
                share(pair.alike),
                share(pair.judged),
                sides(&|a| a.cost.map_or("?".to_owned(), dollars)),
                sides(&|a| format!("{} ms", a.total_ms)),
            ]
        });
        each.collect()
    }

    fn summary(&self) -> Vec<String> {
        let of = |many: usize| format!("of {many}");
        let mut told = vec![format!(
            "asked again: {} requests, for {} of at most {}",
            self.pairs.len(),
            dollars(self.spent),
            dollars(self.cap)
        )];
        if let Some(version) = &self.against {
            told.push(format!(
                "first under the policies of `{version}`, then under those that are tested"
            ));
        }
        let alike: Vec<u32> = self.pairs.iter().filter_map(|p| p.alike).collect();
        if let Some(mean) = mean(alike.iter().copied()) {
            let same = alike.iter().filter(|a| **a == 10_000).count();
            told.push(format!(
                "alike: {} on average {}, by runs of three words; {same} are word for word the same",
                percent(mean.into()),
                of(alike.len())
            ));
        }
        let judged: Vec<u32> = self.pairs.iter().filter_map(|p| p.judged).collect();
        if let Some(mean) = mean(judged.iter().copied()) {
            told.push(format!(
                "judged: the new answers are {} as good on average {}",
                percent(mean.into()),
                of(judged.len())
            ));
        }
        let failed = |side: fn(&Pair) -> &Answer| {
            let bad = self.pairs.iter().filter(|p| side(p).text.is_none());
            bad.count()
        };
        let (was, now) = (failed(|p| &p.was), failed(|p| &p.now));
        if was + now > 0 {
            told.push(format!("failed: {was} -> {now}"));
        }
        if !self.compared() {
            told.push(NOTHING.to_owned());
        }
        if self.stopped {
            told.push(
                "stopped: the next request might have cost more than is left of what may be spent"
                    .to_owned(),
            );
        }
        if let Some(skipped) = self.skipped.told() {
            told.push(format!("not asked again: {skipped}"));
        }
        told
    }
}

const NOTHING: &str = "no request has two answers, so nothing is compared";

const HEAD: [&str; 6] = ["request", "target", "alike", "judged", "cost", "time"];

fn mean(all: impl Iterator<Item = u32>) -> Option<u32> {
    let (sum, many) = all.fold((0_u64, 0_u64), |(sum, many), one| {
        (sum + u64::from(one), many + 1)
    });
    u32::try_from(sum.checked_div(many)?).ok()
}

fn markdown(lines: &[Vec<String>], summary: &[String]) -> String {
    let mut text = format!(
        "### Recorded prompts, asked again\n\n| {} |\n|{}|\n",
        HEAD.join(" | "),
        HEAD.map(|_| "---").join("|")
    );
    // Writing to a text cannot fail.
    for line in lines {
        let cells: Vec<String> = line.iter().map(|c| c.replace('|', "\\|")).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text.push('\n');
    for line in summary {
        let _ = writeln!(text, "- {line}");
    }
    text
}

fn html(lines: &[Vec<String>], summary: &[String]) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    let row = |cells: &[String]| {
        let cells = cells.iter().map(|c| format!("<td>{}</td>", escaped(c)));
        format!("<tr>{}</tr>\n", cells.collect::<String>())
    };
    let head = row(&HEAD.map(str::to_owned));
    let rows: String = lines.iter().map(|line| row(line)).collect();
    let notes: Vec<String> = summary.iter().map(|s| escaped(s)).collect();
    let notes = notes.join("</li><li>");
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Recorded prompts, asked again</title><table>{head}{rows}</table><ul><li>{notes}</li></ul></html>\n"
    )
}
