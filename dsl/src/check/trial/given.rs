//! The facts of a test.

use crate::case::Given;
use crate::check::ability;
use crate::check::condition::{state as state_of, targets, zone};
use crate::cursor::Cursor;
use crate::image::{BasisPoints, BudgetId, TargetId};
use crate::names::Names;
use crate::quantity;
use crate::report::Report;
use crate::source::Span;
use crate::tree::{Item, Kind, Word};
use crate::words::{self, GIVENS, Holds, METRICS};
use jiff::civil;
use jiff::tz::TimeZone;

/// Reads facts, from `given` lines and from the cells of tables.
pub(super) struct Facts<'r, 't> {
    pub(super) names: &'r Names<'t>,
    pub(super) report: &'r mut Report,
}

impl Facts<'_, '_> {
    /// One fact and its value.
    pub(super) fn given(&mut self, cursor: &mut Cursor<'_>, given: &mut Given) -> Option<()> {
        let fact = cursor.need(Kind::Name, "a fact", self.report)?;
        let Some(known) = words::subject(GIVENS, &fact.text) else {
            return self.unknown(fact, cursor);
        };
        match known.holds {
            Holds::Text => self.text(known.name, fact, cursor, given),
            _ if METRICS.iter().any(|m| m.name == known.name) => {
                self.live(known.name, cursor, given)
            }
            _ => self.plain(known.name, fact, cursor, given),
        }
    }

    fn text(
        &mut self,
        name: &str,
        fact: &Word,
        cursor: &mut Cursor<'_>,
        given: &mut Given,
    ) -> Option<()> {
        if name == "model" {
            given.model = self.model(cursor)?;
            return Some(());
        }
        if !self.names.declared.knows(fact, self.report) {
            cursor.rest();
            return None;
        }
        let value = cursor.need(Kind::Text, "a string in quotes", self.report)?;
        self.names.declared.stranger(&fact.text, value, self.report);
        let value = value.text.to_string();
        match name {
            "end_user" => given.end_user = Some(value),
            "key" => given.key = Some(value),
            "team" => given.team = Some(value),
            "conversation" => given.conversation = Some(value),
            "operation" => given.operation = Some(value),
            "dialect" => given.dialect = Some(value),
            _ => {
                let (family, name) = fact.text.split_once('.')?;
                let list = if family == "tag" {
                    &mut given.tags
                } else {
                    &mut given.headers
                };
                list.push((name.to_owned(), value));
            }
        }
        Some(())
    }

    fn plain(
        &mut self,
        name: &str,
        fact: &Word,
        cursor: &mut Cursor<'_>,
        given: &mut Given,
    ) -> Option<()> {
        match name {
            "tokens" => given.tokens = quantity::tokens(self.number(cursor)?, name, self.report)?,
            "output_limit" => {
                let limit = quantity::tokens(self.number(cursor)?, name, self.report)?;
                given.output_limit = Some(limit);
            }
            "streaming" => {
                given.streaming = Some(!cursor.says("no"));
                cursor.says("yes");
            }
            "has" => {
                let word = cursor.need(Kind::Name, "what the request has", self.report)?;
                given.needs = given.needs.with(ability::feature(word, self.report)?);
            }
            "now" => given.now = Some(self.moment(cursor)?),
            _ => {
                let (_, budget) = fact.text.split_once('.')?;
                let budget = self.names.budgets.resolve(budget, fact, self.report)?;
                self.spent(cursor, budget, given)?;
            }
        }
        Some(())
    }

    /// A live figure: `NAME of TARGET VALUE`.
    fn live(&mut self, name: &str, cursor: &mut Cursor<'_>, given: &mut Given) -> Option<()> {
        cursor.keyword("of", self.report)?;
        match name {
            "health" => {
                let word = cursor.need(Kind::Name, "a target or a provider", self.report)?;
                let targets = targets(self.names, word, self.report);
                let state = cursor.need(Kind::Name, "`ok`, `degraded` or `down`", self.report)?;
                let state = state_of(state, self.report)?;
                given.health.extend(targets?.iter().map(|t| (*t, state)));
                return Some(());
            }
            "used" => {
                cursor.keyword("budget", self.report)?;
                let name = cursor.need(Kind::Name, "the name of a budget", self.report)?;
                let budget = self.names.budgets.find(name, self.report)?;
                return self.spent(cursor, budget, given);
            }
            _ => {}
        }
        let word = cursor.need(Kind::Name, "a target", self.report)?;
        let target = self.names.models.find(word, self.report).map(TargetId);
        if name == "breaker" {
            let open = self.breaker(cursor)?;
            given.breaker.push((target?, open));
            return Some(());
        }
        let value = self.number(cursor)?;
        let report = &mut *self.report;
        match name {
            "p50" => given
                .p50
                .push((target?, quantity::time(value, name, report)?)),
            "p95" => given
                .p95
                .push((target?, quantity::time(value, name, report)?)),
            "p99" => given
                .p99
                .push((target?, quantity::time(value, name, report)?)),
            "inflight" => given
                .inflight
                .push((target?, quantity::count(value, name, report)?)),
            "headroom" => given
                .headroom
                .push((target?, quantity::part(value, name, report)?)),
            _ => given
                .error_rate
                .push((target?, quantity::part(value, name, report)?)),
        }
        Some(())
    }

    fn breaker(&mut self, cursor: &mut Cursor<'_>) -> Option<bool> {
        let open = cursor.says("open");
        if open || cursor.says("closed") {
            return Some(open);
        }
        cursor.missing("`open` or `closed`", self.report);
        None
    }

    fn unknown(&mut self, fact: &Word, cursor: &mut Cursor<'_>) -> Option<()> {
        cursor.rest();
        self.report
            .error(
                "mux::name::fact",
                fact.span,
                format!("there is no fact `{}`", fact.text),
            )
            .advise(&fact.text, words::names(GIVENS), "the facts are");
        None
    }

    /// One cell: the words of the column and those of the cell are one `given` line.
    pub(super) fn cell(&mut self, column: &[&Word], words: &[Word], at: Span, given: &mut Given) {
        let flag = matches!(column, [has, _] if has.says("has"));
        let cell = match words {
            [word] if flag && word.says("no") => return,
            [word] if flag && word.says("yes") => &[],
            _ => words,
        };
        let items: Vec<Item> = column
            .iter()
            .copied()
            .chain(cell)
            .map(|w| Item::Word(w.clone()))
            .collect();
        let mut cursor = Cursor::over(
            &items,
            at,
            "| FACT | expect |, with `yes` or `no` for flags and `-` for absent",
        );
        self.given(&mut cursor, given);
        cursor.end(self.report);
    }

    fn spent(&mut self, cursor: &mut Cursor<'_>, budget: u32, given: &mut Given) -> Option<()> {
        let share: BasisPoints = quantity::share(self.number(cursor)?, "budget", self.report)?;
        given.used.push((BudgetId(budget), share));
        Some(())
    }

    fn model(&mut self, cursor: &mut Cursor<'_>) -> Option<String> {
        if let Some(policy) = cursor.kind(Kind::Alias) {
            self.names.policies.find(policy, self.report)?;
            return Some(policy.text.to_string());
        }
        if let Some(text) = cursor.kind(Kind::Text) {
            return Some(text.text.to_string());
        }
        let name = cursor.need(
            Kind::Name,
            "a policy such as `@production`, or a model",
            self.report,
        )?;
        if name.text.contains('/') {
            self.names.models.find(name, self.report)?;
        }
        Some(name.text.to_string())
    }

    /// `2026-03-29T02:30 Europe/Berlin`, `… UTC`, or with a `Z`.
    fn moment(&mut self, cursor: &mut Cursor<'_>) -> Option<i64> {
        let word = cursor.need(
            Kind::Date,
            "a moment such as `2026-03-29T02:30`",
            self.report,
        )?;
        let (text, utc) = word
            .text
            .strip_suffix('Z')
            .map_or((&*word.text, false), |t| (t, true));
        let zone = if utc {
            TimeZone::UTC
        } else {
            {
                let word = cursor.need(
                    Kind::Name,
                    "a time zone such as `Europe/Berlin` or `UTC`",
                    self.report,
                )?;
                zone(word, self.report)?
            }
        };
        let moment: Option<civil::DateTime> = text.parse().ok();
        let stamp = moment.and_then(|m| zone.to_ambiguous_timestamp(m).compatible().ok());
        if stamp.is_none() {
            self.report.error(
                "mux::time::moment",
                word.span,
                format!("`{}` is no moment of the calendar", word.text),
            );
        }
        stamp.map(jiff::Timestamp::as_millisecond)
    }

    fn number<'w>(&mut self, cursor: &mut Cursor<'w>) -> Option<&'w Word> {
        cursor.need(Kind::Quantity, "a number", self.report)
    }
}
