//! One target on a line: its deadlines, its retries, and the outcomes named after `on`.

use crate::cursor::Cursor;
use crate::image::{Attempt, Millis, Outcomes, Retry, TargetId, Timeouts};
use crate::names::Names;
use crate::quantity;
use crate::report::Report;
use crate::suggest;
use crate::tree::{Kind, Word};

const OPTIONS: [&str; 5] = ["timeout", "connect", "idle", "total", "retry"];

/// A target with its options.
pub(super) fn attempt(
    names: &Names<'_>,
    cursor: &mut Cursor<'_>,
    report: &mut Report,
) -> Option<Attempt> {
    let name = cursor.word()?;
    let target = names.models.find(name, report);
    let mut timeouts = Timeouts::default();
    let mut retry = None;
    let mut seen: Vec<&Word> = Vec::new();
    while let Some(option) = cursor.kind(Kind::Name) {
        if let Some(earlier) = seen.iter().find(|w| w.text == option.text) {
            report
                .error(
                    "mux::statement::repeated",
                    option.span,
                    format!("`{}` stands twice", option.text),
                )
                .also(earlier.span, "the first");
        }
        seen.push(option);
        let slot = match option.text.as_ref() {
            "timeout" => &mut timeouts.first,
            "connect" => &mut timeouts.connect,
            "idle" => &mut timeouts.idle,
            "total" => &mut timeouts.total,
            "retry" => {
                retry = retry_of(cursor, report);
                continue;
            }
            _ => {
                option_unknown(option, report);
                cursor.rest();
                return None;
            }
        };
        let value = cursor.need(Kind::Quantity, "a time such as `20s`", report)?;
        *slot = positive(value, &option.text, report);
    }
    cursor.end(report);
    Some(Attempt {
        target: TargetId(target?),
        timeouts,
        retry,
    })
}

fn retry_of(cursor: &mut Cursor<'_>, report: &mut Report) -> Option<Retry> {
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

/// `429 5xx network timed-out auth`, in any order, at least one.
pub(super) fn outcomes(cursor: &mut Cursor<'_>, report: &mut Report) -> Option<Outcomes> {
    let mut outcomes = Outcomes::default();
    let mut any = false;
    while let Some(word) = cursor.peek() {
        match (word.kind, word.text.as_ref()) {
            (Kind::Quantity, "5xx") => outcomes.server_errors = true,
            (Kind::Quantity, _) => {
                let status = quantity::count(word, "on", report)?;
                let Some(status) = u16::try_from(status)
                    .ok()
                    .filter(|s| (400..=599).contains(s))
                else {
                    report
                        .error(
                            "mux::type::range",
                            word.span,
                            format!("`{}` is no status of a failure", word.text),
                        )
                        .help("statuses from 400 to 599 can be named, and `5xx`");
                    return None;
                };
                outcomes.statuses.push(status);
            }
            (Kind::Name, "network") => outcomes.network = true,
            (Kind::Name, "timed-out") => outcomes.timed_out = true,
            (Kind::Name, "auth") => outcomes.auth = true,
            (Kind::Name, other) if any && OPTIONS.contains(&other) || other == "within" => break,
            (Kind::Name, other) => {
                let finding = report.error(
                    "mux::name::outcome",
                    word.span,
                    format!("there is no outcome `{other}`"),
                );
                match suggest::advice(other, ["network", "timed-out", "auth", "5xx"]) {
                    _ if other == "timeout" => finding.meant("timed-out"),
                    Ok(close) => finding.meant(close),
                    Err(list) => {
                        finding.help(format!("outcomes are statuses such as `429`, {list}"))
                    }
                };
                cursor.rest();
                return None;
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

/// A time longer than nothing.
pub(super) fn positive(word: &Word, of: &str, report: &mut Report) -> Option<Millis> {
    let time = quantity::time(word, of, report)?;
    if time == 0 {
        report.error(
            "mux::type::range",
            word.span,
            format!("`{of}` must be longer than nothing"),
        );
        return None;
    }
    Some(time)
}

fn option_unknown(word: &Word, report: &mut Report) {
    let finding = report.error(
        "mux::name::option",
        word.span,
        format!("a target has no option `{}`", word.text),
    );
    match suggest::advice(&word.text, OPTIONS) {
        Ok(close) => finding.meant(close),
        Err(list) => finding.help(format!("its options are {list}")),
    };
}
