//! The layout of `.mux`: what it looks like, and the laws it keeps.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::format_push_string,
    reason = "test helpers fail loudly and build texts plainly"
)]

use mux_dsl::{Severity, Unformatted, compile, formatted, render, upgraded};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The `.mux` files of a folder under `dsl/tests`, by name.
fn files(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(folder);
    let entries = fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|e| e.expect("an entry").path());
    let mut paths: Vec<PathBuf> = paths
        .filter(|p| p.extension().is_some_and(|e| e == "mux"))
        .collect();
    paths.sort();
    let named = |path: &PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy();
        (
            name.into_owned(),
            fs::read_to_string(path).expect("cases are text"),
        )
    };
    paths.iter().map(named).collect()
}

fn laid(text: &str) -> String {
    formatted("f.mux", text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

#[test]
fn the_reference_files_stay_as_they_are() {
    let mut seen = 0;
    for (name, text) in files("format") {
        let laid = laid(&text);
        if name == "seed" {
            let lines = |text: &str| -> Vec<String> {
                text.lines()
                    .filter(|l| !l.is_empty())
                    .map(Into::into)
                    .collect()
            };
            assert_eq!(
                lines(&laid),
                lines(&text),
                "empty lines between providers, no more"
            );
            assert_eq!(laid.lines().count(), text.lines().count() + 2);
        } else {
            assert_eq!(laid, text, "{name}");
        }
        seen += 1;
    }
    assert_eq!(seen, 6);
}

#[test]
fn crooked_files_get_the_layout_beside_them() {
    for (name, text) in files("format/crooked") {
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("layout_{name}"), laid(&text));
        });
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_what_is_wrong() {
    let Err(Unformatted::Wrong {
        diagnostics,
        sources,
    }) = formatted("bad.mux", "policy @p {\n  else deny 403 \"no\"\n")
    else {
        panic!("it was laid out");
    };
    assert_eq!(diagnostics[0].code, "mux::syntax::unclosed");
    assert!(render(&diagnostics, &sources, false).contains("bad.mux:1"));
}

#[test]
fn a_credential_is_refused_and_not_shown() {
    let key = "sk-live-0123456789abcdef";
    for text in [
        format!("provider p {{\n key \"{key}\"\n}}\n"),
        format!("# {key}\n"),
    ] {
        let Err(refused @ Unformatted::Wrong { .. }) = formatted("f.mux", &text) else {
            panic!("it was laid out");
        };
        let mut shown = format!("{refused} {refused:?}");
        if let Unformatted::Wrong {
            diagnostics,
            sources,
        } = &refused
        {
            shown += &render(diagnostics, sources, true);
        }
        assert!(!shown.contains("0123456789"), "{shown}");
    }
}

#[test]
fn names_that_do_not_exist_are_laid_out_like_any_other() {
    let text = "plan p {\n nowhere/zzz\n  frobnicate   a { b\n c }\n}\n";
    assert_eq!(
        laid(text),
        "plan p {\n  nowhere/zzz\n  frobnicate a {\n    b\n    c\n  }\n}\n"
    );
}

#[test]
fn a_line_that_is_too_long_is_not_broken_into_a_rule_written_backwards() {
    let text = "policy @f {\n  f when p of south/large and h of elsewhere is down and timeout use plan cascade rule hedge when over and has_images {}\n}\n";
    assert!(!matches!(
        formatted("f.mux", text),
        Err(Unformatted::Fault { .. })
    ));
}

#[test]
fn an_empty_file_stays_empty_and_every_other_ends_in_one_newline() {
    for empty in ["", "\n\n", "  \t", "\u{FEFF}"] {
        assert_eq!(laid(empty), "");
    }
    for one in ["# c", "\n\n# c \n\n", "# c\r\n\r\n"] {
        assert_eq!(laid(one), "# c\n");
    }
}

fn raised(files: &[(&str, &str)]) -> Vec<String> {
    let raised = upgraded(files).into_iter();
    raised
        .map(|text| text.unwrap_or_else(|e| panic!("{e}")))
        .collect()
}

#[test]
fn an_upgrade_adds_the_version_below_what_a_file_opens_with() {
    for (text, pinned) in [
        ("", "mux 1\n"),
        ("plan p { a/m }", "mux 1\nplan p { a/m }\n"),
        (
            "provider p {\n  kind a\n}\n",
            "mux 1\n\nprovider p {\n  kind a\n}\n",
        ),
        (
            "# all\n# of it\n\n# p\nplan p { a/m }\n",
            "# all\n# of it\nmux 1\n\n# p\nplan p { a/m }\n",
        ),
        (
            "# all  \r\ninclude \"a\"\r\n",
            "# all\nmux 1\ninclude \"a\"\n",
        ),
        ("# p\nplan p { a/m }\n", "mux 1\n\n# p\nplan p { a/m }\n"),
        ("# all", "# all\nmux 1\n"),
    ] {
        assert_eq!(raised(&[("f.mux", text)]), [pinned]);
        assert_eq!(raised(&[("f.mux", pinned)]), [pinned], "once is enough");
    }
}

#[test]
fn an_upgrade_raises_a_lower_version_and_leaves_a_higher_one() {
    assert_eq!(raised(&[("f.mux", "mux   0 # old\n")]), ["mux 1  # old\n"]);
    assert_eq!(raised(&[("f.mux", "mux 7\n")]), ["mux 7\n"]);
}

#[test]
fn an_upgrade_pins_one_file_of_a_bundle_the_one_that_no_other_includes() {
    let pinned = |files: &[(&str, &str)]| -> Vec<usize> {
        let texts = raised(files).into_iter().enumerate();
        let pinned = texts.filter(|(_, text)| text.contains("mux 1"));
        pinned.map(|(at, _)| at).collect()
    };
    let (fleet, main) = ("# fleet\n", "include \"../p/fleet.mux\"\n");
    let test = "include \"main.mux\"\n";
    assert_eq!(
        pinned(&[
            ("p/a_test.mux", test),
            ("p/fleet.mux", fleet),
            ("p/main.mux", main)
        ]),
        [2],
        "the root"
    );
    assert_eq!(
        pinned(&[
            ("a_test.mux", "# t\n"),
            ("b.mux", "# b\n"),
            ("c.mux", "# c\n")
        ]),
        [1],
        "a file of tests only where there is no other"
    );
    assert_eq!(
        pinned(&[("b.mux", "# b\n"), ("c.mux", "# c\nmux 1\n")]),
        [1],
        "none where it is there"
    );
    assert_eq!(
        pinned(&[
            ("b.mux", "include \"c.mux\"\n"),
            ("c.mux", "include \"b.mux\"\n")
        ]),
        [0],
        "one of a ring"
    );
    let broken = upgraded(&[("b.mux", "# b\n"), ("c.mux", "}")]);
    assert!(matches!(&broken[..], [Ok(laid), Err(Unformatted::Wrong { .. })] if laid == "# b\n"));
}

/// Comments of a text, in order.
fn comments(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in text.lines() {
        let (mut string, mut escaped) = (false, false);
        for (at, c) in line.char_indices() {
            match c {
                '#' if !string => {
                    found.push(line.split_at(at).1.trim_end().to_owned());
                    break;
                }
                '"' if !escaped => string = !string,
                _ => {}
            }
            escaped = c == '\\' && string && !escaped;
        }
    }
    found
}

/// The same file, written by somebody in a hurry: `choose` picks among so many ways.
fn careless(text: &str, mut choose: impl FnMut(usize) -> usize) -> String {
    let mut out = String::new();
    let mut count = 0;
    for line in text.lines() {
        let inside = line.starts_with([' ', '\t']);
        out.push_str(["", " ", "\t", "     "][choose(4).max(usize::from(inside))]);
        let mut string = false;
        let mut words = line.trim_start().split(' ').peekable();
        let mut first = "";
        while let Some(word) = words.next() {
            out.push_str(word);
            first = if first.is_empty() { word } else { first };
            string ^= word.matches('"').count() % 2 == 1;
            if word.starts_with('#') && !string {
                words.by_ref().for_each(|w| out.push_str(w));
                break;
            }
            let Some(next) = words.peek() else { break };
            let rule = matches!(first, "when" | "rule" | "else") && *next == "use";
            let broken = matches!(word, "and" | "or") || matches!(*next, "and" | "or") || rule;
            if string {
                out.push(' ');
            } else if broken && choose(3) == 0 {
                count += 1;
                out.push_str(
                    &[
                        "\n  ".to_owned(),
                        "\r\n\n\t".to_owned(),
                        format!(" # c{count}\n    "),
                    ][choose(3)],
                );
            } else {
                out.push_str([" ", " ", "  ", "\t", "    "][choose(5)]);
            }
            if *next == "use" {
                first = "done";
            }
        }
        count += 1;
        let comment = line.contains('#');
        match choose(8) {
            0 if !comment => out.push_str(&format!(" # c{count}  \n")),
            1 => out.push_str(&format!("\n# c{count}\n")),
            2 => out.push_str("\n \n\n"),
            3 => out.push_str("\r\n"),
            4 => out.push_str(" \t\n"),
            _ => out.push('\n'),
        }
    }
    out
}

/// Every file of the tests that can be read.
static CORPUS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let all = ["format", "format/crooked", "cases", "cases/parts"]
        .map(files)
        .concat();
    let readable = all
        .into_iter()
        .filter(|(_, text)| !text.is_empty() && formatted("f.mux", text).is_ok());
    let corpus: Vec<_> = readable.map(|(_, text)| text).collect();
    assert!(corpus.len() > 20);
    corpus
});

/// What a reader of the diagnostics is told, places apart.
fn told(text: &str) -> Vec<(String, String)> {
    let mut read = |path: &str| match path {
        "f.mux" => Ok(text.as_bytes().to_vec()),
        _ => Err("there is no such file".to_owned()),
    };
    let compiled = compile(&["f.mux"], &mut read, &|_| true);
    let said = compiled.diagnostics.into_iter();
    said.map(|d| (d.code.to_owned(), d.message)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn layout_keeps_its_laws_however_a_file_was_written(
        pick in any::<prop::sample::Index>(),
        choices in prop::collection::vec(any::<prop::sample::Index>(), 1..400),
    ) {
        let mut choices = choices.iter().cycle();
        let text = careless(pick.get::<String>(&CORPUS), |ways| choices.next().expect("it cycles").index(ways));
        let once = match formatted("f.mux", &text) {
            Ok(once) => once,
            Err(e) => return Err(TestCaseError::fail(format!("{e}\n{text}"))),
        };
        prop_assert_eq!(&laid(&once), &once, "again, of:\n{}", text);
        prop_assert_eq!(comments(&once), comments(&text));
        prop_assert_eq!(told(&once), told(&text));
        prop_assert!(once.ends_with('\n') && !once.ends_with("\n\n") && !once.contains(['\r', '\t']));
        prop_assert!(!once.contains("\n\n\n"), "{}", once);
        prop_assert!(once.lines().all(|l| l.trim_end() == l), "{}", once);
    }

    #[test]
    fn damage_is_refused_or_laid_out_and_never_a_fault(
        pick in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, prop::sample::select(vec![
            '{', '}', '"', '(', ')', '\n', '\r', ' ', '#', '|', '$', '%', '@', '>', '!', '\\', '-', '9', 'x', 'é', '\u{FEFF}',
        ])), 1..6),
    ) {
        let mut chars: Vec<char> = pick.get::<String>(&CORPUS).chars().collect();
        for (at, kind, c) in edits {
            let at = at.index(chars.len().max(1));
            match kind {
                _ if chars.is_empty() => break,
                0 => chars[at] = c,
                1 => drop(chars.remove(at)),
                2 => chars.insert(at, c),
                _ => chars.swap(at, 0),
            }
        }
        let text: String = chars.into_iter().collect();
        match formatted("f.mux", &text) {
            Ok(once) => prop_assert_eq!(&laid(&once), &once, "again, of:\n{}", text),
            Err(Unformatted::Wrong { diagnostics, .. }) => {
                prop_assert!(diagnostics.iter().any(|d| d.severity == Severity::Error));
            }
            Err(fault @ Unformatted::Fault { .. }) => prop_assert!(false, "{fault}\n{text}"),
        }
    }

    #[test]
    fn any_text_is_laid_out_or_refused(text in "[ -~\n\r\t\u{e9}]{0,200}") {
        let fault = matches!(formatted("f.mux", &text), Err(Unformatted::Fault { .. }));
        prop_assert!(!fault);
    }

    /// Words of the signs that mean something, close together: where one ends and the next begins.
    #[test]
    fn words_that_touch_are_laid_out_or_refused(text in "(try |use )?[a@:3$%+*./\\-\"| ]{1,9}") {
        match formatted("f.mux", &text) {
            Ok(once) => prop_assert_eq!(&laid(&once), &once, "again, of:\n{}", text),
            Err(Unformatted::Wrong { .. }) => {}
            Err(fault @ Unformatted::Fault { .. }) => prop_assert!(false, "{fault}\n{text}"),
        }
    }
}
