//! Colons, equals signs, commas, semicolons, arrows and brackets.

use super::edit::{Edit, Habit};
use super::quotes::{slot, string};
use super::scene::{Scene, Segment};
use super::tokens::Kind;
use crate::words::Slot;

const VERBS: [&str; 3] = ["use", "deny", "go"];
/// Words that a target or a plan stands behind.
const LEADS: [&str; 9] = [
    "use",
    "deny",
    "go",
    "try",
    "ask",
    "base",
    "judge",
    "otherwise",
    "by",
];
const ARROWS: [&str; 3] = ["->", "=>", "-->"];
/// How far before a list the word is looked for that says what it is a list of.
const NEAR: usize = 8;
/// How far before a colon the verb is looked for.
const FAR: usize = 100;
/// Words in front of a list of things to call.
const STRATEGIES: [&str; 8] = [
    "fallback", "cheapest", "fastest", "balance", "ensemble", "hedge", "cascade", "race",
];

/// Signs that are none of ours.
pub(super) fn find(scene: &Scene<'_>, found: &mut Vec<Edit>) {
    for segment in &scene.segments {
        found.extend(row(scene, segment));
        let condition = scene.condition(segment);
        for at in segment.tokens.clone() {
            let inside = condition.is_some_and(|c| at > c);
            let edit = match scene.said(at) {
                _ if !scene.is(at, Kind::Sign) => None,
                ":" => Some(colon(scene, at, condition.filter(|_| inside))),
                "=" | ":=" | "==" if !inside => Some(equals(scene, segment, at)),
                "," if inside && joins(scene, at) => {
                    Some(separator(scene, at, Habit::Comma, " and "))
                }
                "," => Some(separator(scene, at, Habit::Comma, " ")),
                ";" => Some(separator(scene, at, Habit::Semicolon, "\n")),
                "[" => brackets(scene, segment, at, "]"),
                "(" if inside && listed(scene, at) => brackets(scene, segment, at, ")"),
                "-" if at == segment.tokens.start => {
                    let whole = scene.range(at).start..scene.range(at + 1).start;
                    Some(Edit::of(Habit::Dash, scene.range(at), whole, ""))
                }
                "<>" if inside => Some(operator(scene, at, "is not")),
                "=<" if inside => Some(operator(scene, at, "<=")),
                "=>" if inside && number(scene, at + 1) => Some(operator(scene, at, ">=")),
                sign if ARROWS.contains(&sign) => Some(arrow(scene, at)),
                _ => None,
            };
            found.extend(edit);
        }
    }
}

/// A row of a table that is not closed, or the line that Markdown has under a head.
fn row(scene: &Scene<'_>, segment: &Segment) -> Option<Edit> {
    let (first, last) = (segment.tokens.start, segment.tokens.end - 1);
    if !scene.sign(first, &["|"]) || scene.opener(segment) != "test" {
        return None;
    }
    let line = |word: &str| word.len() > 1 && word.bytes().all(|b| b == b'-');
    let ruled = |at: usize| scene.sign(at, &["|", ":", "-"]) || line(scene.said(at));
    let lined = segment.tokens.clone().any(|at| line(scene.said(at)));
    let end = scene.range(last).end;
    if lined && segment.tokens.clone().all(ruled) {
        let whole = scene.range(first).start..end;
        return Some(Edit::new(Habit::Underline, whole, ""));
    }
    let open = !scene.said(last).ends_with('|');
    open.then(|| Edit::of(Habit::Bar, scene.range(last), end..end, " |"))
}

/// A colon, at the end of the condition that begins at `condition` where it stands in one.
fn colon(scene: &Scene<'_>, at: usize, condition: Option<usize>) -> Edit {
    let due = condition.is_some_and(|c| {
        let compared = scene.says(at - 1, &["is", "in", "not", "of", "matches", "with"]);
        !scene.says(c, &["expect", "where"])
            && !compared
            && !(c + 1..at).rev().take(FAR).any(|word| scene.verb(word))
    });
    let last = scene.tokens.get(at + 1).is_none_or(|next| {
        scene
            .tokens
            .get(at)
            .is_some_and(|own| own.line != next.line)
    });
    // `case has images: openai/gpt-4.1`
    let text = match () {
        () if due && scene.aims(at + 1) => " use",
        () if last || !scene.touches(at) => "",
        () => " ",
    };
    Edit::new(Habit::Colon, scene.range(at), text)
}

fn equals(scene: &Scene<'_>, segment: &Segment, at: usize) -> Edit {
    let defines = scene.says(segment.tokens.start, &["define"]);
    let text = if defines { " when " } else { " " };
    Edit::of(Habit::Equals, scene.range(at), scene.spread(at), text)
}

/// A comma or a semicolon: nothing at the end of a line, and what separates words or lines before others.
fn separator(scene: &Scene<'_>, at: usize, habit: Habit, between: &str) -> Edit {
    let line = scene.tokens.get(at).map(|t| t.line);
    let more = scene
        .tokens
        .get(at + 1)
        .filter(|next| Some(next.line) == line);
    let ends = more.is_none_or(|next| next.kind == Kind::Comment) || scene.sign(at + 1, &["}"]);
    if ends {
        return Edit::new(habit, scene.range(at), "");
    }
    let text = match between {
        "\n" => format!("\n{}", scene.indent(at)),
        blank => blank.to_owned(),
    };
    Edit::of(habit, scene.range(at), scene.spread(at), &text)
}

/// Whether a comma of a condition stands between two tests, and not between two values.
fn joins(scene: &Scene<'_>, at: usize) -> bool {
    const SIGNS: [&str; 6] = [">", ">=", "<", "<=", "==", "!="];
    const WORDS: [&str; 6] = ["is", "in", "not", "of", "matches", "starts"];
    scene.says(at + 1, &["has", "not", "streaming"])
        || scene.is(at + 1, Kind::Word)
            && (scene.sign(at + 2, &SIGNS) || scene.says(at + 2, &WORDS))
}

fn arrow(scene: &Scene<'_>, at: usize) -> Edit {
    // `use -> a/b`, `50% -> a/b`
    let said = at
        .checked_sub(1)
        .is_some_and(|before| scene.says(before, &LEADS) || super::arms::share(scene, before));
    let text = if said || scene.says(at + 1, &VERBS) {
        " "
    } else {
        " use "
    };
    Edit::of(Habit::Arrow, scene.range(at), scene.spread(at), text)
}

fn operator(scene: &Scene<'_>, at: usize, ours: &'static str) -> Edit {
    let habit = Habit::Operator(scene.said(at).to_owned(), ours);
    Edit::of(
        habit,
        scene.range(at),
        scene.spread(at),
        &format!(" {ours} "),
    )
}

fn number(scene: &Scene<'_>, at: usize) -> bool {
    scene.is(at, Kind::Word)
        && scene
            .said(at)
            .starts_with(|c: char| c.is_ascii_digit() || c == '$')
}

/// Whether a parenthesis opens a list of values: `in ("a", "b")`.
fn listed(scene: &Scene<'_>, open: usize) -> bool {
    let kinds = [Kind::Text, Kind::Quoted, Kind::Word];
    let value = kinds.into_iter().any(|kind| scene.is(open + 1, kind));
    value && open.checked_sub(1).is_some_and(|b| scene.says(b, &["in"]))
}

/// Whether a list holds what a fact that is text is compared with.
fn of_text(scene: &Scene<'_>, open: usize) -> bool {
    const TEXTS: [&str; 6] = [
        "end_user",
        "key",
        "team",
        "conversation",
        "operation",
        "dialect",
    ];
    let fact = |at: usize| {
        let said = scene.said(at);
        said.starts_with("tag.") || said.starts_with("header.") || TEXTS.contains(&said)
    };
    match (
        open.checked_sub(1),
        open.checked_sub(2),
        open.checked_sub(3),
    ) {
        (Some(sign), Some(not), Some(subject)) if scene.says(sign, &["in"]) => {
            fact(not) || scene.says(not, &["not"]) && fact(subject)
        }
        _ => false,
    }
}

/// `[a, b]`, on however many lines.
fn brackets(scene: &Scene<'_>, segment: &Segment, open: usize, closing: &str) -> Option<Edit> {
    let close = (open + 1..scene.tokens.len())
        .take_while(|at| !scene.sign(*at, &["{", "}", "["]))
        .find(|at| scene.sign(*at, &[closing]))?;
    let texts = of_text(scene, open);
    let items: Vec<String> = (open + 1..close)
        .filter(|at| !scene.sign(*at, &[",", ";"]))
        .filter(|at| !scene.is(*at, Kind::Comment))
        .map(|at| {
            let said = scene.said(at);
            if scene.is(at, Kind::Quoted) {
                string(said)
            } else if texts && scene.is(at, Kind::Word) && !scene.declares("set", said) {
                format!("\"{said}\"")
            } else {
                said.to_owned()
            }
        })
        .collect();
    let at = scene.range(open).start..scene.range(close).end;
    let bare = |item: &String| item.trim_matches('"').to_owned();
    let head = open.checked_sub(1)?;
    // `tag["team"]`
    if scene.touches(head) && scene.says(head, &["tag", "tags", "header", "headers"]) {
        let kind = if scene.said(head).starts_with('t') {
            "tag"
        } else {
            "header"
        };
        let whole = scene.range(head).start..at.end;
        let text = format!("{kind}.{}", bare(items.first()?));
        return Some(Edit::new(Habit::Brackets, whole, text));
    }
    let mut before = (segment.tokens.start..open).rev().take(NEAR);
    let text = if before.any(|at| scene.says(at, &STRATEGIES)) {
        let indent = scene.indent(segment.tokens.start);
        let tries: Vec<_> = items
            .iter()
            .map(|i| format!("{indent}  try {}\n", bare(i)))
            .collect();
        format!("{{\n{}{indent}}}", tries.concat())
    } else if scene.says(segment.tokens.start, &["set"]) {
        format!("{{ {} }}", items.join(" "))
    } else if slot(scene.said(segment.tokens.start)) == Some(Slot::Name) {
        items.iter().map(bare).collect::<Vec<_>>().join(" ")
    } else {
        items.join(" ")
    };
    Some(Edit::new(Habit::Brackets, at, text))
}
