//! `test` blocks and tables: what is given, what upstreams do, what is expected.

mod outcome;

use super::condition::{state, targets};
use super::fleet;
use crate::case::{Expect, Given, Script, Test};
use crate::cursor::Cursor;
use crate::image::{BasisPoints, BudgetId, TargetId};
use crate::lines::Line;
use crate::names::Names;
use crate::quantity;
use crate::report::Report;
use crate::source::{Sources, Span};
use crate::suggest;
use crate::tree::{Item, Kind, Row, Word};
use jiff::civil;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// Every test of a bundle.
pub(super) fn read(names: &Names<'_>, sources: &Sources, report: &mut Report) -> Vec<Test> {
    let mut tests = Vec::new();
    for line in names.others.iter().filter(|l| l.entry.word == "test") {
        Trial { names, sources, report: &mut *report }.test(line, &mut tests);
    }
    tests
}

struct Trial<'r, 't> {
    names: &'r Names<'t>,
    sources: &'r Sources,
    report: &'r mut Report,
}

/// Facts that a `given` line or a column can name.
const FACTS: [&str; 9] = ["model", "tokens", "output_limit", "streaming", "end_user", "key", "conversation", "now", "tag.NAME"];

impl<'t> Trial<'_, 't> {
    fn test(&mut self, line: &Line<'t>, tests: &mut Vec<Test>) {
        let mut cursor = Cursor::of(line);
        let Some(name) = cursor.need(Kind::Text, "the name of the test, in quotes", self.report) else { return };
        let mut given = Given::default();
        if cursor.says("for")
            && let Some(policy) = cursor.need(Kind::Alias, "the name of a policy, with its `@`", self.report)
        {
            self.names.policies.find(policy, self.report);
            given.model = policy.text.to_string();
        }
        cursor.end(self.report);
        let mut test = Test { name: name.text.to_string(), file: self.sources.path(line.stmt.span.file).into(), line: self.line(line.stmt.span), given, upstreams: Vec::new(), expects: Vec::new() };
        let body = line.body(self.report);
        for line in body.iter().filter(|l| l.entry.word != "<row>") {
            self.statement(line, &mut test);
        }
        let rows: Vec<&Row> = body.iter().filter_map(|l| l.args.first()).filter_map(|i| if let Item::Row(row) = i { Some(row) } else { None }).collect();
        let broken = line.stmt.block.as_ref().is_some_and(|b| b.broken);
        match rows.split_first() {
            None => {
                self.whole(&test, line.stmt.span, broken);
                tests.push(test);
            }
            Some((head, rows)) => self.table(head, rows, &test, tests),
        }
    }

    fn statement(&mut self, line: &Line<'t>, test: &mut Test) {
        let mut cursor = Cursor::of(line);
        match line.entry.word {
            "given" => {
                self.given(&mut cursor, &mut test.given);
                cursor.end(self.report);
            }
            "upstream" => {
                let script = self.upstream(&mut cursor);
                cursor.end(self.report);
                test.upstreams.extend(script);
            }
            "expect" => {
                let Some(guard) = cursor.guard() else { return };
                cursor.end(self.report);
                for that in outcome::read(&guard.expr, self.names, self.report) {
                    let text = self.sources.slice(line.stmt.span).split_whitespace().collect::<Vec<_>>().join(" ");
                    test.expects.push(Expect { text, line: self.line(line.stmt.span), that });
                }
            }
            _ => {}
        }
    }

    fn whole(&mut self, test: &Test, at: Span, broken: bool) {
        if broken {
            return;
        }
        if test.given.model.is_empty() {
            self.report
                .error("mux::test::no-model", at, format!("the test `{}` does not say which model is asked for", test.name))
                .help("add `given model @POLICY`, or write `test \"…\" for @POLICY`");
        }
        if test.expects.is_empty() {
            self.report
                .error("mux::test::no-expect", at, format!("the test `{}` expects nothing, so it cannot fail", test.name))
                .help("add a line such as `expect plan is NAME`");
        }
    }

    fn table(&mut self, head: &Row, rows: &[&Row], base: &Test, tests: &mut Vec<Test>) {
        let columns: Vec<Vec<&Word>> = head.cells.iter().map(|(words, _)| words.iter().flatten().collect()).collect();
        let Some(outcome) = columns.iter().position(|c| matches!(c.as_slice(), [w] if w.says("expect"))) else {
            self.report
                .error("mux::test::no-expect", head.span, "this table has no column `expect`")
                .help("every row says what it expects: `| tokens | expect |`");
            return;
        };
        if rows.is_empty() {
            self.report.error("mux::test::empty", head.span, "this table has no rows").help("add a row below the names of the facts");
        }
        for (number, row) in rows.iter().enumerate() {
            if row.cells.len() != columns.len() {
                self.report
                    .error("mux::test::row", row.span, format!("this row has {} cells, and the table has {} columns", row.cells.len(), columns.len()))
                    .also(head.span, "the columns");
                continue;
            }
            let mut test = Test { name: format!("{}, row {}", base.name, number + 1), line: self.line(row.span), ..base.clone() };
            for (at, (column, (cell, span))) in columns.iter().zip(&row.cells).enumerate() {
                match cell {
                    None if at == outcome => {
                        self.report.error("mux::test::no-expect", *span, "a row must say what it expects");
                    }
                    None => {}
                    Some(words) if at == outcome => {
                        let that = outcome::cell(words, *span, self.names, self.report);
                        let text = self.sources.slice(*span).trim().to_owned();
                        test.expects.extend(that.map(|that| Expect { text, line: test.line, that }));
                    }
                    Some(words) => self.fact(column, words, *span, &mut test.given),
                }
            }
            if test.given.model.is_empty() {
                self.whole(&test, head.span, false);
                return;
            }
            tests.push(test);
        }
    }

    /// One cell: the words of the column and those of the cell are one `given` line.
    fn fact(&mut self, column: &[&Word], words: &[Word], at: Span, given: &mut Given) {
        let flag = matches!(column, [has, _] if has.says("has")) || matches!(column, [w] if w.says("streaming"));
        let cell = match words {
            [word] if flag && word.says("no") => return,
            [word] if flag && word.says("yes") => &[],
            _ => words,
        };
        let items: Vec<Item> = column.iter().copied().chain(cell).map(|w| Item::Word(w.clone())).collect();
        let mut cursor = Cursor::over(&items, at, "| FACT | expect |, with `yes` or `no` for flags and `-` for absent");
        self.given(&mut cursor, given);
        cursor.end(self.report);
    }

    fn given(&mut self, cursor: &mut Cursor<'_>, given: &mut Given) -> Option<()> {
        let fact = cursor.need(Kind::Name, "a fact", self.report)?;
        match fact.text.as_ref() {
            "model" => given.model = self.model(cursor)?,
            "tokens" => given.tokens = quantity::tokens(self.number(cursor)?, "tokens", self.report)?,
            "output_limit" => given.output_limit = Some(quantity::tokens(self.number(cursor)?, "output_limit", self.report)?),
            "streaming" => given.streaming = true,
            "end_user" => given.end_user = Some(self.string(cursor)?),
            "key" => given.key = Some(self.string(cursor)?),
            "conversation" => given.conversation = Some(self.string(cursor)?),
            "now" => given.now = Some(self.moment(cursor)?),
            "has" => {
                let word = cursor.need(Kind::Name, "what the request has", self.report)?;
                given.needs = given.needs.with(fleet::feature(word, self.report)?);
            }
            "health" => {
                cursor.keyword("of", self.report)?;
                let name = cursor.need(Kind::Name, "a target or a provider", self.report)?;
                let word = cursor.need(Kind::Name, "`ok`, `degraded` or `down`", self.report)?;
                let state = state(word, self.report)?;
                let targets = targets(self.names, name, self.report)?;
                given.health.extend(targets.iter().map(|t| (*t, state)));
            }
            "p95" => {
                let target = self.of(cursor)?;
                given.p95.push((target, quantity::time(self.number(cursor)?, "p95", self.report)?));
            }
            "error_rate" => {
                let target = self.of(cursor)?;
                given.error_rate.push((target, quantity::share(self.number(cursor)?, "error_rate", self.report)?));
            }
            "used" => {
                cursor.keyword("of", self.report)?;
                cursor.keyword("budget", self.report)?;
                let name = cursor.need(Kind::Name, "the name of a budget", self.report)?;
                let budget = self.names.budgets.find(name, self.report)?;
                self.spent(cursor, budget, given)?;
            }
            other => return self.prefixed(other, fact, cursor, given),
        }
        Some(())
    }

    /// `tag.NAME` and `budget.NAME`.
    fn prefixed(&mut self, name: &str, fact: &Word, cursor: &mut Cursor<'_>, given: &mut Given) -> Option<()> {
        if let Some(tag) = name.strip_prefix("tag.").filter(|t| !t.is_empty()) {
            given.tags.push((tag.to_owned(), self.string(cursor)?));
        } else if let Some(budget) = name.strip_prefix("budget.").filter(|b| !b.is_empty()) {
            let budget = self.names.budgets.resolve(budget, fact, self.report)?;
            self.spent(cursor, budget, given)?;
        } else {
            cursor.rest();
            let finding = self.report.error("mux::name::fact", fact.span, format!("there is no fact `{name}`"));
            match suggest::advice(name, FACTS) {
                Ok(close) => finding.label(format!("did you mean `{close}`?")),
                Err(list) => finding.help(format!("the facts are {list}, `budget.NAME`, `has …`, and `health`, `p95` and `error_rate of` a target")),
            };
            return None;
        }
        Some(())
    }

    fn spent(&mut self, cursor: &mut Cursor<'_>, budget: u32, given: &mut Given) -> Option<()> {
        let share: BasisPoints = quantity::share(self.number(cursor)?, "budget", self.report)?;
        given.used.push((BudgetId(budget), share));
        Some(())
    }

    fn of(&mut self, cursor: &mut Cursor<'_>) -> Option<TargetId> {
        cursor.keyword("of", self.report)?;
        let name = cursor.need(Kind::Name, "a target", self.report)?;
        self.names.models.find(name, self.report).map(TargetId)
    }

    fn model(&mut self, cursor: &mut Cursor<'_>) -> Option<String> {
        if let Some(policy) = cursor.kind(Kind::Alias) {
            self.names.policies.find(policy, self.report)?;
            return Some(policy.text.to_string());
        }
        if let Some(text) = cursor.kind(Kind::Text) {
            return Some(text.text.to_string());
        }
        let name = cursor.need(Kind::Name, "a policy such as `@production`, or a model", self.report)?;
        if name.text.contains('/') {
            self.names.models.find(name, self.report)?;
        }
        Some(name.text.to_string())
    }

    /// `2026-03-29T02:30 Europe/Berlin`, `… UTC`, or with a `Z`.
    fn moment(&mut self, cursor: &mut Cursor<'_>) -> Option<i64> {
        let word = cursor.need(Kind::Date, "a moment such as `2026-03-29T02:30`", self.report)?;
        let (text, utc) = word.text.strip_suffix('Z').map_or((&*word.text, false), |t| (t, true));
        let zone = if utc { TimeZone::UTC } else { self.zone(cursor)? };
        let moment: Option<civil::DateTime> = text.parse().ok();
        let stamp = moment.and_then(|m| zone.to_ambiguous_timestamp(m).compatible().ok());
        if stamp.is_none() {
            self.report.error("mux::time::moment", word.span, format!("`{}` is no moment of the calendar", word.text));
        }
        stamp.map(|s| s.as_millisecond())
    }

    fn zone(&mut self, cursor: &mut Cursor<'_>) -> Option<TimeZone> {
        let word = cursor.need(Kind::Name, "a time zone such as `Europe/Berlin` or `UTC`", self.report)?;
        let zone = TimeZoneDatabase::bundled().get(&word.text).ok();
        if zone.is_none() {
            self.report
                .error("mux::name::zone", word.span, format!("there is no time zone `{}`", word.text))
                .help("zones are named by continent and city, such as `Europe/Berlin`, or `UTC`");
        }
        zone
    }

    fn upstream(&mut self, cursor: &mut Cursor<'_>) -> Option<(TargetId, Script)> {
        let name = cursor.need(Kind::Name, "a target", self.report)?;
        let target = self.names.models.find(name, self.report);
        let verb = cursor.need(Kind::Name, "`replies`, `hangs`, `refuses` or `streams`", self.report)?;
        let script = match verb.text.as_ref() {
            "hangs" => Script::Hangs,
            "refuses" => Script::Refuses,
            "replies" => {
                let word = self.number(cursor)?;
                let status = quantity::count(word, "replies", self.report)?;
                let Some(status) = u16::try_from(status).ok().filter(|s| (200..=599).contains(s)) else {
                    self.report.error("mux::type::range", word.span, format!("`{}` is no status of a reply", word.text));
                    return None;
                };
                let after = if cursor.says("after") { quantity::time(self.number(cursor)?, "after", self.report)? } else { 0 };
                Script::Replies { status, after }
            }
            "streams" => self.streams(cursor)?,
            other => {
                cursor.rest();
                let finding = self.report.error("mux::name::script", verb.span, format!("an upstream cannot `{other}`"));
                match suggest::advice(other, ["replies", "hangs", "refuses", "streams"]) {
                    Ok(close) => finding.label(format!("did you mean `{close}`?")),
                    Err(list) => finding.help(format!("it can do one of {list}")),
                };
                return None;
            }
        };
        Some((TargetId(target?), script))
    }

    fn streams(&mut self, cursor: &mut Cursor<'_>) -> Option<Script> {
        let word = self.number(cursor)?;
        let rate = quantity::tokens(word, "streams", self.report)?;
        cursor.keyword("tokens/s", self.report)?;
        if rate == 0 {
            self.report.error("mux::type::range", word.span, "a stream of nothing").help("write `hangs` for that");
            return None;
        }
        let mut drops_after = None;
        if cursor.says("then") {
            cursor.keyword("drops", self.report)?;
            cursor.keyword("after", self.report)?;
            drops_after = Some(quantity::tokens(self.number(cursor)?, "after", self.report)?);
            cursor.keyword("tokens", self.report)?;
        }
        Some(Script::Streams { rate, drops_after })
    }

    fn number<'w>(&mut self, cursor: &mut Cursor<'w>) -> Option<&'w Word> {
        cursor.need(Kind::Quantity, "a number", self.report)
    }

    fn string(&mut self, cursor: &mut Cursor<'_>) -> Option<String> {
        cursor.need(Kind::Text, "a string in quotes", self.report).map(|w| w.text.to_string())
    }

    fn line(&self, at: Span) -> u32 {
        self.sources.position(at).0
    }
}
