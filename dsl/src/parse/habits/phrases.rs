//! Conditions as they are said elsewhere: values joined by `or`, bounds joined by `and`, comparisons by other words.

use super::edit::{Edit, Habit};
use super::scene::{Inside, Scene, Segment};
use super::tokens::Kind;
use std::ops::Range;

/// Comparisons by other names, and ours.
const COMPARISONS: [(&str, &str); 19] = [
    ("equals", "is"),
    ("equal", "is"),
    ("eq", "is"),
    ("isnt", "is not"),
    ("ne", "is not"),
    ("neq", "is not"),
    ("gt", ">"),
    ("over", ">"),
    ("above", ">"),
    ("exceeds", ">"),
    ("gte", ">="),
    ("lt", "<"),
    ("under", "<"),
    ("below", "<"),
    ("lte", "<="),
    ("startswith", "starts with"),
    ("starts_with", "starts with"),
    ("begins_with", "starts with"),
    ("like", "matches"),
];
/// Signs and words that compare.
const SIGNS: [&str; 9] = [">", ">=", "<", "<=", "=", "==", "!=", "=>", "=<"];
const NOTHING: [&str; 9] = [
    "null",
    "nil",
    "none",
    "undefined",
    "empty",
    "missing",
    "absent",
    "unset",
    "blank",
];
const SOMETHING: [&str; 4] = ["present", "set", "defined", "given"];
/// Days as they are written elsewhere, and here.
const DAYS: [(&str, &str); 14] = [
    ("monday", "mon"),
    ("tuesday", "tue"),
    ("wednesday", "wed"),
    ("thursday", "thu"),
    ("friday", "fri"),
    ("saturday", "sat"),
    ("sunday", "sun"),
    ("tues", "tue"),
    ("thurs", "thu"),
    ("weekday", "mon-fri"),
    ("weekdays", "mon-fri"),
    ("workdays", "mon-fri"),
    ("weekend", "sat-sun"),
    ("weekends", "sat-sun"),
];

/// What is said otherwise in conditions.
pub(super) fn find(scene: &Scene<'_>, found: &mut Vec<Edit>) {
    let lines = scene.segments.iter().filter(|s| s.inside == Inside::Lines);
    for segment in lines {
        let Some(condition) = scene.condition(segment) else {
            continue;
        };
        let mut subject = None;
        let words = condition + 1..segment.tokens.end;
        // What follows the verb is no condition: `use fastest by p95 over 5m`.
        let end = words.clone().find(|at| scene.verb(*at));
        for at in words.start..end.unwrap_or(words.end) {
            // What is compared again without being named is what was compared before.
            let compares = scene.sign(at, &SIGNS) || scene.says(at, &["is", "in"]);
            if fresh(scene, at - 1) && !compares {
                subject = Some(at);
            }
            let fact = subject.map_or(at..at, |s| s..at);
            let edit = either(scene, segment, at)
                .or_else(|| again(scene, segment, at, &fact))
                .or_else(|| between(scene, segment, at, &fact))
                .or_else(|| presence(scene, segment, at))
                .or_else(|| comparison(scene, segment, at));
            found.extend(edit);
        }
        times(scene, segment, condition, found);
    }
}

/// Whether a test begins behind a token.
fn fresh(scene: &Scene<'_>, at: usize) -> bool {
    scene.says(
        at,
        &["when", "where", "expect", "if", "elif", "and", "or", "not"],
    ) || scene.sign(at, &["(", "&&", "||", "!"])
}

fn value(scene: &Scene<'_>, at: usize) -> bool {
    scene.is(at, Kind::Text) || scene.is(at, Kind::Quoted)
}

/// `tag.tier is "gold" or "silver"`
fn either(scene: &Scene<'_>, segment: &Segment, at: usize) -> Option<Edit> {
    let end = segment.tokens.end;
    let compares = scene.says(at, &["is"]) || scene.sign(at, &["=", "=="]);
    if !compares || !value(scene, at + 1) {
        return None;
    }
    let joined = |at: usize| {
        let or = scene.says(at, &["or"]) || scene.sign(at, &["||", "|"]);
        or && at + 1 < end && value(scene, at + 1)
    };
    let mut parts = vec![(scene.range(at), "in".to_owned())];
    let mut next = at + 2;
    while joined(next) {
        parts.push((scene.spread(next), " ".to_owned()));
        next += 2;
    }
    (parts.len() > 1).then(|| Edit {
        habit: Habit::Either,
        at: scene.range(at).start..scene.range(next - 1).end,
        parts,
    })
}

/// `tokens > 100k or < 10`: what is compared is said again.
fn again(scene: &Scene<'_>, segment: &Segment, at: usize, fact: &Range<usize>) -> Option<Edit> {
    let joins = scene.says(at, &["or", "and"]) || scene.sign(at, &["&&", "||"]);
    let next = at + 1;
    let compares = scene.sign(next, &SIGNS) || scene.says(next, &["is", "in"]);
    if !joins || next >= segment.tokens.end || !compares {
        return None;
    }
    // The fact goes up to where it was compared.
    let sign = fact.clone().find(|at| {
        scene.sign(*at, &SIGNS) || scene.says(*at, &["is", "in", "not", "matches", "starts"])
    })?;
    let start = scene.range(next).start;
    let fact = scene.range(fact.start).start..scene.range(sign.checked_sub(1)?).end;
    let text = format!("{} ", scene.text.get(fact)?);
    Some(Edit::of(
        Habit::Again,
        scene.range(next),
        start..start,
        &text,
    ))
}

/// `tokens between 1k and 5k`
fn between(scene: &Scene<'_>, segment: &Segment, at: usize, fact: &Range<usize>) -> Option<Edit> {
    let fits = scene.says(at, &["between"]) && scene.says(at + 2, &["and", "to"]);
    if !fits || at + 3 >= segment.tokens.end || fact.is_empty() {
        return None;
    }
    let fact = scene.range(fact.start).start..scene.range(fact.end - 1).end;
    let fact = scene.text.get(fact)?;
    let whole = scene.range(at).start..scene.range(at + 3).end;
    let (low, high) = (scene.said(at + 1), scene.said(at + 3));
    let text = match (hour(low), hour(high)) {
        (Some(from), Some(to)) => {
            let mut rest = (at + 4..segment.tokens.end)
                .take_while(|at| !scene.verb(*at) && !scene.says(*at, &["and", "or"]));
            let zoned = rest.any(|at| scene.said(at).contains('/') || scene.says(at, &["utc"]));
            format!("in {from}-{to}{}", if zoned { "" } else { " UTC" })
        }
        _ => format!(">= {low} and {fact} <= {high}"),
    };
    let theirs = Habit::Keyword("between … and".into(), ">= … and … <=");
    let times = Habit::Hours;
    let habit = if hour(low).is_some() { times } else { theirs };
    Some(Edit::new(habit, whole, text))
}

/// `tag.tier is not null`, `tag.tier exists`
fn presence(scene: &Scene<'_>, segment: &Segment, at: usize) -> Option<Edit> {
    let fact = scene.said(at);
    let optional = fact.starts_with("tag.")
        || fact.starts_with("header.")
        || matches!(fact, "end_user" | "key" | "conversation" | "team");
    if !optional {
        return None;
    }
    let end = segment.tokens.end;
    let (negated, word) = match at + 1 {
        next if scene.says(next, &["is"]) && scene.says(next + 1, &["not"]) => (true, next + 2),
        next if scene.says(next, &["is"]) || scene.sign(next, &["=", "=="]) => (false, next + 1),
        next if scene.sign(next, &["!=", "<>"]) => (true, next + 1),
        next if scene.says(next, &["exists"]) => (false, next),
        _ => return None,
    };
    let there = match word {
        word if word >= end => return None,
        word if scene.says(word, &NOTHING) => negated,
        word if scene.says(word, &SOMETHING) || scene.says(word, &["exists"]) => !negated,
        _ => return None,
    };
    let not = if there { "" } else { "not " };
    let whole = scene.range(at).start..scene.range(word).end;
    Some(Edit::new(
        Habit::Presence,
        whole,
        format!("{not}has {fact}"),
    ))
}

/// `tag.tier equals "gold"`, `tag.tier contains "go"`
fn comparison(scene: &Scene<'_>, segment: &Segment, at: usize) -> Option<Edit> {
    let number = |at: usize| {
        scene
            .said(at)
            .starts_with(|c: char| c.is_ascii_digit() || c == '$')
    };
    let last = at + 1;
    let fact = scene.is(at - 1, Kind::Word) && !fresh(scene, at - 1) && !number(at - 1);
    if !fact || last >= segment.tokens.end || !(value(scene, last) || number(last)) {
        return None;
    }
    let theirs = scene.said(at);
    if theirs.eq_ignore_ascii_case("contains") && value(scene, last) {
        let inner = super::quotes::string(scene.said(last));
        let inner = inner.trim_matches('"');
        let whole = scene.range(at).start..scene.range(last).end;
        let habit = Habit::Keyword(theirs.to_owned(), "matches \"*…*\"");
        return Some(Edit::new(habit, whole, format!("matches \"*{inner}*\"")));
    }
    let known = COMPARISONS
        .iter()
        .find(|(word, _)| theirs.eq_ignore_ascii_case(word));
    let (_, ours) = known.filter(|_| scene.is(at, Kind::Word))?;
    let habit = Habit::Keyword(theirs.to_owned(), ours);
    Some(Edit::new(habit, scene.range(at), *ours))
}

/// Days and hours behind `time in`.
fn times(scene: &Scene<'_>, segment: &Segment, condition: usize, found: &mut Vec<Edit>) {
    let end = segment.tokens.end;
    let Some(time) = (condition..end).find(|at| scene.says(*at, &["time"])) else {
        return;
    };
    for at in time + 1..end {
        if scene.says(at, &["and", "or", "use", "deny", "go"]) {
            break;
        }
        let word = scene.said(at);
        if let Some((from, to)) = word
            .split_once('-')
            .and_then(|(f, t)| Some((hour(f)?, hour(t)?)))
        {
            let text = format!("{from}-{to}");
            if text != word {
                found.push(Edit::new(Habit::Hours, scene.range(at), text));
            }
        } else if let Some(days) = days(word) {
            let small = word.eq_ignore_ascii_case(&days);
            let habit = if small { Habit::Case } else { Habit::Days };
            found.push(Edit::new(habit, scene.range(at), days));
        }
    }
}

/// Days as they are written here, where that is otherwise.
fn days(word: &str) -> Option<String> {
    let small = word.to_ascii_lowercase();
    let day = |name: &str| {
        let known = DAYS.iter().find(|(theirs, _)| *theirs == name);
        let short = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        known
            .map(|(_, ours)| *ours)
            .or_else(|| short.into_iter().find(|s| *s == name))
    };
    let days = match small.split_once('-') {
        Some((from, to)) => format!("{}-{}", day(from)?, day(to)?),
        None => day(&small)?.to_owned(),
    };
    (days != word).then_some(days)
}

/// `9:00`, `9am` and `17` as hours of the day, with two digits and minutes.
fn hour(word: &str) -> Option<String> {
    let small = word.to_ascii_lowercase();
    let (digits, add) = match (small.strip_suffix("am"), small.strip_suffix("pm")) {
        (Some(hour), _) => (hour, 0),
        (_, Some(hour)) => (hour, 12),
        _ => (small.as_str(), 0),
    };
    let (hour, minute) = digits.split_once(':').unwrap_or((digits, "00"));
    let plain = small.contains(':') || small.ends_with('m');
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    let hour = if small.ends_with('m') {
        hour % 12 + add
    } else {
        hour
    };
    (plain && hour <= 24 && minute < 60).then(|| format!("{hour:02}:{minute:02}"))
}
