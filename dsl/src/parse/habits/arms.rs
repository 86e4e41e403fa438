//! Targets that belong together: several on one line, and arms with a word too much or too little in front.

use super::edit::{Edit, Habit};
use super::quotes::string;
use super::scene::{Inside, Scene, Segment, name};
use super::tokens::Kind;
use std::ops::Range;

/// Strategies whose arms are a list.
const LISTS: [&str; 6] = [
    "fallback", "cheapest", "fastest", "balance", "ensemble", "hedge",
];

/// Targets that are written otherwise here.
pub(super) fn find(scene: &Scene<'_>, found: &mut Vec<Edit>) {
    let lines = scene.segments.iter().filter(|s| s.inside == Inside::Lines);
    for segment in lines {
        let edit = models(scene, segment).or_else(|| word(scene, segment));
        found.extend(edit);
        let tokens = segment.tokens.clone();
        found.extend(tokens.filter_map(|at| several(scene, segment, at)));
    }
}

/// `models a b` in a provider
fn models(scene: &Scene<'_>, segment: &Segment) -> Option<Edit> {
    let (first, end) = (segment.tokens.start, segment.tokens.end);
    if !scene.says(first, &["models"]) || scene.opener(segment) != "provider" {
        return None;
    }
    let items = first + 1..end;
    let skips = |at: &usize| !scene.sign(*at, &[",", "[", "]", ":", "=", ":=", "("]);
    let indent = scene.indent(first);
    let lines: Vec<_> = items
        .filter(skips)
        .map(|at| {
            if scene.is(at, Kind::Quoted) {
                string(scene.said(at))
            } else {
                scene.said(at).to_owned()
            }
        })
        .map(|item| item.trim_matches('"').to_owned())
        .collect();
    let plain = !lines.is_empty() && lines.iter().all(|line| name(line));
    let text: Vec<_> = lines.iter().map(|line| format!("model {line}")).collect();
    let range = scene.range(first).start..scene.range(end - 1).end;
    let habit = Habit::Keyword("models".to_owned(), "model");
    plain.then(|| Edit::new(habit, range, text.join(&format!("\n{indent}"))))
}

/// An arm with the word of another strategy in front, or without its own.
fn word(scene: &Scene<'_>, segment: &Segment) -> Option<Edit> {
    let first = segment.tokens.start;
    let due = match scene.strategy(segment) {
        "" | "fallback" => return None,
        "cascade" => "try ",
        "ensemble" => "ask ",
        _ => "",
    };
    let start = scene.range(first).start;
    if due.is_empty() {
        let next = scene.range(first + 1).start;
        let fits = scene.says(first, &["try", "ask"]) && scene.aims(first + 1);
        let habit = Habit::Filler(scene.said(first).to_owned());
        return fits.then(|| Edit::of(habit, scene.range(first), start..next, ""));
    }
    scene
        .aims(first)
        .then(|| Edit::of(Habit::Arm(due), scene.range(first), start..start, due))
}

/// `use a/b or c/d`, `use fallback a/b c/d`, `use 50% a/b 50% c/d`
fn several(scene: &Scene<'_>, segment: &Segment, verb: usize) -> Option<Edit> {
    let end = segment.tokens.end;
    if !scene.says(verb, &["use"]) || scene.named(verb) || scene.sign(end, &["{"]) {
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
            _ if scene.verb(at) => return None,
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
pub(super) fn share(scene: &Scene<'_>, at: usize) -> bool {
    let number = scene.said(at).strip_suffix('%');
    number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
}
