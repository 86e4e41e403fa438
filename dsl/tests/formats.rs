//! Every format that diagnostics are written in, and the edits they offer.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "test helpers fail loudly"
)]

use mux_dsl::rendering::{self, Listing};
use mux_dsl::{Compiled, Diagnostic, Fix};
use serde_json::Value;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// One file with an error, its edit, a label in another file, a percent sign and a warning.
const SAMPLE: &str = "include \"other.mux\"
define unused when tokens > 5%
set people { \"a\" \"a\" }
policy @main {
  when tag.tier == \"gold\" use plan fast
  when end_user in peeple use plan fast
  else use plan fast
}
plan fast { north/small }
";

const OTHER: &str =
    "provider north {\n  kind openai\n  model small\n}\nplan fast { north/small }\n";

fn sample() -> Compiled {
    compiled(
        "main, first.mux",
        &HashMap::from([
            ("main, first.mux".to_owned(), SAMPLE.to_owned()),
            ("other.mux".to_owned(), OTHER.to_owned()),
        ]),
    )
}

fn compiled(root: &str, files: &HashMap<String, String>) -> Compiled {
    let mut read = |path: &str| {
        files
            .get(path)
            .map(|text| text.clone().into_bytes())
            .ok_or_else(|| "there is no such file".to_owned())
    };
    mux_dsl::compile(&[root], &mut read, &|kind| kind != "nosuchkind")
}

/// Every case of the crate, by its name, with the files that cases include.
fn cases() -> Vec<(String, HashMap<String, String>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let fleet = mux_dsl::codes::FLEET.to_owned();
    let mut files = HashMap::from([("fleet.mux".to_owned(), fleet)]);
    for (sub, prefix) in [("cases", ""), ("cases/parts", "parts/"), ("newcomer", "")] {
        for path in folder_of(&folder.join(sub)) {
            if path.extension().is_some_and(|e| e == "mux") {
                let name = path.file_name().expect("a name").to_string_lossy();
                let text = fs::read_to_string(&path).expect("a case is text");
                let before = files.insert(format!("{prefix}{name}"), text);
                assert!(before.is_none(), "two cases are called {name}");
            }
        }
    }
    let mut names: Vec<_> = files.keys().filter(|n| !n.contains('/')).cloned().collect();
    names.sort();
    names
        .into_iter()
        .map(|name| (name, files.clone()))
        .collect()
}

fn folder_of(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).expect("the folder of cases is there");
    entries.map(|e| e.expect("an entry").path()).collect()
}

fn snapshot(name: &str, text: &str) {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn plain_text_has_no_box_drawing_and_no_colour() {
    let compiled = sample();
    let text = rendering::plain(&compiled.diagnostics, &compiled.sources);
    let decor = |c: char| ('\u{2500}'..'\u{2600}').contains(&c) || c == '\u{1b}';
    assert!(!text.contains(decor), "{text}");
    snapshot("format_plain", &text);
}

#[test]
fn json_is_one_listing_of_all() {
    let compiled = sample();
    let value = serde_json::to_value(Listing::new(&compiled.diagnostics)).expect("plain data");
    snapshot("format_json", &format!("{value:#}"));
}

#[test]
fn github_gets_one_command_a_line_with_nothing_left_to_misread() {
    let compiled = sample();
    let text = rendering::github(&compiled.diagnostics, &compiled.sources, "./policies");
    assert_eq!(text.lines().count(), compiled.diagnostics.len(), "{text}");
    assert!(
        text.contains("file=policies/main%2C first.mux,") && text.contains("5%25"),
        "{text}"
    );
    snapshot("format_github", &text);
}

#[test]
fn sarif_names_its_rules_from_the_table_of_codes() {
    let compiled = sample();
    let text = rendering::sarif(
        (&compiled.diagnostics, &compiled.sources),
        &[],
        "policies",
        "0.0.0",
    );
    let log: Value = serde_json::from_str(&text).expect("JSON");
    let rules = &log["runs"][0]["tool"]["driver"]["rules"];
    for result in log["runs"][0]["results"].as_array().expect("results") {
        let at = result["ruleIndex"].as_u64().expect("an index");
        let rule = &rules[usize::try_from(at).expect("small")];
        assert_eq!(rule["id"], result["ruleId"]);
        let known = mux_dsl::codes::find(rule["id"].as_str().expect("a name")).expect("a code");
        assert_eq!(rule["shortDescription"]["text"], known.title);
    }
    snapshot("format_sarif", &text);
}

#[test]
fn junit_is_escaped_and_counts_what_fails() {
    let compiled = sample();
    let cases = rendering::cases(&compiled.diagnostics, &compiled.sources, "policies", false);
    let text = rendering::junit("mux policy check", &cases);
    let inner = text
        .replace("&amp;", "")
        .replace("&lt;", "")
        .replace("&gt;", "");
    let inner = inner.replace("&quot;", "").replace("&#10;", "");
    assert!(!inner.contains('&'), "{text}");
    snapshot("format_junit", &text);

    let strict = rendering::cases(&compiled.diagnostics, &compiled.sources, "policies", true);
    let failing = |cases: &[rendering::Case]| cases.iter().filter(|c| c.failure.is_some()).count();
    assert_eq!(failing(&strict), compiled.diagnostics.len());
    assert!(
        failing(&cases) < failing(&strict),
        "warnings fail only where they are denied"
    );
}

#[test]
fn tap_plans_as_many_points_as_it_has() {
    let compiled = sample();
    let cases = rendering::cases(&compiled.diagnostics, &compiled.sources, "policies", false);
    let text = rendering::tap(&cases);
    let points = text
        .lines()
        .filter(|l| l.starts_with("ok ") || l.starts_with("not ok "));
    assert!(
        text.contains(&format!("\n1..{}\n", points.count())),
        "{text}"
    );
    snapshot("format_tap", &text);
}

/// A case that passed, and one whose name and text hold everything that has to be escaped.
fn failed() -> Vec<rendering::Case> {
    let passed = rendering::Case {
        name: "short prompts".to_owned(),
        group: "policies/a.mux".to_owned(),
        place: Some(("policies/a.mux".to_owned(), 3)),
        failure: None,
        note: None,
    };
    let failure = rendering::Failure {
        kind: "test-failed".to_owned(),
        message: "line 9: `expect cost < $1`, but got $2 & <more>".to_owned(),
        text: "line 9: `expect cost < $1`, but got $2 & <more>\n100% \u{1b} ]]>\n".to_owned(),
    };
    let failed = rendering::Case {
        name: "50% \"gold\", #1: a\\b".to_owned(),
        place: Some(("policies/a, b.mux".to_owned(), 7)),
        failure: Some(failure),
        ..passed.clone()
    };
    vec![passed, failed]
}

#[test]
fn cases_that_fail_are_escaped_in_every_format() {
    let cases = failed();
    let none = mux_dsl::Sources::default();
    let text = [
        rendering::github_cases(&cases),
        rendering::junit("mux policy test", &cases),
        rendering::tap(&cases),
        rendering::sarif((&[], &none), &cases, "", "0.0.0"),
    ]
    .join("\n");
    assert!(!text.contains('\u{1b}'), "{text}");
    snapshot("format_cases", &text);
}

#[test]
fn a_good_bundle_passes_once_for_each_policy_file() {
    let files = HashMap::from([
        (
            "main.mux".to_owned(),
            "include \"other.mux\"\npolicy @main { else use plan fast }\n".to_owned(),
        ),
        ("other.mux".to_owned(), OTHER.to_owned()),
    ]);
    let good = compiled("main.mux", &files);
    let cases = rendering::cases(&good.diagnostics, &good.sources, "", false);
    assert_eq!(
        rendering::tap(&cases),
        "TAP version 14\n1..2\nok 1 - main.mux: nothing is wrong with it\nok 2 - other.mux: nothing is wrong with it\n"
    );
    assert_eq!(rendering::github(&good.diagnostics, &good.sources, ""), "");
}

/// Holds a value against the part of the JSON Schema that ours uses.
fn conforms(value: &Value, schema: &Value, root: &Value, at: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.strip_prefix("#/$defs/").expect("a local reference");
        return conforms(value, &root["$defs"][name], root, at);
    }
    if let Some(one) = schema.get("const") {
        assert_eq!(value, one, "{at}");
    }
    if let Some(some) = schema["enum"].as_array() {
        assert!(some.contains(value), "{at}: {value}");
    }
    match schema["type"].as_str() {
        Some("string") => assert!(value.is_string(), "{at}: {value}"),
        Some("boolean") => assert!(value.is_boolean(), "{at}: {value}"),
        Some("integer") => {
            let number = value.as_u64().expect(at);
            assert!(
                number >= schema["minimum"].as_u64().unwrap_or(0),
                "{at}: {value}"
            );
        }
        Some("array") => {
            let items = value.as_array().expect(at);
            let count = items.len() as u64;
            assert!(
                count >= schema["minItems"].as_u64().unwrap_or(0),
                "{at}: {value}"
            );
            assert!(
                count <= schema["maxItems"].as_u64().unwrap_or(u64::MAX),
                "{at}: {value}"
            );
            for item in items {
                conforms(item, &schema["items"], root, &format!("{at}[]"));
            }
        }
        Some("object") => members(value, schema, root, at),
        _ => {}
    }
}

fn members(value: &Value, schema: &Value, root: &Value, at: &str) {
    let object = value.as_object().expect(at);
    for name in schema["required"].as_array().into_iter().flatten() {
        let name = name.as_str().expect("a name");
        assert!(object.contains_key(name), "{at} has no `{name}`");
    }
    for (name, inner) in object {
        match schema["properties"].get(name) {
            Some(schema) => conforms(inner, schema, root, &format!("{at}.{name}")),
            None => assert_ne!(schema["additionalProperties"], false, "{at} has `{name}`"),
        }
    }
    for (name, others) in schema["dependentRequired"]
        .as_object()
        .into_iter()
        .flatten()
    {
        if object.contains_key(name) {
            for other in others.as_array().into_iter().flatten() {
                assert!(
                    object.contains_key(other.as_str().expect("a name")),
                    "{at}.{name} without {other}"
                );
            }
        }
    }
}

#[test]
fn json_follows_its_schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("diagnostics.schema.json");
    let schema = fs::read_to_string(path).expect("the schema is there");
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    let (mut fixed, mut placeless) = (0, 0);
    for (name, files) in cases() {
        let compiled = compiled(&name, &files);
        let listing =
            serde_json::to_value(Listing::new(&compiled.diagnostics)).expect("plain data");
        conforms(&listing, &schema, &schema, &name);
        for diagnostic in listing["diagnostics"].as_array().expect("a list") {
            fixed += usize::from(diagnostic.get("fixes").is_some());
            placeless += usize::from(diagnostic.get("span").is_none());
        }
    }
    assert!(
        fixed > 10 && placeless > 0,
        "every shape occurs: {fixed} {placeless}"
    );
}

/// The files with some edits made, last place first.
fn mended(files: &HashMap<String, String>, edits: &[Fix]) -> HashMap<String, String> {
    let mut files = files.clone();
    let mut edits: Vec<&Fix> = edits.iter().collect();
    edits.sort_by_key(|f| std::cmp::Reverse(f.span));
    for edit in edits {
        let text = files.get_mut(&edit.file).expect("a file of the case");
        text.replace_range(edit.span.0..edit.span.1, &edit.text);
    }
    files
}

#[test]
fn an_edit_mends_what_it_is_offered_for() {
    let mut tried = 0;
    for (name, files) in cases() {
        let before = compiled(&name, &files).diagnostics;
        let like = |d: &Diagnostic, all: &[Diagnostic]| {
            let same = all
                .iter()
                .filter(|o| (o.code, &o.message) == (d.code, &d.message));
            same.count()
        };
        for diagnostic in before.iter().filter(|d| !d.fixes.is_empty()) {
            let after = compiled(&name, &mended(&files, &diagnostic.fixes)).diagnostics;
            assert!(
                like(diagnostic, &after) < like(diagnostic, &before),
                "{name}: {diagnostic:?} stays\n{after:#?}"
            );
            tried += 1;
        }
    }
    assert!(tried > 20, "{tried} edits");
}

#[test]
fn edits_of_one_diagnostic_do_not_overlap() {
    for (name, files) in cases() {
        for diagnostic in compiled(&name, &files).diagnostics {
            let mut spans: Vec<_> = diagnostic.fixes.iter().map(|f| (&f.file, f.span)).collect();
            spans.sort();
            for pair in spans.windows(2) {
                let ((file, first), (other, second)) = (pair[0], pair[1]);
                assert!(
                    file != other || first.1 <= second.0,
                    "{name}: {diagnostic:?}"
                );
            }
            for fix in &diagnostic.fixes {
                let text = &files[&fix.file];
                let before = &text[..fix.span.0];
                let line = before.matches('\n').count() + 1;
                assert_eq!(usize::try_from(fix.line), Ok(line), "{name}: {fix:?}");
            }
        }
    }
}
