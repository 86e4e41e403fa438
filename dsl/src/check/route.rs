//! Plans: targets and strategies, freely nested.

mod answer;
mod attempt;
mod candidate;
mod deadline;
mod depth;
mod filter;
mod header;
mod inner;
mod judged;
mod listed;
mod shares;

pub(super) use attempt::{Calls, attempt};
pub(super) use deadline::longest;

use super::condition::Conditions;
use crate::condition::Cond;
use crate::cursor::Cursor;
use crate::image::{Accept, Arm, Fallback, Fleet, GuardId, Plan, PlanId, Route, Terms};
use crate::lines::{self, Line};
use crate::load::Loaded;
use crate::names::Names;
use crate::quantity;
use crate::report::Report;
use crate::source::Span;
use crate::tree::{Block, Guard, Kind};
use crate::words::{self, Body, Entry, Place};
use deadline::Timed;
use header::Header;
use inner::{Given, Inner};

/// Reads strategies; collects the plans of a bundle, the named ones first and in order.
#[derive(Debug)]
pub(super) struct Routes<'t> {
    names: &'t Names<'t>,
    loaded: &'t Loaded,
    pub(super) plans: Vec<Plan>,
    /// Conditions that plans ask while they are carried out.
    pub(super) guards: Vec<Cond>,
    timed: Vec<Timed>,
}

/// What a plan is before it is read, and stays if it is wrong.
const NOTHING: Route = Route::Fallback(Fallback {
    tries: Vec::new(),
    terms: Terms {
        within: None,
        on: None,
        breaker: None,
        affinity: None,
        resume: false,
    },
});

impl<'t> Routes<'t> {
    pub(super) fn new(names: &'t Names<'t>, loaded: &'t Loaded) -> Self {
        Self {
            names,
            loaded,
            plans: Vec::new(),
            guards: Vec::new(),
            timed: Vec::new(),
        }
    }

    /// Reads every named plan.
    pub(super) fn named(&mut self, conditions: &mut Conditions<'t>, report: &mut Report) {
        for decl in self.names.plans.iter() {
            let mut reader = Reader {
                routes: self,
                conditions,
                report,
            };
            let route = reader.body(&decl.body, &decl.line).unwrap_or(NOTHING);
            self.plans.push(Plan {
                name: Some(decl.name.clone()),
                route,
            });
        }
    }

    /// A strategy written in a rule.
    pub(super) fn used(
        &mut self,
        cursor: &mut Cursor<'t>,
        line: &Line<'t>,
        conditions: &mut Conditions<'t>,
        report: &mut Report,
    ) -> Option<PlanId> {
        let mut reader = Reader {
            routes: self,
            conditions,
            report,
        };
        let route = reader.route(cursor, line.stmt.block.as_ref(), line, &[])?;
        cursor.end(report);
        Some(self.inline(route))
    }

    /// The plan for a strategy written in a rule.
    fn inline(&mut self, route: Route) -> PlanId {
        if let Route::Plan(plan) = route {
            return plan;
        }
        self.plans.push(Plan { name: None, route });
        PlanId(u32::try_from(self.plans.len() - 1).unwrap_or(u32::MAX))
    }

    /// Reports attempts that may not get their time, lists that leave nobody, and strategies that are nested too deep.
    /// Plans must be free of loops.
    pub(super) fn whole(&self, fleet: &Fleet, report: &mut Report) {
        deadline::budgets(&self.timed, &self.plans, report);
        candidate::lists(&self.timed, &self.plans, fleet, report);
        depth::check(&self.timed, &self.plans, report);
    }
}

struct Reader<'r, 't> {
    routes: &'r mut Routes<'t>,
    conditions: &'r mut Conditions<'t>,
    report: &'r mut Report,
}

impl<'t> Reader<'_, 't> {
    fn names(&self) -> &'t Names<'t> {
        self.routes.names
    }

    fn body(&mut self, body: &[Line<'t>], line: &Line<'t>) -> Option<Route> {
        let Some((first, more)) = body.split_first() else {
            let block = line.stmt.block.as_ref()?;
            if block.body.is_empty() && !block.broken {
                self.report
                    .error("mux::plan::empty", line.stmt.span, "this plan does nothing")
                    .help("name a target, or a `fallback { try … }`");
            } else {
                self.names().touch(line);
            }
            return None;
        };
        if let Some(second) = more.first() {
            self.report
                .error(
                    "mux::plan::several",
                    second.stmt.span,
                    "a plan is one target or one strategy",
                )
                .also(first.stmt.span, "the first")
                .help("to try them one after the other, put both into `fallback { try … try … }`");
        }
        let mut cursor = Cursor::over(&first.stmt.items, first.head(), first.entry.form);
        let route = self.route(&mut cursor, first.stmt.block.as_ref(), first, &[]);
        cursor.end(self.report);
        route
    }

    /// A target, `plan NAME`, or a strategy with its block; stops at words of `more`, which belong to who asks.
    fn route(
        &mut self,
        cursor: &mut Cursor<'t>,
        block: Option<&'t Block>,
        line: &Line<'t>,
        more: &[&str],
    ) -> Option<Route> {
        let Some(word) = cursor.peek().filter(|w| w.kind == Kind::Name) else {
            cursor.missing(
                "a target such as `openai/gpt-4.1`, `plan NAME` or a strategy such as `fallback { … }`",
                self.report,
            );
            self.names().touch(line);
            return None;
        };
        if let Some(entry) = words::strategy(&word.text) {
            cursor.word();
            return self.strategy(entry, word.span, cursor, block, more);
        }
        if let Some(block) = block {
            self.report
                .error("mux::statement::extra", block.open, "this has no block")
                .help(format!("write `{}`", line.entry.form));
        }
        if cursor.says("plan") {
            let name = cursor.need(Kind::Name, "the name of a plan", self.report)?;
            let plan = self.names().plans.find(name, self.report);
            return plan.map(|id| Route::Plan(PlanId(id)));
        }
        attempt::attempt(self.names(), cursor, more, self.report).map(Route::Attempt)
    }

    fn strategy(
        &mut self,
        entry: &'static Entry,
        at: Span,
        cursor: &mut Cursor<'t>,
        block: Option<&'t Block>,
        more: &[&str],
    ) -> Option<Route> {
        let mut header = Header::default();
        header.read(entry, cursor, more, self.names(), self.report);
        let (Some(block), Body::Must(place)) = (block, entry.block) else {
            self.report
                .error(
                    "mux::statement::missing",
                    at,
                    format!("`{}` needs a block", entry.word),
                )
                .help(format!("write `{}`", entry.form));
            return None;
        };
        let inner = self.inner(entry, block, place, &mut header);
        if inner.arms.is_empty() && !block.broken && block.body.is_empty() {
            self.report
                .error(
                    "mux::plan::empty",
                    at,
                    format!("this `{}` tries nothing", entry.word),
                )
                .help(format!("write `{}`", entry.form));
            return None;
        }
        let spans: Vec<Span> = inner.arms.iter().map(|a| a.span).collect();
        let whole = !inner.wrong && !header.wrong;
        let route = self.built(entry, header, inner, at)?;
        if whole {
            let route = route.clone();
            self.routes.timed.push(Timed { route, at, spans });
        }
        Some(route)
    }

    fn built(
        &mut self,
        entry: &Entry,
        header: Header,
        inner: Inner<'t>,
        at: Span,
    ) -> Option<Route> {
        let names = self.names();
        let report = &mut *self.report;
        match entry.word {
            "split" => Some(Route::Split(shares::split(header, inner, at, report))),
            "canary" => shares::canary(header, inner, at, report).map(Route::Canary),
            "cascade" => Some(Route::Cascade(judged::cascade(header, inner, at, report))),
            "ensemble" => judged::ensemble(header, inner, at, names, report).map(Route::Ensemble),
            "hedge" => listed::hedge(header, inner, at, report).map(Route::Hedge),
            "fallback" => Some(Route::Fallback(Fallback {
                tries: inner.arms.into_iter().map(|a| a.arm).collect(),
                terms: header.terms,
            })),
            word => Some(Route::Listed(listed::listed(
                word, header, inner, at, report,
            ))),
        }
    }

    /// The lines of a strategy's block: its arms, and what is said of it as a whole.
    fn inner(
        &mut self,
        entry: &'static Entry,
        block: &'t Block,
        place: Place,
        header: &mut Header,
    ) -> Inner<'t> {
        let mut inner = Inner {
            broken: block.broken,
            wrong: !block.unread.is_empty(),
            uncounted: block.broken || !block.unread.is_empty(),
            ..Inner::default()
        };
        let lines = lines::within(block, place, self.report);
        inner.wrong |= lines.len() < block.body.len();
        inner.uncounted |= inner.wrong;
        for line in lines {
            match line.entry.word {
                "within" | "on" | "affinity" | "continue" | "buffer" | "breaker" => {
                    let Some(word) = line.stmt.items.first().and_then(|i| i.word()) else {
                        continue;
                    };
                    let mut cursor = Cursor::of(&line);
                    header.option(word, entry, &mut cursor, self.names(), self.report);
                    cursor.end(self.report);
                }
                "judge" => {
                    let (names, rubrics) = (self.names(), &self.routes.loaded.rubrics);
                    inner.judge = judged::judge(&line, names, rubrics, self.report);
                    inner.wrong |= inner.judge.is_none();
                }
                "quorum" | "combine" | "abort" | "ramp" | "budget" | "cost" => {
                    inner.lines.push(line);
                }
                _ => match self.given(&line, place, &mut inner) {
                    Some(given) => inner.arms.push(given),
                    None => inner.wrong = true,
                },
            }
        }
        inner
    }

    /// One arm, with what is written before and behind its route.
    fn given(&mut self, line: &Line<'t>, place: Place, inner: &mut Inner<'t>) -> Option<Given> {
        let role = line.entry.word;
        let skip = usize::from(matches!(role, "try" | "ask" | "base" | "otherwise"));
        let items = line.stmt.items.get(skip..).unwrap_or_default();
        let mut cursor = Cursor::over(items, line.head(), line.entry.form);
        let share = match role {
            "<number>" => {
                let word = cursor.need(Kind::Quantity, "a share such as `50%`", self.report)?;
                let share = quantity::part(word, "an arm", self.report);
                inner.uncounted |= share.is_none();
                inner.shares.extend(share.map(|s| (s, word.span)));
                Some(share?)
            }
            _ => None,
        };
        let more: &[&str] = match place {
            Place::Split | Place::Canary => &["name"],
            Place::Balance => &["weight", "name"],
            Place::Ensemble => &["weight"],
            Place::Cascade => &["accept"],
            _ => &[],
        };
        let strategy = cursor
            .peek()
            .is_some_and(|w| words::strategy(&w.text).is_some());
        let block = line.stmt.block.as_ref();
        let step = block.filter(|_| place == Place::Cascade && !strategy);
        let block = if step.is_some() { None } else { block };
        let route = self.route(&mut cursor, block, line, more);
        let mut given = Given {
            role,
            arm: Arm::of(route?),
            share,
            accept: None,
            span: line.stmt.span,
        };
        self.behind(&mut given, &mut cursor)?;
        if let Some(block) = step {
            self.step(&mut given, block)?;
        }
        Some(given)
    }

    /// `weight N`, `name NAME`, `accept when …`, `when …`.
    fn behind(&mut self, given: &mut Given, cursor: &mut Cursor<'t>) -> Option<()> {
        loop {
            if let Some(guard) = cursor.guard_of("when") {
                given.arm.when = Some(self.guard(guard)?);
            } else if cursor.says("weight") {
                let word = cursor.need(Kind::Quantity, "a number", self.report)?;
                given.arm.weight = quantity::several(word, "weight", self.report)?;
            } else if cursor.says("name") {
                let word = cursor.need(Kind::Name, "the name of the arm", self.report)?;
                given.arm.name = Some(word.text.clone());
            } else if cursor.says("accept") {
                let Some(guard) = cursor.guard_of("when") else {
                    cursor.missing("a condition that begins with `when`", self.report);
                    return None;
                };
                given.accept = Some(answer::read(&guard.expr, self.report)?);
            } else {
                cursor.end(self.report);
                return Some(());
            }
        }
    }

    /// A condition that is asked while the plan is carried out.
    fn guard(&mut self, guard: &Guard) -> Option<GuardId> {
        let cond = self.conditions.read(&guard.expr, self.report)?;
        let guards = &mut self.routes.guards;
        let known = guards.iter().position(|g| *g == cond);
        let at = known.unwrap_or(guards.len());
        if known.is_none() {
            guards.push(cond);
        }
        u32::try_from(at).ok().map(GuardId)
    }

    /// `{ accept when … }`; several lines hold together.
    fn step(&mut self, given: &mut Given, block: &'t Block) -> Option<()> {
        let mut accepts: Vec<Accept> = given.accept.take().into_iter().collect();
        for line in lines::within(block, Place::Step, self.report) {
            let mut cursor = Cursor::of(&line);
            let Some(guard) = cursor.guard_of("when") else {
                cursor.missing("a condition that begins with `when`", self.report);
                return None;
            };
            cursor.end(self.report);
            accepts.push(answer::read(&guard.expr, self.report)?);
        }
        given.accept = if accepts.len() > 1 {
            Some(Accept::All(accepts))
        } else {
            accepts.pop()
        };
        Some(())
    }
}
