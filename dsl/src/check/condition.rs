//! Conditions: what is compared with what, resolved to atoms.

mod clock;

use super::{fleet, sets};
use crate::atom::{Atom, Number, Tables, Text};
use crate::case::Compare;
use crate::condition::{Cond, Test};
use crate::image::{BudgetId, TargetId};
use crate::load::Loaded;
use crate::names::Names;
use crate::quantity;
use crate::report::Report;
use crate::request::HealthState;
use crate::source::{Sources, Span};
use crate::suggest;
use crate::tree::{self, Expr, Item, Kind, Sign, Word};
use std::collections::HashSet;
use std::sync::Arc;

/// Most tests in one condition, its named parts written out: a handful of lines can otherwise stand for millions.
const LARGEST: usize = 10_000;

/// Reads conditions; keeps what their atoms refer to.
#[derive(Debug)]
pub(crate) struct Conditions<'t> {
    names: &'t Names<'t>,
    sources: &'t Sources,
    tables: Tables,
    /// Zone names, beside [`Tables::zones`].
    zones: Vec<Box<str>>,
    defines: Vec<Define>,
    /// Named conditions that are being read.
    open: Vec<usize>,
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
        let tables = Tables { sets: sets::read(names, loaded, report), zones: Vec::new() };
        let count = names.defines.iter().count();
        let mut conditions = Self {
            names,
            sources: &loaded.sources,
            tables,
            zones: Vec::new(),
            defines: vec![Define::Unread; count],
            open: Vec::new(),
        };
        for index in 0..count {
            conditions.define(index, report);
        }
        conditions
    }

    /// What the atoms refer to.
    pub(super) fn finish(self) -> Tables {
        self.tables
    }

    /// A condition; `None` if it is wrong, which has been reported.
    pub(super) fn read(&mut self, expr: &Expr, report: &mut Report) -> Option<Cond> {
        let cond = self.expr(expr, report)?;
        if cond.size() > LARGEST {
            let at = expr.span()?;
            report
                .error("mux::define::size", at, format!("this condition stands for more than {LARGEST} tests"))
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
        let decl = self.names.defines.get(index)?;
        if let Some(from) = self.open.iter().position(|o| *o == index) {
            let ring = self.open.iter().skip(from).chain([&index]);
            let words: Vec<_> = ring.filter_map(|i| self.names.defines.get(*i)).map(|d| format!("`{}`", d.name)).collect();
            report.error("mux::cycle::define", decl.span, format!("these conditions use each other: {}", words.join(" -> ")));
            self.defines.iter_mut().enumerate().filter(|(i, _)| self.open.contains(i)).for_each(|(_, d)| *d = Define::Wrong);
            return None;
        }
        let [_, Item::Guard(guard)] = decl.line.args else {
            report
                .error("mux::statement::form", decl.line.stmt.span, "a named condition is one `when` and nothing else")
                .help(format!("write `{}`", decl.line.entry.form));
            *self.defines.get_mut(index)? = Define::Wrong;
            return None;
        };
        self.open.push(index);
        let cond = self.read(&guard.expr, report);
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
            [metric, of, names @ ..] if of.says("of") => self.metric(metric, names, test, report),
            [subject] => self.plain(subject, test, report),
            _ => None,
        }
    }

    fn has(&mut self, what: &Word, test: &tree::Test, report: &mut Report) -> Option<Cond> {
        if let Some((sign, at)) = test.sign {
            report
                .error("mux::type::comparison", at, format!("`has` is a test by itself, without `{}`", sign.word()))
                .help("write `has NAME` or `not has NAME`");
            return None;
        }
        let atom = match (text(what), what.text.as_ref()) {
            (Some(Text::Model), _) => None,
            (Some(fact), _) => Some(Atom::Has(fact)),
            (None, "output_limit") => Some(Atom::HasOutputLimit),
            (None, "reasoning" | "streaming") => {
                let help = if what.says("streaming") { "write `streaming`" } else { "`reasoning` describes models; no request needs it" };
                report.error("mux::type::fact", what.span, format!("`{}` is nothing a request has", what.text)).help(help);
                return None;
            }
            _ => return fleet::feature(what, report).map(|f| self.written(Atom::Needs(f), test)),
        };
        match atom {
            Some(atom) => Some(self.written(atom, test)),
            None => {
                report.error("mux::type::fact", what.span, "every request has a `model`");
                None
            }
        }
    }

    fn plain(&mut self, subject: &Word, test: &tree::Test, report: &mut Report) -> Option<Cond> {
        if let Some(fact) = text(subject) {
            return self.text(fact, subject, test, report);
        }
        match subject.text.as_ref() {
            "tokens" => self.number(Number::Tokens, subject, test, report),
            "output_limit" => self.number(Number::OutputLimit, subject, test, report),
            "streaming" if test.sign.is_none() => Some(self.written(Atom::Streaming, test)),
            "time" => self.time(subject, test, report),
            "p50" | "p95" | "error_rate" | "health" | "used" => {
                let of = if subject.says("used") { "budget NAME" } else { "PROVIDER/MODEL" };
                report
                    .error("mux::type::fact", subject.span, format!("`{}` of what?", subject.text))
                    .help(format!("write `{} of {of}`", subject.text));
                None
            }
            _ if subject.kind != Kind::Name => {
                report
                    .error("mux::type::fact", subject.span, format!("a condition begins with a fact, and this is {}", quantity::what(subject)))
                    .help("put the fact first: `tokens > 3k`, `tag.tier is \"gold\"`");
                None
            }
            _ => self.named(subject, test, report),
        }
    }

    fn named(&mut self, subject: &Word, test: &tree::Test, report: &mut Report) -> Option<Cond> {
        if let Some((sign, at)) = test.sign.filter(|_| self.names.defines.index(&subject.text).is_some() || subject.says("streaming")) {
            report
                .error("mux::type::comparison", at, format!("`{}` is true or false, and cannot be compared with `{}`", subject.text, sign.word()))
                .help(format!("write `{0}` or `not {0}`", subject.text));
            return None;
        }
        if test.sign.is_some() || self.names.defines.index(&subject.text).is_none() {
            self.unknown(subject, report);
            return None;
        }
        let index = self.names.defines.find(subject, report)?;
        self.define(index as usize, report)
    }

    fn unknown(&self, subject: &Word, report: &mut Report) {
        const FACTS: [&str; 9] = ["tokens", "output_limit", "streaming", "end_user", "key", "model", "conversation", "time", "tag.NAME"];
        let defines: Vec<&str> = self.names.defines.iter().map(|d| d.name.as_ref()).collect();
        let finding = report.error("mux::name::define", subject.span, format!("no fact or condition called `{}`", subject.text));
        match suggest::closest(&subject.text, defines.iter().copied().chain(FACTS)) {
            Some(close) => finding.label(format!("did you mean `{close}`?")),
            None if defines.is_empty() => finding.help(format!("the facts are {}; a condition is named by `define {} when …`", suggest::listed(&FACTS), subject.text)),
            None => finding.help(format!("the facts are {}; the conditions are {}", suggest::listed(&FACTS), suggest::listed(&defines))),
        };
    }

    fn text(&mut self, fact: Text, subject: &Word, test: &tree::Test, report: &mut Report) -> Option<Cond> {
        let Some((sign, at)) = test.sign else {
            report
                .error("mux::type::comparison", subject.span, format!("`{}` is not true or false", subject.text))
                .help(format!("write `has {0}` or `{0} is \"…\"`", subject.text));
            return None;
        };
        let negated = matches!(sign, Sign::IsNot | Sign::NotIn);
        let positive = match sign {
            Sign::Is | Sign::IsNot => self.is(&fact, subject, test, report)?,
            Sign::In | Sign::NotIn => self.member(&fact, test, report)?,
            Sign::Matches | Sign::StartsWith => {
                let value = self.single(subject, test, report)?;
                let value = self.value(&fact, value, report)?;
                let make = if sign == Sign::Matches { Atom::Matches } else { Atom::StartsWith };
                self.written(make(fact.clone(), value), test)
            }
            Sign::AtLeast | Sign::AtMost | Sign::More | Sign::Less => {
                report
                    .error("mux::type::comparison", at, format!("`{}` is text, and cannot be compared with `{}`", subject.text, sign.word()))
                    .help("text is compared with `is`, `is not`, `in`, `not in`, `matches` and `starts with`");
                return None;
            }
        };
        if !negated {
            return Some(positive);
        }
        // An absent fact makes every test on it false, `is not` included.
        let present = self.test_of(Atom::Has(fact), format!("has {}", subject.text), test.span);
        Some(present.and(Cond::Not(Box::new(positive))))
    }

    fn is(&mut self, fact: &Text, subject: &Word, test: &tree::Test, report: &mut Report) -> Option<Cond> {
        let word = self.single(subject, test, report)?;
        let value = self.value(fact, word, report)?;
        let written = format!("{} is {}", subject.text, self.sources.slice(word.span));
        let exact = self.test_of(Atom::Is(fact.clone(), value.clone()), written.clone(), test.span);
        // Clients may leave out the `@` of a policy.
        match value.strip_prefix('@').filter(|_| *fact == Text::Model) {
            Some(bare) => Some(Cond::Any(vec![exact, self.test_of(Atom::Is(Text::Model, bare.into()), written, test.span)])),
            None => Some(exact),
        }
    }

    fn member(&mut self, fact: &Text, test: &tree::Test, report: &mut Report) -> Option<Cond> {
        let mut parts = Vec::new();
        let mut values = HashSet::new();
        for word in &test.values {
            if word.kind == Kind::Name {
                let set = self.names.sets.find(word, report)?;
                let text = format!("{} in {}", self.subject(test), word.text);
                parts.push(self.test_of(Atom::In(fact.clone(), set as usize), text, test.span));
            } else {
                values.insert(self.value(fact, word, report)?);
            }
        }
        if !values.is_empty() {
            let same = self.tables.sets.iter().skip(self.names.sets.iter().count()).position(|s| *s == values);
            let set = same.map_or(self.tables.sets.len(), |at| at + self.names.sets.iter().count());
            if same.is_none() {
                self.tables.sets.push(values);
            }
            parts.push(self.written(Atom::In(fact.clone(), set), test));
        }
        if parts.is_empty() {
            self.no_value(test, "the name of a set or strings", report);
            return None;
        }
        Some(if parts.len() == 1 { parts.remove(0) } else { Cond::Any(parts) })
    }

    /// A value that a fact can be compared with.
    fn value(&self, fact: &Text, word: &Word, report: &mut Report) -> Option<Box<str>> {
        let fits = word.kind == Kind::Text || (*fact == Text::Model && matches!(word.kind, Kind::Alias | Kind::Name));
        if fits {
            return Some(word.text.clone());
        }
        report
            .error("mux::type::mismatch", word.span, format!("text is compared with text, and `{}` is {}", word.text, quantity::what(word)))
            .help(format!("write `\"{}\"`", word.text));
        None
    }

    fn number(&mut self, number: Number, subject: &Word, test: &tree::Test, report: &mut Report) -> Option<Cond> {
        let Some((sign, at)) = test.sign else {
            report
                .error("mux::type::comparison", subject.span, format!("`{}` is a number, not true or false", subject.text))
                .help(format!("compare it: `{} > …`", self.subject(test)));
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
                    .error("mux::type::comparison", at, format!("`{}` is a number, and cannot be compared with `{}`", subject.text, sign.word()))
                    .help("numbers are compared with `>`, `>=`, `<`, `<=`, `is` and `is not`");
                return None;
            }
        };
        let word = self.single(subject, test, report)?;
        let value = match number {
            Number::Tokens | Number::OutputLimit => quantity::tokens(word, &subject.text, report).map(u64::from),
            Number::P50(_) | Number::P95(_) => quantity::time(word, &subject.text, report),
            Number::ErrorRate(_) | Number::Used(_) => quantity::share(word, &subject.text, report).map(u64::from),
        }?;
        Some(self.written(Atom::Number(number, compare, value), test))
    }

    fn metric(&mut self, metric: &Word, names: &[Word], test: &tree::Test, report: &mut Report) -> Option<Cond> {
        match (metric.text.as_ref(), names) {
            ("used", [word, name]) if word.says("budget") => {
                let budget = BudgetId(self.names.budgets.find(name, report)?);
                self.number(Number::Used(budget), metric, test, report)
            }
            ("health", [name]) => self.health(name, test, report),
            ("p50" | "p95" | "error_rate", [name]) => {
                let target = TargetId(self.names.models.find(name, report)?);
                let number = match metric.text.as_ref() {
                    "p50" => Number::P50(target),
                    "p95" => Number::P95(target),
                    _ => Number::ErrorRate(target),
                };
                self.number(number, metric, test, report)
            }
            _ => {
                let at = names.last().map_or(metric.span, |n| metric.span.to(n.span));
                report
                    .error("mux::name::metric", at, format!("there is no figure `{}`", self.subject(test)))
                    .help("the figures are `p50`, `p95`, `error_rate` and `health` of PROVIDER/MODEL, `health of` PROVIDER, and `used of budget` NAME");
                None
            }
        }
    }

    fn health(&mut self, name: &Word, test: &tree::Test, report: &mut Report) -> Option<Cond> {
        let targets = targets(self.names, name, report)?;
        let states: Vec<_> = test.values.iter().map(|w| state(w, report)).collect();
        let states: Vec<HealthState> = states.into_iter().collect::<Option<_>>()?;
        let negated = match test.sign {
            Some((Sign::Is, _)) if states.len() == 1 => false,
            Some((Sign::IsNot, _)) if states.len() == 1 => true,
            Some((Sign::In, _)) => false,
            Some((Sign::NotIn, _)) => true,
            _ => {
                report
                    .error("mux::type::comparison", test.span, "`health` is compared with `is` or `is not`")
                    .help(format!("write `{} is down`", self.subject(test)));
                return None;
            }
        };
        let subject = self.subject(test);
        let each = states.into_iter().zip(&test.values).map(|(state, word)| {
            self.test_of(Atom::Health(targets.clone(), state), format!("{subject} is {}", word.text), test.span)
        });
        let any = Cond::Any(each.collect());
        Some(if negated { Cond::Not(Box::new(any)) } else { any })
    }

    fn time(&mut self, subject: &Word, test: &tree::Test, report: &mut Report) -> Option<Cond> {
        let negated = match test.sign {
            Some((Sign::In, _)) => false,
            Some((Sign::NotIn, _)) => true,
            _ => {
                report
                    .error("mux::type::comparison", subject.span, "`time` is compared with `in` or `not in`")
                    .help("write `time in mon-fri 08:00-18:00 Europe/Berlin`");
                return None;
            }
        };
        let (window, name, zone) = clock::window(&test.values, test.span, report)?;
        let known = self.zones.iter().position(|z| *z == name);
        let zone_id = known.unwrap_or(self.zones.len());
        if known.is_none() {
            self.zones.push(name);
            self.tables.zones.push(zone);
        }
        let text = format!("time in {}", self.sources.slice(test.span).split_once(" in ").map_or("", |(_, w)| w.trim()));
        let cond = self.test_of(Atom::During(crate::atom::Window { zone: zone_id, ..window }), text, test.span);
        Some(if negated { Cond::Not(Box::new(cond)) } else { cond })
    }

    /// The only value of a test.
    fn single<'w>(&self, subject: &Word, test: &'w tree::Test, report: &mut Report) -> Option<&'w Word> {
        match test.values.as_slice() {
            [one] => Some(one),
            [] => {
                self.no_value(test, "a value", report);
                None
            }
            [_, more @ ..] => {
                let at = more.first().map_or(test.span, |w| w.span);
                report
                    .error("mux::statement::extra", at, format!("`{}` is compared with one value here", subject.text))
                    .help("several values need `in`");
                None
            }
        }
    }

    fn no_value(&self, test: &tree::Test, noun: &str, report: &mut Report) {
        report.error("mux::statement::missing", test.span, format!("`{}` is compared with nothing: {noun} is due", self.subject(test)));
    }

    fn subject(&self, test: &tree::Test) -> String {
        test.subject.iter().map(|w| w.text.as_ref()).collect::<Vec<_>>().join(" ")
    }

    fn written(&self, atom: Atom, test: &tree::Test) -> Cond {
        let text = self.sources.slice(test.span).split_whitespace().collect::<Vec<_>>().join(" ");
        self.test_of(atom, text, test.span)
    }

    fn test_of(&self, atom: Atom, text: String, at: Span) -> Cond {
        let (line, _) = self.sources.position(at);
        Cond::Test(Arc::new(Test { atom, text: text.into(), file: self.sources.path(at.file).into(), line }))
    }
}

/// The text fact a word names.
fn text(word: &Word) -> Option<Text> {
    if word.kind != Kind::Name {
        return None;
    }
    match word.text.as_ref() {
        "end_user" => Some(Text::EndUser),
        "key" => Some(Text::Key),
        "model" => Some(Text::Model),
        "conversation" => Some(Text::Conversation),
        other => other.strip_prefix("tag.").filter(|t| !t.is_empty()).map(|t| Text::Tag(t.into())),
    }
}

/// The target of this name, or all targets of the provider of this name.
pub(super) fn targets(names: &Names<'_>, name: &Word, report: &mut Report) -> Option<Box<[TargetId]>> {
    if name.text.contains('/') || names.providers.index(&name.text).is_none() {
        let known = if name.text.contains('/') { &names.models } else { &names.providers };
        return known.find(name, report).map(|id| [TargetId(id)].into());
    }
    let provider = names.providers.find(name, report)? as usize;
    let models = (0..).map(TargetId).zip(names.models.iter()).filter(|(_, m)| m.owner == provider);
    Some(models.map(|(id, _)| id).collect())
}

/// A health state by its word.
pub(super) fn state(word: &Word, report: &mut Report) -> Option<HealthState> {
    let states = [("ok", HealthState::Ok), ("degraded", HealthState::Degraded), ("down", HealthState::Down)];
    let found = states.iter().find(|(name, _)| word.says(name)).map(|(_, state)| *state);
    if found.is_none() {
        report
            .error("mux::name::health", word.span, format!("there is no health `{}`", word.text))
            .help("health is `ok`, `degraded` or `down`");
    }
    found
}
