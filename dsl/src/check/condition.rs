//! Conditions: what is compared with what, resolved to atoms.

mod absent;
mod clock;
mod figure;
mod scope;
mod text;

pub(super) use absent::present;
pub(super) use clock::named as zone;
pub(super) use figure::{state, targets};

use super::{ability, sets};
use crate::atom::{Atom, Number, Tables, Text};
use crate::condition::Cond;
use crate::image::Features;
use crate::load::Loaded;
use crate::names::Names;
use crate::quantity;
use crate::report::Report;
use crate::suggest;
use crate::tree::{self, Expr, Item, Kind, Word};
use crate::words::{self, FACTS, METRICS};
use scope::Scope;
use std::sync::Arc;

/// Most tests in one condition, its named parts written out: a handful of lines can otherwise stand for millions.
const LARGEST: usize = 10_000;

/// Deepest nesting of a condition, and longest chain of named ones: both are walked by recursion.
const DEEPEST: usize = 128;

/// Reads conditions; keeps what their atoms refer to.
#[derive(Debug)]
pub(crate) struct Conditions<'t> {
    scope: Scope<'t>,
    defines: Vec<Define>,
    /// Named conditions that are being read.
    open: Vec<usize>,
    /// That named conditions grow too large has been reported; one is the cause of the next.
    endless: bool,
}

#[derive(Clone, Debug)]
enum Define {
    Unread,
    /// Wrong; that has been reported.
    Wrong,
    Read(Cond),
}

impl<'t> Conditions<'t> {
    /// Reads the sets and all named conditions.
    pub(super) fn new(names: &'t Names<'t>, loaded: &'t Loaded, report: &mut Report) -> Self {
        let tables = Tables {
            sets: sets::read(names, loaded, report)
                .into_iter()
                .map(Arc::new)
                .collect(),
            zones: Vec::new(),
            names: names.sets.iter().map(|s| s.name.clone()).collect(),
            declared: names
                .declared
                .closed()
                .filter_map(|(name, values)| {
                    let values = values.iter().cloned().collect();
                    Some((text::named(name)?, Arc::new(values)))
                })
                .collect(),
        };
        let count = names.defines.iter().count();
        let mut conditions = Self {
            scope: Scope {
                names,
                sources: &loaded.sources,
                tables,
                zones: Vec::new(),
            },
            defines: vec![Define::Unread; count],
            open: Vec::new(),
            endless: false,
        };
        for index in 0..count {
            conditions.define(index, report);
        }
        conditions
    }

    /// What the atoms refer to.
    pub(super) fn finish(self) -> Tables {
        self.scope.tables
    }

    /// A condition; `None` if it is wrong, which has been reported.
    pub(super) fn read(&mut self, expr: &Expr, report: &mut Report) -> Option<Cond> {
        self.read_of(expr, &[], report)
    }

    /// A condition on requests that are known to have some facts.
    pub(super) fn read_of(
        &mut self,
        expr: &Expr,
        known: &[Box<str>],
        report: &mut Report,
    ) -> Option<Cond> {
        absent::check(expr, &absent::Known::of(known), self.scope.names, report);
        let cond = self.expr(expr, report)?;
        if cond.size() > LARGEST || cond.depth() > DEEPEST {
            if std::mem::replace(&mut self.endless, true) {
                return None;
            }
            let at = expr.span()?;
            report
                .error(
                    "mux::define::size",
                    at,
                    "this condition grows too large when the conditions it names are written out",
                )
                .help("the conditions it names multiply; name fewer of them twice");
            return None;
        }
        Some(cond)
    }

    fn expr(&mut self, expr: &Expr, report: &mut Report) -> Option<Cond> {
        match expr {
            Expr::All(parts) => Some(Cond::All(self.each(parts, report)?)),
            Expr::Any(parts) => Some(Cond::Any(self.each(parts, report)?)),
            Expr::Not(inner) => Some(Cond::Not(Box::new(self.expr(inner, report)?))),
            Expr::Test(test) => self.test(test, report),
        }
    }

    /// Every part, so that every mistake is found; `None` if any is wrong.
    fn each(&mut self, parts: &[Expr], report: &mut Report) -> Option<Vec<Cond>> {
        let read: Vec<_> = parts.iter().map(|p| self.expr(p, report)).collect();
        read.into_iter().collect()
    }

    fn define(&mut self, index: usize, report: &mut Report) -> Option<Cond> {
        match self.defines.get(index)? {
            Define::Read(cond) => return Some(cond.clone()),
            Define::Wrong => return None,
            Define::Unread => {}
        }
        let decl = self.scope.names.defines.get(index)?;
        if let Some(from) = self.open.iter().position(|o| *o == index) {
            let ring = self.open.iter().skip(from).chain([&index]);
            let words: Vec<_> = ring
                .filter_map(|i| self.scope.names.defines.get(*i))
                .map(|d| format!("`{}`", d.name))
                .collect();
            report.error(
                "mux::cycle::define",
                decl.span,
                format!("these conditions use each other: {}", words.join(" -> ")),
            );
            self.defines
                .iter_mut()
                .enumerate()
                .filter(|(i, _)| self.open.contains(i))
                .for_each(|(_, d)| *d = Define::Wrong);
            return None;
        }
        if self.open.len() >= DEEPEST {
            if !std::mem::replace(&mut self.endless, true) {
                report
                    .error(
                        "mux::define::size",
                        decl.span,
                        format!(
                            "more than {DEEPEST} conditions lead to `{}`, each naming the next",
                            decl.name
                        ),
                    )
                    .help("shorten the chain: what is that deep, nobody can follow at night");
            }
            *self.defines.get_mut(index)? = Define::Wrong;
            return None;
        }
        let [_, Item::Guard(guard)] = decl.line.args else {
            report
                .error(
                    "mux::statement::form",
                    decl.line.stmt.span,
                    "a named condition is one `when` and nothing else",
                )
                .help(format!("write `{}`", decl.line.entry.form));
            *self.defines.get_mut(index)? = Define::Wrong;
            return None;
        };
        if words::subject(FACTS, &decl.name).is_some() {
            report
                .error(
                    "mux::define::fact",
                    decl.span,
                    format!("`{}` is a fact, and no name for a condition", decl.name),
                )
                .help("a condition that is named like a fact could never be asked for: give it another name");
            *self.defines.get_mut(index)? = Define::Wrong;
            return None;
        }
        self.open.push(index);
        let cond = self.read(&guard.expr, report);
        let cond = cond.map(|cond| self.scope.named(&decl.name, decl.span, cond));
        self.open.pop();
        let slot = self.defines.get_mut(index)?;
        *slot = cond.clone().map_or(Define::Wrong, Define::Read);
        cond
    }

    fn test(&mut self, test: &tree::Test, report: &mut Report) -> Option<Cond> {
        if test.subject.iter().chain(&test.values).any(Word::hidden) {
            return None;
        }
        match test.subject.as_slice() {
            [has, what] if has.says("has") => self.has(what, test, report),
            [metric, of, names @ ..] if of.says("of") => {
                figure::metric(&mut self.scope, metric, names, test, report)
            }
            [subject] => self.plain(subject, test, report),
            _ => None,
        }
    }

    fn has(&mut self, what: &Word, test: &tree::Test, report: &mut Report) -> Option<Cond> {
        if let Some((sign, at)) = test.sign {
            report
                .error(
                    "mux::type::comparison",
                    at,
                    format!("`has` is a test by itself, without `{}`", sign.word()),
                )
                .help("write `has NAME` or `not has NAME`");
            return None;
        }
        if text::fact(what).is_some() && !text::allowed(&self.scope, what, report) {
            return None;
        }
        let atom = match (text::fact(what), what.text.as_ref()) {
            (Some(Text::Model | Text::Operation | Text::Dialect), _) => None,
            (Some(fact), _) => Some(Atom::Has(fact)),
            (None, "output_limit") => Some(Atom::HasOutputLimit),
            (None, "reasoning" | "streaming") => {
                let help = if what.says("streaming") {
                    "write `streaming`"
                } else {
                    "`reasoning` describes models; no request needs it"
                };
                report
                    .error(
                        "mux::type::fact",
                        what.span,
                        format!("`{}` is nothing a request has", what.text),
                    )
                    .help(help);
                return None;
            }
            _ => {
                return ability::feature(what, report)
                    .map(|f| self.scope.written(Atom::Needs(f), test));
            }
        };
        if atom.is_none() {
            report.error(
                "mux::type::fact",
                what.span,
                format!("every request has a `{}`", what.text),
            );
        }
        Some(self.scope.written(atom?, test))
    }

    fn plain(&mut self, subject: &Word, test: &tree::Test, report: &mut Report) -> Option<Cond> {
        if let Some(fact) = text::fact(subject) {
            if !text::allowed(&self.scope, subject, report) {
                return None;
            }
            return text::read(&mut self.scope, &fact, subject, test, report);
        }
        match subject.text.as_ref() {
            "tokens" => figure::number(&mut self.scope, Number::Tokens, subject, test, report),
            "output_limit" => {
                figure::number(&mut self.scope, Number::OutputLimit, subject, test, report)
            }
            "streaming" if test.sign.is_none() => Some(self.scope.written(Atom::Streaming, test)),
            "time" => clock::read(&mut self.scope, subject, test, report),
            metric
                if self.scope.names.defines.index(metric).is_none()
                    && let Some(metric) = words::subject(METRICS, metric) =>
            {
                report
                    .error(
                        "mux::type::fact",
                        subject.span,
                        format!("`{}` of what?", subject.text),
                    )
                    .help(format!("write `{}`", metric.form));
                None
            }
            _ if subject.kind != Kind::Name => {
                report
                    .error(
                        "mux::type::fact",
                        subject.span,
                        format!(
                            "a condition begins with a fact, and this is {}",
                            quantity::what(subject)
                        ),
                    )
                    .help("put the fact first: `tokens > 3k`, `tag.tier is \"gold\"`");
                None
            }
            _ => self.named(subject, test, report),
        }
    }

    fn named(&mut self, subject: &Word, test: &tree::Test, report: &mut Report) -> Option<Cond> {
        if let Some((sign, at)) = test.sign.filter(|_| {
            self.scope.names.defines.index(&subject.text).is_some() || subject.says("streaming")
        }) {
            report
                .error(
                    "mux::type::comparison",
                    at,
                    format!(
                        "`{}` is true or false, and cannot be compared with `{}`",
                        subject.text,
                        sign.word()
                    ),
                )
                .help(format!("write `{0}` or `not {0}`", subject.text));
            return None;
        }
        if test.sign.is_some() || self.scope.names.defines.index(&subject.text).is_none() {
            self.unknown(subject, test, report);
            return None;
        }
        let index = self.scope.names.defines.find(subject, report)?;
        self.define(index as usize, report)
    }

    fn unknown(&self, subject: &Word, test: &tree::Test, report: &mut Report) {
        let defines: Vec<&str> = self
            .scope
            .names
            .defines
            .iter()
            .map(|d| d.name.as_ref())
            .collect();
        let facts: Vec<&str> = words::names(FACTS).collect();
        let finding = report.error(
            "mux::name::define",
            subject.span,
            format!("no fact or condition called `{}`", subject.text),
        );
        let features = Features::ALL.iter().map(|(_, name)| *name);
        let known = defines.iter().chain(&facts).copied();
        let quoted = test.values.iter().any(|w| w.kind == Kind::Text);
        let tag = test.sign.is_some() && quoted && !subject.text.contains('.');
        match suggest::fact(&subject.text, known, features) {
            Some(close) => finding.meant(&close),
            None if tag => finding.meant(&format!("tag.{}", subject.text)),
            None if defines.is_empty() => finding.help(format!(
                "the facts are {}; a condition is named by `define {} when …`",
                suggest::listed(&facts),
                subject.text
            )),
            None => finding.help(format!(
                "the facts are {}; the conditions are {}",
                suggest::listed(&facts),
                suggest::listed(&defines)
            )),
        };
    }
}
