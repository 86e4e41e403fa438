//! What could be written next: by the block around the place, and the words before it on its line.

use super::symbol::{Named, occurrences};
use crate::image::Features;
use crate::tree::Tree;
use crate::words::{self, Body, Place};
use serde::Serialize;

/// Something that could be written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Completion {
    /// The word.
    pub label: String,
    /// `keyword`, `option`, `fact`, `value`, or what it is a name of.
    pub kind: &'static str,
    /// The whole of it.
    pub form: String,
    /// One line of documentation.
    pub doc: String,
}

/// What could be written behind `before`, the text of a file up to some place.
pub(super) fn complete(before: &str, trees: &[Tree]) -> Vec<Completion> {
    let start = before.rfind('\n').map_or(0, |n| n + 1);
    let line = before.get(start..).unwrap_or_default();
    // Behind the last brace of the line another statement begins.
    let line = line
        .rfind(['{', '}'])
        .and_then(|b| line.get(b + 1..))
        .unwrap_or(line);
    let place = place_at(before.strip_suffix(line).unwrap_or(before));
    let mut said: Vec<&str> = line.split_whitespace().collect();
    if !line.ends_with([' ', '\t']) {
        said.pop();
    }
    if in_string(line) {
        return Vec::new();
    }
    let names = |kind: Named| names(kind, trees);
    let mut found = match (said.first(), said.last()) {
        (None, _) | (_, None) => statements(place, trees),
        (Some(head), Some(last)) => behind(head, last, &said, place, &names),
    };
    found.sort();
    found.dedup();
    found
}

fn behind(
    head: &str,
    last: &str,
    said: &[&str],
    place: Place,
    names: &dyn Fn(Named) -> Vec<Completion>,
) -> Vec<Completion> {
    let earlier = said
        .len()
        .checked_sub(2)
        .and_then(|at| said.get(at))
        .copied()
        .unwrap_or_default();
    match last {
        "plan" if said.len() > 1 || place != Place::File => names(Named::Plan),
        "use" | "try" | "ask" | "base" | "otherwise" => {
            [names(Named::Model), strategies()].concat()
        }
        "upstream" | "judge" | "shadow" | "by" if place != Place::File && last != "by" => {
            names(Named::Model)
        }
        "by" => {
            let figures = words::BY.iter().map(|b| value(b.word, b.form, b.doc));
            let who = words::WHO.iter().map(|w| value(w.word, w.form, w.doc));
            figures.chain(who).collect()
        }
        "go" | "for" => names(Named::Policy),
        "model" if head == "given" => [names(Named::Policy), names(Named::Model)].concat(),
        "of" if earlier == "used" => vec![value("budget", "budget NAME", "a budget")],
        "of" => [names(Named::Model), names(Named::Provider)].concat(),
        "budget" if said.len() > 1 => names(Named::Budget),
        "charge" => names(Named::Budget),
        "limit" if place == Place::Policy => names(Named::Limit),
        "breaker" if place != Place::File => names(Named::Breaker),
        "like" => names(Named::Model),
        "in" if earlier != "time" => names(Named::Set),
        "has" => [features(), subjects(words::FACTS, "fact")].concat(),
        "can" => features(),
        "when" | "and" | "or" | "not" | "where" | "expect" | "given" => {
            conditions(last, head, place, names)
        }
        "is" => states(earlier, said, names),
        "tier" | ">=" | "<=" | "<" | ">" if said.contains(&"tier") || last == "tier" => tiers(),
        _ => options(head, said, place),
    }
}

/// The words that lines of a block begin with, and targets where they may stand.
fn statements(place: Place, trees: &[Tree]) -> Vec<Completion> {
    let entries: Vec<_> = words::statements()
        .filter(|e| e.within.contains(&place))
        .collect();
    let mut found: Vec<Completion> = entries
        .iter()
        .filter(|e| !e.word.starts_with('<'))
        .map(|e| Completion {
            label: e.word.into(),
            kind: "keyword",
            form: e.form.into(),
            doc: e.doc.into(),
        })
        .collect();
    if entries.iter().any(|e| e.word == "<target>") {
        found.extend(names(Named::Model, trees));
    }
    found
}

fn conditions(
    last: &str,
    head: &str,
    place: Place,
    names: &dyn Fn(Named) -> Vec<Completion>,
) -> Vec<Completion> {
    match (last, head, place) {
        ("where", ..) => subjects(words::FILTERS, "fact"),
        ("given", ..) => subjects(words::GIVENS, "fact"),
        ("expect", _, Place::Guarantee) => subjects(words::PROMISES, "fact"),
        ("expect", _, Place::Replay) => subjects(words::FIGURES, "fact"),
        ("expect", ..) => subjects(words::EXPECTS, "fact"),
        (_, "accept", _) => subjects(words::ACCEPTS, "fact"),
        _ => [
            subjects(words::FACTS, "fact"),
            subjects(words::METRICS, "figure"),
            names(Named::Define),
        ]
        .concat(),
    }
}

fn states(
    earlier: &str,
    said: &[&str],
    names: &dyn Fn(Named) -> Vec<Completion>,
) -> Vec<Completion> {
    match earlier {
        "plan" => names(Named::Plan),
        "policy" | "model" => names(Named::Policy),
        "first" | "served" | "target" | "attempts" => names(Named::Model),
        "provider" => names(Named::Provider),
        "finish" => words::FINISHES
            .iter()
            .map(|f| value(f.word, f.form, f.doc))
            .collect(),
        "tier" => tiers(),
        _ if said.contains(&"health") => ["ok", "degraded", "down"]
            .iter()
            .map(|s| value(s, s, "a state of health"))
            .collect(),
        _ if said.contains(&"breaker") => ["open", "closed"]
            .iter()
            .map(|s| value(s, s, "a position of a breaker"))
            .collect(),
        _ => Vec::new(),
    }
}

/// Options of the line: those of its statement and of the strategy it names.
fn options(head: &str, said: &[&str], place: Place) -> Vec<Completion> {
    let strategy = said.iter().find_map(|word| words::strategy(word));
    let entry = words::find(head, place).into_iter();
    let target = words::find("<target>", place).filter(|_| head.contains('/'));
    let mut found: Vec<Completion> = entry
        .chain(strategy)
        .chain(target)
        .flat_map(words::Entry::options)
        .filter(|o| !said.contains(&o.word))
        .map(|o| Completion {
            label: o.word.into(),
            kind: "option",
            form: o.form.into(),
            doc: o.doc.into(),
        })
        .collect();
    if matches!(head, "when" | "rule" | "else") && strategy.is_none() {
        let actions = [
            ("use", "use plan NAME | PROVIDER/MODEL", "carries it out"),
            ("deny", "deny STATUS \"MESSAGE\"", "refuses it"),
            ("go", "go @POLICY", "asks another policy"),
        ];
        found.extend(actions.map(|(word, form, doc)| Completion {
            label: word.into(),
            kind: "keyword",
            form: form.into(),
            doc: doc.into(),
        }));
    }
    found
}

fn strategies() -> Vec<Completion> {
    let all = words::statements().filter(|e| {
        words::strategy(e.word).is_some_and(|s| std::ptr::eq(s, *e)) && !e.word.starts_with('<')
    });
    all.map(|e| Completion {
        label: e.word.into(),
        kind: "keyword",
        form: e.form.into(),
        doc: e.doc.into(),
    })
    .collect()
}

fn subjects(table: &'static [words::Subject], kind: &'static str) -> Vec<Completion> {
    table
        .iter()
        .map(|s| Completion {
            label: s.name.into(),
            kind,
            form: s.form.into(),
            doc: s.doc.into(),
        })
        .collect()
}

fn features() -> Vec<Completion> {
    Features::ALL
        .iter()
        .map(|(_, word)| value(word, word, "a capability"))
        .collect()
}

fn tiers() -> Vec<Completion> {
    ["economy", "standard", "frontier"]
        .iter()
        .map(|t| value(t, t, "a quality class"))
        .collect()
}

fn value(label: &str, form: &str, doc: &str) -> Completion {
    Completion {
        label: label.into(),
        kind: "value",
        form: form.into(),
        doc: doc.into(),
    }
}

/// Every declared name of a kind.
fn names(kind: Named, trees: &[Tree]) -> Vec<Completion> {
    let all = occurrences(trees)
        .into_iter()
        .filter(|o| o.declares && o.kind == kind);
    all.map(|o| Completion {
        label: o.name.clone(),
        kind: kind.noun(),
        form: o.name,
        doc: String::new(),
    })
    .collect()
}

/// Whether a line ends inside a string.
fn in_string(line: &str) -> bool {
    line.matches('"').count() % 2 == 1
}

/// The block that the end of a text stands in, by its braces: the text may be half written.
pub(super) fn place_at(text: &str) -> Place {
    let mut places = vec![Place::File];
    for line in text.lines() {
        let code = line.split('#').next().unwrap_or_default();
        let mut from = 0;
        for (at, brace) in code.match_indices(['{', '}']) {
            if brace == "}" {
                if places.len() > 1 {
                    places.pop();
                }
            } else {
                let head = code.get(from..at).unwrap_or_default();
                let outer = places.last().copied().unwrap_or(Place::File);
                places.push(opened(head, outer));
            }
            from = at + 1;
        }
    }
    places.last().copied().unwrap_or(Place::File)
}

/// The place of the block behind a line.
fn opened(head: &str, outer: Place) -> Place {
    let words_said: Vec<&str> = head.split_whitespace().collect();
    let strategy = words_said
        .iter()
        .find_map(|w| words::strategy(w))
        .filter(|s| matches!(s.block, Body::Must(_)));
    let first = words_said.first().copied().unwrap_or_default();
    match (
        strategy.map(|s| s.block),
        words::find(first, outer).map(|e| e.block),
    ) {
        (Some(Body::Must(place)), _) | (_, Some(Body::Must(place) | Body::May(place))) => place,
        // A condition on a line of its own before its block.
        _ if matches!(outer, Place::Policy | Place::When) => Place::When,
        _ => outer,
    }
}
