//! The most that a request can take on every route of a bundle: calls, time, money.

use mux_dsl::Image;
use mux_dsl::image::{Millis, Policy, PolicyId, Rule, RuleId, Verdict};
use mux_dsl::worst::{Worst, unpriced, worst_up_to};
use mux_replay::verdict::dollars;
use serde::Serialize;
use std::fmt::Write;

/// The request that costs are told for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sized {
    /// Tokens of its prompt.
    pub(crate) tokens: u32,
    /// Tokens of its answer.
    pub(crate) output: u32,
}

/// What the requests of one rule can take.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    policy: String,
    rule: String,
    plan: String,
    /// Calls to providers, at most.
    calls: u32,
    /// Copies that are sent besides, not counted with the rest.
    copies: usize,
    /// Until the client is committed, or has the whole answer, at most; absent where some part has no deadline.
    milliseconds: Option<Millis>,
    /// At most; absent where some target has no price.
    pico_dollars: Option<i64>,
    /// Those targets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unpriced: Vec<String>,
}

/// Every rule that carries requests out, in textual order.
pub(crate) fn rows(image: &Image, sized: Sized) -> Vec<Row> {
    let policies = (0..).map(PolicyId).zip(&image.policies);
    policies
        .flat_map(|(id, policy)| {
            let rules = (0..).map(RuleId).zip(&policy.rules);
            rules.filter_map(move |(at, rule)| row(image, (id, policy), (at, rule), sized))
        })
        .collect()
}

fn row(
    image: &Image,
    (id, policy): (PolicyId, &Policy),
    (at, rule): (RuleId, &Rule),
    sized: Sized,
) -> Option<Row> {
    let Verdict::Use(plan) = image.verdict(id, at)? else {
        return None;
    };
    let plan = image.plans.get(plan.index())?;
    let Worst {
        attempts,
        time,
        cost,
    } = worst_up_to(&plan.route, &image.plans, &image.fleet, sized.tokens.into());
    let unpriced = unpriced(&plan.route, &image.plans, &image.fleet);
    let place = || format!("{}:{}", rule.file, rule.line);
    Some(Row {
        policy: format!("@{}", policy.name),
        rule: rule.name.as_deref().map_or_else(place, str::to_owned),
        plan: plan.name.as_deref().unwrap_or("written in the rule").into(),
        calls: attempts,
        copies: rule.shadows.len(),
        milliseconds: match (time, policy.within) {
            (Some(time), Some(within)) => Some(time.min(within)),
            (time, within) => time.or(within),
        },
        pico_dollars: cost.map(|cost| cost.of(sized.tokens, sized.output)),
        unpriced: unpriced.iter().map(|t| t.name.to_string()).collect(),
    })
}

/// For people, in columns.
pub(crate) fn table(rows: &[Row], sized: Sized) -> String {
    let cells: Vec<[String; 4]> = rows.iter().map(cells).collect();
    let width = |at: usize| {
        let widths = cells.iter().filter_map(|c| c.get(at));
        widths.map(|c| c.chars().count()).max().unwrap_or(0)
    };
    let (policy, rule, plan) = (width(0), width(1), width(2));
    let mut text = format!(
        "\nat most, for {} tokens of prompt and {} of answer:\n",
        sized.tokens, sized.output
    );
    for [a, b, c, rest] in &cells {
        // Writing into a text cannot fail.
        let _ = writeln!(text, "  {a:policy$}  {b:rule$}  {c:plan$}  {rest}");
    }
    text
}

fn cells(row: &Row) -> [String; 4] {
    let calls = match row.calls {
        1 => "1 call".to_owned(),
        n => format!("{n} calls"),
    };
    let time = row
        .milliseconds
        .map_or_else(|| "no deadline".to_owned(), seconds);
    let cost = match row.pico_dollars {
        Some(cost) => dollars(cost),
        None if row.unpriced.is_empty() => "no price known".to_owned(),
        None => format!("no price known of {}", row.unpriced.join(", ")),
    };
    let copies = match row.copies {
        0 => String::new(),
        1 => ", and a copy besides".to_owned(),
        n => format!(", and {n} copies besides"),
    };
    [
        row.policy.clone(),
        row.rule.clone(),
        row.plan.clone(),
        format!("{calls}, {time}, {cost}{copies}"),
    ]
}

fn seconds(time: Millis) -> String {
    if time.is_multiple_of(1_000) {
        format!("{}s", time / 1_000)
    } else {
        format!("{time}ms")
    }
}
