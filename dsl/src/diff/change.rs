//! Two descriptions of a thing, compared part by part.

use crate::part::Part;

/// What changed about a thing that is the same thing, in words.
pub(super) fn changes(was: &Part, now: &Part) -> Vec<String> {
    let mut found = Vec::new();
    compared(was, now, "", &mut found);
    found
}

fn compared(was: &Part, now: &Part, path: &str, found: &mut Vec<String>) {
    let mut say = |what: String| found.push(below(path, &what));
    for (word, old) in &was.figures {
        match now.figure(word) {
            Some(new) if new == old => {}
            Some(new) => say(format!("{word} {} -> {}", old.words(), new.words())),
            None => say(format!("{} removed", old.said(word))),
        }
    }
    for (word, new) in &now.figures {
        if was.figure(word).is_none() {
            say(format!("{} added", new.said(word)));
        }
    }
    parts(was, now, path, found);
}

/// Parts by what they are called; those that are called alike are told apart by their order.
fn parts(was: &Part, now: &Part, path: &str, found: &mut Vec<String>) {
    let places = places(&was.parts, &now.parts);
    let kept: Vec<usize> = places.iter().flatten().copied().collect();
    let still = rising(&kept);
    let mut fresh: Vec<&Part> = (0..)
        .zip(&now.parts)
        .filter(|(at, _)| !kept.contains(at))
        .map(|(_, part)| part)
        .collect();
    let prefix = below(path, "");
    for (old, place) in was.parts.iter().zip(&places) {
        let Some((to, part)) = place.and_then(|to| Some((to, now.parts.get(to)?))) else {
            // What takes the place of another in the same role replaces it.
            let other = fresh.iter().position(|p| p.role == old.role);
            found.push(match other.map(|at| fresh.remove(at)) {
                Some(other) => format!("{prefix}{} -> {}", old.line(), other.line()),
                None => format!("{prefix}{} removed", old.line()),
            });
            continue;
        };
        let own = below(path, [part.role, &part.title()].join(" ").trim());
        if !still.contains(&to) {
            found.push(format!("{own} moved"));
        }
        compared(old, part, &own, found);
    }
    found.extend(
        fresh
            .iter()
            .map(|part| format!("{prefix}{} added", part.line())),
    );
}

/// Where each of the older parts is among the newer ones.
fn places(was: &[Part], now: &[Part]) -> Vec<Option<usize>> {
    let mut places: Vec<Option<usize>> = vec![None; was.len()];
    for (to, part) in now.iter().enumerate() {
        let mut free = was.iter().zip(&mut places);
        let same = free.find(|(old, place)| place.is_none() && old.is_called_as(part));
        if let Some((_, place)) = same {
            *place = Some(to);
        }
    }
    places
}

/// A part of what a path leads to.
fn below(path: &str, part: &str) -> String {
    if path.is_empty() {
        part.to_owned()
    } else {
        format!("{path}: {part}")
    }
}

/// The longest part of a list that rises: what did not move.
fn rising(list: &[usize]) -> Vec<usize> {
    let mut best: Vec<Vec<usize>> = Vec::new();
    for (at, value) in list.iter().enumerate() {
        let before = best
            .iter()
            .take(at)
            .filter(|run| run.last().is_some_and(|last| last < value))
            .max_by_key(|run| run.len());
        let mut run = before.cloned().unwrap_or_default();
        run.push(*value);
        best.push(run);
    }
    best.into_iter().max_by_key(Vec::len).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::changes;
    use crate::part::{Figure, Part};

    fn target(name: &str, timeout: u64) -> Part {
        Part::new("target", name)
            .at("try")
            .with("timeout", Figure::Time(timeout))
    }

    fn plan(parts: &[Part]) -> Part {
        parts
            .iter()
            .cloned()
            .fold(Part::new("fallback", ""), Part::holding)
    }

    #[test]
    fn what_changed_inside_a_plan_is_told_part_by_part() {
        let (a, b, c) = (
            target("p/a", 20_000),
            target("p/b", 1_000),
            target("p/c", 1_000),
        );
        let was = plan(&[a.clone(), b.clone(), c.clone()]);
        assert_eq!(changes(&was, &was), [""; 0]);
        let faster = plan(&[target("p/a", 8_000), b.clone(), c.clone()]);
        assert_eq!(changes(&was, &faster), ["try p/a: timeout 20s -> 8s"]);
        let without = plan(&[a.clone(), c.clone()]);
        assert_eq!(changes(&was, &without), ["try p/b timeout 1s removed"]);
        assert_eq!(changes(&without, &was), ["try p/b timeout 1s added"]);
        let turned = plan(&[c, a.clone(), b.clone()]);
        assert_eq!(changes(&was, &turned), ["try p/c moved"]);
        let replaced = plan(&[a, b, target("q/d", 5)]);
        assert_eq!(
            changes(&was, &replaced),
            ["try p/c timeout 1s -> try q/d timeout 5ms"]
        );
    }
}
