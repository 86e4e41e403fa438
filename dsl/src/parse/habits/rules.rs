//! Rules and tests as they are said elsewhere: without `else`, several targets on one line, words that only fill.

use super::edit::{Edit, Habit};
use super::scene::{Inside, Scene, Segment, name};
use super::tokens::Kind;
use std::ops::Range;

const VERBS: [&str; 3] = ["use", "deny", "go"];
/// What other languages call `deny`.
const DENIES: [&str; 7] = [
    "reject", "refuse", "block", "forbid", "abort", "error", "fail",
];
/// Options of a target.
const OPTIONS: [&str; 8] = [
    "timeout",
    "connect",
    "idle",
    "total",
    "retry",
    "retries",
    "content-idle",
    "within",
];
/// Strategies whose arms are a list.
const LISTS: [&str; 6] = [
    "fallback", "cheapest", "fastest", "balance", "ensemble", "hedge",
];
/// Facts that a test can give.
const FACTS: [&str; 9] = [
    "model",
    "tokens",
    "output_limit",
    "streaming",
    "end_user",
    "key",
    "conversation",
    "now",
    "has",
];
/// Outcomes that have a value.
const OUTCOMES: [&str; 9] = [
    "plan", "rule", "policy", "first", "served", "denied", "region", "tier", "provider",
];

/// What is said otherwise in rules and tests.
pub(super) fn find(scene: &Scene<'_>, found: &mut Vec<Edit>) {
    for (number, segment) in scene.segments.iter().enumerate() {
        if segment.inside != Inside::Lines {
            continue;
        }
        let first = segment.tokens.start;
        let edit = headless(scene, segment)
            .or_else(|| always(scene, number, segment))
            .or_else(|| given(scene, segment))
            .or_else(|| expected(scene, segment))
            .or_else(|| quoted(scene, segment));
        found.extend(edit);
        let condition = scene.condition(segment);
        for at in first..segment.tokens.end {
            let edit = denies(scene, segment, condition, at)
                .or_else(|| several(scene, segment, at))
                .or_else(|| filler(scene, segment, at));
            found.extend(edit);
        }
    }
}

/// `@main {`
fn headless(scene: &Scene<'_>, segment: &Segment) -> Option<Edit> {
    let first = segment.tokens.start;
    let alias = scene.is(first, Kind::Word) && scene.said(first).starts_with('@');
    let opens = segment.tokens.len() == 1 && scene.sign(first + 1, &["{"]);
    let start = scene.range(first).start;
    (alias && opens && segment.depth == 0)
        .then(|| Edit::of(Habit::Policy, scene.range(first), start..start, "policy "))
}

/// `use …` without a condition in front, as a line of a policy.
fn always(scene: &Scene<'_>, number: usize, segment: &Segment) -> Option<Edit> {
    let first = segment.tokens.start;
    let verb = scene.says(first, &VERBS) && segment.tokens.len() > 1;
    if !verb || scene.opener(segment) != "policy" {
        return None;
    }
    // A condition may go over several lines, and what follows from it stand on the next.
    let earlier = scene.segments.iter().take(number).rev();
    let mut above = earlier.take_while(|s| s.depth == segment.depth && s.block == segment.block);
    let begins = above.find(|s| {
        let word = scene.said(s.tokens.start);
        matches!(
            word,
            "when" | "rule" | "else" | "limit" | "charge" | "priority" | "within"
        ) || scene.says(s.tokens.start, &["if", "elif", "use", "deny", "go"])
    });
    let waits = begins.is_some_and(|s| {
        scene.says(s.tokens.start, &["when", "rule", "else", "if", "elif"])
            && !(s.tokens.start..first).any(|at| scene.says(at, &VERBS) || scene.sign(at, &["{"]))
    });
    let start = scene.range(first).start;
    (!waits).then(|| Edit::of(Habit::Always, scene.range(first), start..start, "else "))
}

/// `model @main` in a test
fn given(scene: &Scene<'_>, segment: &Segment) -> Option<Edit> {
    let first = segment.tokens.start;
    let word = scene.said(first);
    let fact = FACTS.contains(&word) || word.starts_with("tag.") || word.starts_with("header.");
    let start = scene.range(first).start;
    (fact && scene.opener(segment) == "test" && segment.tokens.len() > 1)
        .then(|| Edit::of(Habit::Given, scene.range(first), start..start, "given "))
}

/// `expect openai/gpt-4.1`, `expect plan quality`
fn expected(scene: &Scene<'_>, segment: &Segment) -> Option<Edit> {
    let first = segment.tokens.start;
    if !scene.says(first, &["expect"]) || scene.opener(segment) != "test" {
        return None;
    }
    let outcome = first + 1;
    let start = scene.range(outcome).start;
    let end = scene.range(outcome).end;
    match segment.tokens.len() {
        2 if super::scene::target(scene.said(outcome)) => Some(Edit::of(
            Habit::Expected,
            scene.range(outcome),
            start..start,
            "first is ",
        )),
        3 if OUTCOMES.contains(&scene.said(outcome)) && scene.is(outcome + 1, Kind::Word) => {
            Some(Edit::of(
                Habit::Expected,
                start..scene.range(outcome + 1).end,
                end..end,
                " is",
            ))
        }
        _ => None,
    }
}

/// `test large {`, `include fleet.mux`, `deny 403 no`: text without quotes.
fn quoted(scene: &Scene<'_>, segment: &Segment) -> Option<Edit> {
    let first = segment.tokens.start;
    let words = |from: usize| {
        let plain = segment.tokens.end > from
            && (from..segment.tokens.end).all(|at| scene.is(at, Kind::Word));
        plain.then(|| scene.range(from).start..scene.range(segment.tokens.end - 1).end)
    };
    let one =
        |at: usize| (at < segment.tokens.end && scene.is(at, Kind::Word)).then(|| scene.range(at));
    let range = match scene.said(first) {
        "include" if segment.depth == 0 => words(first + 1)?,
        "test" | "guarantee" | "replay" if segment.depth == 0 => one(first + 1)?,
        "url" if scene.opener(segment) == "provider" => words(first + 1)?,
        "key" if scene.says(first + 1, &["file", "secret", "role"]) => one(first + 2)?,
        _ => {
            let deny = segment
                .tokens
                .clone()
                .find(|at| scene.says(*at, &["deny"]))?;
            let status = scene.said(deny + 1);
            let number = !status.is_empty() && status.bytes().all(|b| b.is_ascii_digit());
            words(deny + 2).filter(|_| number)?
        }
    };
    let text = scene.text.get(range.clone())?;
    Some(Edit::new(Habit::TextWithout, range, format!("\"{text}\"")))
}

/// `reject 413 "too long"`
fn denies(
    scene: &Scene<'_>,
    segment: &Segment,
    condition: Option<usize>,
    at: usize,
) -> Option<Edit> {
    let next = at + 1;
    if !scene.says(at, &DENIES) || next >= segment.tokens.end {
        return None;
    }
    let word = scene.said(next);
    let status = word.len() == 3 && word.bytes().all(|b| b.is_ascii_digit());
    let first = segment.tokens.start;
    let rule = at == first
        || scene.says(first, &["else", "default", "otherwise"])
        || condition.is_some_and(|c| at > c);
    let theirs = Habit::Keyword(scene.said(at).to_owned(), "deny");
    (rule && (status || scene.is(next, Kind::Text)))
        .then(|| Edit::new(theirs, scene.range(at), "deny"))
}

/// `use a/b or c/d`, `use fallback a/b c/d`, `use 50% a/b 50% c/d`
fn several(scene: &Scene<'_>, segment: &Segment, verb: usize) -> Option<Edit> {
    let end = segment.tokens.end;
    if !scene.says(verb, &["use"]) || scene.sign(end, &["{"]) {
        return None;
    }
    let named = LISTS
        .into_iter()
        .find(|list| scene.says(verb + 1, &[*list]));
    let first = verb + 1 + usize::from(named.is_some());
    let (head, arms) = arms(scene, first..end, named.is_some())?;
    let shares = arms.iter().filter(|arm| share(scene, arm.start)).count();
    let mixed = shares > 0 && (shares < arms.len() || named == Some("fallback"));
    if mixed || arms.len() < 2 - usize::from(named.is_some()) {
        return None;
    }
    let strategy = named.unwrap_or(if shares > 0 { "balance" } else { "fallback" });
    let word = match strategy {
        "fallback" => "try ",
        "ensemble" => "ask ",
        _ => "",
    };
    let indent = scene.indent(verb);
    let text = |tokens: &Range<usize>| {
        let words: Vec<_> = tokens.clone().map(|at| scene.said(at)).collect();
        words.join(" ")
    };
    let lines: Vec<_> = arms
        .iter()
        .map(|arm| format!("{indent}  {word}{}\n", text(arm)))
        .collect();
    let head = format!("{strategy} {}", text(&head));
    let whole = format!("{} {{\n{}{indent}}}", head.trim_end(), lines.concat());
    let range = scene.range(verb + 1).start..scene.range(end - 1).end;
    Some(Edit::new(Habit::Several(strategy), range, whole))
}

/// What stands before the first of several arms, and each of them; `None` where they are not arms, or only one.
fn arms(
    scene: &Scene<'_>,
    tokens: Range<usize>,
    listed: bool,
) -> Option<(Range<usize>, Vec<Range<usize>>)> {
    let mut arms: Vec<Range<usize>> = Vec::new();
    let mut head = tokens.start..tokens.start;
    let mut parted = true;
    for at in tokens.clone() {
        let parts = scene.says(at, &["or", "then", "otherwise", "else", "and"])
            || scene.sign(at, &[",", "||", "|", "->", "=>", ">"]);
        let inner = at > tokens.start && (share(scene, at - 1) || scene.says(at - 1, &["plan"]));
        let begins = !inner && (share(scene, at) && scene.aims(at + 1) || scene.aims(at));
        match arms.last_mut() {
            _ if scene.says(at, &VERBS) => return None,
            _ if parts => parted = true,
            _ if begins && (parted || listed || share(scene, at)) => {
                arms.push(at..at + 1);
                parted = false;
            }
            Some(arm) if !parted => arm.end = at + 1,
            None if listed => head.end = at + 1,
            _ => return None,
        }
    }
    (!arms.is_empty()).then_some((head, arms))
}

/// `50%`
fn share(scene: &Scene<'_>, at: usize) -> bool {
    let number = scene.said(at).strip_suffix('%');
    number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
}

/// `with timeout 20s`, `retry 3 times`
fn filler(scene: &Scene<'_>, segment: &Segment, at: usize) -> Option<Edit> {
    let before = at.checked_sub(1)?;
    let behind_target = (segment.tokens.start..at)
        .rev()
        .take(16)
        .any(|b| scene.aims(b));
    let with = scene.says(at, &["with", "and", "a", "of"])
        && at + 1 < segment.tokens.end
        && scene.says(at + 1, &OPTIONS);
    let times = scene.says(at, &["times", "attempts"])
        && scene.says(before.checked_sub(1)?, &["retry", "retries"]);
    let word = scene.said(at);
    let spread = scene.spread(at);
    let blank = if at + 1 < segment.tokens.end { " " } else { "" };
    (name(word) && behind_target && (with || times)).then(|| {
        Edit::of(
            Habit::Filler(word.to_owned()),
            scene.range(at),
            spread,
            blank,
        )
    })
}
