//! What an editor is told, at the place of `$0` in a text.
#![expect(
    clippy::expect_used,
    clippy::string_slice,
    reason = "test helpers fail loudly"
)]

use mux_dsl::assist::Workspace;

const FLEET: &str = "provider openai {
  kind openai
  key env KEY
  regions us eu
  model gpt-4.1 {
    context 1M
    price input $2/Mtok output $8/Mtok cached $0.50/Mtok
    tier frontier
    can tools images json-schema streaming
  }
  model mini {
    like gpt-4.1
  }
}
set staff { \"ana\" }
define long when tokens > 100k
plan quality { fallback { try openai/gpt-4.1 timeout 20s } }
";

/// A bundle of the fleet and a file with a cursor in it, and where the cursor is.
fn at_cursor(text: &str) -> (Workspace, usize) {
    let at = text.find("$0").expect("the text has a cursor");
    let text = text.replace("$0", "");
    let mut read = |path: &str| match path {
        "fleet.mux" => Ok(FLEET.as_bytes().to_vec()),
        "p.mux" => Ok(text.clone().into_bytes()),
        _ => Err("there is no such file".to_owned()),
    };
    (
        Workspace::new(&["p.mux", "fleet.mux"], &mut read, &|_| true),
        at,
    )
}

fn labels(text: &str) -> Vec<String> {
    let (workspace, at) = at_cursor(text);
    workspace
        .complete("p.mux", at)
        .into_iter()
        .map(|c| c.label)
        .collect()
}

fn offers(text: &str, wanted: &[&str], unwanted: &[&str]) {
    let labels = labels(text);
    for word in wanted {
        assert!(
            labels.iter().any(|l| l == word),
            "{text}: no `{word}` among {labels:?}"
        );
    }
    for word in unwanted {
        assert!(
            !labels.iter().any(|l| l == word),
            "{text}: `{word}` among {labels:?}"
        );
    }
}

#[test]
fn a_line_begins_with_what_its_block_can_hold() {
    offers("$0", &["policy", "plan", "provider"], &["when", "try"]);
    offers(
        "policy @p {\n  $0\n}",
        &["when", "rule", "else", "limit"],
        &["try", "provider"],
    );
    offers(
        "plan x {\n  fallback within 2s {\n    $0",
        &["try", "breaker", "openai/gpt-4.1"],
        &["when"],
    );
    offers("policy @p { $0", &["when", "else"], &[]);
}

#[test]
fn a_name_is_offered_where_one_is_due() {
    offers(
        "policy @p {\n  else use $0",
        &["openai/gpt-4.1", "openai/mini", "fallback", "split"],
        &["when"],
    );
    offers(
        "policy @p {\n  else use plan $0",
        &["quality"],
        &["openai/mini"],
    );
    offers(
        "policy @p {\n  else go $0\n}\npolicy @q { else go @p }",
        &["@q"],
        &["quality"],
    );
    offers(
        "policy @p {\n  when end_user in $0",
        &["staff"],
        &["quality"],
    );
    offers(
        "policy @p {\n  when p95 of $0",
        &["openai/gpt-4.1", "openai"],
        &["staff"],
    );
    offers(
        "policy @p {\n  when $0",
        &["tokens", "streaming", "p95", "long"],
        &["quality"],
    );
    offers(
        "policy @p {\n  when tokens > 3k $0",
        &["use", "deny", "go"],
        &["within"],
    );
    offers("plan x {\n  fallback $0", &["within", "on"], &["salt"]);
    offers(
        "plan x { fallback {\n    try openai/mini $0",
        &["timeout", "retry"],
        &["salt"],
    );
    assert!(
        labels("include \"fl$0\"").is_empty(),
        "nothing is offered inside a string"
    );
}

#[test]
fn a_model_tells_what_it_costs_and_takes() {
    let (workspace, at) = at_cursor("policy @p { else use openai/m$0ini }");
    let hover = workspace.hover("p.mux", at).expect("it is a model");
    assert_eq!(
        hover.text,
        "**model** `openai/mini`\n\n- price: $2 input, $8 output, $0.5 cached for a million tokens\n- context: 1000000 tokens\n- tier: frontier\n- can: tools, images, json-schema, streaming\n- regions: us, eu"
    );
}

#[test]
fn a_word_of_the_language_tells_its_form() {
    for (text, form) in [
        ("pol$0icy @p { else use plan quality }", "policy @NAME"),
        (
            "policy @p { else use openai/mini time$0out 2s }",
            "timeout TIME",
        ),
        (
            "policy @p {\n  when toke$0ns > 3k use plan quality\n  else use plan quality }",
            "tokens",
        ),
    ] {
        let (workspace, at) = at_cursor(text);
        let hover = workspace.hover("p.mux", at).expect(text);
        assert!(hover.text.contains(form), "{}", hover.text);
    }
}

#[test]
fn a_name_leads_to_its_declaration_and_everything_that_uses_it() {
    let (workspace, at) =
        at_cursor("policy @p {\n  when lo$0ng use plan quality\n  else use openai/gpt-4.1\n}");
    let place = workspace.definition("p.mux", at).expect("it is declared");
    assert_eq!(
        (&*place.file, &FLEET[place.span.0..place.span.1]),
        ("fleet.mux", "long")
    );
    let (workspace, at) = at_cursor("policy @p { else use openai/gpt$0-4.1 }");
    let files: Vec<_> = workspace
        .references("p.mux", at)
        .into_iter()
        .map(|p| p.file)
        .collect();
    assert_eq!(files, ["fleet.mux", "p.mux", "fleet.mux", "fleet.mux"]);
}

#[test]
fn a_name_is_changed_everywhere_or_not_at_all() {
    let (workspace, at) =
        at_cursor("policy @p {\n  when long use plan quality\n  else use openai/gpt$0-4.1\n}");
    let edits = workspace
        .rename("p.mux", at, "gpt-5")
        .expect("it can be renamed");
    let words: Vec<_> = edits
        .iter()
        .map(|(p, text)| (p.file.as_str(), text.as_str()))
        .collect();
    assert_eq!(
        words,
        [
            ("p.mux", "openai/gpt-5"),
            ("fleet.mux", "gpt-5"),
            ("fleet.mux", "gpt-5"),
            ("fleet.mux", "openai/gpt-5")
        ]
    );
    assert!(
        workspace.rename("p.mux", at, "mini").is_err(),
        "the name is taken"
    );
    assert!(
        workspace.rename("p.mux", at, "a b").is_err(),
        "that is no name"
    );
    assert!(
        workspace.rename("p.mux", at, "when").is_err(),
        "that is a word of the language"
    );
}

#[test]
fn a_provider_that_is_renamed_takes_its_models_along() {
    let (workspace, at) = at_cursor(
        "policy @p {\n  when health of ope$0nai is down deny 503 \"x\"\n  else use openai/mini\n}",
    );
    let edits = workspace
        .rename("p.mux", at, "oai")
        .expect("it can be renamed");
    let words: Vec<_> = edits.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(words, ["oai", "oai/mini", "oai", "oai/gpt-4.1"]);
}

#[test]
fn tests_and_guarantees_can_be_run_where_they_stand() {
    let (workspace, _) = at_cursor(
        "policy @p { else use plan quality }\ntest \"a\" for @p { expect plan is quality }\nguarantee \"b\" { expect not denied }$0",
    );
    let names: Vec<_> = workspace
        .lenses("p.mux")
        .into_iter()
        .map(|l| l.name)
        .collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn a_half_written_file_is_still_of_help() {
    for end in [
        "policy @p {\n  when tokens > ",
        "policy @p {\n  else use plan q",
        "plan x { fallback { try openai/gpt-4.1 timeout 5",
    ] {
        for at in 0..=end.len() {
            let (workspace, at) = at_cursor(&format!("{}$0", &end[..at]));
            let _ = workspace.complete("p.mux", at);
            let _ = workspace.hover("p.mux", at);
            let _ = workspace.references("p.mux", at);
        }
    }
}
