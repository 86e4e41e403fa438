//! `mux policy explain`: what becomes of a request, rule by rule, and why.

use super::asked::{Asked, Question, Unasked};
use crate::ending::{Exit, Outcome, Trouble};
use crate::out::{Format, Out, columns};
use clap::Args;
use mux_dsl::Path;
use mux_dsl::story::Story;
use mux_routing::router::Way;
use mux_traffic::record::Record;

/// Explain what policies do with a request, and why
#[derive(Debug, Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    question: Question,
    /// Say what keeps this rule from taking the request: its name, its line, `FILE:LINE` or `@POLICY:LINE`
    #[arg(long, value_name = "RULE")]
    why_not: Option<String>,
    /// Tell the story of a recorded path alone, as far as it goes: `decision.path` of a record. The facts then name the
    /// policy that was entered: `model @chat`
    #[arg(long, value_name = "HEX")]
    path: Option<Path>,
    /// How to write the result
    #[arg(long, default_value = "human")]
    format: Format,
}

impl Explain {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        match self.told(out) {
            Ok(()) => Ok(Exit::Good),
            Err(unasked) => unasked.end(self.format, out),
        }
    }

    fn told(&self, out: &mut Out) -> Result<(), Unasked> {
        let asked = self.question.ask()?;
        let story = match (&self.path, asked.way) {
            (Some(path), Way::Policy(policy)) => {
                asked.image.retold(policy, path).ok_or_else(foreign)?
            }
            (Some(_), Way::Direct(_)) => return Err(foreign().into()),
            (None, _) => asked.story(),
        };
        if let Some(rule) = &self.why_not {
            let why = story.why_not(rule).ok_or_else(|| unknown(&story, rule))?;
            match self.format {
                Format::Json => out.json(&why),
                Format::Human => out.text(&why.told()),
            }
            return Ok(());
        }
        match self.format {
            Format::Json => out.json(&story),
            Format::Human => {
                out.text(&story.told());
                if let Some(record) = &asked.record {
                    out.text(&format!("\n{}", happened(record)));
                }
                if let Some(note) = asked.changed(&story) {
                    out.text(&format!("\n{note}"));
                }
            }
        }
        Ok(())
    }
}

impl Asked {
    /// What was decided when it was recorded, where that is something else than now.
    fn changed(&self, story: &Story) -> Option<String> {
        let was = self.record.as_ref()?.decision.as_ref()?;
        let plan = story
            .plan
            .as_ref()
            .and_then(|p| p.plan.as_ref().or(p.target.as_ref()));
        let names: Vec<&str> = story
            .policies
            .iter()
            .map(|p| p.policy.trim_start_matches('@'))
            .collect();
        let verdict = if story.plan.is_some() { "use" } else { "deny" };
        let same = was.policies.iter().map(String::as_str).eq(names)
            && was.verdict == verdict
            && (was.plan.is_none() || plan.is_none() || was.plan.as_ref() == plan);
        (!same).then(|| {
            let plan = was.plan.as_deref().unwrap_or("a refusal");
            format!(
                "when it was recorded it was decided otherwise: {} at {}",
                plan, was.rule
            )
        })
    }
}

fn foreign() -> Trouble {
    Trouble::usage(
        "this path does not lead through these policies: it is of another version, or of another policy; `mux versions` lists versions",
    )
}

/// What was done when the request was recorded.
fn happened(record: &Record) -> String {
    let millis = |us: u64| format!("{} ms", us / 1_000);
    let rows = (1..).zip(&record.attempts).map(|(n, attempt)| {
        vec![
            format!("  {n}"),
            attempt.target.clone(),
            attempt.class.clone(),
            millis(attempt.end_us.saturating_sub(attempt.start_us)),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let end = match &record.outcome.served {
        Some(target) => format!("served by {target}"),
        None => format!(
            "answered with {}, {}",
            record.outcome.status, record.outcome.class
        ),
    };
    let total = millis(record.outcome.total_us);
    let head = format!(
        "recorded: {end} after {total}, decided by version {}",
        record.version
    );
    if rows.is_empty() {
        head
    } else {
        format!("{head}\n{}", columns(&rows))
    }
}

pub(crate) fn unknown(story: &Story, rule: &str) -> Trouble {
    Trouble::usage(format!(
        "no policy that the request enters has a rule `{rule}`; they have {}",
        story.rules().join(", ")
    ))
}
