//! What is said of a strategy as a whole, on its line or on lines of its block.

use super::attempt::outcomes;
use super::filter;
use crate::check::ability::quantile;
use crate::cursor::Cursor;
use crate::image::{
    Affinity, After, BasisPoints, BreakerId, Filter, Millis, Quantile, Sticky, Terms,
};
use crate::names::Names;
use crate::quantity;
use crate::report::Report;
use crate::source::Span;
use crate::tree::{Guard, Item, Kind, Word};
use crate::words::{self, Entry, WHO};

/// Tokens of a prompt that `affinity prefix` looks at where it does not say.
const PREFIX: u32 = 1_000;

/// Everything that can be said; what a strategy does not offer is never filled.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) terms: Terms,
    pub(super) buffer: bool,
    pub(super) filter: Option<Filter>,
    pub(super) by: Option<(Quantile, Option<Millis>)>,
    pub(super) explore: Option<BasisPoints>,
    pub(super) who: Vec<Sticky>,
    pub(super) salt: Option<Box<str>>,
    pub(super) after: Option<After>,
    pub(super) extra: Option<u8>,
    /// Something of it is wrong, which has been reported.
    pub(super) wrong: bool,
    seen: Vec<(Box<str>, Span)>,
}

impl Header {
    /// Reads the options of a strategy; stops at words of `more`, which belong to who asks.
    pub(super) fn read(
        &mut self,
        entry: &Entry,
        cursor: &mut Cursor<'_>,
        more: &[&str],
        names: &Names<'_>,
        report: &mut Report,
    ) {
        loop {
            if let Some(guard) = cursor.guard_of("where") {
                self.guard(entry, guard, more, names, report);
                continue;
            }
            let Some(word) = cursor.peek().filter(|w| w.kind == Kind::Name) else {
                return;
            };
            let name = word.text.as_ref();
            if more.contains(&name) {
                return;
            }
            if !entry.options().any(|o| o.word == name) {
                report
                    .error(
                        "mux::name::option",
                        word.span,
                        format!("`{}` has no option `{name}`", entry.word),
                    )
                    .advise(
                        name,
                        entry.options().map(|o| o.word).chain(more.iter().copied()),
                        "its options are",
                    );
                cursor.rest();
                self.wrong = true;
                return;
            }
            cursor.word();
            self.option(word, entry, cursor, names, report);
        }
    }

    /// Reads what follows the word of one option.
    pub(super) fn option(
        &mut self,
        word: &Word,
        entry: &Entry,
        cursor: &mut Cursor<'_>,
        names: &Names<'_>,
        report: &mut Report,
    ) {
        if let Some((_, earlier)) = self.seen.iter().find(|(w, _)| *w == word.text) {
            report
                .error(
                    "mux::statement::repeated",
                    word.span,
                    format!("`{}` stands twice", word.text),
                )
                .also(*earlier, "the first");
        }
        self.seen.push((word.text.clone(), word.span));
        let read = match word.text.as_ref() {
            "by" if entry.word != "fastest" => self.who(cursor, names, report),
            "within" | "on" | "breaker" | "affinity" | "continue" => {
                self.term(word, cursor, names, report)
            }
            _ => self.own(word, cursor, report),
        };
        if read.is_none() {
            // What follows a wrong value cannot be told apart from it.
            cursor.rest();
            self.wrong = true;
        }
    }

    fn term(
        &mut self,
        word: &Word,
        cursor: &mut Cursor<'_>,
        names: &Names<'_>,
        report: &mut Report,
    ) -> Option<()> {
        match word.text.as_ref() {
            "within" => {
                let time = cursor.need(Kind::Quantity, "a time such as `45s`", report)?;
                self.terms.within = Some(quantity::positive(time, "within", report)?);
            }
            "on" => self.terms.on = Some(outcomes(cursor, report)?),
            "breaker" => {
                let name = cursor.need(Kind::Name, "the name of a breaker", report)?;
                self.terms.breaker = Some(BreakerId(names.breakers.find(name, report)?));
            }
            "affinity" => self.terms.affinity = Some(affinity(cursor, report)?),
            _ => {
                cursor.keyword("once", report)?;
                self.terms.resume = true;
            }
        }
        Some(())
    }

    fn own(&mut self, word: &Word, cursor: &mut Cursor<'_>, report: &mut Report) -> Option<()> {
        match word.text.as_ref() {
            "buffer" => self.buffer = true,
            "salt" => {
                let text = cursor.need(Kind::Text, "a text in quotes", report)?;
                self.salt = Some(text.text.clone());
            }
            "explore" => {
                let share = cursor.need(Kind::Quantity, "a share such as `2%`", report)?;
                self.explore = Some(quantity::part(share, "explore", report)?);
            }
            "extra" => {
                let count = cursor.need(Kind::Quantity, "a number", report)?;
                self.extra = Some(extra(count, report)?);
            }
            "after" => self.after = Some(after(cursor, report)?),
            _ => {
                let name = cursor.need(Kind::Name, "`p50`, `p95` or `p99`", report)?;
                let quantile = quantile(name, report)?;
                let over = if cursor.says("over") {
                    let time = cursor.need(Kind::Quantity, "a time such as `5m`", report)?;
                    Some(quantity::positive(time, "over", report)?)
                } else {
                    None
                };
                self.by = Some((quantile, over));
            }
        }
        Some(())
    }

    /// `where FILTER`; the words of further options follow its last value, and are no values.
    fn guard(
        &mut self,
        entry: &Entry,
        guard: &Guard,
        more: &[&str],
        names: &Names<'_>,
        report: &mut Report,
    ) {
        if !entry.options().any(|o| o.word == "where") {
            report
                .error(
                    "mux::name::option",
                    guard.head.span,
                    format!("`{}` has no option `where`", entry.word),
                )
                .help("`where` chooses among the candidates of `cheapest` and `fastest`");
            self.wrong = true;
            return;
        }
        let rest = filter::rest(&guard.expr);
        self.filter = filter::read(
            &guard.expr,
            rest.first().map(|w| w.span.start),
            names,
            report,
        );
        self.wrong |= self.filter.is_none();
        let items: Vec<Item> = rest.iter().cloned().map(Item::Word).collect();
        let mut cursor = Cursor::over(&items, guard.head.span, entry.form);
        self.read(entry, &mut cursor, more, names, report);
        cursor.end(report);
    }

    fn who(
        &mut self,
        cursor: &mut Cursor<'_>,
        names: &Names<'_>,
        report: &mut Report,
    ) -> Option<()> {
        while let Some(word) = cursor.peek().filter(|w| w.kind == Kind::Name) {
            let Some(who) = sticky(&word.text) else {
                if !self.who.is_empty() && words::is_option(&word.text) {
                    break;
                }
                report
                    .error(
                        "mux::name::who",
                        word.span,
                        format!("requests are not told apart by `{}`", word.text),
                    )
                    .advise(
                        &word.text,
                        WHO.iter().map(|c| c.word),
                        "they can be told apart by",
                    );
                cursor.rest();
                return None;
            };
            if self.who.contains(&who) {
                report
                    .error(
                        "mux::statement::repeated",
                        word.span,
                        format!("`{}` stands twice", word.text),
                    )
                    .help("delete one");
            } else if names.declared.knows(word, report) {
                self.who.push(who);
            }
            cursor.word();
        }
        if self.who.is_empty() {
            cursor.missing("`end_user`, `key`, `tag.NAME` or another fact", report);
            return None;
        }
        Some(())
    }
}

/// What a request is recognised by.
fn sticky(name: &str) -> Option<Sticky> {
    Some(match name {
        "end_user" => Sticky::EndUser,
        "key" => Sticky::Key,
        "team" => Sticky::Team,
        "conversation" => Sticky::Conversation,
        _ => match name.split_once('.')? {
            ("tag", tag) if !tag.is_empty() => Sticky::Tag(tag.into()),
            ("header", header) if !header.is_empty() => Sticky::Header(header.into()),
            _ => return None,
        },
    })
}

fn affinity(cursor: &mut Cursor<'_>, report: &mut Report) -> Option<Affinity> {
    let word = cursor.need(
        Kind::Name,
        "`conversation`, `end_user`, `key` or `prefix`",
        report,
    )?;
    Some(match word.text.as_ref() {
        "conversation" => Affinity::Conversation,
        "end_user" => Affinity::EndUser,
        "key" => Affinity::Key,
        "prefix" => match cursor.kind(Kind::Quantity) {
            Some(tokens) => Affinity::Prefix(quantity::tokens(tokens, "prefix", report)?),
            None => Affinity::Prefix(PREFIX),
        },
        other => {
            report
                .error(
                    "mux::name::affinity",
                    word.span,
                    format!("requests cannot stay together by `{other}`"),
                )
                .advise(
                    other,
                    ["conversation", "end_user", "key", "prefix"],
                    "they can stay together by",
                );
            return None;
        }
    })
}

fn after(cursor: &mut Cursor<'_>, report: &mut Report) -> Option<After> {
    if let Some(name) = cursor.kind(Kind::Name) {
        return quantile(name, report).map(After::Quantile);
    }
    let time = cursor.need(Kind::Quantity, "a time, `p50`, `p95` or `p99`", report)?;
    quantity::positive(time, "after", report).map(After::Time)
}

fn extra(word: &Word, report: &mut Report) -> Option<u8> {
    let count = quantity::count(word, "extra", report)?;
    let extra = u8::try_from(count).ok().filter(|n| (1..=8).contains(n));
    if extra.is_none() {
        report.error(
            "mux::type::range",
            word.span,
            "from 1 to 8 further requests can be meant",
        );
    }
    extra
}
