//! Reading what follows a keyword, word by word.

use crate::lines::{self, Line};
use crate::report::{Finding, Report};
use crate::source::Span;
use crate::tree::{Guard, Item, Kind, Word};

/// The rest of a line.
#[derive(Debug)]
pub(crate) struct Cursor<'t> {
    items: &'t [Item],
    /// Where a missing word would have stood.
    at: Span,
    /// The whole line as it should be, for help texts.
    form: &'static str,
}

impl<'t> Cursor<'t> {
    /// The arguments of a line.
    pub(crate) fn of(line: &Line<'t>) -> Self {
        Self {
            items: line.args,
            at: line.head(),
            form: line.entry.form,
        }
    }

    /// Some items, with the form of the line they should have.
    pub(crate) fn over(items: &'t [Item], at: Span, form: &'static str) -> Self {
        Self { items, at, form }
    }

    /// Says which form the rest of the line has, where its first word decides.
    pub(crate) fn becomes(&mut self, form: &'static str) {
        self.form = form;
    }

    /// The next word, not taken.
    pub(crate) fn peek(&self) -> Option<&'t Word> {
        self.items.first().and_then(Item::word)
    }

    /// Whether nothing is left.
    pub(crate) fn done(&self) -> bool {
        self.items.is_empty()
    }

    /// The next word.
    pub(crate) fn word(&mut self) -> Option<&'t Word> {
        let word = self.peek()?;
        self.step();
        Some(word)
    }

    /// The next word, if it is of this kind.
    pub(crate) fn kind(&mut self, kind: Kind) -> Option<&'t Word> {
        self.peek().filter(|w| w.kind == kind)?;
        self.word()
    }

    /// Takes the next word if it is this keyword.
    pub(crate) fn says(&mut self, keyword: &str) -> bool {
        let found = self.peek().is_some_and(|w| w.says(keyword));
        if found {
            self.step();
        }
        found
    }

    /// The next word, which must be of this kind; `noun` says what is due.
    pub(crate) fn need(&mut self, kind: Kind, noun: &str, report: &mut Report) -> Option<&'t Word> {
        let found = self.kind(kind);
        if found.is_none() {
            let written = self.peek().cloned();
            let finding = self.missing(noun, report);
            if let Some((finding, word)) = finding.zip(written)
                && let Some(text) = word.as_kind(kind)
            {
                finding.fix(word.span, text);
            }
        }
        found
    }

    /// The next keyword, which must be this one.
    pub(crate) fn keyword(&mut self, keyword: &str, report: &mut Report) -> Option<()> {
        if self.says(keyword) {
            return Some(());
        }
        self.missing(&format!("`{keyword}`"), report);
        None
    }

    /// The condition that comes next.
    pub(crate) fn guard(&mut self) -> Option<&'t Guard> {
        let Some(Item::Guard(guard)) = self.items.first() else {
            return None;
        };
        self.step();
        Some(guard)
    }

    /// The condition that comes next, if it begins with this word.
    pub(crate) fn guard_of(&mut self, head: &str) -> Option<&'t Guard> {
        match self.items.first() {
            Some(Item::Guard(guard)) if guard.head.says(head) => self.guard(),
            _ => None,
        }
    }

    /// Says what was due where something else, or nothing, stands.
    pub(crate) fn missing<'r>(
        &mut self,
        noun: &str,
        report: &'r mut Report,
    ) -> Option<&'r mut Finding> {
        let form = self.form;
        let found = std::mem::take(&mut self.items).first();
        if found.and_then(Item::word).is_some_and(Word::hidden) {
            return None;
        }
        let finding = match found {
            Some(item) => report
                .error(
                    "mux::statement::form",
                    item.span(),
                    format!("{noun} was due here"),
                )
                .label(format!("this is {}", lines::described(item))),
            None => report.error(
                "mux::statement::missing",
                self.at,
                format!("{noun} is missing here"),
            ),
        };
        Some(finding.help(format!("write `{form}`")))
    }

    /// Reports whatever is left.
    pub(crate) fn end(&self, report: &mut Report) {
        if let Some(extra) = self.items.first() {
            report
                .error(
                    "mux::statement::extra",
                    extra.span(),
                    "this does not belong here",
                )
                .help(format!("write `{}`", self.form));
        }
    }

    /// What is left, all of it.
    pub(crate) fn rest(&mut self) -> &'t [Item] {
        std::mem::take(&mut self.items)
    }

    fn step(&mut self) {
        if let Some((first, rest)) = self.items.split_first() {
            self.at = first.span();
            self.items = rest;
        }
    }
}
