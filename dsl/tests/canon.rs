//! Hashes of bundles: what keeps them, what moves them, and that they never move by themselves.
#![expect(
    clippy::panic,
    reason = "a text that does not compile should fail loudly"
)]

use mux_dsl::canon::Canon;
use mux_dsl::{Compiled, Image, compile, render};

const FLEET: &str = r"
provider near {
  kind    openai
  key     env NEAR_KEY
  regions eu us
  model small {
    context 128k
    price   input $1/Mtok output $4/Mtok
    can     tools images json-schema audio streaming
  }
  model large {
    context 1M
    price   input $3/Mtok output $15/Mtok
    can     tools images json-schema audio streaming
  }
}
provider far {
  kind openai
  key  env FAR_KEY
  model small {
    context 200k
    price   input $2/Mtok output $8/Mtok
    can     tools images json-schema audio streaming
  }
}
";

const RULES: &str = r#"
breaker careful {
  trip when error_rate > 20% over 30s
  cool 15s
}
budget day { cap $40/day per tag.team }
limit calm { 60 requests/min per key }
set staff { "ana" "ben" }
define long when tokens > 100k
plan steady {
  fallback within 30s {
    try near/large timeout 10s retry 1 on 429
    try far/small
    breaker careful
  }
}
policy @main {
  limit  calm
  charge day
  rule blocked when end_user is "eve"          deny 403 "no"
  when long                                    use near/large timeout 60s
  when end_user in staff or tag.tier is "gold" use plan steady
  when used of budget day >= 80%               use near/small
  when time in mon-fri 08:00-18:00 Europe/Berlin and p95 of near/small > 4s
    go @other
  else                                         use near/small
}
policy @other {
  when has images  use near/large
  else             use far/small
}
policy @third {
  when health of far is down or tag.task starts with "co"  use near/large
  when output_limit <= 200 and error_rate of near/small > 2.5%
    use far/small connect 2s idle 5s total 1m
  else                                                     deny 451 "not here"
}
"#;

/// Everything that policies can be made of besides.
const REST: &str = r#"
provider near {
  kind openai
  key env K
  regions eu
  concurrency 40
  probe free every 30s
  quirks {
    rename "max_tokens" to "max_completion_tokens"
    error 498 is rate-limited
  }
  settings { zone "a" }
  model small {
    context 128k
    price input $1/Mtok output $4/Mtok
    tier standard
    can tools images json-schema audio streaming
  }
  model large {
    like near/small
    tier frontier
  }
}
facts { tag.tier one of "free" "gold" }
defaults {
  timeout 30s
  attempts 4 per-target 2
  retry-budget 10% floor 3
  backoff 100ms up-to 2s
}
plan wise {
  cascade within 30s buffer {
    judge near/small rubric "rubric.md"
    try near/small timeout 6s { accept when finish is stop and score of judge >= 0.8 }
    try near/large
  }
}
plan many {
  ensemble within 25s buffer {
    ask near/small weight 2
    ask near/large
    quorum 2
    combine vote on "$.label"
  }
}
plan quick {
  hedge after p95 extra 1 within 8s {
    near/small
    near/large
  }
}
plan best {
  fastest by p50 over 5m explore 5% where tier >= standard and can tools {
    near/small
    near/large
    otherwise plan quick
  }
}
policy @all {
  priority 3
  within 40s
  when tag.tier is "free" and streaming use split by end_user tag.tier salt "s" {
    60% near/small name control
    40% plan best
  }
  when has tools use canary by end_user {
    base plan best
    5% near/large
    abort when error_rate > 2% over 10m
    ramp 5% 25% 100% every 1h
  }
  when tag.tier is "gold" {
    use plan many
    shadow 10% near/large
  }
  when tokens > 50k use fallback {
    try near/large when p95 of near/large < 4s
    try near/small
  }
  else use plan wise
}
"#;

fn compiled(files: &[(&str, String)]) -> Compiled {
    let roots: Vec<&str> = files.iter().map(|(path, _)| *path).collect();
    let mut read = |path: &str| {
        if path == "rubric.md" {
            return Ok(b"be kind".to_vec());
        }
        let found = files.iter().find(|(p, _)| *p == path);
        found
            .map(|(_, text)| text.clone().into_bytes())
            .ok_or_else(|| "no such file".to_owned())
    };
    compile(&roots, &mut read, &|_| true)
}

fn image(files: &[(&str, String)]) -> Image {
    let compiled = compiled(files);
    let shown = render(&compiled.diagnostics, &compiled.sources, false);
    compiled.image.unwrap_or_else(|| panic!("{shown}"))
}

fn of(text: &str) -> Image {
    image(&[("a.mux", text.to_owned())])
}

fn semantic(text: &str) -> String {
    of(text).semantic().hash.to_string()
}

/// The reference with something replaced, which must be there.
fn with(edits: &[(&str, &str)]) -> String {
    edits
        .iter()
        .fold(format!("{FLEET}{RULES}"), |text, (from, to)| {
            assert!(text.contains(from), "`{from}` is not in the text");
            text.replace(from, to)
        })
}

/// These bytes are an address that stores, records and pull requests keep. Whoever changes the canonical form changes every
/// such address at once and makes equal versions look different, so a new form needs a new name beside `mux-canon-1`, and
/// this test a new set of hashes beside these.
#[test]
fn the_hashes_of_a_known_bundle_never_change() {
    let compiled = compiled(&[("a.mux", with(&[]))]);
    let source = compiled.source_hash().to_string();
    let semantic = compiled
        .image
        .map_or_else(|| panic!("it compiles"), |i| i.semantic());
    let policies: Vec<(String, String, Canon)> = semantic
        .policies
        .iter()
        .map(|p| (p.policy.clone(), p.hash.to_string(), p.canon))
        .collect();
    let expected = |name: &str, hash: &str| (name.to_owned(), hash.to_owned(), Canon::Graph);
    assert_eq!(
        policies,
        [
            expected(
                "main",
                "2a0315af7f7f7bcf4a8f17124c6b52c86f47cb882a39b36089460c397ce4e0a9"
            ),
            expected(
                "other",
                "d5ccd3a1a94164147bbfa4cbc718e391348d420d9bd56fafc9aec85e702fb1a5"
            ),
            expected(
                "third",
                "c8f9daa4068033fc39af61ea2c8d9de25e43ad94543a4e2cdba2867a06821265"
            ),
        ]
    );
    assert_eq!(
        semantic.hash.to_string(),
        "a6d26808547dd7c49baaa1778983c328125f053a4675eb8dfb3cea6176c58181"
    );
    assert_eq!(
        source,
        "354840de594948c847501238b5f7a6f6dbeb0bfbbf2081a769888b6abd1b3705"
    );
    assert_eq!(
        semantic.hash.to_string().get(..12),
        Some(&*format!("{:#}", semantic.hash))
    );
}

/// The same holds for what strategies, defaults and declared facts become.
#[test]
fn the_hash_of_every_strategy_never_changes() {
    assert_eq!(
        semantic(REST),
        "206c484b75477d5eb269afb5c45d139a508199eee4da9ec19b6104fcd045afdd"
    );
}

#[test]
fn what_is_inside_a_strategy_moves_the_hash_and_names_of_arms_do_not() {
    let reference = semantic(REST);
    let edited = |from: &str, to: &str| {
        assert!(REST.contains(from), "{from}");
        semantic(&REST.replace(from, to))
    };
    for (from, to) in [
        ("name control", "name base"),
        ("p95 of near/large < 4s", "not (p95 of near/large >= 4s)"),
        ("plan wise", "plan slow"),
        ("one of \"free\" \"gold\"", "one of \"gold\" \"free\""),
    ] {
        let same = edited(from, to) == reference;
        // Where the figure is not known, a comparison is false, so its opposite is not the same.
        assert_eq!(same, !from.contains("p95"), "{to}");
    }
    let mut seen = vec![reference];
    for (from, to) in [
        ("concurrency 40", "concurrency 41"),
        ("free every 30s", "paid every 30s"),
        ("max_completion_tokens", "max_tokens_out"),
        ("498 is rate-limited", "498 is server"),
        ("zone \"a\"", "zone \"b\""),
        (
            "one of \"free\" \"gold\"",
            "one of \"free\" \"gold\" \"silver\"\n  header.x-a any",
        ),
        ("attempts 4", "attempts 5"),
        ("floor 3", "floor 4"),
        ("finish is stop", "finish is length"),
        (">= 0.8", "> 0.8"),
        ("weight 2", "weight 3"),
        ("quorum 2", "quorum 1"),
        ("vote on", "majority on"),
        ("after p95", "after 900ms"),
        ("by p50 over 5m", "by p50 over 6m"),
        ("can tools {", "can images {"),
        ("priority 3", "priority 4"),
        ("within 40s", "within 41s"),
        ("salt \"s\"", "salt \"t\""),
        ("error_rate > 2%", "error_rate > 3%"),
        ("100% every 1h", "100% every 2h"),
        ("shadow 10%", "shadow 20%"),
        ("of near/large < 4s", "of near/large < 5s"),
    ] {
        let hash = edited(from, to);
        // Values of a fact that nothing asks for are no behaviour.
        let expected = from.starts_with("one of");
        assert_eq!(seen.contains(&hash), expected, "{to}");
        seen.push(hash);
    }
}

#[test]
fn what_only_people_see_keeps_the_semantic_hash() {
    let reference = semantic(&with(&[]));
    for (what, edits) in [
        ("a renamed plan", &[("steady", "sturdy")][..]),
        ("a renamed rule", &[("rule blocked", "rule barred")]),
        ("a rule without its name", &[("rule blocked when", "when")]),
        (
            "a renamed condition",
            &[("define long", "define huge"), ("when long ", "when huge ")],
        ),
        ("a renamed set", &[("staff", "crew")]),
        ("a renamed breaker", &[("careful", "wary")]),
        (
            "a set in another order",
            &[(r#""ana" "ben""#, r#""ben" "ana""#)],
        ),
        (
            "regions in another order",
            &[("regions eu us", "regions us eu")],
        ),
        (
            "a comment and blanks",
            &[(
                "policy @other {",
                "# the rest\n\npolicy   @other   {  # here",
            )],
        ),
        (
            "a condition written out",
            &[("when long ", "when tokens > 100k ")],
        ),
        (
            "a condition turned around",
            &[("when long ", "when not (tokens <= 100k) ")],
        ),
        (
            "a test that is always true",
            &[(
                "when has images ",
                "when has images and (streaming or not streaming) ",
            )],
        ),
        (
            "sides of an `or` swapped",
            &[(
                r#"end_user in staff or tag.tier is "gold""#,
                r#"tag.tier is "gold" or end_user in staff"#,
            )],
        ),
        (
            "values instead of a set",
            &[("end_user in staff", r#"end_user in "ana" "ben""#)],
        ),
        (
            "rules that exclude each other swapped",
            &[(
                "  when has images  use near/large\n  else             use far/small",
                "  when not (has images) use far/small\n  else use near/large",
            )],
        ),
        (
            "hours in two pieces",
            &[("08:00-18:00", "08:00-12:00 12:00-18:00")],
        ),
        (
            "a plan written where it is used",
            &[(
                "use plan steady",
                "use fallback within 30s { \n try near/large timeout 10s retry 1 on 429\n try far/small\n breaker careful\n }",
            )],
        ),
        (
            "a further cut that nothing hangs on",
            &[(
                "  when has images  use near/large",
                "  when has images and tokens > 5k use near/large\n  when has images and tokens <= 5k use near/large",
            )],
        ),
    ] {
        assert_eq!(semantic(&with(edits)), reference, "{what}");
    }
}

#[test]
fn order_and_files_of_declarations_keep_the_semantic_hash() {
    let reference = semantic(&with(&[]));
    assert_eq!(semantic(&format!("{RULES}{FLEET}")), reference);
    let (before, after) = RULES
        .split_once("policy @other")
        .unwrap_or_else(|| panic!("it is there"));
    assert_eq!(
        semantic(&format!("policy @other{after}{before}{FLEET}")),
        reference
    );
    let files = [
        ("a.mux", before.to_owned()),
        ("b.mux", FLEET.to_owned()),
        ("c.mux", format!("policy @other{after}")),
    ];
    assert_eq!(image(&files).semantic().hash.to_string(), reference);
}

#[test]
fn what_a_request_can_feel_moves_the_semantic_hash() {
    let reference = semantic(&with(&[]));
    let mut seen = vec![reference];
    for (what, edits) in [
        ("a bound", &[("tokens > 100k", "tokens > 101k")][..]),
        ("a verdict", &[("deny 403 \"no\"", "deny 401 \"no\"")]),
        ("a message", &[("deny 403 \"no\"", "deny 403 \"never\"")]),
        ("a deadline", &[("timeout 10s", "timeout 9s")]),
        ("a retry", &[("retry 1 on 429", "retry 2 on 429")]),
        ("a breaker", &[("error_rate > 20%", "error_rate > 30%")]),
        (
            "a member of a set",
            &[("\"ana\" \"ben\"", "\"ana\" \"bob\"")],
        ),
        ("a price", &[("input $2/Mtok", "input $2.50/Mtok")]),
        ("a window", &[("context 200k", "context 100k")]),
        ("a credential's place", &[("env FAR_KEY", "env OTHER_KEY")]),
        ("a cap", &[("cap $40/day", "cap $50/day")]),
        ("a rate", &[("60 requests/min", "61 requests/min")]),
        (
            "a limit that is not named any more",
            &[("  limit  calm\n", "")],
        ),
        ("a zone", &[("Europe/Berlin", "Europe/London")]),
        ("an hour", &[("08:00-18:00", "08:00-18:30")]),
        (
            "the order of rules that meet",
            &[(
                "  rule blocked when end_user is \"eve\"          deny 403 \"no\"\n  when long                                    use near/large timeout 60s\n",
                "  when long                                    use near/large timeout 60s\n  rule blocked when end_user is \"eve\"          deny 403 \"no\"\n",
            )],
        ),
        (
            "the order of attempts",
            &[(
                "    try near/large timeout 10s retry 1 on 429\n    try far/small\n",
                "    try far/small\n    try near/large timeout 10s retry 1 on 429\n",
            )],
        ),
        ("a name that clients send", &[("@other", "@others")]),
        ("a pattern", &[("starts with \"co\"", "matches \"co\"")]),
        ("a state", &[("far is down", "far is degraded")]),
        (
            "deployments by name",
            &[("\nprovider near", "\nallow direct\nprovider near")],
        ),
    ] {
        let hash = semantic(&with(edits));
        assert!(!seen.contains(&hash), "{what}");
        seen.push(hash);
    }
}

#[test]
fn only_the_policies_that_are_touched_have_another_hash() {
    let hashes = |text: &str| {
        let semantic = of(text).semantic();
        semantic
            .policies
            .into_iter()
            .map(|p| p.hash)
            .collect::<Vec<_>>()
    };
    let before = hashes(&with(&[]));
    let main = hashes(&with(&[("tokens > 100k", "tokens > 101k")]));
    assert_ne!(main[0], before[0]);
    assert_eq!(main[1], before[1]);
    let both = hashes(&with(&[("when has images ", "when has tools ")]));
    assert_ne!(both[0], before[0], "@main goes on to @other");
    assert_ne!(both[1], before[1]);
    let price = hashes(&with(&[("input $1/Mtok", "input $1.50/Mtok")]));
    assert_ne!(price[0], before[0]);
    assert_eq!(price[1], before[1], "@other never calls near/small");
}

#[test]
fn names_and_labels_move_the_source_hash_and_blanks_and_comments_do_not() {
    let hash = |text: String| compiled(&[("a.mux", text)]).source_hash();
    let reference = hash(with(&[]));
    assert_eq!(
        hash(with(&[(
            "policy @other {",
            "# the rest\n\npolicy   @other   {  # here"
        )])),
        reference
    );
    for edits in [
        &[("steady", "sturdy")][..],
        &[("rule blocked when", "when")],
        &[("tokens > 100k", "tokens > 100_000")],
        &[("tokens > 100k", "tokens >= 100k")],
    ] {
        assert_ne!(hash(with(edits)), reference, "{edits:?}");
    }
    let elsewhere = compiled(&[("b.mux", with(&[]))]).source_hash();
    assert_ne!(elsewhere, reference);
}

#[test]
fn a_condition_that_cannot_be_laid_out_is_hashed_as_it_is_written() {
    let many = |from: u32, name: &str| {
        let tests: Vec<String> = (0..12)
            .map(|at| format!("(tag.a{at} is \"{from}\" or tag.b{at} is \"x\")"))
            .collect();
        let text = format!(
            "{FLEET}policy @p {{\n  rule {name} when {}  deny 400 \"no\"\n  else use near/small\n}}\n",
            tests.join(" and ")
        );
        of(&text).semantic()
    };
    let reference = many(1, "one");
    assert_eq!(reference.policies[0].canon, Canon::Rules);
    assert_eq!(many(1, "two"), reference);
    assert_ne!(many(2, "one"), reference);
}

#[test]
fn a_policy_whose_graph_is_too_large_is_hashed_by_its_rules_and_says_so() {
    // Figures that do not hang on each other, so that every rule can run.
    let facts = ["tokens", "output_limit", "inflight of near/small"];
    let figures = ["p95 of near/small", "p95 of near/large", "p95 of far/small"];
    let mut seed = 7_u64;
    let mut next = |below: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let mut rules = String::new();
    for rule in 0..80 {
        let low: Vec<u64> = (0..6).map(|_| next(900)).collect();
        let mut tests: Vec<String> = Vec::new();
        for (at, fact) in facts.iter().enumerate() {
            tests.push(format!(
                "{fact} > {} and {fact} < {}",
                low[at],
                low[at] + 400
            ));
        }
        for (at, fact) in figures.iter().enumerate() {
            let low = low[at + 3];
            tests.push(format!("{fact} > {low}ms and {fact} < {}ms", low + 400));
        }
        let rule = format!(
            "  when {} deny {} \"no\"\n",
            tests.join(" and "),
            400 + rule % 99
        );
        rules.push_str(&rule);
    }
    let text = |name: &str| {
        format!(
            "{FLEET}policy @p {{\n{}  else use near/small\n}}\n",
            rules.replacen("when", &format!("rule {name} when"), 1)
        )
    };
    let (a, b) = (of(&text("one")).semantic(), of(&text("two")).semantic());
    assert_eq!(a.policies[0].canon, Canon::Rules);
    assert_eq!(a, b, "names of rules are still no part of it");
}
