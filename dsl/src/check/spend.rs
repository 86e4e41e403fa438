//! Budgets and limits.

use crate::cursor::Cursor;
use crate::image::{Budget, Limit, Millis, Rate, RateUnit, Scope, Window};
use crate::lines::Line;
use crate::names::{Decl, Names};
use crate::quantity;
use crate::report::Report;
use crate::suggest;
use crate::tree::{Kind, Word};
use crate::words::SCOPES;

/// Every named budget.
pub(super) fn budgets(names: &Names<'_>, report: &mut Report) -> Vec<Budget> {
    names
        .budgets
        .iter()
        .map(|decl| budget(decl, names, report))
        .collect()
}

/// Every named limit.
pub(super) fn limits(names: &Names<'_>, report: &mut Report) -> Vec<Limit> {
    names
        .limits
        .iter()
        .map(|decl| limit(decl, names, report))
        .collect()
}

fn budget(decl: &Decl<'_>, names: &Names<'_>, report: &mut Report) -> Budget {
    let mut budget = Budget {
        name: decl.name.clone(),
        cap: 0,
        per: Window::Day,
        scope: Vec::new(),
        warn: None,
        hard: false,
    };
    for line in &decl.body {
        match line.entry.word {
            "cap" => {
                if let Some((cap, per, scope)) = cap(line, names, report) {
                    (budget.cap, budget.per, budget.scope) = (cap, per, scope);
                }
            }
            "mode" => budget.hard = line.word().is_some_and(|w| hard(w, report)),
            _ => {
                let word = line.word();
                budget.warn = word.and_then(|w| quantity::share(w, "warn", report));
            }
        }
    }
    if decl.lacks("cap") {
        report
            .error(
                "mux::budget::no-cap",
                decl.span,
                format!("`{}` does not say how much may be spent", decl.name),
            )
            .help("add a line such as `cap $50/day per key`");
    }
    budget
}

fn cap(
    line: &Line<'_>,
    names: &Names<'_>,
    report: &mut Report,
) -> Option<(i64, Window, Vec<Scope>)> {
    let mut cursor = Cursor::of(line);
    let word = cursor.need(Kind::Quantity, "an amount such as `$50/day`", report)?;
    let amount = quantity::money_per(word, "cap", "$50/day", report);
    let scope = scope(&mut cursor, names, report);
    let (amount, per) = amount?;
    let windows = [
        ("hour", Window::Hour),
        ("day", Window::Day),
        ("week", Window::Week),
        ("month", Window::Month),
    ];
    let Some((_, window)) = windows.iter().find(|(name, _)| *name == per) else {
        period(word, per, windows.iter().map(|(n, _)| *n), report);
        return None;
    };
    Some((amount, *window, scope?))
}

fn limit(decl: &Decl<'_>, names: &Names<'_>, report: &mut Report) -> Limit {
    let rates = decl
        .body
        .iter()
        .filter_map(|line| rate(line, names, report))
        .collect();
    let empty = decl
        .line
        .stmt
        .block
        .as_ref()
        .is_some_and(|b| b.body.is_empty() && !b.broken);
    if empty {
        report
            .error(
                "mux::limit::empty",
                decl.span,
                format!("`{}` limits nothing", decl.name),
            )
            .help("add a line such as `600 requests/min per key`");
    }
    Limit {
        name: decl.name.clone(),
        rates,
    }
}

fn rate(line: &Line<'_>, names: &Names<'_>, report: &mut Report) -> Option<Rate> {
    let mut cursor = Cursor::of(line);
    let amount = cursor.need(Kind::Quantity, "a number", report)?;
    let of = cursor.need(
        Kind::Name,
        "`requests/min`, `tokens/min` or `concurrent`",
        report,
    )?;
    let count = quantity::amount(amount, "limit", report);
    let scope = scope(&mut cursor, names, report);
    let (unit, per) = counted(of, report)?;
    let count = count?;
    if count == 0 {
        report
            .error(
                "mux::type::range",
                amount.span,
                "a limit of nothing lets no request through",
            )
            .help("to refuse requests, write a rule: `when … deny 403 \"…\"`");
        return None;
    }
    Some(Rate {
        amount: count,
        unit,
        per,
        scope: scope?,
    })
}

/// What a rate counts, and in how long: `requests/min`, `tokens/day`, `concurrent`.
fn counted(of: &Word, report: &mut Report) -> Option<(RateUnit, Millis)> {
    let (unit, per) = of.text.split_once('/').unwrap_or((&of.text, ""));
    let unit = match unit {
        "request" | "requests" => RateUnit::Requests,
        "token" | "tokens" => RateUnit::Tokens,
        "concurrent" if per.is_empty() => return Some((RateUnit::Concurrent, 0)),
        "concurrent" => {
            report
                .error(
                    "mux::unit::unknown",
                    of.span,
                    "requests in flight are counted at one moment, not over a time",
                )
                .help("write `N concurrent per key`");
            return None;
        }
        _ => {
            uncountable(of, (unit, per), report);
            return None;
        }
    };
    let periods = [
        ("s", 1_000),
        ("min", 60_000),
        ("hour", 3_600_000),
        ("day", 86_400_000),
    ];
    let known = periods.iter().find(|(name, _)| *name == per);
    if known.is_none() {
        period(of, per, periods.iter().map(|(n, _)| *n), report);
    }
    known.map(|(_, time)| (unit, *time))
}

fn uncountable(of: &Word, (unit, per): (&str, &str), report: &mut Report) {
    let finding = report.error(
        "mux::unit::unknown",
        of.span,
        format!("a rate cannot count `{unit}`"),
    );
    match suggest::advice(unit, ["requests", "tokens", "concurrent"]) {
        Ok(close) if per.is_empty() => finding.meant(close),
        Ok(close) => finding
            .label(format!("did you mean `{close}`?"))
            .fix(of.span, format!("{close}/{per}")),
        Err(list) => finding.help(format!("it can count {list}")),
    };
}

fn period<'k>(
    word: &Word,
    written: &str,
    known: impl Iterator<Item = &'k str>,
    report: &mut Report,
) {
    let known: Vec<&str> = known.collect();
    let finding = report.error(
        "mux::unit::unknown",
        word.span,
        if written.is_empty() {
            format!("`{}` does not say in how long", word.text)
        } else {
            format!("unknown period `{written}`")
        },
    );
    finding.help(format!("the periods are {}", suggest::listed(&known)));
}

/// `per key end_user model tag.NAME`; nothing is one counter for all.
fn scope(cursor: &mut Cursor<'_>, names: &Names<'_>, report: &mut Report) -> Option<Vec<Scope>> {
    let mut scope = Vec::new();
    if cursor.done() {
        return Some(scope);
    }
    cursor.keyword("per", report)?;
    while let Some(word) = cursor.kind(Kind::Name) {
        scope.push(match word.text.as_ref() {
            "and" => continue,
            "key" => Scope::Key,
            "team" => Scope::Team,
            "end_user" => Scope::EndUser,
            "model" => Scope::Model,
            other => {
                let tag = other.strip_prefix("tag.").filter(|t| !t.is_empty());
                if tag.is_none() {
                    unknown_scope(word, report);
                }
                if tag.is_some() && !names.declared.knows(word, report) {
                    return None;
                }
                Scope::Tag(tag?.into())
            }
        });
    }
    if scope.is_empty() {
        cursor.missing("`key`, `team`, `end_user`, `model` or `tag.NAME`", report);
        return None;
    }
    cursor.end(report);
    Some(scope)
}

fn unknown_scope(word: &Word, report: &mut Report) {
    report
        .error(
            "mux::name::scope",
            word.span,
            format!("nothing can be counted per `{}`", word.text),
        )
        .advise(&word.text, SCOPES.iter().map(|s| s.word), "there are");
}

/// `hard` or `soft`.
fn hard(word: &Word, report: &mut Report) -> bool {
    if !word.says("hard") && !word.says("soft") {
        report
            .error(
                "mux::name::mode",
                word.span,
                format!("a budget has no mode `{}`", word.text),
            )
            .help("`hard` never passes the cap; `soft` may, by what is in flight");
    }
    word.says("hard")
}
