//! `mux policy ci`: all that a pull request should know about its policies, as one comment: whether they check, whether
//! their tests pass, what they do differently, and what becomes of recorded traffic.

use super::diff::count;
use crate::bundle;
use crate::ending::{Exit, Outcome, Trouble};
use crate::found::Found;
use crate::origin::Places;
use crate::out::{Format, Out};
use crate::replaying::Replaying;
use crate::testing::{Ran, ran};
use clap::Args;
use mux_dsl::diff::Comparison;
use mux_dsl::{Image, Severity, rendering};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Check, test, compare and replay policies, as one comment for a pull request
#[derive(Debug, Args)]
pub(crate) struct Ci {
    /// The policies: a folder (its `.mux` files are one bundle) or one file with its includes
    #[arg(default_value = "policies")]
    path: PathBuf,
    /// The same, spelled as `mux serve` spells it
    #[arg(long, conflicts_with = "path")]
    policies: Option<PathBuf>,
    /// What they are compared with, such as `origin/main` [default: the branch that a pull request on GitHub goes to]
    #[arg(long, value_name = "REV|DIR")]
    base: Option<String>,
    /// Let warnings fail it
    #[arg(long)]
    deny_warnings: bool,
    #[command(flatten)]
    replaying: Replaying,
    /// Write the comment there as well, such as to `$GITHUB_STEP_SUMMARY`; what is there stays
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How to write the result; for people is Markdown
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Step {
    name: &'static str,
    /// `None` where it was not looked at.
    good: Option<bool>,
    /// One line.
    summary: String,
    /// The rest, as Markdown; may be empty.
    text: String,
}

impl Step {
    fn new(name: &'static str, good: bool, summary: String, text: String) -> Self {
        Self {
            name,
            good: Some(good),
            summary,
            text,
        }
    }

    fn skipped(name: &'static str, why: &str) -> Self {
        Self {
            name,
            good: None,
            summary: why.to_owned(),
            text: String::new(),
        }
    }
}

impl Ci {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let path = self.policies.as_deref().unwrap_or(&self.path);
        let compiled = bundle::read(path, bundle::forced)?.compiled;
        let image = compiled.image.map(Arc::new);
        let found = Found::new(path, compiled.diagnostics, compiled.sources);
        let mut steps = vec![self.checked(&found, image.is_some())];
        match &image {
            Some(image) => {
                steps.push(tested(&ran(image)));
                steps.push(self.compared(path, image, out)?);
                steps.push(self.replayed(path, image, out)?);
            }
            None => {
                for name in ["test", "diff", "replay"] {
                    steps.push(Step::skipped(name, "the policies do not load"));
                }
            }
        }
        let good = steps.iter().all(|step| step.good != Some(false));
        let comment = comment(&steps, good);
        if let Some(file) = &self.output {
            append(file, &comment)?;
        }
        match self.format {
            Format::Human => out.text(&comment),
            Format::Json => out.json(&serde_json::json!({ "good": good, "steps": steps })),
        }
        Ok(Exit::when(good))
    }

    fn checked(&self, found: &Found, loads: bool) -> Step {
        let count = |severity| found.count(severity);
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        let text = if found.diagnostics.is_empty() {
            String::new()
        } else {
            fenced(&rendering::plain(&found.diagnostics, &found.sources))
        };
        let good = loads && errors == 0 && !(self.deny_warnings && warnings > 0);
        let s = |n: usize| if n == 1 { "" } else { "s" };
        let summary = format!(
            "{errors} error{}, {warnings} warning{}",
            s(errors),
            s(warnings)
        );
        Step::new("check", good, summary, text)
    }

    fn compared(&self, path: &Path, now: &Image, out: &mut Out) -> Result<Step, Trouble> {
        let branch = || {
            std::env::var("GITHUB_BASE_REF")
                .ok()
                .filter(|b| !b.is_empty())
        };
        let base = self
            .base
            .clone()
            .or_else(|| branch().map(|b| format!("origin/{b}")));
        let Some(base) = base else {
            return Ok(Step::skipped(
                "diff",
                "nothing to compare with; name it with `--base`",
            ));
        };
        let was = Places::new(path, self.replaying.data()).find(&base)?;
        let mut comparison = Comparison::of(&was.image, now);
        count(self.replaying.recorded(), now, &mut comparison, out)?;
        let diff = comparison.finish();
        let summary = if diff.same {
            format!("nothing is done differently than in `{base}`")
        } else {
            format!("compared with `{base}`, for all requests")
        };
        let text = if diff.same {
            String::new()
        } else {
            diff.markdown()
        };
        Ok(Step::new("diff", true, summary, text))
    }

    fn replayed(&self, path: &Path, image: &Arc<Image>, out: &mut Out) -> Result<Step, Trouble> {
        let Some(traffic) = self.replaying.recorded().traffic() else {
            return Ok(Step::skipped(
                "replay",
                "no recorded traffic; name it with `--traffic`",
            ));
        };
        let replayed = self.replaying.run(image, traffic, path, out)?;
        let summary = replayed.summary();
        Ok(Step::new(
            "replay",
            replayed.holds(),
            summary,
            replayed.markdown(),
        ))
    }
}

fn tested(ran: &Ran) -> Step {
    let summary = format!("{} passed, {} failed", ran.passed, ran.failed);
    let text = if ran.failed == 0 {
        String::new()
    } else {
        fenced(&ran.failures.join("\n"))
    };
    Step::new("test", ran.failed == 0, summary, text)
}

/// One comment: a line for each step, then what they have to say.
fn comment(steps: &[Step], good: bool) -> String {
    let sign = |good: Option<bool>| match good {
        Some(true) => "✅",
        Some(false) => "❌",
        None => "➖",
    };
    let head = if good { "good to ship" } else { "not good" };
    let mut text = format!("## Policies: {head}\n\n| | | |\n|---|---|---|\n");
    for step in steps {
        let line = format!(
            "| {} | {} | {} |\n",
            sign(step.good),
            step.name,
            step.summary
        );
        text.push_str(&line);
    }
    for step in steps.iter().filter(|step| !step.text.is_empty()) {
        text.push('\n');
        text.push_str(step.text.trim_end());
        text.push('\n');
    }
    text
}

/// Text as it is, however many backticks are in it.
fn fenced(text: &str) -> String {
    let mut fence = "```".to_owned();
    while text.contains(&fence) {
        fence.push('`');
    }
    format!("{fence}text\n{}\n{fence}\n", text.trim_end())
}

fn append(file: &Path, text: &str) -> Result<(), Trouble> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    let opened = options.append(true).create(true).open(file);
    opened
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|e| Trouble::usage(format!("cannot write `{}`: {e}", file.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_looked_at_is_not_a_failure_and_not_a_success() {
        let steps = [
            Step::new("check", true, "0 errors".to_owned(), String::new()),
            Step::skipped("replay", "no traffic"),
        ];
        let text = comment(&steps, true);
        assert!(
            text.contains("| ✅ | check | 0 errors |\n| ➖ | replay | no traffic |"),
            "{text}"
        );
    }

    #[test]
    fn a_fence_is_longer_than_any_in_the_text() {
        assert_eq!(fenced("a ``` b"), "````text\na ``` b\n````\n");
    }
}
