//! Keywords of other languages, and ours in capitals.

use super::edit::{Edit, Habit};
use super::scene::{Inside, Scene, Segment};
use super::tokens::Kind;
use crate::words;

const VERBS: [&str; 3] = ["use", "deny", "go"];
/// How far before a `then` the list is looked for that it may stand in.
const NEAR: usize = 40;
const IFS: [&str; 5] = ["if", "elif", "elsif", "elseif", "case"];
/// What other languages call `use`.
pub(super) const USES: [&str; 8] = [
    "route", "send", "forward", "dispatch", "proxy", "return", "call", "select",
];
/// Words of conditions and rules.
const OURS: [&str; 16] = [
    "when", "where", "else", "expect", "use", "deny", "go", "and", "or", "not", "is", "in", "has",
    "of", "matches", "starts",
];

/// Words that are written otherwise here.
pub(super) fn find(scene: &Scene<'_>, found: &mut Vec<Edit>) {
    let lines = scene.segments.iter().filter(|s| s.inside == Inside::Lines);
    for segment in lines {
        chained(scene, segment, found);
        begins(scene, segment, found);
        let condition = scene.condition(segment);
        found.extend(verbless(scene, segment));
        found.extend(lets(scene, segment));
        for at in segment.tokens.clone() {
            let inside = condition.is_some_and(|c| at > c);
            let edit = uses(scene, segment, at);
            found.extend(edit.or_else(|| then(scene, segment, at).filter(|_| inside)));
        }
        let capitals = capitals(scene, segment);
        found.extend(capitals.into_iter().map(|at| {
            let small = scene.said(at).to_ascii_lowercase();
            Edit::new(Habit::Case, scene.range(at), small)
        }));
        found.extend(variable(scene, segment));
    }
}

/// `} else`
fn chained(scene: &Scene<'_>, segment: &Segment, found: &mut Vec<Edit>) {
    let first = segment.tokens.start;
    if segment.chained && scene.is(first, Kind::Word) && !scene.sign(first, &[";", ","]) {
        let start = scene.range(first).start;
        let gap = scene.range(first - 1).end..start;
        let text = format!("\n{}", scene.indent(first));
        let whole = scene.range(first - 1).start..scene.range(first).end;
        found.push(Edit::of(Habit::Chained, whole, gap, &text));
    }
}

/// `if`, `else if`, `default`.
fn begins(scene: &Scene<'_>, segment: &Segment, found: &mut Vec<Edit>) {
    let first = segment.tokens.start;
    let more = segment.tokens.len() > 1;
    let mut next = first + 1;
    if scene.says(first, &IFS) && more && !scene.sign(next, &["=", ":", ":="]) {
        found.push(keyword(scene, first..next, "when"));
    } else if scene.says(first, &["else"]) && scene.says(next, &["if", "when"]) {
        found.push(keyword(scene, first..next + 1, "when"));
    } else if scene.says(first, &["default", "otherwise"]) && more {
        next += usize::from(scene.sign(next, &[":"]));
        let verb = scene.says(next, &VERBS) || scene.says(next, &USES);
        if verb || scene.says(first, &["default"]) && scene.aims(next) {
            found.push(keyword(scene, first..first + 1, "else"));
        }
    } else if !scene.says(first, &["else"]) {
        return;
    } else {
        next += usize::from(scene.sign(next, &[":"]));
    }
    // `else main`, where `main` is a plan
    let planned = next + 1 == segment.tokens.end
        && scene.says(first, &["else"])
        && scene.is(next, Kind::Word)
        && scene.declares("plan", scene.said(next));
    if planned {
        let start = scene.range(next).start;
        let part = start..start;
        found.push(Edit::of(Habit::Verb, scene.range(next), part, "use plan "));
        return;
    }
    let bare = scene.says(first, &["else", "default"]) && !scene.says(next, &["if", "when"]);
    if bare && next < segment.tokens.end && scene.aims(next) {
        let start = scene.range(next).start;
        found.push(Edit::of(
            Habit::Verb,
            scene.range(next),
            start..start,
            "use ",
        ));
    }
}

/// `when tokens > 5k openai/gpt-4.1`
fn verbless(scene: &Scene<'_>, segment: &Segment) -> Option<Edit> {
    const SIGNS: [&str; 7] = [">", ">=", "<", "<=", "=", "==", "!="];
    let condition = scene.condition(segment)?;
    let mut words = condition + 1..segment.tokens.end;
    let verb = |at: usize| scene.verb(at) || scene.says(at, &USES) || scene.says(at, &["then"]);
    let asks = scene.says(condition, &["when"]) || scene.says(condition, &IFS);
    if !asks || words.clone().any(verb) || !matches!(scene.opener(segment), "policy" | "when") {
        return None;
    }
    // A test that is whole: what follows it is no value.
    let compared =
        |at: usize| scene.sign(at, &SIGNS) || scene.says(at, &["is", "matches", "with", "has"]);
    let whole = |at: usize| {
        let negated = scene.says(at, &["not"]) && at > condition + 1;
        compared(at) || negated && scene.says(at - 1, &["is"])
    };
    let aim = words.find(|at| {
        let flag = scene.says(at - 1, &["streaming"]) && !whole(at - 2);
        let value = !compared(at - 1) && !scene.says(at - 1, &["not"]);
        scene.aims(*at) && (flag || value && at - 1 > condition + 1 && whole(at - 2))
    })?;
    let start = scene.range(aim).start;
    Some(Edit::of(
        Habit::Verb,
        scene.range(aim),
        start..start,
        "use ",
    ))
}

/// `let cheap = openai/gpt-4.1-mini`
fn lets(scene: &Scene<'_>, segment: &Segment) -> Option<Edit> {
    let (first, end) = (segment.tokens.start, segment.tokens.end);
    let fits = segment.depth == 0
        && scene.says(first, &["let", "var", "const"])
        && scene.is(first + 1, Kind::Word)
        && scene.sign(first + 2, &["=", ":=", ":"])
        && first + 3 < end;
    if !fits {
        return None;
    }
    let name = scene.said(first + 1);
    let value = scene.range(first + 3).start;
    let last = scene.range(end - 1).end;
    let word = scene.said(first).to_owned();
    let (ours, head, tail) = if scene.aims(first + 3) {
        ("plan", format!("plan {name} {{ "), " }")
    } else {
        ("define", format!("define {name} when "), "")
    };
    Some(Edit {
        habit: Habit::Keyword(word, ours),
        at: scene.range(first),
        parts: vec![
            (scene.range(first).start..value, head),
            (last..last, tail.to_owned()),
        ],
    })
}

/// `route to openai/gpt-4.1`
fn uses(scene: &Scene<'_>, segment: &Segment, at: usize) -> Option<Edit> {
    if !scene.says(at, &USES) {
        return None;
    }
    let to = scene.says(at + 1, &["to"]);
    let aim = at + 1 + usize::from(to);
    let fits = aim < segment.tokens.end && (scene.aims(aim) || to && scene.is(aim, Kind::Word));
    fits.then(|| keyword(scene, at..aim, "use"))
}

/// `then`
fn then(scene: &Scene<'_>, segment: &Segment, at: usize) -> Option<Edit> {
    if !scene.says(at, &["then"]) || named_then(scene, segment, at) {
        return None;
    }
    let next = at + 1;
    if next < segment.tokens.end && scene.aims(next) {
        return Some(keyword(scene, at..next, "use"));
    }
    let word = Habit::Filler(scene.said(at).to_owned());
    let text = if next < segment.tokens.end || scene.sign(next, &["{"]) {
        " "
    } else {
        ""
    };
    Some(Edit::of(word, scene.range(at), scene.spread(at), text))
}

/// Whether a `then` can be the name of something: of a condition, or, in a list, of a set that the file declares.
fn named_then(scene: &Scene<'_>, segment: &Segment, at: usize) -> bool {
    let joins = |at: usize| {
        scene.says(at, &["when", "where", "and", "or", "not"]) || scene.sign(at, &["("])
    };
    let before = || (segment.tokens.start..at).rev().take(NEAR);
    let listed = || {
        before()
            .take_while(|b| !joins(*b))
            .any(|b| scene.says(b, &["in"]))
    };
    scene.named(at)
        || at.checked_sub(1).is_some_and(joins)
        || listed() && scene.declares("set", scene.said(at))
}

fn keyword(scene: &Scene<'_>, tokens: std::ops::Range<usize>, ours: &'static str) -> Edit {
    let last = tokens.end.saturating_sub(1);
    let at = scene.range(tokens.start).start..scene.range(last).end;
    let theirs: Vec<_> = tokens.map(|at| scene.said(at)).collect();
    Edit::new(Habit::Keyword(theirs.join(" "), ours), at, ours)
}

/// Keywords in capitals, in lines that are rules by their other words.
fn capitals(scene: &Scene<'_>, segment: &Segment) -> Vec<usize> {
    let first = segment.tokens.start;
    let rule = scene.condition(segment).is_some()
        || scene.says(first, &["else"])
        || scene.says(first, &VERBS) && segment.tokens.len() > 1;
    let shouted = |at: &usize| {
        let word = scene.said(*at);
        if !word.bytes().any(|b| b.is_ascii_uppercase()) {
            return false;
        }
        // `region is IN` is a name.
        if *at > first && scene.named(*at) && !scene.says(*at, &["not"]) {
            return false;
        }
        scene.says(*at, &OURS)
    };
    let words = segment.tokens.clone().filter(|_| rule);
    let mut found: Vec<usize> = words.filter(shouted).collect();
    let statement = scene.said(first);
    let small = statement.to_ascii_lowercase();
    if small != statement && words::named(&small).next().is_some() && !found.contains(&first) {
        found.push(first);
    }
    found
}

/// `key $NAME`, `api_key = ${NAME}`, `key env("NAME")`
fn variable(scene: &Scene<'_>, segment: &Segment) -> Option<Edit> {
    let first = segment.tokens.start;
    let key = scene
        .said(first)
        .to_ascii_lowercase()
        .replace(['_', '-'], "");
    if !matches!(key.as_str(), "key" | "apikey" | "token" | "secret") {
        return None;
    }
    let at = first + 1 + usize::from(scene.sign(first + 1, &["=", ":", ":="]));
    if at >= segment.tokens.end {
        return None;
    }
    let called = scene.says(at, &["env", "getenv", "os.getenv"]) && scene.sign(at + 1, &["("]);
    let (name, end) = if called && scene.sign(at + 3, &[")"]) {
        (scene.said(at + 2).trim_matches(['"', '\'']), at + 3)
    } else {
        let word = scene.said(at).trim_matches(['"', '\'']);
        let signs = ["env:", "env.", "$"];
        let name = signs.iter().find_map(|sign| word.strip_prefix(sign))?;
        (name.trim_matches(['{', '}']), at)
    };
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let range = scene.range(at).start..scene.range(end).end;
    let whole = scene.range(first).start..range.end;
    plain.then(|| Edit::of(Habit::Variable, range, whole, &format!("key env {name}")))
}
