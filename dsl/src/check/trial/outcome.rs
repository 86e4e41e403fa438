//! What a test expects: `expect …` lines, and the cells of an `expect` column.

use crate::case::{Compare, That};
use crate::check::ability;
use crate::check::choice::{self, Joins};
use crate::image::{PlanId, PolicyId, ProviderId, TargetId};
use crate::names::{Names, Table};
use crate::quantity;
use crate::report::Report;
use crate::source::Span;
use crate::tree::{Expr, Kind, Sign, Test, Word};
use crate::words::{self, EXPECTS};

/// The expectations of a line; several joined by `and`.
pub(super) fn read(expr: &Expr, names: &Names<'_>, report: &mut Report) -> Vec<That> {
    match expr {
        Expr::All(parts) => parts.iter().flat_map(|p| read(p, names, report)).collect(),
        Expr::Test(test) => that(test, names, report).into_iter().collect(),
        Expr::Not(inner) => match &**inner {
            Expr::Test(test) if is_flag(test, "denied") => vec![That::Allowed],
            Expr::Test(test) if flagged(test) => {
                let that = flag(test, report).into_iter();
                that.map(|that| That::Not(Box::new(that))).collect()
            }
            _ => wrong(expr, report),
        },
        Expr::Any(_) => wrong(expr, report),
    }
}

fn is_flag(test: &Test, word: &str) -> bool {
    test.sign.is_none() && matches!(test.subject.as_slice(), [w] if w.says(word))
}

/// Whether a test is an outcome that is or is not, without a value.
fn flagged(test: &Test) -> bool {
    let words = test.subject.iter().map(|w| w.text.as_ref());
    let words: Vec<&str> = words.collect();
    test.sign.is_none() && matches!(words.as_slice(), ["failed" | "private"] | ["can", _])
}

/// Such an outcome.
fn flag(test: &Test, report: &mut Report) -> Option<That> {
    match test.subject.as_slice() {
        [_, feature] => ability::feature(feature, report).map(That::Can),
        [word] if word.says("private") => Some(That::Private),
        _ => Some(That::Failed),
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
                "write one `expect` line for each; `not` stands before `denied`, `failed`, `private` and `can`, elsewhere it is `is not`",
            );
    }
    Vec::new()
}

fn that(test: &Test, names: &Names<'_>, report: &mut Report) -> Option<That> {
    if flagged(test) {
        return flag(test, report);
    }
    let [outcome] = test.subject.as_slice() else {
        report
            .error(
                "mux::test::outcome",
                test.span,
                "this is no outcome of a request",
            )
            .advise("", words::names(EXPECTS), "the outcomes are");
        return None;
    };
    let Some(known) = words::subject(EXPECTS, &outcome.text) else {
        unknown(outcome, report);
        return None;
    };
    let Some((sign, at)) = test.sign else {
        report
            .error(
                "mux::test::outcome",
                test.span,
                format!("`{}` is compared with nothing", outcome.text),
            )
            .help(format!("write `{}`", known.form));
        return None;
    };
    let listed = test.values.iter().any(|v| v.kind == Kind::Name);
    if outcome.says("attempts") && listed {
        return attempts(test, (sign, at), names, report);
    }
    match outcome.text.as_ref() {
        "cost" | "total" | "attempts" => figure(outcome, test, (sign, at), report),
        "tier" if sign.compare().is_some() => figure(outcome, test, (sign, at), report),
        _ => {
            let values: Vec<&Word> = test.values.iter().collect();
            let joins = Joins {
                any: That::Any,
                not: That::Not,
            };
            let of = outcome.text.as_ref();
            choice::named(of, (sign, at), &values, &joins, report, &mut |v, report| {
                one(of, v, names, report)
            })
        }
    }
}

/// `attempts is TARGET …`: all of them, in order.
fn attempts(
    test: &Test,
    (sign, at): (Sign, Span),
    names: &Names<'_>,
    report: &mut Report,
) -> Option<That> {
    let targets: Vec<_> = test
        .values
        .iter()
        .map(|v| target(v, names, report))
        .collect();
    let all = That::Attempts(targets.into_iter().collect::<Option<_>>()?);
    match sign {
        Sign::Is => Some(all),
        Sign::IsNot => Some(That::Not(Box::new(all))),
        _ => {
            report
                .error(
                    "mux::type::comparison",
                    at,
                    format!("a list of attempts cannot be compared with `{}`", sign.word()),
                )
                .help("lists of attempts are compared with `is` and `is not`, their number with `<=` and its like");
            None
        }
    }
}

/// Outcomes that are numbers.
fn figure(
    outcome: &Word,
    test: &Test,
    (sign, at): (Sign, Span),
    report: &mut Report,
) -> Option<That> {
    let Some(compare) = sign.compare() else {
        report.error(
            "mux::type::comparison",
            at,
            format!(
                "`{}` cannot be compared with `{}`",
                outcome.text,
                sign.word()
            ),
        );
        return None;
    };
    let [value] = test.values.as_slice() else {
        report.error(
            "mux::test::outcome",
            test.span,
            format!("`{}` is compared with one value", outcome.text),
        );
        return None;
    };
    match outcome.text.as_ref() {
        "cost" => quantity::money(value, "cost", report).map(|m| That::Cost(compare, m)),
        "total" => quantity::time(value, "total", report).map(|t| That::Total(compare, t)),
        "tier" => ability::tier(value, report).map(|t| That::Tier(compare, t)),
        _ => quantity::count(value, "attempts", report).map(|n| That::Count(compare, n)),
    }
}

/// Outcomes that are names.
fn one(outcome: &str, value: &Word, names: &Names<'_>, report: &mut Report) -> Option<That> {
    let id = |table: &Table<'_>, report: &mut Report| table.index_of(value, report);
    if value.kind == Kind::Text && outcome != "denied" {
        report
            .error(
                "mux::syntax::quotes",
                value.span,
                "names stand without quotes",
            )
            .help(format!("write `{}`", value.text))
            .fix(value.span, value.text.to_string());
        return None;
    }
    match outcome {
        "rule" => Some(That::Rule(value.text.to_string())),
        "arm" => Some(That::Arm(value.text.to_string())),
        "region" => names
            .region(value, report)
            .map(|r| That::Region(r.into_string())),
        "tier" => ability::tier(value, report).map(|t| That::Tier(Compare::Is, t)),
        "plan" => id(&names.plans, report).map(|id| That::Plan(PlanId(id))),
        "policy" => id(&names.policies, report).map(|id| That::Policy(PolicyId(id))),
        "provider" => id(&names.providers, report).map(|id| That::Provider(ProviderId(id))),
        "first" => target(value, names, report).map(That::First),
        "served" => target(value, names, report).map(That::Served),
        _ => status(value, report).map(That::Denied),
    }
}

fn target(value: &Word, names: &Names<'_>, report: &mut Report) -> Option<TargetId> {
    names.models.index_of(value, report).map(TargetId)
}

/// A cell: `plan NAME`, `deny STATUS`, `policy @NAME`, a target, `failed`, or `OUTCOME VALUE`.
pub(super) fn cell(
    words: &[Word],
    at: Span,
    names: &Names<'_>,
    report: &mut Report,
) -> Option<That> {
    match words {
        [deny, code] if deny.says("deny") => status(code, report).map(That::Denied),
        [not, denied] if not.says("not") && denied.says("denied") => Some(That::Allowed),
        [failed] if failed.says("failed") => Some(That::Failed),
        [name] if name.text.contains('/') => target(name, names, report).map(That::First),
        [outcome, value]
            if matches!(
                outcome.text.as_ref(),
                "plan" | "policy" | "rule" | "served" | "provider" | "region" | "arm" | "first"
            ) =>
        {
            one(&outcome.text, value, names, report)
        }
        _ => {
            report
                .error("mux::test::outcome", at, "this is no outcome of a request")
                .help("a cell holds `plan NAME`, `deny STATUS`, `policy @NAME`, `rule NAME`, `arm NAME`, `PROVIDER/MODEL`, `served PROVIDER/MODEL`, `not denied` or `failed`");
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

fn unknown(outcome: &Word, report: &mut Report) {
    report
        .error(
            "mux::name::outcome",
            outcome.span,
            format!("there is no outcome `{}`", outcome.text),
        )
        .advise(&outcome.text, words::names(EXPECTS), "the outcomes are");
}
