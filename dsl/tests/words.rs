//! The tables of words say what is true: whatever they list, the checker reads, in the form they give it.

use mux_dsl::words::{self, Place, Subject};
use mux_dsl::{Severity, compile, render};
use std::collections::BTreeSet;

const FLEET: &str = "provider north {\n kind openai\n regions eu\n model large {\n context 200k\n price input $1/Mtok output $2/Mtok\n tier standard\n can tools reasoning\n }\n model small { like large }\n}\n\
    budget money { cap $5/day }\nplan spare { north/large }\nset people { \"ana\" }\n";

/// What these little policies do wrong on purpose, or do not care for.
const ABOUT_RULES: [&str; 2] = ["mux::rule::unreachable", "mux::target::cannot-serve"];

/// What is wrong with a file beside the fleet, its names used or not.
fn wrong(text: &str) -> String {
    let whole = format!("{FLEET}{text}");
    let mut read = |path: &str| match path {
        "f.mux" => Ok(whole.clone().into_bytes()),
        "rubric.md" => Ok(b"Is it right?".to_vec()),
        _ => Err("no".to_owned()),
    };
    let mut compiled = compile(&["f.mux"], &mut read, &|_| true);
    compiled
        .diagnostics
        .retain(|d| d.severity == Severity::Error && !ABOUT_RULES.contains(&d.code));
    render(&compiled.diagnostics, &compiled.sources, false)
}

/// The alternatives of a form, with something real for each placeholder.
fn forms(form: &str) -> Vec<String> {
    let filled = form
        .replace("PROVIDER[/MODEL]", "north/large")
        .replace("PROVIDER/MODEL …", "north/large")
        .replace("PROVIDER/MODEL", "north/large")
        .replace("CAPABILITY", "tools")
        .replace("SHARE", "5%")
        .replace("TIME", "3s")
        .replace("STATUS", "503")
        .replace("TOKENS", "20")
        .replace("N tokens", "20 tokens")
        .replace("$N", "$3")
        .replace("> N", "> 3")
        .replace("<= N", "<= 3")
        .replace(">= N", ">= 3")
        .replace("large N", "large 3")
        .replace("\"…\"", "\"x\"")
        .replace(['[', ']'], "");
    let mut found = Vec::new();
    for whole in filled.split(", or ").flat_map(|f| f.split(" or ")) {
        let mut parts = whole.split(" | ");
        let first = parts.next().unwrap_or_default().to_owned();
        let lead = first
            .rsplit_once(' ')
            .map_or("", |(lead, _)| lead)
            .to_owned();
        found.push(first);
        found.extend(parts.map(|p| format!("{lead} {p}")));
    }
    found
}

/// Every subject of a table in a file that `place` makes of its forms, `NAME` being `name`.
fn holds(
    table: &'static [Subject],
    name: &dyn Fn(&Subject) -> &'static str,
    place: &dyn Fn(&str) -> String,
) {
    assert!(!table.is_empty());
    for subject in table {
        for form in forms(
            &subject
                .form
                .replace("@NAME", "@main")
                .replace("NAME", name(subject)),
        ) {
            let text = place(&form);
            assert_eq!(wrong(&text), "", "`{form}` of `{}`:\n{text}", subject.name);
        }
    }
}

const ELSE: &str = "  else use north/large\n";

#[test]
fn every_fact_and_figure_can_be_asked_about() {
    let rule = |form: &str| format!("policy @main {{\n  when {form} use plan spare\n{ELSE}}}\n");
    holds(
        words::FACTS,
        &|s| if s.name == "end_user" { "people" } else { "x" },
        &rule,
    );
    holds(words::METRICS, &|_| "money", &rule);
}

#[test]
fn every_filter_answer_and_threshold_can_be_written() {
    holds(
        words::FILTERS,
        &|s| if s.name == "region" { "eu" } else { "north" },
        &|form| {
            format!(
                "plan p {{ cheapest where {form} {{ north/large\n otherwise north/small }} }}\npolicy @main {{ else use plan p }}\n"
            )
        },
    );
    holds(words::ACCEPTS, &|_| "x", &|form| {
        format!(
            "plan p {{ cascade buffer {{ judge north/small rubric \"rubric.md\"\n try north/small {{ accept when {form} }}\n try north/large }} }}\npolicy @main {{ else use plan p }}\n"
        )
    });
    for threshold in words::THRESHOLDS {
        for form in forms(threshold.form) {
            let place = match threshold.name {
                "failures" => format!("breaker b {{ trip when {form} }}\n"),
                _ => format!("health {{ down when {form} }}\n"),
            };
            assert_eq!(
                wrong(&format!("{place}policy @main {{ else use plan spare }}\n")),
                "",
                "{form}"
            );
        }
    }
}

#[test]
fn everything_that_can_be_given_and_expected_can_be_written() {
    let test = |line: &str| {
        format!(
            "plan tone {{ split by key {{ 50% north/large name x\n 50% north/small }} }}\npolicy @main {{\n charge money\n rule x when streaming use plan tone\n{ELSE}}}\ntest \"t\" for @main {{\n {line}\n expect not denied\n}}\n"
        )
    };
    holds(
        words::GIVENS,
        &|s| {
            if s.name == "tag.NAME" || s.name == "header.NAME" {
                "x"
            } else {
                "money"
            }
        },
        &test,
    );
    let name = |s: &Subject| match s.name {
        "plan" => "spare",
        "provider" => "north",
        "region" => "eu",
        _ => "x",
    };
    holds(words::EXPECTS, &name, &|form| {
        let line = form.strip_prefix("expect ").unwrap_or(form);
        test(&format!("expect {line}"))
    });
    for script in words::SCRIPTS {
        for form in forms(&script.form.replace("N tokens/s", "40 tokens/s")) {
            assert_eq!(
                wrong(&test(&format!("upstream north/large {}", form.trim()))),
                "",
                "{form}"
            );
        }
    }
    holds(words::PROMISES, &name_of_promise, &|form| {
        let line = form.strip_prefix("expect ").unwrap_or(form);
        format!(
            "policy @main {{ else use plan spare }}\nguarantee \"g\" {{ when tag.never is \"x\" and not has tag.never\n expect {line} }}\n"
        )
    });
    holds(words::FIGURES, &|_| "x", &|form| {
        let line = form.strip_prefix("expect ").unwrap_or(form);
        format!("policy @main {{ else use plan spare }}\nreplay \"r\" {{ expect {line} }}\n")
    });
}

fn name_of_promise(subject: &Subject) -> &'static str {
    match subject.name {
        "provider" => "north",
        "region" => "eu",
        _ => "x",
    }
}

#[test]
fn every_word_of_the_short_lists_can_be_written() {
    for class in words::CLASSES {
        let word = class.word;
        assert_eq!(
            wrong(&format!(
                "policy @main {{ else use fallback on {word} {{ try north/large retry 1 on {word} }} }}\n"
            )),
            "",
            "{word}"
        );
    }
    for fault in words::FAULTS {
        let word = fault.word;
        assert_eq!(
            wrong(&format!(
                "provider p {{\n kind openai\n quirks {{ error 498 is {word} }}\n}}\npolicy @main {{ else use plan spare }}\n"
            )),
            "",
            "{word}"
        );
    }
    for scope in words::SCOPES {
        let word = scope.word.replace("NAME", "x");
        assert_eq!(
            wrong(&format!(
                "limit l {{ 5 requests/min per {word} }}\npolicy @main {{\n limit l\n{ELSE}}}\n"
            )),
            "",
            "{word}"
        );
    }
    for who in words::WHO {
        let word = who.word.replace("NAME", "x");
        assert_eq!(
            wrong(&format!(
                "policy @main {{ else use split by {word} {{ 50% north/large\n 50% north/small }} }}\n"
            )),
            "",
            "{word}"
        );
    }
    for combine in words::COMBINES {
        for form in forms(combine.form) {
            assert_eq!(
                wrong(&format!(
                    "policy @main {{ else use ensemble buffer {{ judge north/small rubric \"rubric.md\"\n ask north/large\n ask north/small\n combine {form} }} }}\n"
                )),
                "",
                "{form}"
            );
        }
    }
    for price in words::PRICES
        .iter()
        .filter(|p| !matches!(p.word, "input" | "output"))
    {
        let form = price.form.replace("$N", "$3");
        assert_eq!(
            wrong(&format!(
                "provider p {{\n kind openai\n model m {{ price input $1/Mtok output $1/Mtok {form} }}\n}}\npolicy @main {{ else use plan spare }}\n"
            )),
            "",
            "{form}"
        );
    }
}

#[test]
fn the_tables_are_whole_and_say_everything_once() {
    let mut seen = BTreeSet::new();
    for entry in words::statements() {
        assert!(
            !entry.doc.is_empty() && !entry.form.is_empty(),
            "{}",
            entry.word
        );
        assert!(
            entry.since >= 1 && u32::from(entry.since) <= words::LANGUAGE,
            "{}",
            entry.word
        );
        for place in entry.within {
            assert!(
                seen.insert((entry.word, format!("{place:?}"))),
                "`{}` stands twice in {}",
                entry.word,
                place.noun()
            );
        }
        for option in entry.options() {
            assert!(
                !option.doc.is_empty() && option.form.starts_with(option.word),
                "{}",
                option.word
            );
        }
    }
    assert!(
        words::find("try", Place::Cascade).is_some() && words::find("try", Place::Policy).is_none()
    );
    assert_eq!(
        words::subject(words::FACTS, "tag.team").map(|s| s.name),
        Some("tag.NAME")
    );
    assert!(words::subject(words::FACTS, "tag.").is_none());
    assert!(words::strategy("hedge").is_some() && words::strategy("try").is_none());
}
