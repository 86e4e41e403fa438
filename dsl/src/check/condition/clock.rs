//! `mon-fri 08:00-18:00 Europe/Berlin`: days, hours and a zone.

use super::scope::Scope;
use crate::atom::{Atom, Window, Zone};
use crate::condition::Cond;
use crate::report::{Finding, Report};
use crate::source::Span;
use crate::suggest;
use crate::tree::{self, Kind, Sign, Word};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::sync::Arc;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A test on the time of day.
pub(super) fn read(
    scope: &mut Scope<'_>,
    subject: &Word,
    test: &tree::Test,
    report: &mut Report,
) -> Option<Cond> {
    let negated = match test.sign {
        Some((Sign::In, _)) => false,
        Some((Sign::NotIn, _)) => true,
        _ => {
            report
                .error(
                    "mux::type::comparison",
                    subject.span,
                    "`time` is compared with `in` or `not in`",
                )
                .help("write `time in mon-fri 08:00-18:00 Europe/Berlin`");
            return None;
        }
    };
    let (window, name, zone) = window(&test.values, test.span, report)?;
    let known = scope.zones.iter().position(|z| *z == name);
    let zone_id = known.unwrap_or(scope.zones.len());
    if known.is_none() {
        scope.tables.zones.push(Arc::new(Zone {
            name: name.clone(),
            clock: zone,
        }));
        scope.zones.push(name);
    }
    let written = format!(
        "time in {}",
        scope
            .sources
            .slice(test.span)
            .split_once(" in ")
            .map_or("", |(_, window)| window.trim())
    );
    let cond = scope.test_of(
        Atom::During(Window {
            zone: zone_id,
            ..window
        }),
        written,
        test.span,
    );
    Some(if negated {
        Cond::Not(Box::new(cond))
    } else {
        cond
    })
}

/// The window, the name of its zone, and the zone. Zones are those built into the program, so that a policy means the
/// same on every machine.
fn window(words: &[Word], at: Span, report: &mut Report) -> Option<(Window, Box<str>, TimeZone)> {
    let mut window = Window {
        days: 0,
        hours: Vec::new(),
        zone: 0,
    };
    let mut zone: Option<(Box<str>, TimeZone)> = None;
    let mut groups: Vec<(Part, Span)> = Vec::new();
    for word in words {
        let part = match word.kind {
            Kind::Clock => Part::Hours,
            Kind::Name if word.text.contains('/') || word.says("UTC") => Part::Zone,
            Kind::Name if word.text.bytes().all(|b| b.is_ascii_uppercase()) => {
                let message = format!("`{}` does not say what the clock does in summer", word.text);
                report.error("mux::name::zone", word.span, message).help(
                    "zones are named by continent and city, such as `Europe/Berlin`, or `UTC`",
                );
                return None;
            }
            _ => Part::Days,
        };
        once(part, word, &mut groups, report)?;
        match part {
            Part::Zone => zone = Some((word.text.clone(), named(word, report)?)),
            Part::Days => {
                let days = days(word, report)?;
                if window.days & days != 0 {
                    let whole = word.text.contains('-');
                    let what = if whole { "a day of this" } else { "this day" };
                    twice(word, format!("{what} stands twice"), report);
                    return None;
                }
                window.days |= days;
            }
            Part::Hours => {
                let hours = hours(word, report)?;
                if window.hours.contains(&hours) {
                    twice(word, "these hours stand twice".to_owned(), report);
                    return None;
                }
                window.hours.push(hours);
            }
        }
    }
    if window.days == 0 {
        window.days = 0b111_1111;
    }
    if let Some((name, zone)) = zone {
        return Some((window, name, zone));
    }
    report
        .error("mux::time::zone", at, "this does not say by which clock")
        .help("end it with a time zone: `time in mon-fri 08:00-18:00 Europe/Berlin`, or `UTC`");
    None
}

/// What a word of a window is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Days,
    Hours,
    Zone,
}

/// Reports days, hours or a zone that stand in two places: whoever writes that means two windows, or changed one place
/// of two.
fn once(
    part: Part,
    word: &Word,
    groups: &mut Vec<(Part, Span)>,
    report: &mut Report,
) -> Option<()> {
    let earlier = groups.iter().find(|(p, _)| *p == part);
    let goes_on = part != Part::Zone && groups.last().is_some_and(|(p, _)| *p == part);
    if let Some((_, first)) = earlier.filter(|_| !goes_on) {
        let what = match part {
            Part::Days => "the days stand twice in one window",
            Part::Hours => "the hours stand twice in one window",
            Part::Zone => "the time zone stands twice in one window",
        };
        let finding = twice(word, what.to_owned(), report);
        finding.also(*first, "the first").help(
            "a window is days, hours and one zone; for two of them write `time in … or time in …`",
        );
        return None;
    }
    groups.push((part, word.span));
    Some(())
}

fn twice<'r>(word: &Word, message: String, report: &'r mut Report) -> &'r mut Finding {
    let finding = report.error("mux::statement::repeated", word.span, message);
    finding.help("delete one")
}

/// A time zone by its name.
pub(crate) fn named(word: &Word, report: &mut Report) -> Option<TimeZone> {
    let zone = TimeZoneDatabase::bundled().get(&word.text).ok();
    if zone.is_none() {
        let names: Vec<String> = TimeZoneDatabase::bundled()
            .available()
            .map(|n| n.to_string())
            .collect();
        let finding = report.error(
            "mux::name::zone",
            word.span,
            format!("there is no time zone `{}`", word.text),
        );
        match suggest::closest(&word.text, names.iter().map(String::as_str)) {
            Some(close) => finding.meant(close),
            None => finding
                .help("zones are named by continent and city, such as `Europe/Berlin`, or `UTC`"),
        };
    }
    zone
}

fn hours(word: &Word, report: &mut Report) -> Option<(u16, u16)> {
    let range = word
        .text
        .split_once('-')
        .and_then(|(start, end)| Some((minute(start)?, minute(end)?)));
    if range.is_none_or(|(start, end)| start == end) {
        report
            .error(
                "mux::time::range",
                word.span,
                format!("`{}` is no range of hours", word.text),
            )
            .help("write it as `08:00-18:00`; an end before its start is on the next day");
        return None;
    }
    range
}

/// Minute of the day; `24:00` is its end.
fn minute(clock: &str) -> Option<u16> {
    let (hour, minute) = clock.split_once(':')?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (minute < 60 && hour * 60 + minute <= 24 * 60).then_some(hour * 60 + minute)
}

fn days(word: &Word, report: &mut Report) -> Option<u8> {
    let day = |name: &str| DAYS.iter().position(|d| *d == name);
    let (first, last) = word
        .text
        .split_once('-')
        .unwrap_or((&word.text, &word.text));
    if let (Kind::Name, Some(first), Some(last)) = (word.kind, day(first), day(last)) {
        let count = (last + 7 - first) % 7;
        return Some((0..=count).fold(0, |days, n| days | 1 << ((first + n) % 7)));
    }
    report
        .error(
            "mux::time::range",
            word.span,
            format!("`{}` is no day of the week", word.text),
        )
        .help("days are `mon tue wed thu fri sat sun`, and ranges such as `mon-fri`");
    None
}
