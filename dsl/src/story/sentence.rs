//! The story in a few words, and the tests that decided in a line.

use super::account::{Course, Entered, Outcome, Reason, Story, Told, Truth, WhyNot};
use crate::phrase::nth;

/// Most tests that a sentence names.
const NAMED: usize = 3;

/// What became of the request, and why.
pub(super) fn story(story: &Story) -> String {
    let steps = story.policies.iter();
    let steps: Vec<String> = steps.map(|p| step(p, story.plan.as_ref())).collect();
    steps.join(" ")
}

fn step(entered: &Entered, plan: Option<&Course>) -> String {
    let policy = &entered.policy;
    let Some(rule) = entered.rules.iter().find(|r| r.outcome == Outcome::Taken) else {
        return format!("{policy} has no rule for the request.");
    };
    let why = because(rule);
    if let Some(next) = rule.then.strip_prefix("go ") {
        return format!("{policy} hands the request on to {next}, {why}.");
    }
    if let Some(refusal) = rule.then.strip_prefix("deny ") {
        return format!("{policy} refuses the request with {refusal}, {why}.");
    }
    let what = rule.then.strip_prefix("use ").unwrap_or(&rule.then);
    let but = if plan.is_some_and(|p| !p.able) {
        " None of its targets can serve the request."
    } else {
        ""
    };
    format!("{policy} sends the request to {what}, {why}.{but}")
}

fn because(rule: &Told) -> String {
    let place = format!("({}:{})", rule.file, rule.line);
    let name = match &rule.name {
        Some(name) => format!("rule {name} {place}"),
        None => format!("its {} rule {place}", nth(rule.number)),
    };
    if rule.condition.is_none() {
        return match rule.number {
            1 => format!("by its first rule {place}, which always applies"),
            2 => format!("by its `else` {place}, since the rule above does not apply"),
            n => format!(
                "by its `else` {place}, since none of the {} rules above applies",
                n - 1
            ),
        };
    }
    let tests: Vec<String> = rule.because.iter().map(so).collect();
    match tests.len() {
        0 => format!("by {name}, which always applies"),
        n if n > NAMED => {
            let first: Vec<String> = tests.into_iter().take(NAMED).collect();
            format!("by {name}: {} and {} more", first.join(", "), n - NAMED)
        }
        _ => format!("by {name}: {}", tests.join(" and ")),
    }
}

/// A test as a fact: `tokens > 150k (200k)`, `not streaming`.
fn so(reason: &Reason) -> String {
    let not = match reason.holds {
        Truth::True => "",
        Truth::False => "not ",
        Truth::Unknown => "perhaps ",
    };
    let name = reason.within.first();
    let name = name.map_or_else(String::new, |n| format!("{n}, "));
    format!("{name}{not}{}{}", reason.text, shown(reason))
}

/// The value behind a test, where the test does not say it itself.
fn shown(reason: &Reason) -> String {
    let told = reason.value.is_empty()
        || (reason.holds == Truth::True && reason.text.ends_with(&reason.value));
    if told {
        String::new()
    } else {
        format!(" ({})", reason.value)
    }
}

/// Reasons in lines, those of one named condition together.
pub(super) fn grouped(reasons: &[Reason]) -> Vec<String> {
    let mut lines: Vec<(&[String], String)> = Vec::new();
    for reason in reasons {
        let text = test(reason);
        match lines.last_mut() {
            Some((within, line)) if *within == reason.within && !within.is_empty() => {
                line.push_str(", ");
                line.push_str(&text);
            }
            _ if reason.within.is_empty() => lines.push((&reason.within, text)),
            _ => {
                let names = reason.within.join(", ");
                let place = format!("{}:{}", reason.file, reason.line);
                lines.push((&reason.within, format!("{names} ({place}): {text}")));
            }
        }
    }
    lines.into_iter().map(|(_, line)| line).collect()
}

/// `` `tokens > 150k` is false: 3k ``
fn test(reason: &Reason) -> String {
    let holds = match reason.holds {
        Truth::True => "true",
        Truth::False => "false",
        Truth::Unknown => "unknown",
    };
    let value = match reason.value.as_str() {
        "" => String::new(),
        value => format!(": {value}"),
    };
    format!("`{}` is {holds}{value}", reason.text)
}

/// Why a rule did not take the request.
pub(super) fn why_not(why: &WhyNot) -> String {
    let rule = format!("{} of {}", called(&why.rule), why.policy);
    let rule = match rule.strip_prefix(['t', 'r']) {
        Some(rest) if rule.starts_with('t') => format!("T{rest}"),
        Some(rest) => format!("R{rest}"),
        None => rule,
    };
    match (why.rule.outcome, why.rule.holds, &why.taken) {
        (Outcome::Taken, ..) => format!("{rule} did take the request."),
        (Outcome::PassedOver, ..) => format!("{rule} did not apply."),
        (Outcome::NotReached, holds, Some(taken)) => {
            let would = match holds {
                Truth::True => "It would apply, too.",
                Truth::False => "It would not apply either.",
                Truth::Unknown => "Whether it would apply is not known.",
            };
            let taken = called(taken);
            format!("{rule} was not reached: {taken} took the request before. {would}")
        }
        (Outcome::NotReached, ..) => format!("{rule} was not reached."),
    }
}

fn called(rule: &Told) -> String {
    let place = format!("{}:{}", rule.file, rule.line);
    match (&rule.name, &rule.condition) {
        (Some(name), _) => format!("rule {name} ({place})"),
        (None, None) => format!("the `else` ({place})"),
        (None, Some(_)) => format!("the {} rule ({place})", nth(rule.number)),
    }
}
