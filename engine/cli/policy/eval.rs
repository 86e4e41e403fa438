//! `mux policy eval`: facts in, decision out, in one line; and in another what may change it, where something may.

use super::asked::Question;
use crate::ending::{Exit, Outcome};
use crate::out::{Format, Out};
use clap::Args;
use mux_dsl::story::{Course, Outcome as Became, Story, Told};
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
        let story = match self.question.ask() {
            Ok(asked) => asked.story(),
            Err(unasked) => return unasked.end(self.format, out),
        };
        match self.format {
            Format::Json => out.json(&Decided::of(&story)),
            Format::Human => {
                out.text(&decision(&story));
                if let Some(varies) = story.plan.as_ref().map(varies).filter(|v| !v.is_empty()) {
                    out.text(&format!("  may change with: {}", varies.join("; ")));
                }
            }
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
    /// In the order they are tried where all are well, those that cannot serve the request left out.
    targets: Vec<&'s str>,
    /// What may put them into another order for the same request, or choose another one.
    varies: Vec<&'s str>,
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
            then: rule.map_or("use", |r| &r.then),
            policies: story.policies.iter().map(|p| p.policy.as_str()).collect(),
            rule: Rule {
                name: rule.and_then(|r| r.name.as_deref()),
                file: rule.map_or("", |r| &r.file),
                line: rule.map_or(0, |r| r.line),
            },
            plan: plan.and_then(|p| p.plan.as_deref()),
            targets: plan.map_or_else(Vec::new, |p| p.targets()),
            varies: plan.map_or_else(Vec::new, varies),
        }
    }
}

/// What may put the targets of a plan into another order, or choose another one.
fn varies(plan: &Course) -> Vec<&str> {
    let mut varies = plan.varies();
    if plan.targets().len() > 1 {
        varies.push("the health, breakers and limits of each");
    }
    varies
}

fn taken(story: &Story) -> Option<&Told> {
    let last = story.policies.last()?;
    last.rules.iter().find(|r| r.outcome == Became::Taken)
}

/// A decision in one line: what is done, by which rule, and who is asked.
pub(crate) fn decision(story: &Story) -> String {
    let Some(rule) = taken(story) else {
        // Nothing decides about a request that names a deployment.
        let target = story.plan.as_ref().and_then(|plan| plan.target.as_ref());
        let able = story.plan.as_ref().is_some_and(|plan| plan.able);
        return match target {
            Some(target) if able => format!("use {target}  (by its name)"),
            Some(target) => format!("use {target}, which cannot serve it  (by its name)"),
            None => "no rule takes the request".to_owned(),
        };
    };
    let chain: Vec<&str> = story.policies.iter().map(|p| p.policy.as_str()).collect();
    let name = rule
        .name
        .as_ref()
        .map_or_else(String::new, |n| format!(" {n}"));
    let targets = story.plan.as_ref().map_or_else(Vec::new, |p| p.targets());
    let targets = match targets.as_slice() {
        [] if story.plan.is_some() => ": none can serve it".to_owned(),
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
