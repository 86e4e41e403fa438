//! `ARCHITECTURE.md` against the manifests: every arrow is in both.

use crate::architecture::arrows::{between, drawn};
use crate::architecture::fault::Fault;
use crate::architecture::files::Files;
use crate::architecture::manifest::Manifest;
use std::collections::BTreeSet;

const DRAWING: &str = "ARCHITECTURE.md";
/// The crates it draws; guests of the plugin host are not among them.
const NAMES: [&str; 12] = [
    "dsl", "wire", "traffic", "columns", "prices", "routing", "replay", "store", "mock", "gateway",
    "plugins", "cli",
];

/// Arrows that only one of the two has.
pub(crate) fn compared(files: &Files) -> Vec<Fault> {
    let Some(text) = files.text(DRAWING) else {
        return vec![Fault::new(
            DRAWING,
            1,
            "there is no such file; draw the crates in it",
        )];
    };
    let arrows = arrows(text);
    let mut faults = Vec::new();
    if arrows.is_empty() {
        let text = "it draws no arrows; a block ```mermaid with `flowchart LR` has lines `gateway --> routing`";
        faults.push(Fault::new(DRAWING, 1, text));
    }
    let manifests = Manifest::all(files);
    let built = between(&manifests);
    let mut real = BTreeSet::new();
    for (from, to, place) in built.iter() {
        let (from, to) = (drawn(from), drawn(to));
        real.insert((from, to));
        let is_drawn = arrows
            .iter()
            .any(|arrow| (arrow.from, arrow.to) == (from, to));
        if NAMES.contains(&from) && NAMES.contains(&to) && !is_drawn {
            let text = format!(
                "{DRAWING} has no arrow `{from} --> {to}`; do without this crate, or draw and defend it"
            );
            faults.push(Fault::new(&place.file, place.line, text));
        }
    }
    for Arrow { from, to, line } in arrows {
        for name in [from, to].into_iter().filter(|name| !NAMES.contains(name)) {
            let text = format!("`{name}` is no crate; the crates are {}", NAMES.join(", "));
            faults.push(Fault::new(DRAWING, line, text));
        }
        if NAMES.contains(&from) && NAMES.contains(&to) && !real.contains(&(from, to)) {
            let text = format!("no manifest has the arrow `{from} --> {to}`; remove it");
            faults.push(Fault::new(DRAWING, line, text));
        }
    }
    faults
}

#[derive(Debug, PartialEq, Eq)]
struct Arrow<'a> {
    from: &'a str,
    to: &'a str,
    line: usize,
}

/// The solid arrows of the first flow chart: `a --> b`, `a & b --> c`, `a --> b --> c`, with or without labels.
fn arrows(text: &str) -> Vec<Arrow<'_>> {
    let lines = (1..).zip(text.lines().map(str::trim));
    let chart = lines
        .skip_while(|(_, text)| !text.starts_with("flowchart"))
        .take_while(|(_, text)| !text.starts_with("```"));
    let mut arrows = Vec::new();
    for (line, text) in chart {
        let stops: Vec<Vec<&str>> = text.split("-->").map(names).collect();
        for pair in stops.windows(2) {
            for from in &pair[0] {
                arrows.extend(pair[1].iter().map(|to| Arrow { from, to, line }));
            }
        }
    }
    arrows
}

/// The names at one end of an arrow, without their labels.
fn names(end: &str) -> Vec<&str> {
    let end = end.trim();
    let unlabelled = end
        .strip_prefix('|')
        .and_then(|label| label.split_once('|'))
        .map_or(end, |(_, rest)| rest);
    unlabelled
        .split('&')
        .filter_map(|name| name.split(['[', '(', '{', ':', ';']).next())
        .map(str::trim)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DSL: (&str, &str) = ("dsl/Cargo.toml", "[package]\nname = \"mux-dsl\"\n");
    const ROUTING: (&str, &str) = (
        "r/Cargo.toml",
        "[package]\nname = \"mux-routing\"\n[dependencies]\nmux-dsl.workspace = true\n",
    );

    fn told(drawing: &str) -> Vec<String> {
        let files = Files::planted(&[DSL, ROUTING, (DRAWING, drawing)]);
        compared(&files).iter().map(Fault::to_string).collect()
    }

    #[test]
    fn a_drawing_that_is_right_passes() {
        assert_eq!(
            told("# x\n```mermaid\nflowchart LR\n  routing --> dsl\n```\n"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_planted_arrow_that_is_not_drawn_is_found() {
        let told = told("flowchart LR\n dsl\n");
        assert!(
            told.iter()
                .any(|fault| fault.starts_with("r/Cargo.toml:4: ")),
            "{told:?}"
        );
        assert!(
            told.iter().any(|fault| fault.contains("draws no arrows")),
            "{told:?}"
        );
    }

    #[test]
    fn a_drawn_arrow_that_no_manifest_has_is_found() {
        let told = told("flowchart LR\n routing --> dsl\n dsl --> routing\n cook --> dsl\n");
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            told[0].starts_with("ARCHITECTURE.md:3: no manifest has"),
            "{told:?}"
        );
        assert!(
            told[1].starts_with("ARCHITECTURE.md:4: `cook` is no crate"),
            "{told:?}"
        );
    }

    #[test]
    fn arrows_are_read_with_labels_groups_and_chains() {
        let found =
            arrows("flowchart LR\n a[\"A\"] & b -->|why| c(C) --> d;\n a -.-> d\n```\n e --> f\n");
        let ends: Vec<_> = found.iter().map(|arrow| (arrow.from, arrow.to)).collect();
        assert_eq!(ends, [("a", "c"), ("b", "c"), ("c", "d")]);
    }
}
