//! `accept when …`: conditions on answers.

use crate::check::ability::finish;
use crate::image::{Accept, Compare, Finish};
use crate::quantity;
use crate::report::Report;
use crate::tree::{Expr, Sign, Test};
use crate::words::{self, ACCEPTS};

/// What makes an answer good enough.
pub(super) fn read(expr: &Expr, report: &mut Report) -> Option<Accept> {
    let each = |parts: &[Expr], report: &mut Report| -> Option<Vec<Accept>> {
        let read: Vec<_> = parts.iter().map(|p| read(p, report)).collect();
        read.into_iter().collect()
    };
    match expr {
        Expr::All(parts) => each(parts, report).map(Accept::All),
        Expr::Any(parts) => each(parts, report).map(Accept::Any),
        Expr::Not(inner) => read(inner, report).map(|a| Accept::Not(Box::new(a))),
        Expr::Test(test) => accept(test, report),
    }
}

/// Whether a judge is asked.
pub(super) fn scores(accept: &Accept) -> bool {
    match accept {
        Accept::All(parts) | Accept::Any(parts) => parts.iter().any(scores),
        Accept::Not(inner) => scores(inner),
        Accept::Score(..) => true,
        Accept::Finish(_) | Accept::Schema | Accept::Output(..) => false,
    }
}

fn accept(test: &Test, report: &mut Report) -> Option<Accept> {
    let subject = test.subject.first()?;
    let Some(known) = words::subject(ACCEPTS, &subject.text) else {
        report
            .error(
                "mux::name::answer",
                subject.span,
                format!("answers are not judged by `{}`", subject.text),
            )
            .advise(&subject.text, words::names(ACCEPTS), "they are judged by");
        return None;
    };
    let rest: Vec<&str> = test.subject.iter().skip(1).map(|w| &*w.text).collect();
    let whole = match known.name {
        "score" => rest == ["of", "judge"],
        _ => rest.is_empty(),
    };
    let compare = test.sign.and_then(|(sign, _)| sign.compare());
    if let ("finish", true, Some((Sign::In | Sign::NotIn, _)), [_, ..]) =
        (known.name, whole, test.sign, test.values.as_slice())
    {
        return finishes(test, report);
    }
    let (true, Some(compare), [value]) = (whole, compare, test.values.as_slice()) else {
        return form(test, known.form, report);
    };
    let of = known.name;
    match (of, compare) {
        ("score", _) => quantity::score(value, of, report).map(|s| Accept::Score(compare, s)),
        ("output", _) => quantity::tokens(value, of, report).map(|n| Accept::Output(compare, n)),
        ("finish", Compare::Is | Compare::IsNot) => finishes(test, report),
        ("schema", Compare::Is) if value.says("valid") => Some(Accept::Schema),
        ("schema", Compare::IsNot) if value.says("valid") => {
            Some(Accept::Not(Box::new(Accept::Schema)))
        }
        _ => form(test, known.form, report),
    }
}

fn form(test: &Test, form: &str, report: &mut Report) -> Option<Accept> {
    report
        .error(
            "mux::statement::form",
            test.span,
            "this says nothing about an answer",
        )
        .help(format!("write `{form}`"));
    None
}

fn finishes(test: &Test, report: &mut Report) -> Option<Accept> {
    let each: Vec<_> = test.values.iter().map(|w| finish(w, report)).collect();
    let each: Vec<Finish> = each.into_iter().collect::<Option<_>>()?;
    let mut each: Vec<_> = each.into_iter().map(Accept::Finish).collect();
    let any = if each.len() == 1 {
        each.remove(0)
    } else {
        Accept::Any(each)
    };
    Some(match test.sign {
        Some((Sign::IsNot | Sign::NotIn, _)) => Accept::Not(Box::new(any)),
        _ => any,
    })
}
