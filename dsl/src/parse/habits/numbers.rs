//! Numbers and units as other tools write them.

use super::edit::{Edit, Habit};
use super::scene::{Inside, Scene};
use super::tokens::Kind;

/// Units that people write behind a blank, and ours.
const UNITS: [(&str, &str); 31] = [
    ("%", "%"),
    ("percent", "%"),
    ("pct", "%"),
    ("ms", "ms"),
    ("msec", "ms"),
    ("millis", "ms"),
    ("milliseconds", "ms"),
    ("s", "s"),
    ("sec", "s"),
    ("secs", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("m", "m"),
    ("min", "m"),
    ("mins", "m"),
    ("minute", "m"),
    ("minutes", "m"),
    ("h", "h"),
    ("hr", "h"),
    ("hrs", "h"),
    ("hour", "h"),
    ("hours", "h"),
    ("d", "d"),
    ("day", "d"),
    ("days", "d"),
    ("k", "k"),
    ("K", "k"),
    ("M", "M"),
    ("million", "M"),
    ("mn", "M"),
    ("thousand", "k"),
];
/// Tokens of the longest number with commas: more is a list of something.
const LONGEST: usize = 12;
const DOLLARS: [&str; 4] = ["usd", "dollar", "dollars", "$"];

/// Numbers that stand apart from their unit, with the currency behind, or with commas in them.
pub(super) fn find(scene: &Scene<'_>, found: &mut Vec<Edit>) {
    for segment in scene.segments.iter().filter(|s| s.inside != Inside::Free) {
        for at in segment.tokens.clone() {
            let last = segment.tokens.end;
            let edit = digits(scene, at, last)
                .or_else(|| rate(scene, at, last))
                .or_else(|| money(scene, at, last))
                .or_else(|| apart(scene, at, last));
            found.extend(edit);
        }
    }
}

/// `100,000`
fn digits(scene: &Scene<'_>, at: usize, last: usize) -> Option<Edit> {
    let begins = at == 0 || !scene.sign(at - 1, &[","]) || !scene.touches(at - 1);
    if !begins || !grouped(scene.said(at), 1..=3) {
        return None;
    }
    let mut number = scene.said(at).to_owned();
    let mut end = at;
    while end + 2 < last + 1
        && scene.sign(end + 1, &[","])
        && scene.touches(end)
        && scene.touches(end + 1)
    {
        let group = scene.said(end + 2);
        let (digits, unit) = group.split_at_checked(3)?;
        if !grouped(digits, 3..=3) || unit.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        if end - at >= LONGEST {
            return None;
        }
        number = format!("{number}_{group}");
        end += 2;
    }
    let short = number.strip_suffix("_000").filter(|n| !n.contains('_'));
    let text = short.map_or_else(|| number.clone(), |n| format!("{n}k"));
    let range = scene.range(at).start..scene.range(end).end;
    (end > at).then(|| Edit::new(Habit::Digits, range, text))
}

fn grouped(word: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
    let digits = word.strip_prefix('$').unwrap_or(word);
    lengths.contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

/// `100 USD`, `100 USD / day`, `$100 / day`, `USD 100`.
fn money(scene: &Scene<'_>, at: usize, last: usize) -> Option<Edit> {
    let plain = |at: usize| scene.is(at, Kind::Word) && number(scene.said(at)) && at < last;
    let currency = |at: usize| at < last && scene.says(at, &DOLLARS);
    let (amount, end) = match () {
        () if plain(at) && currency(at + 1) => (scene.said(at), at + 2),
        () if currency(at) && plain(at + 1) => (scene.said(at + 1), at + 2),
        () if scene.said(at).starts_with('$') && number(scene.said(at).trim_start_matches('$')) => {
            (scene.said(at).trim_start_matches('$'), at + 1)
        }
        () => return joined(scene, at, last),
    };
    let sign = scene.said(end) == "/" || scene.says(end, &["per"]);
    let per = period(scene.said(end + 1)).filter(|_| sign && end + 1 < last);
    let (tail, end) = match per {
        // `per million tokens`
        Some(per) if scene.says(end + 2, &["tokens", "token"]) && end + 2 < last => {
            (format!("/{per}"), end + 3)
        }
        Some(per) => (format!("/{per}"), end + 2),
        None => (String::new(), end),
    };
    let range = scene.range(at).start..scene.range(end - 1).end;
    let changed = end > at + 1;
    changed.then(|| Edit::new(Habit::Money, range, format!("${amount}{tail}")))
}

/// `100USD/day`
fn joined(scene: &Scene<'_>, at: usize, last: usize) -> Option<Edit> {
    let word = scene.said(at);
    let end = word.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_')?;
    let (amount, unit) = word.split_at_checked(end).filter(|(a, _)| number(a))?;
    let (unit, per) = unit.split_once('/').map_or((unit, ""), |(u, p)| (u, p));
    let dollars = DOLLARS.iter().any(|d| d.eq_ignore_ascii_case(unit));
    let per = if per.is_empty() {
        String::new()
    } else {
        format!("/{per}")
    };
    (dollars && at < last)
        .then(|| Edit::new(Habit::Money, scene.range(at), format!("${amount}{per}")))
}

/// What money is counted per, as it is written here.
fn period(word: &str) -> Option<&'static str> {
    const PERIODS: [(&str, &str); 14] = [
        ("hour", "hour"),
        ("day", "day"),
        ("week", "week"),
        ("month", "month"),
        ("Mtok", "Mtok"),
        ("MTok", "Mtok"),
        ("mtok", "Mtok"),
        ("million", "Mtok"),
        ("1M", "Mtok"),
        ("M", "Mtok"),
        ("ktok", "ktok"),
        ("thousand", "ktok"),
        ("1k", "ktok"),
        ("tok", "tok"),
    ];
    let found = PERIODS.iter().find(|(theirs, _)| *theirs == word);
    found.map(|(_, ours)| *ours)
}

/// `100 rpm`, `100 requests per minute`, `10 requests/second`
fn rate(scene: &Scene<'_>, at: usize, last: usize) -> Option<Edit> {
    const SHORT: [(&str, &str); 6] = [
        ("rpm", "requests/min"),
        ("rps", "requests/s"),
        ("rpd", "requests/day"),
        ("tpm", "tokens/min"),
        ("tps", "tokens/s"),
        ("tpd", "tokens/day"),
    ];
    const PERIODS: [(&str, &str); 10] = [
        ("second", "s"),
        ("sec", "s"),
        ("s", "s"),
        ("minute", "min"),
        ("min", "min"),
        ("m", "min"),
        ("hour", "hour"),
        ("h", "hour"),
        ("day", "day"),
        ("d", "day"),
    ];
    let before = scene.said(at.checked_sub(1)?);
    if at >= last || !before.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let written = scene.said(at);
    if let Some((_, ours)) = SHORT
        .iter()
        .find(|(theirs, _)| written.eq_ignore_ascii_case(theirs))
    {
        return Some(Edit::new(Habit::Rate, scene.range(at), *ours));
    }
    let (what, per, end) = match written.split_once('/') {
        Some((what, per)) => (what, per, at),
        None if scene.says(at + 1, &["per", "/"]) || scene.said(at + 1) == "/" => {
            (written, scene.said(at + 2), at + 2)
        }
        None => return None,
    };
    let what = match what {
        "request" | "requests" | "req" | "reqs" | "calls" => "requests",
        "token" | "tokens" | "tok" | "toks" => "tokens",
        _ => return None,
    };
    let (_, per) = PERIODS.iter().find(|(theirs, _)| *theirs == per)?;
    let text = format!("{what}/{per}");
    let range = scene.range(at).start..scene.range(end).end;
    (end < last && scene.text.get(range.clone()) != Some(text.as_str()))
        .then(|| Edit::new(Habit::Rate, range, text))
}

/// `20 seconds`, `80 %`
fn apart(scene: &Scene<'_>, at: usize, last: usize) -> Option<Edit> {
    let unit = scene.said(at + 1);
    let (_, ours) = UNITS.iter().find(|(theirs, _)| *theirs == unit)?;
    let fits = at + 1 < last && scene.is(at, Kind::Word) && number(scene.said(at));
    let range = scene.range(at).start..scene.range(at + 1).end;
    fits.then(|| Edit::new(Habit::Apart, range, format!("{}{ours}", scene.said(at))))
}

fn number(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
        && word
            .chars()
            .all(|c| c.is_ascii_digit() || c == '.' || c == '_')
}
