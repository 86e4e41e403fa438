//! Tests with `is not` on facts that may be absent: they are false where the fact is, which few expect.

use crate::names::Names;
use crate::report::Report;
use crate::tree::{Expr, Item, Sign, Test};
use crate::words::{self, FACTS};
use std::collections::HashMap;

/// Longest chain of named conditions that is followed.
const FOLLOWED: usize = 8;

/// Facts that every request has of which a condition holds, by their names.
pub(crate) fn present(expr: &Expr, names: &Names<'_>) -> Vec<Box<str>> {
    let mut found = Vec::new();
    gather(expr, names, FOLLOWED, &mut found);
    found
}

fn gather(expr: &Expr, names: &Names<'_>, left: usize, found: &mut Vec<Box<str>>) {
    match expr {
        Expr::All(parts) => parts.iter().for_each(|p| gather(p, names, left, found)),
        Expr::Test(test) => match test.subject.as_slice() {
            [has, what] if has.says("has") => found.push(what.text.clone()),
            [name] if test.sign.is_some() => found.push(name.text.clone()),
            [name] => {
                let define = names.defines.index(&name.text);
                let decl = define.and_then(|at| names.defines.get(at as usize));
                if let Some([_, Item::Guard(guard)]) = decl.map(|d| d.line.args)
                    && let Some(left) = left.checked_sub(1)
                {
                    gather(&guard.expr, names, left, found);
                }
            }
            _ => {}
        },
        Expr::Any(_) | Expr::Not(_) => {}
    }
}

/// Facts that are known to be there: what the conditions around say, and what stands beside a part.
pub(super) struct Known<'k> {
    around: Option<&'k Known<'k>>,
    /// By name, in how many parts it is said.
    said: HashMap<Box<str>, usize>,
    /// What the part itself says, which is no reason.
    own: &'k [Box<str>],
}

impl Known<'_> {
    /// What is known of every request to begin with.
    pub(super) fn of(facts: &[Box<str>]) -> Self {
        Self {
            around: None,
            said: counted(facts),
            own: &[],
        }
    }

    fn has(&self, name: &str) -> bool {
        let own = self.own.iter().filter(|o| ***o == *name).count();
        let said = self.said.get(name).copied().unwrap_or(0);
        said > own || self.around.is_some_and(|around| around.has(name))
    }
}

fn counted<'n>(names: impl IntoIterator<Item = &'n Box<str>>) -> HashMap<Box<str>, usize> {
    let mut counts = HashMap::new();
    for name in names {
        *counts.entry(name.clone()).or_default() += 1;
    }
    counts
}

/// Warns of each such test whose fact is not known to be there.
pub(super) fn check(expr: &Expr, known: &Known<'_>, names: &Names<'_>, report: &mut Report) {
    match expr {
        Expr::All(parts) => each(parts, known, names, report, &|other| present(other, names)),
        // `not has x or x is not …` says what becomes of requests without it.
        Expr::Any(parts) => each(parts, known, names, report, &|other| match other {
            Expr::Not(inner) => present(inner, names),
            _ => Vec::new(),
        }),
        Expr::Not(inner) => check(inner, known, names, report),
        Expr::Test(test) => one(test, known, report),
    }
}

/// Each part, with what the others say of its requests.
fn each(
    parts: &[Expr],
    around: &Known<'_>,
    names: &Names<'_>,
    report: &mut Report,
    says: &dyn Fn(&Expr) -> Vec<Box<str>>,
) {
    let said: Vec<Vec<Box<str>>> = parts.iter().map(says).collect();
    let mut known = Known {
        around: Some(around),
        said: counted(said.iter().flatten()),
        own: &[],
    };
    for (part, own) in parts.iter().zip(&said) {
        known.own = own;
        check(part, &known, names, report);
    }
}

fn one(test: &Test, known: &Known<'_>, report: &mut Report) {
    let (Some((Sign::IsNot | Sign::NotIn, _)), [subject]) = (test.sign, test.subject.as_slice())
    else {
        return;
    };
    let optional = words::subject(FACTS, &subject.text).is_some_and(|f| f.optional);
    if !optional || known.has(&subject.text) {
        return;
    }
    report
        .warning(
            "mux::cond::absent",
            test.span,
            format!("a request without `{}` fails this test", subject.text),
        )
        .help(format!(
            "if it should pass, write `not (… is …)`; if it should fail, say so: `has {} and …`",
            subject.text
        ));
}
