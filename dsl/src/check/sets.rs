//! Named lists of values.

use crate::cursor::Cursor;
use crate::load::Loaded;
use crate::names::{Decl, Names};
use crate::report::Report;
use crate::tree::{Item, Kind, Word};
use std::collections::HashSet;

/// Every named set.
pub(super) fn read(
    names: &Names<'_>,
    loaded: &Loaded,
    report: &mut Report,
) -> Vec<HashSet<Box<str>>> {
    names
        .sets
        .iter()
        .map(|decl| set(decl, loaded, report))
        .collect()
}

fn set(decl: &Decl<'_>, loaded: &Loaded, report: &mut Report) -> HashSet<Box<str>> {
    let mut cursor = Cursor::over(
        decl.line.args.get(1..).unwrap_or_default(),
        decl.span,
        decl.line.entry.form,
    );
    let mut values = HashSet::new();
    if cursor.says("from") {
        if let Some(file) = cursor.need(Kind::Text, "a path in quotes", report) {
            values.extend(loaded.lists.get(&file.span).into_iter().flatten().cloned());
            if let Some(block) = &decl.line.stmt.block {
                report
                    .error(
                        "mux::statement::extra",
                        block.open,
                        "a set has either a file or a block",
                    )
                    .help(format!("write `{}`", decl.line.entry.form));
            }
        }
    } else if decl.line.stmt.block.is_none() && cursor.done() {
        cursor.missing("a block or `from \"FILE\"`", report);
    }
    cursor.end(report);
    for word in decl.body.iter().flat_map(|l| l.args).filter_map(Item::word) {
        value(word, &mut values, report);
    }
    values
}

fn value(word: &Word, values: &mut HashSet<Box<str>>, report: &mut Report) {
    if word.hidden() {
        return;
    }
    if word.kind != Kind::Text {
        report
            .error(
                "mux::type::mismatch",
                word.span,
                "the values of a set are strings",
            )
            .help(format!("write `\"{}\"`", word.text))
            .fix(word.span, format!("\"{}\"", word.text));
    } else if !values.insert(word.text.clone()) {
        report.warning(
            "mux::set::repeated",
            word.span,
            "this value stands in the set already",
        );
    }
}
