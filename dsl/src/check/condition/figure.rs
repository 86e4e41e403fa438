//! Tests on numbers: tokens, limits, budgets, and the live figures of targets.

use super::scope::{Scope, single, subject_of};
use crate::atom::{Atom, Number};
use crate::condition::Cond;
use crate::image::{BudgetId, Compare, TargetId};
use crate::names::Names;
use crate::quantity;
use crate::report::Report;
use crate::request::HealthState;
use crate::tree::{self, Sign, Word};
use crate::words::{self, METRICS};

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
        Number::P50(_) | Number::P95(_) | Number::P99(_) => {
            quantity::time(word, &subject.text, report)
        }
        Number::Inflight(_) => quantity::count(word, &subject.text, report).map(u64::from),
        Number::ErrorRate(_) | Number::Headroom(_) | Number::Used(_) => {
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
    let make: fn(TargetId) -> Number = match (metric.text.as_ref(), names) {
        ("used", [word, name]) if word.says("budget") => {
            let budget = BudgetId(scope.names.budgets.find(name, report)?);
            return number(scope, Number::Used(budget), metric, test, report);
        }
        ("health", [name]) => return health(scope, name, test, report),
        ("breaker", [name]) => return breaker(scope, name, test, report),
        ("p50", [_]) => Number::P50,
        ("p95", [_]) => Number::P95,
        ("p99", [_]) => Number::P99,
        ("error_rate", [_]) => Number::ErrorRate,
        ("inflight", [_]) => Number::Inflight,
        ("headroom", [_]) => Number::Headroom,
        _ => {
            unknown(metric, names, test, report);
            return None;
        }
    };
    let target = TargetId(scope.names.models.find(names.first()?, report)?);
    number(scope, make(target), metric, test, report)
}

fn unknown(metric: &Word, names: &[Word], test: &tree::Test, report: &mut Report) {
    if let Some(known) = words::subject(METRICS, &metric.text) {
        let at = names.last().map_or(metric.span, |n| metric.span.to(n.span));
        report
            .error(
                "mux::statement::form",
                at,
                format!("`{}` is a figure of something else", metric.text),
            )
            .help(format!("write `{}`", known.form));
        return;
    }
    report
        .error(
            "mux::name::metric",
            metric.span,
            format!("there is no figure `{}`", subject_of(test)),
        )
        .advise(&metric.text, words::names(METRICS), "the figures are");
}

/// `breaker of TARGET is open | closed`.
fn breaker(
    scope: &mut Scope<'_>,
    name: &Word,
    test: &tree::Test,
    report: &mut Report,
) -> Option<Cond> {
    let target = TargetId(scope.names.models.find(name, report)?);
    let is = match test.sign {
        Some((Sign::Is, _)) => Some(true),
        Some((Sign::IsNot, _)) => Some(false),
        _ => None,
    };
    let open = match test.values.as_slice() {
        [state] if state.says("open") => Some(true),
        [state] if state.says("closed") => Some(false),
        _ => None,
    };
    let Some((is, open)) = is.zip(open) else {
        report
            .error(
                "mux::type::comparison",
                test.span,
                "a breaker is `open` or `closed`",
            )
            .help(format!("write `{} is open`", subject_of(test)));
        return None;
    };
    let written = format!("{} is open", subject_of(test));
    let cond = scope.test_of(Atom::BreakerOpen(target), written, test.span);
    Some(if is == open {
        cond
    } else {
        Cond::Not(Box::new(cond))
    })
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
