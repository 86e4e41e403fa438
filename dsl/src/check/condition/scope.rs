//! What reading a condition needs to know, and what it adds to.

use crate::atom::{Atom, Tables};
use crate::condition::{Cond, Named, Test};
use crate::names::Names;
use crate::report::Report;
use crate::source::{Sources, Span};
use crate::tree::{self, Word};
use std::collections::HashSet;
use std::sync::Arc;

/// Names, texts and tables.
#[derive(Debug)]
pub(super) struct Scope<'t> {
    pub(super) names: &'t Names<'t>,
    pub(super) sources: &'t Sources,
    pub(super) tables: Tables,
    /// Zone names, beside [`Tables::zones`].
    pub(super) zones: Vec<Box<str>>,
}

impl Scope<'_> {
    /// The index of an unnamed set; equal ones are shared.
    pub(super) fn set(&mut self, values: HashSet<Box<str>>) -> usize {
        let named = self.names.sets.iter().count();
        let mut unnamed = self.tables.sets.iter().skip(named);
        if let Some(same) = unnamed.position(|s| **s == values) {
            return named + same;
        }
        self.tables.sets.push(Arc::new(values));
        self.tables.sets.len() - 1
    }

    /// A test whose text is what was written.
    pub(super) fn written(&self, atom: Atom, test: &tree::Test) -> Cond {
        let words = self
            .sources
            .slice(test.span)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        self.test_of(atom, words, test.span)
    }

    /// A test with a text of its own.
    pub(super) fn test_of(&self, atom: Atom, text: String, at: Span) -> Cond {
        Cond::Test(Arc::new(self.test(atom, text, at, false)))
    }

    /// A test that nobody wrote, and that comes with another.
    pub(super) fn implied(&self, atom: Atom, text: String, at: Span) -> Cond {
        Cond::Test(Arc::new(self.test(atom, text, at, true)))
    }

    fn test(&self, atom: Atom, text: String, at: Span, implied: bool) -> Test {
        let (line, _) = self.sources.position(at);
        Test {
            atom,
            text: text.into(),
            file: self.sources.path(at.file).into(),
            line,
            implied,
        }
    }

    /// A condition under its name.
    pub(super) fn named(&self, name: &str, at: Span, cond: Cond) -> Cond {
        let (line, _) = self.sources.position(at);
        let named = Named {
            name: name.into(),
            file: self.sources.path(at.file).into(),
            line,
        };
        Cond::Named(Arc::new(named), Box::new(cond))
    }
}

/// The only value of a test.
pub(super) fn single<'w>(
    subject: &Word,
    test: &'w tree::Test,
    report: &mut Report,
) -> Option<&'w Word> {
    match test.values.as_slice() {
        [one] => Some(one),
        [] => {
            no_value(test, "a value", report);
            None
        }
        [_, more @ ..] => {
            let at = more.first().map_or(test.span, |w| w.span);
            report
                .error(
                    "mux::statement::extra",
                    at,
                    format!("`{}` is compared with one value here", subject.text),
                )
                .help("several values need `in`");
            None
        }
    }
}

/// Reports a comparison with nothing.
pub(super) fn no_value(test: &tree::Test, noun: &str, report: &mut Report) {
    report.error(
        "mux::statement::missing",
        test.span,
        format!(
            "`{}` is compared with nothing: {noun} is due",
            subject_of(test)
        ),
    );
}

/// The subject of a test, as written.
pub(super) fn subject_of(test: &tree::Test) -> String {
    test.subject
        .iter()
        .map(|w| w.text.as_ref())
        .collect::<Vec<_>>()
        .join(" ")
}
