//! `guarantee` blocks: what must hold for everything that requests can reach.

use super::ability::{feature, tier};
use super::choice::{self, Joins};
use super::condition::Conditions;
use crate::case::{Expectation, Guarantee, Property};
use crate::condition::Cond;
use crate::cursor::Cursor;
use crate::image::{Compare, ProviderId, TargetId};
use crate::lines::Line;
use crate::names::Names;
use crate::quantity;
use crate::report::Report;
use crate::source::{Sources, Span};
use crate::tree::{Expr, Kind, Sign, Test, Word};
use crate::words::{self, PROMISES};

/// Every guarantee of a bundle, with its place.
pub(super) fn read<'t>(
    names: &Names<'t>,
    sources: &Sources,
    conditions: &mut Conditions<'t>,
    report: &mut Report,
) -> Vec<(Guarantee, Span)> {
    let lines = names.others.iter().filter(|l| l.entry.word == "guarantee");
    lines
        .filter_map(|line| {
            Some((
                guarantee(line, names, sources, conditions, report)?,
                line.stmt.span,
            ))
        })
        .collect()
}

fn guarantee<'t>(
    line: &Line<'t>,
    names: &Names<'t>,
    sources: &Sources,
    conditions: &mut Conditions<'t>,
    report: &mut Report,
) -> Option<Guarantee> {
    let mut cursor = Cursor::of(line);
    let name = cursor.need(Kind::Text, "the name of the guarantee, in quotes", report)?;
    cursor.end(report);
    let mut when: Option<Cond> = None;
    let mut expects = Vec::new();
    for line in line.body(report) {
        let mut cursor = Cursor::of(&line);
        let Some(guard) = cursor.guard() else {
            cursor.missing("a condition", report);
            continue;
        };
        cursor.end(report);
        if line.entry.word == "when" {
            let cond = conditions.read(&guard.expr, report)?;
            when = Some(match when {
                Some(outer) => outer.and(cond),
                None => cond,
            });
            continue;
        }
        let text = sources.slice(line.stmt.span).split_whitespace();
        let text = text.collect::<Vec<_>>().join(" ");
        for that in properties(&guard.expr, names, report) {
            expects.push(Expectation {
                text: text.clone(),
                line: sources.position(line.stmt.span).0,
                that,
            });
        }
    }
    if line.stmt.block.as_ref().is_some_and(|b| b.lacks("expect")) {
        report
            .error(
                "mux::guarantee::no-expect",
                line.stmt.span,
                format!("the guarantee `{}` promises nothing", name.text),
            )
            .help("add a line such as `expect region is eu` or `expect not denied`");
    }
    Some(Guarantee {
        name: name.text.to_string(),
        file: sources.path(line.stmt.span.file).into(),
        line: sources.position(line.stmt.span).0,
        when,
        expects,
    })
}

/// The properties of a line; several joined by `and`.
fn properties(expr: &Expr, names: &Names<'_>, report: &mut Report) -> Vec<Property> {
    match expr {
        Expr::All(parts) => parts
            .iter()
            .flat_map(|p| properties(p, names, report))
            .collect(),
        Expr::Test(test) => property(test, names, report).into_iter().collect(),
        Expr::Not(inner) => match &**inner {
            Expr::Test(test) if test.sign.is_none() => {
                let inner = property(test, names, report);
                inner
                    .map(|p| Property::Not(Box::new(p)))
                    .into_iter()
                    .collect()
            }
            _ => choice_of(expr, report),
        },
        Expr::Any(_) => choice_of(expr, report),
    }
}

fn choice_of(expr: &Expr, report: &mut Report) -> Vec<Property> {
    if let Some(at) = expr.span() {
        report
            .error(
                "mux::guarantee::property",
                at,
                "a promise is one property, and no choice between several",
            )
            .help("write one `expect` line for each; `in` lists the values that one can have");
    }
    Vec::new()
}

fn property(test: &Test, names: &Names<'_>, report: &mut Report) -> Option<Property> {
    let subject = test.subject.first()?;
    let known = words::subject(PROMISES, &subject.text);
    let whole = test.subject.len() == 1 || subject.says("can");
    let Some(known) = known.filter(|_| whole) else {
        report
            .error(
                "mux::guarantee::property",
                test.span,
                format!("nothing can be promised about `{}`", subject.text),
            )
            .advise(&subject.text, words::names(PROMISES), "promises are about");
        return None;
    };
    match (known.name, test.sign) {
        ("private", None) => Some(Property::Private),
        ("denied", None) => Some(Property::Denied),
        ("can", None) => feature(test.subject.get(1)?, report).map(Property::Can),
        ("private" | "denied" | "can", Some(_)) | (_, None) => {
            form(test.span, known.form, report);
            None
        }
        ("attempts" | "cost" | "total", Some(sign)) => figure(known.name, test, sign, report),
        ("tier", Some(sign)) if sign.0.compare().is_some() => {
            figure(known.name, test, sign, report)
        }
        (name, Some(sign)) => named(name, test, sign, names, report),
    }
}

fn form(at: Span, form: &str, report: &mut Report) {
    report
        .error(
            "mux::guarantee::property",
            at,
            "this is no property that can be promised",
        )
        .help(format!("write `{form}`"));
}

fn figure(
    of: &str,
    test: &Test,
    (sign, at): (Sign, Span),
    report: &mut Report,
) -> Option<Property> {
    let (Some(compare), [value]) = (sign.compare(), test.values.as_slice()) else {
        report
            .error(
                "mux::type::comparison",
                at,
                format!("`{of}` cannot be compared like this"),
            )
            .help("it is compared with one value, by `<`, `<=`, `>`, `>=` or `is`");
        return None;
    };
    if of != "tier" && !matches!(compare, Compare::Less | Compare::AtMost) {
        report
            .error(
                "mux::guarantee::property",
                at,
                format!("of `{of}` only the most can be promised"),
            )
            .help(format!(
                "write `expect {of} <= …`: a request may always take less"
            ));
        return None;
    }
    match of {
        "attempts" => quantity::count(value, of, report).map(|n| Property::Attempts(compare, n)),
        "cost" => quantity::money(value, of, report).map(|m| Property::Cost(compare, m)),
        "total" => quantity::time(value, of, report).map(|t| Property::Total(compare, t)),
        _ => tier(value, report).map(|t| Property::Tier(compare, t)),
    }
}

fn named(
    of: &str,
    test: &Test,
    sign: (Sign, Span),
    names: &Names<'_>,
    report: &mut Report,
) -> Option<Property> {
    let values: Vec<&Word> = test.values.iter().collect();
    let joins = Joins {
        any: Property::Any,
        not: Property::Not,
    };
    choice::named(
        of,
        sign,
        &values,
        &joins,
        report,
        &mut |value, report| match of {
            "region" => names.region(value, report).map(Property::Region),
            "tier" => tier(value, report).map(|t| Property::Tier(Compare::Is, t)),
            "provider" => {
                let id = names.providers.index_of(value, report);
                id.map(|id| Property::Provider(ProviderId(id)))
            }
            _ => {
                let id = names.models.index_of(value, report);
                id.map(|id| Property::Target(TargetId(id)))
            }
        },
    )
}
