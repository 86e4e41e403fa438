//! Tests on numbers: tokens, limits, budgets, and the live figures of targets.

use super::scope::{Scope, single, subject_of};
use crate::atom::{Atom, Number};
use crate::case::Compare;
use crate::condition::Cond;
use crate::image::{BudgetId, TargetId};
use crate::names::Names;
use crate::quantity;
use crate::report::Report;
use crate::request::HealthState;
use crate::tree::{self, Sign, Word};

/// A test on a fact that is a number.
pub(super) fn number(
    scope: &mut Scope<'_>,
    fact: Number,
    subject: &Word,
    test: &tree::Test,
    report: &mut Report,
) -> Option<Cond> {
    let Some((sign, at)) = test.sign else {
        report
            .error(
                "mux::type::comparison",
                subject.span,
                format!("`{}` is a number, not true or false", subject.text),
            )
            .help(format!("compare it: `{} > …`", subject_of(test)));
        return None;
    };
    let compare = match sign {
        Sign::Is => Compare::Is,
        Sign::IsNot => Compare::IsNot,
        Sign::More => Compare::More,
        Sign::AtLeast => Compare::AtLeast,
        Sign::Less => Compare::Less,
        Sign::AtMost => Compare::AtMost,
        Sign::In | Sign::NotIn | Sign::Matches | Sign::StartsWith => {
            report
                .error(
                    "mux::type::comparison",
                    at,
                    format!(
                        "`{}` is a number, and cannot be compared with `{}`",
                        subject.text,
                        sign.word()
                    ),
                )
                .help("numbers are compared with `>`, `>=`, `<`, `<=`, `is` and `is not`");
            return None;
        }
    };
    let word = single(subject, test, report)?;
    let value = match fact {
        Number::Tokens | Number::OutputLimit => {
            quantity::tokens(word, &subject.text, report).map(u64::from)
        }
        Number::Inflight(_) => quantity::count(word, &subject.text, report).map(u64::from),
        Number::P50(_) | Number::P95(_) | Number::P99(_) => {
            quantity::time(word, &subject.text, report)
        }
        Number::ErrorRate(_) | Number::Used(_) | Number::Headroom(_) => {
            quantity::share(word, &subject.text, report).map(u64::from)
        }
    }?;
    Some(scope.written(Atom::Number(fact, compare, value), test))
}

/// A test on a live figure.
pub(super) fn metric(
    scope: &mut Scope<'_>,
    metric: &Word,
    names: &[Word],
    test: &tree::Test,
    report: &mut Report,
) -> Option<Cond> {
    match (metric.text.as_ref(), names) {
        ("used", [word, name]) if word.says("budget") => {
            let budget = BudgetId(scope.names.budgets.find(name, report)?);
            number(scope, Number::Used(budget), metric, test, report)
        }
        ("health", [name]) => health(scope, name, test, report),
        ("p50" | "p95" | "error_rate", [name]) => {
            let target = TargetId(scope.names.models.find(name, report)?);
            let fact = match metric.text.as_ref() {
                "p50" => Number::P50(target),
                "p95" => Number::P95(target),
                _ => Number::ErrorRate(target),
            };
            number(scope, fact, metric, test, report)
        }
        _ => {
            let at = names.last().map_or(metric.span, |n| metric.span.to(n.span));
            report
                .error("mux::name::metric", at, format!("there is no figure `{}`", subject_of(test)))
                .help("the figures are `p50`, `p95`, `error_rate` and `health` of PROVIDER/MODEL, `health of` PROVIDER, and `used of budget` NAME");
            None
        }
    }
}

fn health(
    scope: &mut Scope<'_>,
    name: &Word,
    test: &tree::Test,
    report: &mut Report,
) -> Option<Cond> {
    let targets = targets(scope.names, name, report)?;
    let states: Vec<_> = test.values.iter().map(|w| state(w, report)).collect();
    let states: Vec<HealthState> = states.into_iter().collect::<Option<_>>()?;
    let negated = match test.sign {
        Some((Sign::Is, _)) if states.len() == 1 => false,
        Some((Sign::IsNot, _)) if states.len() == 1 => true,
        Some((Sign::In, _)) => false,
        Some((Sign::NotIn, _)) => true,
        _ => {
            report
                .error(
                    "mux::type::comparison",
                    test.span,
                    "`health` is compared with `is` or `is not`",
                )
                .help(format!("write `{} is down`", subject_of(test)));
            return None;
        }
    };
    let subject = subject_of(test);
    let each = states.into_iter().zip(&test.values).map(|(state, word)| {
        scope.test_of(
            Atom::Health(targets.clone(), state),
            format!("{subject} is {}", word.text),
            test.span,
        )
    });
    let any = Cond::Any(each.collect());
    Some(if negated {
        Cond::Not(Box::new(any))
    } else {
        any
    })
}

/// The target of this name, or all targets of the provider of this name.
pub(crate) fn targets(
    names: &Names<'_>,
    name: &Word,
    report: &mut Report,
) -> Option<Box<[TargetId]>> {
    if name.text.contains('/') || names.providers.index(&name.text).is_none() {
        let known = if name.text.contains('/') {
            &names.models
        } else {
            &names.providers
        };
        return known.find(name, report).map(|id| [TargetId(id)].into());
    }
    let provider = names.providers.find(name, report)? as usize;
    let models = (0..)
        .map(TargetId)
        .zip(names.models.iter())
        .filter(|(_, m)| m.owner == provider);
    Some(models.map(|(id, _)| id).collect())
}

/// A health state by its word.
pub(crate) fn state(word: &Word, report: &mut Report) -> Option<HealthState> {
    let states = [
        ("ok", HealthState::Ok),
        ("degraded", HealthState::Degraded),
        ("down", HealthState::Down),
    ];
    let found = states
        .iter()
        .find(|(name, _)| word.says(name))
        .map(|(_, state)| *state);
    if found.is_none() {
        report
            .error(
                "mux::name::health",
                word.span,
                format!("there is no health `{}`", word.text),
            )
            .help("health is `ok`, `degraded` or `down`");
    }
    found
}
