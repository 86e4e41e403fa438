//! `where …`: conditions on targets.

use crate::check::ability::{feature, tier};
use crate::check::choice::{self, Joins};
use crate::check::condition::state;
use crate::image::{Compare, Features, Filter, ProviderId, Quantile};
use crate::names::Names;
use crate::quantity;
use crate::report::Report;
use crate::source::Span;
use crate::tree::{Expr, Sign, Test, Word};
use crate::words::{self, FILTERS};

/// Words behind the last value, which are options of the strategy and no values.
pub(super) fn rest(expr: &Expr) -> &[Word] {
    match expr {
        Expr::All(parts) | Expr::Any(parts) => parts.last().map_or(&[], rest),
        Expr::Not(inner) => rest(inner),
        Expr::Test(test) => {
            let option = |w: &Word| words::is_option(&w.text) && !w.text.contains('/');
            let from = test.values.iter().skip(1).position(option);
            from.and_then(|at| test.values.get(at + 1..)).unwrap_or(&[])
        }
    }
}

/// A filter; values that begin at `until` or behind it belong to something else.
pub(super) fn read(
    expr: &Expr,
    until: Option<usize>,
    names: &Names<'_>,
    report: &mut Report,
) -> Option<Filter> {
    let each = |parts: &[Expr], report: &mut Report| -> Option<Vec<Filter>> {
        let read: Vec<_> = parts
            .iter()
            .map(|p| read(p, until, names, report))
            .collect();
        read.into_iter().collect()
    };
    match expr {
        Expr::All(parts) => each(parts, report).map(Filter::All),
        Expr::Any(parts) => each(parts, report).map(Filter::Any),
        Expr::Not(inner) => read(inner, until, names, report).map(|f| Filter::Not(Box::new(f))),
        Expr::Test(test) => {
            let own = |w: &&Word| until.is_none_or(|until| w.span.start < until);
            let values: Vec<&Word> = test.values.iter().filter(own).collect();
            filter(test, &values, names, report)
        }
    }
}

fn filter(test: &Test, values: &[&Word], names: &Names<'_>, report: &mut Report) -> Option<Filter> {
    let subject = test.subject.first()?;
    if subject.says("can") {
        return can(test, report);
    }
    let known = words::subject(FILTERS, &subject.text).filter(|_| test.subject.len() == 1);
    let Some(known) = known else {
        unknown(subject, test, report);
        return None;
    };
    let Some((sign, at)) = test.sign.filter(|_| !values.is_empty()) else {
        report
            .error(
                "mux::type::comparison",
                test.span,
                format!("`{}` is compared with nothing", subject.text),
            )
            .help(format!("write `{}`", known.form));
        return None;
    };
    let listed = matches!(sign, Sign::In | Sign::NotIn);
    let by_name = matches!(subject.text.as_ref(), "provider" | "region" | "health");
    if by_name || listed && subject.says("tier") {
        return named(subject, (sign, at), values, names, report);
    }
    if let Some(extra) = values.get(1) {
        report
            .error(
                "mux::statement::extra",
                extra.span,
                format!("`{}` is compared with one value", subject.text),
            )
            .help(format!("write `{}`", known.form));
        return None;
    }
    let Some(compare) = sign.compare() else {
        report
            .error(
                "mux::type::comparison",
                at,
                format!(
                    "`{}` cannot be compared with `{}`",
                    subject.text,
                    sign.word()
                ),
            )
            .help(format!("write `{}`", known.form));
        return None;
    };
    figure(subject, compare, values.first()?, report)
}

fn unknown(subject: &Word, test: &Test, report: &mut Report) {
    let at = test
        .subject
        .last()
        .map_or(subject.span, |l| subject.span.to(l.span));
    report
        .error(
            "mux::name::filter",
            at,
            format!("targets cannot be chosen by `{}`", subject.text),
        )
        .advise(
            &subject.text,
            words::names(FILTERS),
            "they can be chosen by",
        );
}

fn can(test: &Test, report: &mut Report) -> Option<Filter> {
    let Some(word) = test.subject.get(1).filter(|_| test.sign.is_none()) else {
        report
            .error(
                "mux::statement::form",
                test.span,
                "`can` is followed by one capability and nothing else",
            )
            .help("write `where can reasoning`");
        return None;
    };
    feature(word, report).map(|f: Features| Filter::Can(f))
}

fn figure(subject: &Word, compare: Compare, value: &Word, report: &mut Report) -> Option<Filter> {
    let of = subject.text.as_ref();
    let latency = |quantile, report: &mut Report| {
        quantity::time(value, of, report).map(|time| Filter::Latency(quantile, compare, time))
    };
    match of {
        "tier" => tier(value, report).map(|tier| Filter::Tier(compare, tier)),
        "context" => quantity::tokens(value, of, report).map(|n| Filter::Context(compare, n)),
        "price" => quantity::price(value, of, report).map(|p| Filter::Price(compare, p)),
        "p50" => latency(Quantile::P50, report),
        "p95" => latency(Quantile::P95, report),
        "p99" => latency(Quantile::P99, report),
        _ => quantity::share(value, of, report).map(|s| Filter::ErrorRate(compare, s)),
    }
}

/// Tests on what has a name.
fn named(
    subject: &Word,
    sign: (Sign, Span),
    values: &[&Word],
    names: &Names<'_>,
    report: &mut Report,
) -> Option<Filter> {
    let joins = Joins {
        any: Filter::Any,
        not: Filter::Not,
    };
    choice::named(
        &subject.text,
        sign,
        values,
        &joins,
        report,
        &mut |value, report| match subject.text.as_ref() {
            "provider" => {
                let provider = names.providers.index_of(value, report);
                provider.map(|id| Filter::Provider(ProviderId(id)))
            }
            "region" => names.region(value, report).map(Filter::Region),
            "tier" => tier(value, report).map(|tier| Filter::Tier(Compare::Is, tier)),
            _ => state(value, report).map(Filter::Health),
        },
    )
}
