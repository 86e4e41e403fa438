//! What a test expects: `expect …` lines, and the cells of an `expect` column.

use crate::case::{Compare, That};
use crate::check::ability;
use crate::image::{PlanId, PolicyId, TargetId};
use crate::names::Names;
use crate::quantity;
use crate::report::Report;
use crate::source::Span;
use crate::suggest;
use crate::tree::{Expr, Kind, Sign, Test, Word};

const OUTCOMES: [&str; 12] = [
    "plan", "rule", "policy", "first", "attempts", "served", "failed", "denied", "cost", "total",
    "region", "tier",
];

/// The expectations of a line; several joined by `and`.
pub(super) fn read(expr: &Expr, names: &Names<'_>, report: &mut Report) -> Vec<That> {
    match expr {
        Expr::All(parts) => parts.iter().flat_map(|p| read(p, names, report)).collect(),
        Expr::Test(test) => that(test, names, report).into_iter().collect(),
        Expr::Not(inner) => match &**inner {
            Expr::Test(test)
                if test.sign.is_none()
                    && matches!(test.subject.as_slice(), [w] if w.says("denied")) =>
            {
                vec![That::Allowed]
            }
            _ => wrong(expr, report),
        },
        Expr::Any(_) => wrong(expr, report),
    }
}

fn wrong(expr: &Expr, report: &mut Report) -> Vec<That> {
    if let Some(at) = expr.span() {
        report
            .error(
                "mux::test::outcome",
                at,
                "an expectation is one outcome, and no choice between several",
            )
            .help(
                "write one `expect` line for each; `expect not denied` is the only one with `not`",
            );
    }
    Vec::new()
}

fn that(test: &Test, names: &Names<'_>, report: &mut Report) -> Option<That> {
    let [outcome] = test.subject.as_slice() else {
        report
            .error(
                "mux::test::outcome",
                test.span,
                "this is no outcome of a request",
            )
            .help(format!("the outcomes are {}", suggest::listed(&OUTCOMES)));
        return None;
    };
    if outcome.says("failed") && test.sign.is_none() {
        return Some(That::Failed);
    }
    let Some((sign, at)) = test.sign else {
        if OUTCOMES.contains(&&*outcome.text) {
            report
                .error(
                    "mux::test::outcome",
                    test.span,
                    format!("`{}` is compared with nothing", outcome.text),
                )
                .help(format!("write `expect {} is …`", outcome.text));
        } else {
            unknown(outcome, report);
        }
        return None;
    };
    let compare = compare(sign).or_else(|| {
        report.error(
            "mux::type::comparison",
            at,
            format!("an outcome cannot be compared with `{}`", sign.word()),
        );
        None
    })?;
    if matches!(outcome.text.as_ref(), "attempts")
        && compare == Compare::Is
        && test.values.iter().any(|v| v.kind == Kind::Name)
    {
        let targets: Vec<_> = test
            .values
            .iter()
            .map(|v| names.models.index_of(v, report))
            .collect();
        return Some(That::Attempts(
            targets
                .into_iter()
                .map(|t| t.map(TargetId))
                .collect::<Option<_>>()?,
        ));
    }
    let [value] = test.values.as_slice() else {
        report.error(
            "mux::test::outcome",
            test.span,
            format!("`{}` is compared with one value", outcome.text),
        );
        return None;
    };
    match outcome.text.as_ref() {
        "cost" => Some(That::Cost(compare, quantity::money(value, "cost", report)?)),
        "total" => Some(That::Total(
            compare,
            quantity::time(value, "total", report)?,
        )),
        "attempts" => Some(That::Count(
            compare,
            quantity::count(value, "attempts", report)?,
        )),
        "tier" => Some(That::Tier(compare, ability::tier(value, report)?)),
        _ if compare != Compare::Is && OUTCOMES.contains(&&*outcome.text) => {
            let message = format!("`{}` can only be compared with `is`", outcome.text);
            report.error("mux::type::comparison", at, message);
            None
        }
        _ => named(outcome, value, names, report),
    }
}

/// Outcomes that are names.
fn named(outcome: &Word, value: &Word, names: &Names<'_>, report: &mut Report) -> Option<That> {
    match outcome.text.as_ref() {
        "rule" => Some(That::Rule(value.text.to_string())),
        "region" => Some(That::Region(value.text.to_string())),
        "plan" => names
            .plans
            .index_of(value, report)
            .map(|id| That::Plan(PlanId(id))),
        "policy" => names
            .policies
            .index_of(value, report)
            .map(|id| That::Policy(PolicyId(id))),
        "first" => names
            .models
            .index_of(value, report)
            .map(|id| That::First(TargetId(id))),
        "served" => names
            .models
            .index_of(value, report)
            .map(|id| That::Served(TargetId(id))),
        "denied" => status(value, report).map(That::Denied),
        _ => {
            unknown(outcome, report);
            None
        }
    }
}

/// A cell: `plan NAME`, `deny STATUS`, `policy @NAME`, a target, `failed`, or `OUTCOME VALUE`.
pub(super) fn cell(
    words: &[Word],
    at: Span,
    names: &Names<'_>,
    report: &mut Report,
) -> Option<That> {
    match words {
        [plan, name] if plan.says("plan") => names
            .plans
            .index_of(name, report)
            .map(|id| That::Plan(PlanId(id))),
        [policy, name] if policy.says("policy") => names
            .policies
            .index_of(name, report)
            .map(|id| That::Policy(PolicyId(id))),
        [rule, name] if rule.says("rule") => Some(That::Rule(name.text.to_string())),
        [served, name] if served.says("served") => names
            .models
            .index_of(name, report)
            .map(|id| That::Served(TargetId(id))),
        [deny, code] if deny.says("deny") => status(code, report).map(That::Denied),
        [not, denied] if not.says("not") && denied.says("denied") => Some(That::Allowed),
        [failed] if failed.says("failed") => Some(That::Failed),
        [target] if target.text.contains('/') => names
            .models
            .index_of(target, report)
            .map(|id| That::First(TargetId(id))),
        _ => {
            report
                .error("mux::test::outcome", at, "this is no outcome of a request")
                .help("a cell holds `plan NAME`, `deny STATUS`, `policy @NAME`, `rule NAME`, `PROVIDER/MODEL`, `served PROVIDER/MODEL`, `not denied` or `failed`");
            None
        }
    }
}

fn status(word: &Word, report: &mut Report) -> Option<u16> {
    let status = quantity::count(word, "denied", report)?;
    let status = u16::try_from(status)
        .ok()
        .filter(|s| (400..=599).contains(s));
    if status.is_none() {
        report.error(
            "mux::type::range",
            word.span,
            format!("`{}` is no status of a refusal", word.text),
        );
    }
    status
}

fn compare(sign: Sign) -> Option<Compare> {
    Some(match sign {
        Sign::Is => Compare::Is,
        Sign::IsNot => Compare::IsNot,
        Sign::Less => Compare::Less,
        Sign::AtMost => Compare::AtMost,
        Sign::More => Compare::More,
        Sign::AtLeast => Compare::AtLeast,
        Sign::In | Sign::NotIn | Sign::Matches | Sign::StartsWith => return None,
    })
}

fn unknown(outcome: &Word, report: &mut Report) {
    let finding = report.error(
        "mux::name::outcome",
        outcome.span,
        format!("there is no outcome `{}`", outcome.text),
    );
    match suggest::advice(&outcome.text, OUTCOMES) {
        Ok(close) => finding.meant(close),
        Err(list) => finding.help(format!("the outcomes are {list}")),
    };
}
