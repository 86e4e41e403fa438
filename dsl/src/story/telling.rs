//! The story for people: one sentence, the request, the rules with what became of it at each, the plan.

use super::account::{Branch, Course, Entered, Fact, Outcome, Story, Told, Truth, WhyNot};
use super::sentence::grouped;

/// Widest column of conditions; longer ones stand alone on their line.
const WIDE: usize = 56;

/// All of it.
pub(super) fn story(story: &Story) -> String {
    let mut parts = vec![story.sentence.clone()];
    if !story.facts.is_empty() {
        parts.push(format!("request\n{}", facts(&story.facts)));
    }
    if !story.figures.is_empty() {
        parts.push(format!("at the moment\n{}", facts(&story.figures)));
    }
    let width = story
        .policies
        .iter()
        .flat_map(|p| &p.rules)
        .map(|r| place(r).chars().count())
        .max();
    let width = width.unwrap_or(0);
    parts.extend(story.policies.iter().map(|p| entered(p, width)));
    let plan = plan(story);
    if !plan.is_empty() {
        parts.push(plan);
    }
    parts.join("\n\n")
}

/// What is carried out.
pub(super) fn plan(story: &Story) -> String {
    let mut lines = Vec::new();
    if let Some(course) = &story.plan {
        let mut rows = Vec::new();
        course_rows(course, "plan", 0, &mut rows);
        lines.extend(aligned(&rows));
    }
    lines.extend(
        story
            .shadows
            .iter()
            .map(|s| format!("shadow {s}, whose answer is dropped")),
    );
    lines.join("\n")
}

/// Why a rule did not take the request.
pub(super) fn why_not(why: &WhyNot) -> String {
    let mut lines = vec![why.sentence.clone(), String::new()];
    let width = [Some(&why.rule), why.taken.as_ref()].into_iter().flatten();
    let width = width.map(|r| place(r).chars().count()).max().unwrap_or(0);
    let pad = " ".repeat(width + 8);
    for rule in [why.taken.as_ref(), Some(&why.rule)].into_iter().flatten() {
        lines.extend(rule_lines(
            rule,
            width,
            condition(rule).chars().count(),
            false,
        ));
        let reasons = if rule.number == why.rule.number && rule.outcome != Outcome::Taken {
            &why.because
        } else {
            &rule.because
        };
        lines.extend(grouped(reasons).into_iter().map(|r| format!("{pad}  {r}")));
    }
    lines.join("\n")
}

fn facts(facts: &[Fact]) -> String {
    let width = facts
        .iter()
        .map(|f| f.fact.chars().count())
        .max()
        .unwrap_or(0);
    let line = |f: &Fact| format!("  {:width$}  {}", f.fact, f.value);
    facts.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn entered(entered: &Entered, width: usize) -> String {
    let head = match entered.rules.len() {
        1 => format!("{}, 1 rule", entered.policy),
        n => format!(
            "{}, {n} rules, the first that applies decides",
            entered.policy
        ),
    };
    let mut lines = vec![head];
    if !entered.terms.is_empty() {
        lines.push(facts(&entered.terms));
        lines.push(String::new());
    }
    let lengths = entered.rules.iter().map(|r| condition(r).chars().count());
    let column = lengths.filter(|l| *l <= WIDE).max().unwrap_or(0);
    for rule in &entered.rules {
        lines.extend(rule_lines(rule, width, column, true));
    }
    lines.join("\n")
}

/// A rule: what became of the request, where it stands, what it asks, what it does; then why.
fn rule_lines(rule: &Told, width: usize, column: usize, why: bool) -> Vec<String> {
    let mark = match (rule.outcome, rule.holds) {
        (Outcome::Taken, _) => "YES",
        (Outcome::PassedOver, _) => "no",
        (Outcome::NotReached, _) => "-",
    };
    let (place, asks) = (place(rule), condition(rule));
    let head = format!("  {mark:<4}{place:<width$}  ");
    let pad = " ".repeat(width + 8);
    let mut lines = if asks.chars().count() <= column {
        vec![format!("{head}{asks:<column$}  {}", rule.then)]
    } else {
        vec![
            format!("{head}{asks}"),
            format!("{pad}{:<column$}  {}", "", rule.then),
        ]
    };
    if why {
        lines.extend(because(rule).map(|text| format!("{pad}  {text}")));
    }
    lines
}

fn because(rule: &Told) -> Option<String> {
    let all = grouped(&rule.because).join("; ");
    match rule.outcome {
        Outcome::NotReached if rule.holds == Truth::True && rule.condition.is_some() => {
            Some(format!("not reached; would apply, too: {all}"))
        }
        Outcome::NotReached => None,
        _ if all.is_empty() => None,
        _ => Some(all),
    }
}

fn place(rule: &Told) -> String {
    format!("{}:{}", rule.file, rule.line)
}

fn condition(rule: &Told) -> String {
    let asks = match &rule.condition {
        Some(_) => format!("when {}", rule.when),
        None => "else".to_owned(),
    };
    match &rule.name {
        Some(name) => format!("rule {name} {asks}"),
        None => asks,
    }
}

/// A line of a plan: what is done, what holds for it, and a remark.
struct Row {
    depth: usize,
    what: String,
    options: String,
    notes: String,
    /// Columns are aligned among targets; headings are left alone.
    target: bool,
}

fn course_rows(course: &Course, label: &str, depth: usize, rows: &mut Vec<Row>) {
    let place = course
        .place
        .as_ref()
        .map_or_else(String::new, |p| format!(" ({p})"));
    let name = course.plan.as_ref().map(|p| format!("plan {p}{place}"));
    let mut what = match (label, &name) {
        ("plan", Some(name)) => name.clone(),
        ("plan", None) => format!("plan: {}", course.said),
        (label, Some(name)) => format!("{label}  {name}"),
        (label, None) => format!("{label}  {}", course.said),
    };
    let mut options = course.options.join(", ");
    let target = course.target.is_some();
    if let (Some(_), true) = (&name, target) {
        what = format!("{what}: {}", course.said);
    }
    if !target {
        if name.is_some() {
            what = format!("{what}: {}", course.said);
        }
        if !options.is_empty() {
            what = format!("{what}, {options}");
        }
        options = String::new();
    }
    rows.push(Row {
        depth,
        what,
        options,
        notes: course.notes.join("; "),
        target,
    });
    let width = course
        .arms
        .iter()
        .map(|a| a.label.chars().count())
        .max()
        .unwrap_or(0);
    for arm in &course.arms {
        course_rows(
            &arm.course,
            &format!("{:width$}", arm.label),
            depth + 1,
            rows,
        );
        if let (Some(row), Some(when)) = (
            rows.iter_mut().rev().find(|r| r.depth == depth + 1),
            guard(arm),
        ) {
            row.notes = [row.notes.as_str(), &when]
                .into_iter()
                .filter(|n| !n.is_empty())
                .collect::<Vec<_>>()
                .join("; ");
        }
    }
}

fn guard(arm: &Branch) -> Option<String> {
    let when = arm.when.as_ref()?;
    Some(match arm.open {
        Truth::True => format!("when {when}, which is true"),
        Truth::False => format!("passed over: when {when}, which is false"),
        Truth::Unknown => format!("when {when}"),
    })
}

fn aligned(rows: &[Row]) -> Vec<String> {
    let shown = |row: &Row| format!("{}{}", "  ".repeat(row.depth), row.what);
    let targets = || rows.iter().filter(|r| r.target);
    let what = targets()
        .map(|r| shown(r).chars().count())
        .max()
        .unwrap_or(0);
    let options = targets()
        .map(|r| r.options.chars().count())
        .max()
        .unwrap_or(0);
    let line = |row: &Row| {
        let text = if row.target {
            let (a, b, c) = (shown(row), &row.options, &row.notes);
            if options == 0 {
                format!("{a:<what$}  {c}")
            } else {
                format!("{a:<what$}  {b:<options$}  {c}")
            }
        } else if row.notes.is_empty() {
            shown(row)
        } else {
            format!("{}  {}", shown(row), row.notes)
        };
        text.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
