//! Plans: targets, their deadlines and retries, and what is tried after them.

use crate::cursor::Cursor;
use crate::image::{Attempt, BreakerId, Fallback, Millis, Outcomes, Plan, PlanId, Retry, Route, TargetId, Timeouts};
use crate::lines::{self, Line};
use crate::names::Names;
use crate::quantity;
use crate::report::Report;
use crate::source::Span;
use crate::suggest;
use crate::tree::{Block, Kind, Word};
use crate::words::{self, Place, Standing};

/// Reads strategies; collects the plans of a bundle, the named ones first and in order.
#[derive(Debug)]
pub(super) struct Routes<'t> {
    names: &'t Names<'t>,
    pub(super) plans: Vec<Plan>,
    /// Every fallback with a deadline, and where its tries stand.
    timed: Vec<(Fallback, Millis, Vec<Span>)>,
}

/// What a plan is before it is read, and stays if it is wrong.
const NOTHING: Route = Route::Fallback(Fallback { within: None, on: None, tries: Vec::new(), breaker: None });
const OPTIONS: [&str; 5] = ["timeout", "connect", "idle", "total", "retry"];

impl<'t> Routes<'t> {
    pub(super) fn new(names: &'t Names<'t>) -> Self {
        Self { names, plans: Vec::new(), timed: Vec::new() }
    }

    /// Reads every named plan.
    pub(super) fn named(&mut self, report: &mut Report) {
        for decl in self.names.plans.iter() {
            let route = self.body(&decl.body, &decl.line, report).unwrap_or(NOTHING);
            self.plans.push(Plan { name: Some(decl.name.clone()), route });
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
                .error("mux::plan::several", second.stmt.span, "a plan is one target or one strategy")
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
    pub(super) fn route(&mut self, cursor: &mut Cursor<'t>, block: Option<&'t Block>, line: &Line<'t>, report: &mut Report) -> Option<Route> {
        let Some(word) = cursor.peek().filter(|w| w.kind == Kind::Name) else {
            cursor.missing("a target such as `openai/gpt-4.1`, `plan NAME` or `fallback { … }`", report);
            self.names.touch(line);
            return None;
        };
        if cursor.says("fallback") {
            return self.fallback(cursor, block, word.span, report).map(Route::Fallback);
        }
        if let Some(entry) = words::find(&word.text, Place::Plan).filter(|e| e.standing == Standing::Refused) {
            lines::refuse(word.span, entry, report);
            self.names.touch(line);
            return None;
        }
        let route = if cursor.says("plan") {
            let name = cursor.need(Kind::Name, "the name of a plan", report)?;
            cursor.end(report);
            self.names.plans.find(name, report).map(|id| Route::Plan(PlanId(id)))
        } else {
            self.attempt(cursor, report).map(Route::Attempt)
        };
        if let Some(block) = block {
            report.error("mux::statement::extra", block.open, "this has no block").help(format!("write `{}`", line.entry.form));
        }
        route
    }

    fn attempt(&mut self, cursor: &mut Cursor<'t>, report: &mut Report) -> Option<Attempt> {
        let name = cursor.word()?;
        let target = self.names.models.find(name, report);
        let mut timeouts = Timeouts::default();
        let mut retry = None;
        let mut seen: Vec<&Word> = Vec::new();
        while let Some(option) = cursor.kind(Kind::Name) {
            if let Some(earlier) = seen.iter().find(|w| w.text == option.text) {
                report
                    .error("mux::statement::repeated", option.span, format!("`{}` stands twice", option.text))
                    .also(earlier.span, "the first");
            }
            seen.push(option);
            let slot = match option.text.as_ref() {
                "timeout" => &mut timeouts.first,
                "connect" => &mut timeouts.connect,
                "idle" => &mut timeouts.idle,
                "total" => &mut timeouts.total,
                "retry" => {
                    retry = self.retry(cursor, report);
                    continue;
                }
                _ => {
                    option_unknown(option, report);
                    cursor.rest();
                    return None;
                }
            };
            let value = cursor.need(Kind::Quantity, "a time such as `20s`", report)?;
            *slot = positive(value, &option.text, report);
        }
        cursor.end(report);
        Some(Attempt { target: TargetId(target?), timeouts, retry })
    }

    fn retry(&self, cursor: &mut Cursor<'t>, report: &mut Report) -> Option<Retry> {
        let _ = self;
        let word = cursor.need(Kind::Quantity, "a number of retries", report)?;
        let times = quantity::count(word, "retry", report)?;
        let on = if cursor.says("on") { Some(outcomes(cursor, report)?) } else { None };
        let Ok(times) = u8::try_from(times) else {
            report.error("mux::type::range", word.span, "more than 255 retries cannot be meant");
            return None;
        };
        Some(Retry { times, on })
    }

    fn fallback(&mut self, cursor: &mut Cursor<'t>, block: Option<&'t Block>, at: Span, report: &mut Report) -> Option<Fallback> {
        let mut fallback = Fallback { within: None, on: None, tries: Vec::new(), breaker: None };
        loop {
            if cursor.says("within") {
                let word = cursor.need(Kind::Quantity, "a time such as `45s`", report)?;
                fallback.within = positive(word, "within", report);
            } else if cursor.says("on") {
                fallback.on = outcomes(cursor, report);
            } else {
                break;
            }
        }
        if let Some(word) = cursor.kind(Kind::Name) {
            let finding = report.error("mux::name::option", word.span, format!("`fallback` has no option `{}`", word.text));
            match suggest::advice(&word.text, ["within", "on"]) {
                Ok(close) => finding.label(format!("did you mean `{close}`?")),
                Err(list) => finding.help(format!("its options are {list}")),
            };
            cursor.rest();
        }
        cursor.end(report);
        let Some(block) = block else {
            report.error("mux::statement::missing", at, "`fallback` needs a block").help("write `fallback { try … }`");
            return None;
        };
        let mut spans = Vec::new();
        let mut whole = true;
        for line in lines::within(block, Place::Fallback, report) {
            if line.entry.word == "breaker" {
                fallback.breaker = line.word().and_then(|w| self.names.breakers.find(w, report)).map(BreakerId);
                continue;
            }
            spans.push(line.stmt.span);
            match self.line(&line, report) {
                Some(route) => fallback.tries.push(route),
                None => whole = false,
            }
        }
        if spans.is_empty() && !block.broken && block.body.is_empty() {
            report
                .error("mux::plan::empty", at, "this `fallback` tries nothing")
                .help("add lines such as `try openai/gpt-4.1 timeout 20s`");
        }
        if let Some(within) = fallback.within.filter(|_| whole) {
            self.timed.push((fallback.clone(), within, spans));
        }
        Some(fallback)
    }

    /// Warns where a try cannot get its timeout because those before it may have used up `within`. Plans must be free
    /// of loops.
    pub(super) fn budgets(&self, report: &mut Report) {
        for (fallback, within, spans) in &self.timed {
            let mut spent = 0;
            for (route, span) in fallback.tries.iter().zip(spans) {
                let Some(wish) = first_wait(route) else { break };
                let left = within.saturating_sub(spent);
                if wish > left {
                    report
                        .warning("mux::time::budget", *span, "this attempt may not get its timeout")
                        .label(format!("wants {}, and has {} if all before it are slow", shown(wish), shown(left)))
                        .help(format!("raise `within {}`, or shorten the timeouts above", shown(*within)));
                    break;
                }
                let Some(worst) = self.worst(route) else { break };
                spent += worst;
            }
        }
    }

    /// The longest a route can take, where everything has a deadline.
    fn worst(&self, route: &Route) -> Option<Millis> {
        match route {
            Route::Attempt(attempt) => {
                let times = 1 + u64::from(attempt.retry.as_ref().map_or(0, |r| r.times));
                first_wait(route).map(|once| once.saturating_mul(times))
            }
            Route::Plan(plan) => self.worst(&self.plans.get(plan.index())?.route),
            Route::Fallback(fallback) => {
                let sum = fallback.tries.iter().map(|t| self.worst(t)).try_fold(0, |sum: u64, t| Some(sum.saturating_add(t?)));
                match (fallback.within, sum) {
                    (Some(within), Some(sum)) => Some(within.min(sum)),
                    (within, sum) => within.or(sum),
                }
            }
        }
    }
}

fn first_wait(route: &Route) -> Option<Millis> {
    match route {
        Route::Attempt(attempt) => attempt.timeouts.first.or(attempt.timeouts.total),
        Route::Fallback(fallback) => fallback.within,
        Route::Plan(_) => Some(0),
    }
}

fn shown(time: Millis) -> String {
    if time % 1_000 == 0 { format!("{}s", time / 1_000) } else { format!("{time}ms") }
}

fn positive(word: &Word, of: &str, report: &mut Report) -> Option<Millis> {
    let time = quantity::time(word, of, report)?;
    if time == 0 {
        report.error("mux::type::range", word.span, format!("`{of}` must be longer than nothing"));
        return None;
    }
    Some(time)
}

fn option_unknown(word: &Word, report: &mut Report) {
    let finding = report.error("mux::name::option", word.span, format!("a target has no option `{}`", word.text));
    match suggest::advice(&word.text, OPTIONS) {
        Ok(close) => finding.label(format!("did you mean `{close}`?")),
        Err(list) => finding.help(format!("its options are {list}")),
    };
}

/// `429 5xx network timed-out auth`, in any order, at least one.
fn outcomes(cursor: &mut Cursor<'_>, report: &mut Report) -> Option<Outcomes> {
    let mut outcomes = Outcomes::default();
    let mut any = false;
    while let Some(word) = cursor.peek() {
        match (word.kind, word.text.as_ref()) {
            (Kind::Quantity, "5xx") => outcomes.server_errors = true,
            (Kind::Quantity, _) => {
                let status = quantity::count(word, "on", report)?;
                let Some(status) = u16::try_from(status).ok().filter(|s| (400..=599).contains(s)) else {
                    report
                        .error("mux::type::range", word.span, format!("`{}` is no status of a failure", word.text))
                        .help("statuses from 400 to 599 can be named, and `5xx`");
                    return None;
                };
                outcomes.statuses.push(status);
            }
            (Kind::Name, "network") => outcomes.network = true,
            (Kind::Name, "timed-out") => outcomes.timed_out = true,
            (Kind::Name, "auth") => outcomes.auth = true,
            (Kind::Name, other) if any && OPTIONS.contains(&other) || other == "within" => break,
            (Kind::Name, other) => {
                let finding = report.error("mux::name::outcome", word.span, format!("there is no outcome `{other}`"));
                match suggest::advice(other, ["network", "timed-out", "auth", "5xx"]) {
                    _ if other == "timeout" => finding.label("did you mean `timed-out`?"),
                    Ok(close) => finding.label(format!("did you mean `{close}`?")),
                    Err(list) => finding.help(format!("outcomes are statuses such as `429`, {list}")),
                };
                cursor.rest();
                return None;
            }
            _ => break,
        }
        any = true;
        cursor.word();
    }
    if !any {
        cursor.missing("an outcome: `429`, `5xx`, `network`, `timed-out` or `auth`", report);
        return None;
    }
    Some(outcomes)
}
