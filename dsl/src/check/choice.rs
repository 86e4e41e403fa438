//! Comparisons with names: `is`, `is not`, `in`, `not in`.

use crate::report::Report;
use crate::source::Span;
use crate::tree::{Sign, Word};

/// How several choices become one.
pub(super) struct Joins<T> {
    pub(super) any: fn(Vec<T>) -> T,
    pub(super) not: fn(Box<T>) -> T,
}

/// What each value stands for, joined by what the sign says.
pub(super) fn named<T>(
    subject: &str,
    (sign, at): (Sign, Span),
    values: &[&Word],
    joins: &Joins<T>,
    report: &mut Report,
    one: &mut dyn FnMut(&Word, &mut Report) -> Option<T>,
) -> Option<T> {
    let negated = match sign {
        Sign::Is | Sign::In => false,
        Sign::IsNot | Sign::NotIn => true,
        _ => {
            report
                .error(
                    "mux::type::comparison",
                    at,
                    format!("`{subject}` cannot be compared with `{}`", sign.word()),
                )
                .help("names are compared with `is`, `is not`, `in` and `not in`");
            return None;
        }
    };
    let listed = matches!(sign, Sign::In | Sign::NotIn);
    if let Some(extra) = values.get(1).filter(|_| !listed) {
        report
            .error(
                "mux::statement::extra",
                extra.span,
                format!("`{subject}` is compared with one value here"),
            )
            .help("several values need `in`");
        return None;
    }
    let each: Vec<_> = values.iter().map(|value| one(value, report)).collect();
    let mut each: Vec<T> = each.into_iter().collect::<Option<_>>()?;
    let any = if each.len() == 1 {
        each.remove(0)
    } else {
        (joins.any)(each)
    };
    Some(if negated {
        (joins.not)(Box::new(any))
    } else {
        any
    })
}
