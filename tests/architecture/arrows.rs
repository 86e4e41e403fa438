//! The arrows between crates, as manifests have them.

use crate::architecture::fault::Fault;
use crate::architecture::files::Files;
use crate::architecture::manifest::Manifest;
use crate::architecture::rings::{Arrows, Place};

/// What `ARCHITECTURE.md` calls the root package.
const ROOT: &str = "cli";

/// The name in the drawing of a package.
pub(crate) fn drawn(package: &str) -> &str {
    match package {
        "mux" => ROOT,
        _ => package.strip_prefix("mux-").unwrap_or(package),
    }
}

/// Every need of a crate of this project for another one, by package. Tests of the root package may need anything, for
/// they look at the whole; those of other crates count like the crate itself.
pub(crate) fn between(manifests: &[Manifest]) -> Arrows {
    let mut arrows = Arrows::default();
    for manifest in manifests {
        for need in &manifest.needs {
            let ours = manifests.iter().any(|other| other.name == need.name);
            if ours && !(need.dev && drawn(&manifest.name) == ROOT) {
                let place = Place {
                    file: manifest.file.clone(),
                    line: need.line,
                };
                arrows.draw(&manifest.name, &need.name, place);
            }
        }
    }
    arrows
}

/// Cycles between crates.
pub(crate) fn rings(files: &Files) -> Vec<Fault> {
    between(&Manifest::all(files)).faults("crate")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planted_cycle_between_crates_is_found() {
        let files = Files::planted(&[
            (
                "a/Cargo.toml",
                "[package]\nname = \"mux-a\"\n[dependencies]\nmux-b.workspace = true\n",
            ),
            (
                "b/Cargo.toml",
                "[package]\nname = \"mux-b\"\n[dev-dependencies]\nmux-a = { path = \"../a\" }\n",
            ),
        ]);
        let faults = rings(&files);
        assert_eq!(faults.len(), 1);
        let text = faults[0].to_string();
        assert!(
            text.starts_with("a/Cargo.toml:4: crates go in a circle"),
            "{text}"
        );
        assert!(
            text.contains("`mux-b` uses `mux-a` (b/Cargo.toml:4)"),
            "{text}"
        );
    }

    #[test]
    fn what_only_tests_of_the_root_need_is_no_arrow() {
        let manifest = "[package]\nname = \"mux\"\n[dev-dependencies]\nmux-a.workspace = true\n";
        let other = "[package]\nname = \"mux-a\"\n[dependencies]\n";
        let files = Files::planted(&[("Cargo.toml", manifest), ("a/Cargo.toml", other)]);
        assert_eq!(between(&Manifest::all(&files)).iter().count(), 0);
    }
}
