//! Policies: their rules in textual order, nested blocks written out.

use super::condition::{Conditions, present};
use super::route::{Routes, attempt};
use crate::atom::{Atom, Number};
use crate::clause::{Clause, Then};
use crate::condition::{Cond, Test};
use crate::cursor::Cursor;
use crate::image::{BudgetId, Compare, LimitId, Policy, PolicyId, Rule, Shadow, Verdict};
use crate::lines::{self, Line};
use crate::names::{Decl, Names};
use crate::quantity;
use crate::report::Report;
use crate::source::{Sources, Span};
use crate::tree::{Block, Item, Kind, Word};
use crate::words::{self, Place};
use std::sync::Arc;

/// A rule as it was read.
#[derive(Debug)]
pub(super) struct Ruled {
    /// Absent if something in it is wrong, which has been reported.
    pub(super) clause: Option<Clause>,
    /// The policy it asks.
    pub(super) goes: Option<PolicyId>,
    pub(super) span: Span,
    /// Nobody wrote it.
    pub(super) implied: bool,
}

/// Every policy, its rules, and where it is named if its text does not end with `else`.
pub(super) fn read<'t>(
    names: &'t Names<'t>,
    sources: &Sources,
    conditions: &mut Conditions<'t>,
    routes: &mut Routes<'t>,
    report: &mut Report,
) -> (Vec<Policy>, Vec<Vec<Ruled>>, Vec<Option<Span>>) {
    let read = |decl: &Decl<'t>| {
        let policy = Policy {
            name: name(decl),
            limits: Vec::new(),
            charges: Vec::new(),
            rules: Vec::new(),
            priority: 5,
            within: None,
        };
        let mut reader = Reader {
            names,
            sources,
            conditions: &mut *conditions,
            routes: &mut *routes,
            report: &mut *report,
            policy,
            rules: Vec::new(),
            asks: Vec::new(),
            taken: Vec::new(),
            open: None,
            broken: decl.line.stmt.block.as_ref().is_some_and(|b| b.broken),
        };
        reader.body(decl);
        (reader.policy, (reader.rules, reader.open))
    };
    let (policies, rest): (_, Vec<_>) = names.policies.iter().map(read).unzip();
    let (rules, open) = rest.into_iter().unzip();
    (policies, rules, open)
}

fn name(decl: &Decl<'_>) -> Box<str> {
    decl.name.strip_prefix('@').unwrap_or(&decl.name).into()
}

struct Reader<'r, 't> {
    names: &'t Names<'t>,
    sources: &'r Sources,
    conditions: &'r mut Conditions<'t>,
    routes: &'r mut Routes<'t>,
    report: &'r mut Report,
    policy: Policy,
    rules: Vec<Ruled>,
    /// Budgets that its rules ask about.
    asks: Vec<BudgetId>,
    /// Names given to rules.
    taken: Vec<Box<str>>,
    /// Its text does not end with `else`.
    open: Option<Span>,
    /// Braces are missing, so that little can be said about rules.
    broken: bool,
}

impl<'t> Reader<'_, 't> {
    fn body(&mut self, decl: &Decl<'t>) {
        let mut charged = Vec::new();
        for line in &decl.body {
            match line.entry.word {
                "limit" => {
                    for word in line.args.iter().filter_map(Item::word) {
                        self.policy
                            .limits
                            .extend(self.names.limits.find(word, self.report).map(LimitId));
                    }
                }
                "charge" => {
                    for word in line.args.iter().filter_map(Item::word) {
                        let found = self.names.budgets.find(word, self.report).map(BudgetId);
                        charged.extend(found.map(|id| (id, line.stmt.span)));
                        self.policy.charges.extend(found);
                    }
                }
                "priority" => {
                    if let Some(priority) = line.word().and_then(|w| priority(w, self.report)) {
                        self.policy.priority = priority;
                    }
                }
                "within" => {
                    let word = line.word();
                    self.policy.within =
                        word.and_then(|w| quantity::positive(w, "within", self.report));
                }
                _ => self.rule(line, &Outer::default()),
            }
        }
        for (id, at) in charged.into_iter().rev() {
            if !self.asks.contains(&id) {
                self.spent(id, at);
            }
        }
        self.open = decl.lacks("else").then_some(decl.span);
        if self.broken {
            self.rules.iter_mut().for_each(|rule| rule.clause = None);
        }
    }

    /// A policy that charges a budget and does not ask about it begins with a rule that nobody writes: once the budget is
    /// spent, it refuses. So whatever is decided, proved, compared or told takes that into account as it does any rule.
    fn spent(&mut self, id: BudgetId, at: Span) {
        let Some(budget) = self.names.budgets.get(id.index()).map(|b| &b.name) else {
            return;
        };
        let (line, _) = self.sources.position(at);
        let file = self.sources.path(at.file);
        let test = Test {
            atom: Atom::Number(Number::Used(id), Compare::AtLeast, 10_000),
            text: format!("used of budget {budget} >= 100%").into(),
            file: file.into(),
            line,
            implied: true,
        };
        let verdict = Verdict::Deny {
            status: 429,
            message: format!("budget `{budget}` is spent").into(),
        };
        let ruled = Ruled {
            clause: Some(Clause {
                cond: Some(Cond::Test(Arc::new(test))),
                then: Then::Decide(verdict),
            }),
            goes: None,
            span: at,
            implied: true,
        };
        self.rules.insert(0, ruled);
        let rule = Rule {
            name: None,
            file: file.into(),
            line,
            shadows: Vec::new(),
            spent: Some(id),
        };
        self.policy.rules.insert(0, rule);
    }

    /// One rule, or all rules of a block.
    fn rule(&mut self, line: &Line<'t>, outer: &Outer<'t>) {
        let mut cursor = Cursor::over(line.args, line.head(), line.entry.form);
        let name = if line.entry.word == "rule" {
            cursor.need(Kind::Name, "the name of the rule", self.report)
        } else {
            None
        };
        let guarded = matches!(line.entry.word, "rule" | "when");
        let guard = match (guarded, cursor.guard()) {
            (true, None) => {
                cursor.missing("a condition", self.report);
                return;
            }
            (_, guard) => guard,
        };
        if let Some(guard) = guard.filter(|g| !g.head.says("when")) {
            self.report
                .error(
                    "mux::statement::form",
                    guard.head.span,
                    format!("`{}` does not belong here", guard.head.text),
                )
                .help(format!("write `{}`", line.entry.form));
        }
        self.named(name);
        let read = guard.map(|g| {
            self.conditions
                .read_of(&g.expr, &outer.present, self.report)
        });
        let own = match read {
            None => Reach::All,
            Some(None) => Reach::Wrong,
            Some(Some(cond)) => Reach::Where(cond),
        };
        let mut here = Outer {
            reach: outer.reach.narrowed(own),
            name: name.or(outer.name),
            shadows: outer.shadows.clone(),
            present: outer.present.clone(),
        };
        here.present
            .extend(guard.into_iter().flat_map(|g| present(&g.expr, self.names)));
        let block = line.stmt.block.as_ref();
        match (cursor.done(), block) {
            (true, Some(block)) if !matches!(line.entry.word, "use" | "deny" | "go") => {
                self.block(line, block, here);
            }
            _ => self.action(line, here, cursor),
        }
    }

    /// The rules of a block, and the copies that all of them send.
    fn block(&mut self, line: &Line<'t>, block: &'t Block, mut here: Outer<'t>) {
        let inner = lines::within(block, Place::When, self.report);
        let (shadows, rules): (Vec<_>, Vec<_>) =
            inner.iter().partition(|l| l.entry.word == "shadow");
        if rules.is_empty() && block.body.len() == shadows.len() {
            self.nothing(line, "put `use …`, `deny …` or `go …` into its block");
        }
        let copies = shadows.into_iter().filter_map(|l| self.shadow(l));
        let copies: Vec<Shadow> = copies.collect();
        here.shadows.extend(copies);
        for line in rules {
            self.rule(line, &here);
        }
    }

    /// `shadow SHARE TARGET`.
    fn shadow(&mut self, line: &Line<'t>) -> Option<Shadow> {
        let mut cursor = Cursor::of(line);
        let word = cursor.need(Kind::Quantity, "a share such as `10%`", self.report)?;
        let share = quantity::part(word, "shadow", self.report);
        if cursor.peek().is_none_or(|w| w.kind != Kind::Name) {
            cursor.missing("a target such as `openai/gpt-4.1`", self.report);
            return None;
        }
        let attempt = attempt(self.names, &mut cursor, &[], self.report);
        cursor.end(self.report);
        let (share, attempt) = share.zip(attempt)?;
        Some(Shadow { share, attempt })
    }

    fn action(&mut self, line: &Line<'t>, here: Outer<'t>, mut cursor: Cursor<'t>) {
        let bare = matches!(line.entry.word, "use" | "deny" | "go");
        let verb = if bare {
            line.entry.word
        } else {
            cursor.kind(Kind::Name).map_or("", |w| &w.text)
        };
        if let Some(entry) = words::find(verb, Place::When) {
            cursor.becomes(entry.form);
        }
        let then = match verb {
            "use" => self
                .routes
                .used(&mut cursor, line, self.conditions, self.report)
                .map(|plan| Then::Decide(Verdict::Use(plan))),
            "deny" => self.deny(&mut cursor),
            "go" => {
                let policy = cursor.need(
                    Kind::Alias,
                    "the name of a policy, with its `@`",
                    self.report,
                );
                cursor.end(self.report);
                policy
                    .and_then(|p| self.names.policies.find(p, self.report))
                    .map(|id| Then::Go(PolicyId(id)))
            }
            _ => {
                self.nothing(
                    line,
                    "end it with `use …`, `deny STATUS \"…\"` or `go @POLICY`",
                );
                None
            }
        };
        if let (Some(block), "deny" | "go") = (&line.stmt.block, verb) {
            self.report.error(
                "mux::statement::extra",
                block.open,
                format!("`{verb}` has no block"),
            );
        }
        let goes = match then {
            Some(Then::Go(policy)) => Some(policy),
            _ => None,
        };
        let clause = match (here.reach, then) {
            (Reach::All, Some(then)) => Some(Clause { cond: None, then }),
            (Reach::Where(cond), Some(then)) => {
                self.note(&cond);
                let cond = Some(cond);
                Some(Clause { cond, then })
            }
            _ => None,
        };
        self.rules.push(Ruled {
            clause,
            goes,
            span: line.stmt.span,
            implied: false,
        });
        let (number, _) = self.sources.position(line.stmt.span);
        self.policy.rules.push(Rule {
            name: here.name.map(|n| n.text.clone()),
            file: self.sources.path(line.stmt.span.file).into(),
            line: number,
            shadows: here.shadows,
            spent: None,
        });
    }

    fn nothing(&mut self, line: &Line<'_>, help: &str) {
        if !self.broken {
            self.report
                .error(
                    "mux::rule::empty",
                    line.stmt.span,
                    "this rule does not say what to do",
                )
                .help(help);
        }
    }

    /// Rule names are for people and tests, so one policy gives each once.
    fn named(&mut self, name: Option<&Word>) {
        let Some(name) = name else { return };
        if self.taken.contains(&name.text) {
            let policy = &self.policy.name;
            self.report.error(
                "mux::name::duplicate",
                name.span,
                format!("two rules of `@{policy}` are called `{}`", name.text),
            );
        }
        self.taken.push(name.text.clone());
    }

    fn deny(&mut self, cursor: &mut Cursor<'t>) -> Option<Then> {
        let word = cursor.need(Kind::Quantity, "a status such as `403`", self.report)?;
        let message = cursor.need(Kind::Text, "a quoted message for the client", self.report)?;
        cursor.end(self.report);
        let status = quantity::count(word, "deny", self.report)?;
        let known = u16::try_from(status)
            .ok()
            .filter(|s| (400..=599).contains(s));
        if known.is_none() {
            self.report
                .error(
                    "mux::type::range",
                    word.span,
                    format!("`{}` is no status of a refusal", word.text),
                )
                .help("statuses from 400 to 599 say that a request was refused");
        }
        let message = message.text.clone();
        Some(Then::Decide(Verdict::Deny {
            status: known?,
            message,
        }))
    }

    /// Keeps which budgets the policy asks about.
    fn note(&mut self, cond: &Cond) {
        for budget in cond.budgets() {
            if !self.asks.contains(&budget) {
                self.asks.push(budget);
            }
        }
    }
}

/// `0` to `9`.
fn priority(word: &Word, report: &mut Report) -> Option<u8> {
    let count = quantity::count(word, "priority", report)?;
    let priority = u8::try_from(count).ok().filter(|p| *p <= 9);
    if priority.is_none() {
        report
            .error(
                "mux::type::range",
                word.span,
                format!("`{}` is no priority", word.text),
            )
            .help("priorities go from 0, which is shed first, to 9");
    }
    priority
}

/// What the blocks around a rule say.
#[derive(Clone, Default)]
struct Outer<'t> {
    reach: Reach,
    name: Option<&'t Word>,
    shadows: Vec<Shadow>,
    /// Facts that every request has that gets here.
    present: Vec<Box<str>>,
}

/// Which requests a rule takes, of those that reach it.
#[derive(Clone, Default)]
enum Reach {
    #[default]
    All,
    Where(Cond),
    /// A condition is wrong, which has been reported.
    Wrong,
}

impl Reach {
    /// Those that both take.
    fn narrowed(&self, own: Self) -> Self {
        match (self, own) {
            (Self::Wrong, _) | (_, Self::Wrong) => Self::Wrong,
            (outer, Self::All) => outer.clone(),
            (Self::All, own) => own,
            (Self::Where(outer), Self::Where(own)) => Self::Where(outer.clone().and(own)),
        }
    }
}
