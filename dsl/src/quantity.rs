//! Numbers with units, in base units: milliseconds, tokens, pico-dollars, basis points.
//!
//! The slot decides which units fit; the message names both what the slot takes and what was written.

mod parts;

use crate::image::{BasisPoints, Millis, Pico};
use crate::report::Report;
use crate::suggest;
use crate::tree::{Kind, Word};
use parts::{Parts, too_large};

const TIME: &[(&str, u64)] = &[
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];
const TOKENS: &[(&str, u64)] = &[("", 1), ("k", 1_000), ("M", 1_000_000)];
const SHARE: &[(&str, u64)] = &[("%", 100)];
const PLAIN: &[(&str, u64)] = &[("", 1)];
/// Pico-dollars in a dollar.
const DOLLAR: u64 = 1_000_000_000_000;

/// Words that people use for units, and ours.
const SLIPS: &[(&str, &str)] = &[
    ("sec", "s"),
    ("secs", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("min", "m"),
    ("mins", "m"),
    ("minute", "m"),
    ("minutes", "m"),
    ("hr", "h"),
    ("hour", "h"),
    ("hours", "h"),
    ("day", "d"),
    ("days", "d"),
    ("msec", "ms"),
    ("millis", "ms"),
    ("K", "k"),
    ("S", "s"),
    ("MS", "ms"),
];
const UNITS: &str =
    "time: `ms` `s` `m` `h` `d`; tokens: `k` `M`; money: `$` with `/Mtok` or `/day`; share: `%`";

/// A time.
pub(crate) fn time(word: &Word, of: &str, report: &mut Report) -> Option<Millis> {
    read(word, of, "a time", TIME, report)
}

/// A number of tokens.
pub(crate) fn tokens(word: &Word, of: &str, report: &mut Report) -> Option<u32> {
    narrow(
        read(word, of, "a number of tokens", TOKENS, report)?,
        word,
        report,
    )
}

/// A number with `k` and `M` as shorthand.
pub(crate) fn amount(word: &Word, of: &str, report: &mut Report) -> Option<u64> {
    read(word, of, "a number", TOKENS, report)
}

/// A share.
pub(crate) fn share(word: &Word, of: &str, report: &mut Report) -> Option<BasisPoints> {
    narrow(read(word, of, "a share", SHARE, report)?, word, report)
}

/// A plain number.
pub(crate) fn count(word: &Word, of: &str, report: &mut Report) -> Option<u32> {
    narrow(
        read(word, of, "a plain number", PLAIN, report)?,
        word,
        report,
    )
}

/// Money, without `/…`.
pub(crate) fn money(word: &Word, of: &str, report: &mut Report) -> Option<Pico> {
    let parts = parts(word, of, "money", report)?;
    if !parts.dollar || parts.per.is_some() || !parts.unit.is_empty() {
        mismatch(word, of, "money", "write it as `$0.25`", report);
        return None;
    }
    narrow(parts.times(DOLLAR, word, report)?, word, report)
}

/// Money per something: pico-dollars, and the word behind the `/`.
pub(crate) fn money_per<'w>(
    word: &'w Word,
    of: &str,
    example: &str,
    report: &mut Report,
) -> Option<(Pico, &'w str)> {
    let parts = parts(word, of, "money", report)?;
    match (parts.dollar, parts.per) {
        (true, Some(per)) if parts.unit.is_empty() => Some((
            narrow(parts.times(DOLLAR, word, report)?, word, report)?,
            per,
        )),
        _ => {
            mismatch(
                word,
                of,
                "money with what it buys",
                &format!("write it as `{example}`"),
                report,
            );
            None
        }
    }
}

/// A price: pico-dollars for one token.
pub(crate) fn price(word: &Word, of: &str, report: &mut Report) -> Option<Pico> {
    let (money, per) = money_per(word, of, "$3/Mtok", report)?;
    let tokens = match per {
        "Mtok" => 1_000_000,
        "ktok" => 1_000,
        "tok" => 1,
        _ => {
            report
                .error(
                    "mux::unit::unknown",
                    word.span,
                    format!("`{of}` cannot be priced by `/{per}`"),
                )
                .help("prices are for a million tokens: `$3/Mtok`");
            return None;
        }
    };
    Some(money / tokens)
}

fn read(
    word: &Word,
    of: &str,
    noun: &'static str,
    units: &[(&str, u64)],
    report: &mut Report,
) -> Option<u64> {
    let parts = parts(word, of, noun, report)?;
    let known = units.iter().find(|(unit, _)| *unit == parts.unit);
    if let (Some((_, factor)), false, None) = (known, parts.dollar, parts.per) {
        return parts.times(*factor, word, report);
    }
    let all = [TIME, TOKENS, SHARE].concat();
    let foreign =
        parts.dollar || parts.per.is_some() || all.iter().any(|(unit, _)| *unit == parts.unit);
    if parts.unit.is_empty() && !parts.dollar && parts.per.is_none() {
        let whole = format!("{}{}", word.text, if units == SHARE { "%" } else { "s" });
        report
            .error(
                "mux::unit::missing",
                word.span,
                format!("`{of}` takes {noun}, and `{}` has no unit", word.text),
            )
            .help(format!("did you mean `{whole}`?"))
            .fix(word.span, whole);
    } else if foreign {
        mismatch(
            word,
            of,
            noun,
            &format!("units that fit: {}", fitting(units)),
            report,
        );
    } else {
        unknown(word, &parts, units, report);
    }
    None
}

fn unknown(word: &Word, parts: &Parts<'_>, units: &[(&str, u64)], report: &mut Report) {
    let slip = SLIPS
        .iter()
        .find(|(slip, _)| *slip == parts.unit)
        .map(|(_, unit)| *unit);
    let close = slip.or_else(|| {
        suggest::closest(
            parts.unit,
            units.iter().map(|(u, _)| *u).filter(|u| !u.is_empty()),
        )
    });
    let at = word.text.find(parts.unit).unwrap_or(0);
    let span = crate::source::Span {
        start: word.span.start + at,
        end: word.span.start + at + parts.unit.len(),
        ..word.span
    };
    let finding = report.error(
        "mux::unit::unknown",
        span,
        format!("unknown unit `{}`", parts.unit),
    );
    if let Some(close) = close {
        finding.meant(close);
    }
    finding.help(UNITS);
}

fn mismatch(word: &Word, of: &str, noun: &str, help: &str, report: &mut Report) {
    report
        .error(
            "mux::type::mismatch",
            word.span,
            format!("`{of}` takes {noun}, but `{}` is {}", word.text, what(word)),
        )
        .help(help);
}

fn fitting(units: &[(&str, u64)]) -> String {
    let named: Vec<_> = units
        .iter()
        .filter(|(u, _)| !u.is_empty())
        .map(|(u, _)| format!("`{u}`"))
        .collect();
    if named.is_empty() {
        "none, it is a plain number".into()
    } else {
        named.join(" ")
    }
}

/// What a word would be, for the message that it does not fit.
pub(crate) fn what(word: &Word) -> &'static str {
    if word.kind != Kind::Quantity {
        return match word.kind {
            Kind::Text => "a string",
            Kind::Alias => "the name of a policy",
            Kind::Clock => "a time of day",
            Kind::Date => "a date",
            Kind::Name | Kind::Quantity => "a name",
        };
    }
    let Some(parts) = Parts::of(&word.text) else {
        return "no number";
    };
    match (parts.dollar, parts.unit) {
        (true, _) => "money",
        (false, "%") => "a share",
        (false, unit) if TIME.iter().any(|(u, _)| *u == unit) => "a time",
        (false, "k" | "M") => "an amount of tokens",
        (false, "") => "a plain number",
        _ => "no unit known here",
    }
}

fn parts<'w>(word: &'w Word, of: &str, noun: &str, report: &mut Report) -> Option<Parts<'w>> {
    if word.hidden() {
        return None;
    }
    if word.kind != Kind::Quantity {
        report.error(
            "mux::type::mismatch",
            word.span,
            format!("`{of}` takes {noun}, but `{}` is {}", word.text, what(word)),
        );
        return None;
    }
    if word.text.starts_with('-') {
        report.error(
            "mux::type::negative",
            word.span,
            format!("`{of}` cannot be negative"),
        );
        return None;
    }
    let parts = Parts::of(&word.text);
    if parts.is_none() {
        too_large(word, report);
    }
    parts
}

fn narrow<T: TryFrom<u64>>(value: u64, word: &Word, report: &mut Report) -> Option<T> {
    let narrow = T::try_from(value).ok();
    if narrow.is_none() {
        too_large(word, report);
    }
    narrow
}
