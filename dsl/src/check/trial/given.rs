//! The facts of a test.

use crate::case::Given;
use crate::check::ability;
use crate::check::condition::{state, targets, zone};
use crate::cursor::Cursor;
use crate::image::{BasisPoints, BudgetId, TargetId};
use crate::names::Names;
use crate::quantity;
use crate::report::Report;
use crate::source::Span;
use crate::suggest;
use crate::tree::{Item, Kind, Word};
use jiff::civil;
use jiff::tz::TimeZone;

/// Facts that a `given` line or a column can name.
const FACTS: [&str; 9] = [
    "model",
    "tokens",
    "output_limit",
    "streaming",
    "end_user",
    "key",
    "conversation",
    "now",
    "tag.NAME",
];

/// Reads facts, from `given` lines and from the cells of tables.
pub(super) struct Facts<'r, 't> {
    pub(super) names: &'r Names<'t>,
    pub(super) report: &'r mut Report,
}

impl Facts<'_, '_> {
    /// One fact and its value.
    pub(super) fn given(&mut self, cursor: &mut Cursor<'_>, given: &mut Given) -> Option<()> {
        let fact = cursor.need(Kind::Name, "a fact", self.report)?;
        match fact.text.as_ref() {
            "model" => given.model = self.model(cursor)?,
            "tokens" => {
                given.tokens = quantity::tokens(self.number(cursor)?, "tokens", self.report)?;
            }
            "output_limit" => {
                given.output_limit = Some(quantity::tokens(
                    self.number(cursor)?,
                    "output_limit",
                    self.report,
                )?);
            }
            "streaming" => {
                given.streaming = Some(!cursor.says("no"));
                cursor.says("yes");
            }
            "end_user" => given.end_user = Some(self.string(cursor)?),
            "key" => given.key = Some(self.string(cursor)?),
            "conversation" => given.conversation = Some(self.string(cursor)?),
            "now" => given.now = Some(self.moment(cursor)?),
            "has" => {
                let word = cursor.need(Kind::Name, "what the request has", self.report)?;
                given.needs = given.needs.with(ability::feature(word, self.report)?);
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
                given.p95.push((
                    target,
                    quantity::time(self.number(cursor)?, "p95", self.report)?,
                ));
            }
            "error_rate" => {
                let target = self.of(cursor)?;
                given.error_rate.push((
                    target,
                    quantity::share(self.number(cursor)?, "error_rate", self.report)?,
                ));
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

    /// `tag.NAME` and `budget.NAME`.
    fn prefixed(
        &mut self,
        name: &str,
        fact: &Word,
        cursor: &mut Cursor<'_>,
        given: &mut Given,
    ) -> Option<()> {
        if let Some(tag) = name.strip_prefix("tag.").filter(|t| !t.is_empty()) {
            given.tags.push((tag.to_owned(), self.string(cursor)?));
        } else if let Some(budget) = name.strip_prefix("budget.").filter(|b| !b.is_empty()) {
            let budget = self.names.budgets.resolve(budget, fact, self.report)?;
            self.spent(cursor, budget, given)?;
        } else {
            cursor.rest();
            let finding = self.report.error(
                "mux::name::fact",
                fact.span,
                format!("there is no fact `{name}`"),
            );
            match suggest::advice(name, FACTS) {
                Ok(close) => finding.meant(close),
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

    fn string(&mut self, cursor: &mut Cursor<'_>) -> Option<String> {
        cursor
            .need(Kind::Text, "a string in quotes", self.report)
            .map(|w| w.text.to_string())
    }
}
