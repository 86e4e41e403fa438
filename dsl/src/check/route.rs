//! Plans: targets, their deadlines and retries, and what is tried after them.

mod attempt;
mod deadline;

use crate::cursor::Cursor;
use crate::image::{Arm, BreakerId, Fallback, Plan, PlanId, Route, Terms};
use crate::lines::{self, Line};
use crate::names::Names;
use crate::report::Report;
use crate::source::Span;
use crate::suggest;
use crate::tree::{Block, Kind};
use crate::words::{self, Place, Standing};
use deadline::Timed;

/// Reads strategies; collects the plans of a bundle, the named ones first and in order.
#[derive(Debug)]
pub(super) struct Routes<'t> {
    names: &'t Names<'t>,
    pub(super) plans: Vec<Plan>,
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
    pub(super) fn new(names: &'t Names<'t>) -> Self {
        Self {
            names,
            plans: Vec::new(),
            timed: Vec::new(),
        }
    }

    /// Reads every named plan.
    pub(super) fn named(&mut self, report: &mut Report) {
        for decl in self.names.plans.iter() {
            let route = self.body(&decl.body, &decl.line, report).unwrap_or(NOTHING);
            self.plans.push(Plan {
                name: Some(decl.name.clone()),
                route,
            });
        }
    }

    /// The plan for a strategy written in a rule.
    pub(super) fn inline(&mut self, route: Route) -> PlanId {
        if let Route::Plan(plan) = route {
            return plan;
        }
        self.plans.push(Plan { name: None, route });
        PlanId(u32::try_from(self.plans.len() - 1).unwrap_or(u32::MAX))
    }

    /// Warns of attempts that may not get their time. Plans must be free of loops.
    pub(super) fn deadlines(&self, report: &mut Report) {
        deadline::budgets(&self.timed, &self.plans, report);
    }

    fn body(&mut self, body: &[Line<'t>], line: &Line<'t>, report: &mut Report) -> Option<Route> {
        let Some((first, more)) = body.split_first() else {
            let block = line.stmt.block.as_ref()?;
            if block.body.is_empty() && !block.broken {
                report
                    .error("mux::plan::empty", line.stmt.span, "this plan does nothing")
                    .help("name a target, or a `fallback { try … }`");
            } else {
                self.names.touch(line);
            }
            return None;
        };
        if let Some(second) = more.first() {
            report
                .error(
                    "mux::plan::several",
                    second.stmt.span,
                    "a plan is one target or one strategy",
                )
                .also(first.stmt.span, "the first")
                .help("to try them one after the other, put both into `fallback { try … try … }`");
        }
        self.line(first, report)
    }

    fn line(&mut self, line: &Line<'t>, report: &mut Report) -> Option<Route> {
        let skip = usize::from(line.entry.word == "try");
        let items = line.stmt.items.get(skip..).unwrap_or_default();
        let mut cursor = Cursor::over(items, line.head(), line.entry.form);
        self.route(&mut cursor, line.stmt.block.as_ref(), line, report)
    }

    /// A target, `plan NAME`, or a strategy with its block.
    pub(super) fn route(
        &mut self,
        cursor: &mut Cursor<'t>,
        block: Option<&'t Block>,
        line: &Line<'t>,
        report: &mut Report,
    ) -> Option<Route> {
        let Some(word) = cursor.peek().filter(|w| w.kind == Kind::Name) else {
            cursor.missing(
                "a target such as `openai/gpt-4.1`, `plan NAME` or `fallback { … }`",
                report,
            );
            self.names.touch(line);
            return None;
        };
        if cursor.says("fallback") {
            return self
                .fallback(cursor, block, word.span, report)
                .map(Route::Fallback);
        }
        if let Some(entry) =
            words::find(&word.text, Place::Plan).filter(|e| e.standing == Standing::Refused)
        {
            lines::refuse(word.span, entry, report);
            self.names.touch(line);
            return None;
        }
        let route = if cursor.says("plan") {
            let name = cursor.need(Kind::Name, "the name of a plan", report)?;
            cursor.end(report);
            self.names
                .plans
                .find(name, report)
                .map(|id| Route::Plan(PlanId(id)))
        } else {
            attempt::attempt(self.names, cursor, report).map(Route::Attempt)
        };
        if let Some(block) = block {
            report
                .error("mux::statement::extra", block.open, "this has no block")
                .help(format!("write `{}`", line.entry.form));
        }
        route
    }

    fn fallback(
        &mut self,
        cursor: &mut Cursor<'t>,
        block: Option<&'t Block>,
        at: Span,
        report: &mut Report,
    ) -> Option<Fallback> {
        let mut fallback = Fallback::default();
        loop {
            if cursor.says("within") {
                let word = cursor.need(Kind::Quantity, "a time such as `45s`", report)?;
                fallback.terms.within = attempt::positive(word, "within", report);
            } else if cursor.says("on") {
                fallback.terms.on = attempt::outcomes(cursor, report);
            } else {
                break;
            }
        }
        if let Some(word) = cursor.kind(Kind::Name) {
            let finding = report.error(
                "mux::name::option",
                word.span,
                format!("`fallback` has no option `{}`", word.text),
            );
            match suggest::advice(&word.text, ["within", "on"]) {
                Ok(close) => finding.meant(close),
                Err(list) => finding.help(format!("its options are {list}")),
            };
            cursor.rest();
        }
        cursor.end(report);
        let Some(block) = block else {
            report
                .error("mux::statement::missing", at, "`fallback` needs a block")
                .help("write `fallback { try … }`");
            return None;
        };
        let mut spans = Vec::new();
        let mut whole = true;
        for line in lines::within(block, Place::Fallback, report) {
            if line.entry.word == "breaker" {
                fallback.terms.breaker = line
                    .word()
                    .and_then(|w| self.names.breakers.find(w, report))
                    .map(BreakerId);
                continue;
            }
            spans.push(line.stmt.span);
            match self.line(&line, report) {
                Some(route) => fallback.tries.push(Arm::of(route)),
                None => whole = false,
            }
        }
        if spans.is_empty() && !block.broken && block.body.is_empty() {
            report
                .error("mux::plan::empty", at, "this `fallback` tries nothing")
                .help("add lines such as `try openai/gpt-4.1 timeout 20s`");
        }
        if let Some(within) = fallback.terms.within.filter(|_| whole) {
            self.timed.push(Timed {
                fallback: fallback.clone(),
                within,
                spans,
            });
        }
        Some(fallback)
    }
}
