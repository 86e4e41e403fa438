//! Rules and tests as they are said elsewhere: without `else`, several targets on one line, words that only fill.

use super::edit::{Edit, Habit};
use super::keywords::USES;
use super::scene::{Inside, Scene, Segment, name};
use super::tokens::Kind;

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
            .or_else(|| postfix(scene, number, segment))
            .or_else(|| always(scene, number, segment))
            .or_else(|| given(scene, segment))
            .or_else(|| expected(scene, segment))
            .or_else(|| quoted(scene, segment));
        found.extend(edit);
        let condition = scene.condition(segment);
        for at in first..segment.tokens.end {
            let edit = denies(scene, segment, condition, at).or_else(|| filler(scene, segment, at));
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

/// `use a/b if streaming`
fn postfix(scene: &Scene<'_>, number: usize, segment: &Segment) -> Option<Edit> {
    let (first, end) = (segment.tokens.start, segment.tokens.end);
    if !scene.says(first, &VERBS) || !matches!(scene.opener(segment), "policy" | "when" | "rule") {
        return None;
    }
    let at = (first + 1..end).find(|at| scene.says(*at, &["if", "when", "unless"]))?;
    if at + 1 >= end || follows(scene, number, segment) {
        return None;
    }
    let action = scene
        .text
        .get(scene.range(first).start..scene.range(at - 1).end)?;
    let condition = scene
        .text
        .get(scene.range(at + 1).start..scene.range(end - 1).end)?;
    let text = if scene.says(at, &["unless"]) {
        format!("when not ({condition}) {action}")
    } else {
        format!("when {condition} {action}")
    };
    let whole = scene.range(first).start..scene.range(end - 1).end;
    Some(Edit::new(Habit::Postfix, whole, text))
}

/// `use …` without a condition in front, as a line of a policy.
fn always(scene: &Scene<'_>, number: usize, segment: &Segment) -> Option<Edit> {
    let first = segment.tokens.start;
    let more = segment.tokens.len() > 1;
    let verb = scene.says(first, &VERBS) || acts(scene, first);
    if !(verb && more) || scene.opener(segment) != "policy" || follows(scene, number, segment) {
        return None;
    }
    let start = scene.range(first).start;
    Some(Edit::of(
        Habit::Always,
        scene.range(first),
        start..start,
        "else ",
    ))
}

/// Whether a token is what other languages write for `use` or `deny`.
fn acts(scene: &Scene<'_>, at: usize) -> bool {
    let next = scene.said(at + 1);
    let status = next.len() == 3 && next.bytes().all(|b| b.is_ascii_digit());
    let uses = scene.aims(at + 1) || scene.says(at + 1, &["to"]) && scene.aims(at + 2);
    scene.says(at, &USES) && uses
        || scene.says(at, &DENIES) && (status || scene.is(at + 1, Kind::Text))
}

/// Whether a line says what follows from a condition above, which may go over several lines.
fn follows(scene: &Scene<'_>, number: usize, segment: &Segment) -> bool {
    let first = segment.tokens.start;
    // Whatever it begins with, a line with a condition goes on with what follows from it.
    let asks = |s: &Segment| s.tokens.clone().any(|at| scene.says(at, &["when"]));
    let earlier = scene.segments.iter().take(number).rev();
    let mut above = earlier.take_while(|s| s.depth == segment.depth && s.block == segment.block);
    let begins = above.find(|s| {
        let word = scene.said(s.tokens.start);
        matches!(
            word,
            "when" | "rule" | "else" | "limit" | "charge" | "priority" | "within"
        ) || scene.says(s.tokens.start, &["if", "elif", "use", "deny", "go"])
            || asks(s)
    });
    begins.is_some_and(|s| {
        (scene.says(s.tokens.start, &["when", "rule", "else", "if", "elif"]) || asks(s))
            && !(s.tokens.start..first)
                .any(|at| scene.verb(at) || acts(scene, at) || scene.sign(at, &["{"]))
    })
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
                .find(|at| scene.says(*at, &["deny"]) && scene.verb(*at))?;
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

/// `with timeout 20s`, `retry 3 times`
fn filler(scene: &Scene<'_>, segment: &Segment, at: usize) -> Option<Edit> {
    let before = at.checked_sub(1)?;
    let with =
        scene.says(at, &["with"]) && at + 1 < segment.tokens.end && scene.says(at + 1, &OPTIONS);
    let times = scene.says(at, &["times", "attempts"])
        && scene.says(before.checked_sub(1)?, &["retry", "retries"]);
    let behind_target = (with || times)
        && (segment.tokens.start..at)
            .rev()
            .take(16)
            .any(|b| scene.aims(b));
    if !behind_target || !name(scene.said(at)) {
        return None;
    }
    let word = scene.said(at);
    let spread = scene.spread(at);
    let blank = if at + 1 < segment.tokens.end { " " } else { "" };
    Some(Edit::of(
        Habit::Filler(word.to_owned()),
        scene.range(at),
        spread,
        blank,
    ))
}
