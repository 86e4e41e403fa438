//! Policies: their rules in textual order, nested blocks written out.

use super::condition::Conditions;
use super::route::Routes;
use crate::clause::{Clause, Then};
use crate::condition::Cond;
use crate::cursor::Cursor;
use crate::image::{BudgetId, LimitId, Policy, PolicyId, Rule, Verdict};
use crate::lines::{self, Line};
use crate::names::{Decl, Names};
use crate::quantity;
use crate::report::Report;
use crate::source::{Sources, Span};
use crate::tree::{Item, Kind, Word};
use crate::words::{self, Place};

/// A rule as it was read.
#[derive(Debug)]
pub(super) struct Ruled {
    /// Absent if something in it is wrong, which has been reported.
    pub(super) clause: Option<Clause>,
    /// The policy it asks.
    pub(super) goes: Option<PolicyId>,
    pub(super) span: Span,
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
            asks: Vec::new(),
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
    /// Names given to rules.
    taken: Vec<Box<str>>,
    /// Its text does not end with `else`.
    open: Option<Span>,
    /// Braces are missing, so that little can be said about rules.
    broken: bool,
}

impl<'t> Reader<'_, 't> {
    fn body(&mut self, decl: &Decl<'t>) {
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
                        self.policy
                            .charges
                            .extend(self.names.budgets.find(word, self.report).map(BudgetId));
                    }
                }
                _ => self.rule(line, &Reach::All, None),
            }
        }
        self.open = decl.lacks("else").then_some(decl.span);
        if self.broken {
            self.rules.iter_mut().for_each(|rule| rule.clause = None);
        }
    }

    /// One rule, or all rules of a block. `outer` is what the blocks around it say, and `inherited` their name.
    fn rule(&mut self, line: &Line<'t>, outer: &Reach, inherited: Option<&Word>) {
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
        let name = name.or(inherited);
        let own = match guard.map(|g| self.conditions.read(&g.expr, self.report)) {
            None => Reach::All,
            Some(None) => Reach::Wrong,
            Some(Some(cond)) => Reach::Where(cond),
        };
        let reach = outer.narrowed(own);
        let block = line.stmt.block.as_ref();
        match (cursor.done(), block) {
            (true, Some(block)) if !matches!(line.entry.word, "use" | "deny" | "go") => {
                let inner = lines::within(block, Place::When, self.report);
                if block.body.is_empty() {
                    self.nothing(line, "put `use …`, `deny …` or `go …` into its block");
                }
                for line in &inner {
                    self.rule(line, &reach, name);
                }
            }
            _ => self.action(line, name, cursor, reach),
        }
    }

    fn action(
        &mut self,
        line: &Line<'t>,
        name: Option<&Word>,
        mut cursor: Cursor<'t>,
        reach: Reach,
    ) {
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
                .route(&mut cursor, line.stmt.block.as_ref(), line, self.report)
                .map(|route| Then::Decide(Verdict::Use(self.routes.inline(route)))),
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
        let clause = match (reach, then) {
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
        });
        let (number, _) = self.sources.position(line.stmt.span);
        self.policy.rules.push(Rule {
            name: name.map(|n| n.text.clone()),
            file: self.sources.path(line.stmt.span.file).into(),
            line: number,
            shadows: Vec::new(),
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
            if !self.policy.asks.contains(&budget) {
                self.policy.asks.push(budget);
            }
        }
    }
}

/// Which requests a rule takes, of those that reach it.
#[derive(Clone)]
enum Reach {
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
