//! Numbers with units, in base units: milliseconds, tokens, pico-dollars, basis points.
//!
//! The slot decides which units fit; the message names both what the slot takes and what was written.

mod parts;

use crate::image::{BasisPoints, Millis, Pico};
use crate::report::Report;
use crate::suggest;
use crate::tree::{Kind, Word};
use crate::words::{Holds, UNITS};
use parts::{Parts, too_large};

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
const EVERY: &str =
    "time: `ms` `s` `m` `h` `d`; tokens: `k` `M`; money: `$` with `/Mtok` or `/day`; share: `%`";

/// A time.
pub(crate) fn time(word: &Word, of: &str, report: &mut Report) -> Option<Millis> {
    read(word, of, "a time", Holds::Time, report)
}

/// A time longer than nothing.
pub(crate) fn positive(word: &Word, of: &str, report: &mut Report) -> Option<Millis> {
    let time = time(word, of, report)?;
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

/// A share of a whole.
pub(crate) fn part(word: &Word, of: &str, report: &mut Report) -> Option<BasisPoints> {
    let share = share(word, of, report)?;
    if share > 10_000 {
        report.error(
            "mux::type::range",
            word.span,
            format!("`{of}` is a part of the whole, at most 100%"),
        );
        return None;
    }
    Some(share)
}

/// A plain number that is not 0.
pub(crate) fn several(word: &Word, of: &str, report: &mut Report) -> Option<u32> {
    let count = count(word, of, report)?;
    if count == 0 {
        report.error(
            "mux::type::range",
            word.span,
            format!("`{of}` must be at least 1"),
        );
        return None;
    }
    Some(count)
}

/// A score: from 0 to 1, or in percent.
pub(crate) fn score(word: &Word, of: &str, report: &mut Report) -> Option<BasisPoints> {
    if word.text.ends_with('%') {
        return part(word, of, report);
    }
    let parts = parts(word, of, "a number from 0 to 1", report)?;
    if parts.dollar || parts.per.is_some() || !parts.unit.is_empty() {
        mismatch(
            word,
            of,
            "a number from 0 to 1",
            "write it as `0.8` or `80%`",
            report,
        );
        return None;
    }
    let score: u32 = narrow(parts.times(10_000, word, report)?, word, report)?;
    if score > 10_000 {
        report
            .error(
                "mux::type::range",
                word.span,
                format!("`{of}` goes from 0 to 1"),
            )
            .help("write it as `0.8` or `80%`");
        return None;
    }
    Some(score)
}

/// A number of tokens.
pub(crate) fn tokens(word: &Word, of: &str, report: &mut Report) -> Option<u32> {
    narrow(
        read(word, of, "a number of tokens", Holds::Tokens, report)?,
        word,
        report,
    )
}

/// A number with `k` and `M` as shorthand.
pub(crate) fn amount(word: &Word, of: &str, report: &mut Report) -> Option<u64> {
    read(word, of, "a number", Holds::Tokens, report)
}

/// A share.
pub(crate) fn share(word: &Word, of: &str, report: &mut Report) -> Option<BasisPoints> {
    narrow(
        read(word, of, "a share", Holds::Share, report)?,
        word,
        report,
    )
}

/// A plain number.
pub(crate) fn count(word: &Word, of: &str, report: &mut Report) -> Option<u32> {
    narrow(
        read(word, of, "a plain number", Holds::Count, report)?,
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
    holds: Holds,
    report: &mut Report,
) -> Option<u64> {
    let parts = parts(word, of, noun, report)?;
    let known = UNITS.iter().find(|u| u.of == holds && u.word == parts.unit);
    if let (Some(unit), false, None) = (known, parts.dollar, parts.per) {
        return parts.times(unit.factor, word, report);
    }
    let foreign = parts.dollar || parts.per.is_some() || UNITS.iter().any(|u| u.word == parts.unit);
    if parts.unit.is_empty() && !parts.dollar && parts.per.is_none() {
        let whole = format!(
            "{}{}",
            word.text,
            if holds == Holds::Share { "%" } else { "s" }
        );
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
            &format!("units that fit: {}", fitting(holds)),
            report,
        );
    } else {
        unknown(word, &parts, holds, report);
    }
    None
}

fn unknown(word: &Word, parts: &Parts<'_>, holds: Holds, report: &mut Report) {
    let slip = SLIPS
        .iter()
        .find(|(slip, _)| *slip == parts.unit)
        .map(|(_, unit)| *unit);
    let close = slip.or_else(|| suggest::closest(parts.unit, units(holds)));
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
    finding.help(EVERY);
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

fn fitting(holds: Holds) -> String {
    let named: Vec<_> = units(holds).map(|u| format!("`{u}`")).collect();
    if named.is_empty() {
        "none, it is a plain number".into()
    } else {
        named.join(" ")
    }
}

/// The units that measure it, those without a word left out.
fn units(holds: Holds) -> impl Iterator<Item = &'static str> {
    let fit = UNITS.iter().filter(move |u| u.of == holds);
    fit.map(|u| u.word).filter(|u| !u.is_empty())
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
        (false, unit) if units(Holds::Time).any(|u| u == unit) => "a time",
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
