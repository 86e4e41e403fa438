//! How files open, and what must not be written in them.

use crate::architecture::fault::Fault;
use crate::architecture::files::{Files, is_rust};

/// Marks of work that was not done; in pieces, so that this file has none.
const UNDONE: [&str; 4] = [
    concat!("to", "do!("),
    concat!("unimpl", "emented!("),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];
/// Folders of machines this was built on. They have no place in a component either.
const MACHINES: [&str; 3] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/tmp", "/mt"),
];

/// Source files that do not say what they are for.
pub(crate) fn silent(files: &Files) -> Vec<Fault> {
    let sources = files.texts(is_rust).into_iter();
    let silent = sources.filter(|(_, text)| !text.starts_with("//! "));
    silent
        .map(|(file, _)| {
            Fault::new(
                file,
                1,
                "it does not open with `//! ` and what it is for; say it",
            )
        })
        .collect()
}

/// Marks of unfinished work, and paths of a build machine.
pub(crate) fn forbidden(files: &Files) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (file, bytes) in files.iter() {
        let Ok(text) = std::str::from_utf8(bytes) else {
            faults.extend(machine_in(file, bytes));
            continue;
        };
        for (line, text) in (1..).zip(text.lines()) {
            let undone = UNDONE.iter().filter(|mark| text.contains(**mark));
            faults.extend(undone.map(|mark| {
                let text = format!(
                    "`{}` marks something undone; do it",
                    mark.trim_end_matches('(')
                );
                Fault::new(file, line, text)
            }));
            let machines = MACHINES.iter().filter(|path| text.contains(**path));
            faults.extend(machines.map(|path| {
                let text =
                    format!("`{path}` is a folder of one machine; name a path of the project");
                Fault::new(file, line, text)
            }));
        }
    }
    faults
}

/// A path of a build machine in a file that is not text.
fn machine_in(file: &str, bytes: &[u8]) -> Option<Fault> {
    let holds = |path: &&&str| {
        bytes
            .windows(path.len())
            .any(|window| window == path.as_bytes())
    };
    let path = MACHINES.iter().find(holds)?;
    let text = format!("`{path}` is a folder of one machine; build it with paths left out");
    Some(Fault::new(file, 1, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planted_silent_file_is_found() {
        let files = Files::planted(&[
            ("a.rs", "//! What it is.\n"),
            ("b.rs", "use x;\n//! late\n"),
            ("c.md", "x"),
        ]);
        let told: Vec<_> = silent(&files).iter().map(Fault::to_string).collect();
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with("b.rs:1: "));
    }

    #[test]
    fn planted_words_are_found_with_their_lines() {
        for word in UNDONE.iter().chain(&MACHINES) {
            let text = format!("fine\nnot {word} fine\n");
            let faults = forbidden(&Files::planted(&[("docs/a.md", &text)]));
            assert_eq!(faults.len(), 1, "{word}");
            assert!(faults[0].to_string().starts_with("docs/a.md:2: "));
        }
    }

    #[test]
    fn a_path_in_a_binary_is_found() {
        let bytes = [b"\xff\xfe", MACHINES[1].as_bytes(), b"x"].concat();
        assert!(machine_in("a.wasm", &bytes).is_some());
        assert!(machine_in("a.wasm", b"\xff\xfe").is_none());
    }
}
