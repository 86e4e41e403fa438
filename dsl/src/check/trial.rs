//! `test` blocks and tables: what is given, what upstreams do, what is expected.

mod given;
mod outcome;
mod upstream;

use crate::case::{Expect, Given, Test};
use crate::cursor::Cursor;
use crate::lines::Line;
use crate::names::Names;
use crate::report::Report;
use crate::source::{Sources, Span};
use crate::tree::{Item, Kind, Row, Stmt, Word};
use given::Facts;
use std::collections::HashMap;

/// Every test of a bundle.
pub(super) fn read(names: &Names<'_>, sources: &Sources, report: &mut Report) -> Vec<Test> {
    let mut tests = Vec::new();
    for line in names.others.iter().filter(|l| l.entry.word == "test") {
        Trial {
            names,
            sources,
            report: &mut *report,
        }
        .test(line, &mut tests);
    }
    tests
}

struct Trial<'r, 't> {
    names: &'r Names<'t>,
    sources: &'r Sources,
    report: &'r mut Report,
}

impl<'t> Trial<'_, 't> {
    fn test(&mut self, line: &Line<'t>, tests: &mut Vec<Test>) {
        let mut cursor = Cursor::of(line);
        let Some(name) = cursor.need(Kind::Text, "the name of the test, in quotes", self.report)
        else {
            return;
        };
        let mut given = Given::default();
        if cursor.says("for")
            && let Some(policy) = cursor.need(
                Kind::Alias,
                "the name of a policy, with its `@`",
                self.report,
            )
        {
            self.names.policies.find(policy, self.report);
            given.model = policy.text.to_string();
        }
        cursor.end(self.report);
        let mut test = Test {
            name: name.text.to_string(),
            file: self.sources.path(line.stmt.span.file).into(),
            line: self.line(line.stmt.span),
            given,
            upstreams: Vec::new(),
            answers: Vec::new(),
            expects: Vec::new(),
        };
        let body = line.body(self.report);
        let mut said: HashMap<Vec<&str>, Span> = HashMap::new();
        for line in body.iter().filter(|l| l.entry.word != "<row>") {
            if let Some(first) = fact(line).and_then(|f| said.insert(f, line.head())) {
                self.report
                    .error(
                        "mux::statement::repeated",
                        line.head(),
                        "this fact is given twice",
                    )
                    .label("the second")
                    .also(first, "the first");
            }
            self.statement(line, &mut test);
        }
        let rows: Vec<&Row> = body
            .iter()
            .filter_map(|l| l.args.first())
            .filter_map(|i| {
                if let Item::Row(row) = i {
                    Some(row)
                } else {
                    None
                }
            })
            .collect();
        self.whole(&test, line);
        match rows.split_first() {
            None => tests.push(test),
            Some((head, rows)) => self.table(head, rows, &test, tests),
        }
    }

    fn statement(&mut self, line: &Line<'t>, test: &mut Test) {
        let mut cursor = Cursor::of(line);
        match line.entry.word {
            "given" => {
                self.facts().given(&mut cursor, &mut test.given);
                cursor.end(self.report);
            }
            "upstream" => {
                upstream::read(&mut cursor, self.names, test, self.report);
                cursor.end(self.report);
            }
            "expect" => {
                let Some(guard) = cursor.guard() else { return };
                cursor.end(self.report);
                for that in outcome::read(&guard.expr, self.names, self.report) {
                    let written = self
                        .sources
                        .slice(line.stmt.span)
                        .split_whitespace()
                        .collect::<Vec<_>>()
                        .join(" ");
                    test.expects.push(Expect {
                        text: written,
                        line: self.line(line.stmt.span),
                        that,
                    });
                }
            }
            _ => {}
        }
    }

    /// Reports a test that asks for nothing, or that cannot fail.
    fn whole(&mut self, test: &Test, line: &Line<'_>) {
        let at = line.stmt.span;
        if test.given.model.is_empty() && !asks(line) {
            self.report
                .error(
                    "mux::test::no-model",
                    at,
                    format!(
                        "the test `{}` does not say which model is asked for",
                        test.name
                    ),
                )
                .help("add `given model @POLICY`, or write `test \"…\" for @POLICY`");
        }
        let block = line.stmt.block.as_ref();
        let vain = test.expects.is_empty() && block.is_some_and(|b| b.lacks("expect"));
        if vain && !rows(line) {
            self.report
                .error(
                    "mux::test::no-expect",
                    at,
                    format!(
                        "the test `{}` expects nothing, so it cannot fail",
                        test.name
                    ),
                )
                .help("add a line such as `expect plan is NAME`");
        }
    }

    fn table(&mut self, head: &Row, rows: &[&Row], base: &Test, tests: &mut Vec<Test>) {
        let columns: Vec<Vec<&Word>> = head
            .cells
            .iter()
            .map(|(words, _)| words.iter().flatten().collect())
            .collect();
        let Some(outcome) = columns
            .iter()
            .position(|c| matches!(c.as_slice(), [w] if w.says("expect")))
        else {
            self.report
                .error(
                    "mux::test::no-expect",
                    head.span,
                    "this table has no column `expect`",
                )
                .help("every row says what it expects: `| tokens | expect |`");
            return;
        };
        if rows.is_empty() {
            self.report
                .error("mux::test::empty", head.span, "this table has no rows")
                .help("add a row below the names of the facts");
        }
        for (number, row) in rows.iter().enumerate() {
            if row.cells.len() != columns.len() {
                self.report
                    .error(
                        "mux::test::row",
                        row.span,
                        format!(
                            "this row has {} cells, and the table has {} columns",
                            row.cells.len(),
                            columns.len()
                        ),
                    )
                    .also(head.span, "the columns");
                continue;
            }
            let mut test = Test {
                name: format!("{}, row {}", base.name, number + 1),
                line: self.line(row.span),
                ..base.clone()
            };
            for (at, (column, (cell, span))) in columns.iter().zip(&row.cells).enumerate() {
                match cell {
                    None if at == outcome => {
                        self.report.error(
                            "mux::test::no-expect",
                            *span,
                            "a row must say what it expects",
                        );
                    }
                    None => {}
                    Some(words) if at == outcome => {
                        let that = outcome::cell(words, *span, self.names, self.report);
                        let written = self.sources.slice(*span).trim().to_owned();
                        test.expects.extend(that.map(|that| Expect {
                            text: written,
                            line: test.line,
                            that,
                        }));
                    }
                    Some(words) => self.facts().cell(column, words, *span, &mut test.given),
                }
            }
            tests.push(test);
        }
    }

    fn facts(&mut self) -> Facts<'_, 't> {
        Facts {
            names: self.names,
            report: self.report,
        }
    }

    fn line(&self, at: Span) -> u32 {
        self.sources.position(at).0
    }
}

/// What a `given` line is about: the words before its value, `budget.NAME` in its longer form.
fn fact<'t>(line: &Line<'t>) -> Option<Vec<&'t str>> {
    if line.entry.word != "given" {
        return None;
    }
    let words = line.args.iter().filter_map(Item::word);
    let words: Vec<&str> = words.map(|w| w.text.as_ref()).collect();
    if let Some(name) = words.first().and_then(|w| w.strip_prefix("budget.")) {
        return Some(vec!["used", "of", "budget", name]);
    }
    let about = match words.as_slice() {
        [_, "of", "budget", ..] => 4,
        [_, "of", ..] => 3,
        ["has", ..] => 2,
        _ => 1,
    };
    Some(words.into_iter().take(about).collect())
}

/// Whether a test says which model is asked for, rightly or wrongly.
fn asks(line: &Line<'_>) -> bool {
    let Some(block) = line.stmt.block.as_ref().filter(|b| !b.broken) else {
        return true;
    };
    let word = |stmt: &Stmt, at: usize, text: &str| {
        stmt.items
            .get(at)
            .and_then(Item::word)
            .is_some_and(|w| w.says(text))
    };
    let column = |stmt: &Stmt| match stmt.items.first() {
        Some(Item::Row(row)) => row
            .cells
            .iter()
            .flat_map(|(c, _)| c)
            .flatten()
            .any(|w| w.says("model")),
        _ => false,
    };
    let given = |stmt: &Stmt| word(stmt, 0, "given") && word(stmt, 1, "model");
    block.body.iter().any(|stmt| given(stmt) || column(stmt))
}

/// Whether a test has a table.
fn rows(line: &Line<'_>) -> bool {
    let body = line.stmt.block.iter().flat_map(|b| &b.body);
    body.filter_map(|s| s.items.first())
        .any(|i| matches!(i, Item::Row(_)))
}
