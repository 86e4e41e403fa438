//! One target on a line: its deadlines, its retries, and the outcomes named after `on`.

use crate::cursor::Cursor;
use crate::image::{Attempt, Outcomes, Retry, TargetId, Timeouts};
use crate::names::Names;
use crate::quantity;
use crate::report::Report;
use crate::source::Span;
use crate::tree::{Kind, Word};
use crate::words::{self, CLASSES, TARGET};

/// A target with its options; stops at words of `more`, which belong to who asks.
pub(crate) fn attempt(
    names: &Names<'_>,
    cursor: &mut Cursor<'_>,
    more: &[&str],
    report: &mut Report,
) -> Option<Attempt> {
    let name = cursor.word()?;
    if !name.text.contains('/') && names.plans.index(&name.text).is_some() {
        report
            .error(
                "mux::name::model",
                name.span,
                format!("`{}` is a plan, and no model", name.text),
            )
            .meant(&format!("plan {}", name.text));
        names.plans.find(name, report);
        cursor.rest();
        return None;
    }
    let target = names.models.find(name, report);
    let mut calls = Calls::default();
    while let Some(option) = cursor.peek().filter(|w| w.kind == Kind::Name) {
        if more.contains(&option.text.as_ref()) {
            break;
        }
        if !Calls::takes(option) {
            report
                .error(
                    "mux::name::option",
                    option.span,
                    format!("a target has no option `{}`", option.text),
                )
                .advise(
                    &option.text,
                    TARGET.iter().map(|o| o.word).chain(more.iter().copied()),
                    "its options are",
                );
            cursor.rest();
            return None;
        }
        calls.read(cursor, report)?;
    }
    Some(Attempt {
        target: TargetId(target?),
        timeouts: calls.timeouts,
        retry: calls.retry,
    })
}

/// Deadlines and retries while they are read.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    pub(crate) timeouts: Timeouts,
    pub(crate) retry: Option<Retry>,
    seen: Vec<(Box<str>, Span)>,
}

impl Calls {
    /// Whether a word begins one of its options.
    pub(crate) fn takes(word: &Word) -> bool {
        word.kind == Kind::Name && TARGET.iter().any(|o| o.word == &*word.text)
    }

    /// Reads the option that comes next.
    pub(crate) fn read(&mut self, cursor: &mut Cursor<'_>, report: &mut Report) -> Option<()> {
        let option = cursor.word()?;
        if let Some((_, earlier)) = self.seen.iter().find(|(w, _)| *w == option.text) {
            report
                .error(
                    "mux::statement::repeated",
                    option.span,
                    format!("`{}` stands twice", option.text),
                )
                .also(*earlier, "the first");
        }
        self.seen.push((option.text.clone(), option.span));
        let slot = match option.text.as_ref() {
            "timeout" => &mut self.timeouts.first,
            "connect" => &mut self.timeouts.connect,
            "idle" => &mut self.timeouts.idle,
            "content-idle" => &mut self.timeouts.content_idle,
            "total" => &mut self.timeouts.total,
            _ => {
                self.retry = retry(cursor, report);
                return Some(());
            }
        };
        let value = cursor.need(Kind::Quantity, "a time such as `20s`", report)?;
        *slot = quantity::positive(value, &option.text, report);
        Some(())
    }
}

fn retry(cursor: &mut Cursor<'_>, report: &mut Report) -> Option<Retry> {
    let word = cursor.need(Kind::Quantity, "a number of retries", report)?;
    let times = quantity::count(word, "retry", report)?;
    let on = if cursor.says("on") {
        Some(outcomes(cursor, report)?)
    } else {
        None
    };
    let Ok(times) = u8::try_from(times) else {
        report.error(
            "mux::type::range",
            word.span,
            "more than 255 retries cannot be meant",
        );
        return None;
    };
    Some(Retry { times, on })
}

/// `429 5xx network timed-out …`, in any order, at least one.
pub(crate) fn outcomes(cursor: &mut Cursor<'_>, report: &mut Report) -> Option<Outcomes> {
    let mut outcomes = Outcomes::default();
    let mut any = false;
    while let Some(word) = cursor.peek() {
        match (word.kind, word.text.as_ref()) {
            (Kind::Quantity, "5xx") => outcomes.server_errors = true,
            (Kind::Quantity, _) => outcomes.statuses.push(status(word, report)?),
            (Kind::Name, name) => {
                let Some(flag) = flag(&mut outcomes, name) else {
                    if any && words::is_option(name) {
                        break;
                    }
                    unknown(word, report);
                    cursor.rest();
                    return None;
                };
                *flag = true;
            }
            _ => break,
        }
        any = true;
        cursor.word();
    }
    if !any {
        cursor.missing(
            "an outcome: `429`, `5xx`, `network`, `timed-out` or `auth`",
            report,
        );
        return None;
    }
    Some(outcomes)
}

fn flag<'o>(outcomes: &'o mut Outcomes, name: &str) -> Option<&'o mut bool> {
    Some(match name {
        "network" => &mut outcomes.network,
        "timed-out" => &mut outcomes.timed_out,
        "auth" => &mut outcomes.auth,
        "overloaded" => &mut outcomes.overloaded,
        "context-length" => &mut outcomes.context_length,
        "content-filter" => &mut outcomes.content_filter,
        "cut" => &mut outcomes.cut,
        "malformed" => &mut outcomes.malformed,
        _ => return None,
    })
}

fn status(word: &Word, report: &mut Report) -> Option<u16> {
    let status = quantity::count(word, "on", report)?;
    let known = u16::try_from(status).ok();
    let known = known.filter(|s| (400..=599).contains(s));
    if known.is_none() {
        report
            .error(
                "mux::type::range",
                word.span,
                format!("`{}` is no status of a failure", word.text),
            )
            .help("statuses from 400 to 599 can be named, and `5xx`");
    }
    known
}

fn unknown(word: &Word, report: &mut Report) {
    let finding = report.error(
        "mux::name::outcome",
        word.span,
        format!("there is no outcome `{}`", word.text),
    );
    if word.says("timeout") {
        finding.meant("timed-out");
    } else {
        finding.advise(
            &word.text,
            CLASSES.iter().map(|c| c.word),
            "outcomes are statuses from 400 to 599, such as",
        );
    }
}
