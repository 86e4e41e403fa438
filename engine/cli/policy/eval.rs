//! `mux policy eval`: facts in, decision out, one line.

use super::asked::Question;
use crate::ending::{Exit, Outcome};
use crate::out::{Format, Out};
use clap::Args;
use mux_dsl::story::{Outcome as Became, Story, Told};
use serde::Serialize;

/// Decide one request, and say so in one line
#[derive(Debug, Args)]
pub(crate) struct Eval {
    #[command(flatten)]
    question: Question,
    /// How to write the result
    #[arg(long, default_value = "human")]
    format: Format,
}

impl Eval {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let Some(asked) = self.question.ask(out)? else {
            return Ok(Exit::No);
        };
        let story = asked.story();
        match self.format {
            Format::Json => out.json(&Decided::of(&story)),
            Format::Human => out.text(&decision(&story)),
        }
        Ok(Exit::Good)
    }
}

/// A decision for programs.
#[derive(Serialize)]
struct Decided<'s> {
    version: u32,
    verdict: &'static str,
    /// As the rule says it.
    then: &'s str,
    policies: Vec<&'s str>,
    rule: Rule<'s>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<&'s str>,
    /// In the order they are written, those that cannot serve the request left out.
    targets: Vec<&'s str>,
}

#[derive(Serialize)]
struct Rule<'s> {
    name: Option<&'s str>,
    file: &'s str,
    line: u32,
}

impl<'s> Decided<'s> {
    fn of(story: &'s Story) -> Self {
        let rule = taken(story);
        let plan = story.plan.as_ref();
        Self {
            version: story.version,
            verdict: if plan.is_some() { "use" } else { "deny" },
            then: rule.map_or("", |r| &r.then),
            policies: story.policies.iter().map(|p| p.policy.as_str()).collect(),
            rule: Rule {
                name: rule.and_then(|r| r.name.as_deref()),
                file: rule.map_or("", |r| &r.file),
                line: rule.map_or(0, |r| r.line),
            },
            plan: plan.and_then(|p| p.plan.as_deref()),
            targets: plan.map_or_else(Vec::new, |p| p.targets()),
        }
    }
}

fn taken(story: &Story) -> Option<&Told> {
    let last = story.policies.last()?;
    last.rules.iter().find(|r| r.outcome == Became::Taken)
}

/// A decision in one line: what is done, by which rule, and who is asked.
pub(crate) fn decision(story: &Story) -> String {
    let Some(rule) = taken(story) else {
        return "no rule takes the request".to_owned();
    };
    let chain: Vec<&str> = story.policies.iter().map(|p| p.policy.as_str()).collect();
    let name = rule
        .name
        .as_ref()
        .map_or_else(String::new, |n| format!(" {n}"));
    let targets = story.plan.as_ref().map_or_else(Vec::new, |p| p.targets());
    let targets = match targets.as_slice() {
        [] => String::new(),
        [one] if rule.then.contains(one) => String::new(),
        many => format!(": {}", many.join(", ")),
    };
    format!(
        "{}{targets}  ({} at {}:{}{name})",
        rule.then,
        chain.join(" then "),
        rule.file,
        rule.line
    )
}
