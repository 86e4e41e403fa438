//! What is said about policies without running them is true, and says what to do.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test helpers fail loudly"
)]

use mux_dsl::{Compiled, Diagnostic};

const FLEET: &str = "
provider p {
  kind openai
  key  env P_KEY
  model small {
    context 100k
    can     tools streaming
  }
  model wide {
    context 1M
    can     tools images json-schema streaming
  }
}
";

fn compiled(text: &str) -> Compiled {
    let text = format!("{FLEET}{text}");
    mux_dsl::compile(&["t.mux"], &mut |_| Ok(text.clone().into_bytes()), &|_| {
        true
    })
}

/// What is reported with a code.
fn said(text: &str, code: &str) -> Vec<Diagnostic> {
    let found = compiled(text).diagnostics.into_iter();
    found.filter(|d| d.code == code).collect()
}

fn one(text: &str, code: &str) -> Diagnostic {
    let compiled = compiled(text);
    let shown = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
    let mut found = said(text, code);
    assert_eq!(found.len(), 1, "{shown}");
    found.pop().expect("there is one")
}

/// A policy whose images and schemas go elsewhere, so that only lengths are left to be looked at.
fn rest(route: &str) -> String {
    format!("policy @p {{\n  when has images or has json-schema use p/wide\n  else {route}\n}}\n")
}

#[test]
fn an_arm_of_a_split_whose_window_is_too_small_is_warned_about() {
    for route in [
        "use split by key {\n    50% p/small\n    50% p/wide\n  }",
        "use canary by key {\n    base p/wide\n    10% p/small\n  }",
    ] {
        let found = one(&rest(route), "mux::target::window");
        assert!(
            found.message.contains("prompts of 100001 tokens and more"),
            "{}",
            found.message
        );
        assert!(found.message.contains("`p/small`"), "{}", found.message);
    }
    // What passes over a target that is too small has the others.
    for route in [
        "use balance {\n    50% p/small\n    50% p/wide\n  }",
        "use fallback {\n    try p/small\n    try p/wide\n  }",
        "use p/small",
    ] {
        assert_eq!(said(&rest(route), "mux::target::window"), [], "{route}");
    }
    let above = "policy @p {\n  when has images or has json-schema or tokens > 100k use p/wide\n  else use split by key {\n    50% p/small\n    50% p/wide\n  }\n}\n";
    assert_eq!(said(above, "mux::target::window"), []);
}

#[test]
fn who_cannot_serve_is_named_and_so_is_what_to_do() {
    let split = "policy @p { else use split by key {\n    50% p/small\n    50% p/wide\n  } }\n";
    let found = one(split, "mux::target::cannot-serve");
    assert_eq!(
        found.message,
        "requests with `images` can reach `p/small`, which cannot serve them"
    );

    let guarded = "plan g {\n  fallback {\n    try p/wide when tokens < 50k\n  }\n}\npolicy @p { else use plan g }\n";
    let found = one(guarded, "mux::target::cannot-serve");
    assert!(!found.message.contains("``"), "{}", found.message);
    let help = found.help.expect("it says what to do");
    assert!(!help.contains("when  use"), "{help}");
}

const SPENT: &str = "budget b {\n  cap $5/day\n}\npolicy @p {\n  charge b\n  when used of budget b >= 100% deny 429 \"spent\"\n  when has images or has json-schema use p/wide\n  else use p/small\n}\n";

#[test]
fn a_budget_is_one_fact_however_it_is_given() {
    let twice = format!(
        "{SPENT}test \"t\" for @p {{\n  given used of budget b 50%\n  given budget.b 100%\n  expect first is p/small\n}}\n"
    );
    one(&twice, "mux::statement::repeated");
}

#[test]
fn a_test_may_give_a_value_that_is_not_declared_and_is_told_what_it_means() {
    let text = "facts {\n  tag.t one of \"x\" \"y\"\n}\npolicy @p {\n  when tag.t is \"x\" deny 400 \"x\"\n  when has images or has json-schema use p/wide\n  else use p/small\n}\ntest \"t\" for @p {\n  given tag.t \"z\"\n  expect first is p/small\n}\n";
    let found = one(text, "mux::test::undeclared");
    assert_eq!(found.severity, mux_dsl::Severity::Warning);
    assert!(compiled(text).image.is_some());
}

/// Two models that cost the same but for their windows, plans over them, and a policy whose images go elsewhere.
fn priced(plan: &str, rest: &str) -> String {
    let model = |name: &str, context: &str, output: &str, price: &str, tier: &str| {
        format!(
            "  model {name} {{\n    context {context}\n    output {output}\n    price input {price} output {price}\n    tier {tier}\n    can tools streaming\n  }}\n"
        )
    };
    format!(
        "provider q {{\n  kind openai\n  key env Q_KEY\n{}{}}}\nplan x {{\n  {plan}\n}}\npolicy @p {{\n  when has images or has json-schema deny 400 \"no\"\n  else use plan x\n}}\n{rest}",
        model("dear", "10k", "1k", "$100/Mtok", "economy"),
        model("large", "1M", "4k", "$1/Mtok", "standard"),
    )
}

/// What is said of a guarantee that expects this: nothing where it is proved.
fn promised(plan: &str, expect: &str) -> Option<String> {
    let text = priced(
        plan,
        &format!("guarantee \"g\" {{\n  expect {expect}\n}}\n"),
    );
    let compiled = compiled(&text);
    let found = compiled
        .diagnostics
        .iter()
        .find(|d| d.code.starts_with("mux::guarantee"));
    let help = |d: &Diagnostic| {
        format!(
            "{}\n{}\n{}",
            d.code,
            d.labels[0].text,
            d.help.clone().unwrap_or_default()
        )
    };
    let others: Vec<_> = compiled
        .diagnostics
        .iter()
        .filter(|d| d.severity == mux_dsl::Severity::Error && !d.code.starts_with("mux::guarantee"))
        .collect();
    assert!(others.is_empty(), "{others:?}");
    found.map(help)
}

#[test]
fn a_figure_is_counted_for_the_arms_that_are_there() {
    let apart = "fallback {\n    try q/large retry 0 when not streaming\n    try p/wide retry 0 when streaming\n  }";
    assert_eq!(promised(apart, "attempts <= 1"), None);
    assert_eq!(
        promised(
            "cheapest where tier >= standard {\n    q/dear retry 0\n    q/large retry 0\n  }",
            "attempts <= 1"
        ),
        None
    );
    let both = "fallback {\n    try q/large retry 0\n    try p/wide retry 0 when streaming\n  }";
    let found = promised(both, "attempts <= 1").expect("a stream is tried twice");
    assert!(
        found.contains("2 attempts at worst") && found.contains("given streaming"),
        "{found}"
    );
}

#[test]
fn a_cost_is_counted_for_the_prompts_that_fit_and_the_example_shows_it() {
    // 10k tokens at $100 and at $1 with answers of 1k and 4k, or a million at $1: $1.0 + $0.1 + $0.01 + $0.004, or $1.004.
    let plan = "fallback {\n    try q/dear retry 0\n    try q/large retry 0\n  }";
    assert_eq!(promised(plan, "cost <= $1.114"), None);
    let found = promised(plan, "cost <= $1.113").expect("both are asked");
    assert!(found.contains("$1.114 at worst"), "{found}");
    assert!(found.contains("given tokens 10k"), "{found}");
    assert!(!found.contains("output_limit"), "{found}");

    let filtered =
        "cheapest where tier >= standard {\n    q/dear retry 0\n    q/large retry 0\n  }";
    assert_eq!(promised(filtered, "cost <= $1.004"), None);
    let found = promised(filtered, "cost <= $1").expect("a long prompt costs more");
    assert!(found.contains("given tokens 1M"), "{found}");
}

#[test]
fn who_is_judged_has_answered() {
    let plan = "cascade buffer {\n    judge p/wide rubric \"r.md\"\n    try q/large {\n      accept when score of judge >= 0.5\n    }\n    try q/dear\n  }";
    let text = priced(
        plan,
        "guarantee \"g\" {\n  expect target is not p/wide\n}\n",
    );
    let text = format!("{FLEET}{text}");
    let mut read = |path: &str| match path {
        "t.mux" => Ok(text.clone().into_bytes()),
        _ => Ok(b"is it right?".to_vec()),
    };
    let compiled = mux_dsl::compile(&["t.mux"], &mut read, &|_| true);
    let shown = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
    assert!(shown.contains("its answer is judged by p/wide"), "{shown}");
    assert!(!shown.contains("upstream q/large refuses"), "{shown}");
}

/// A policy over two models of one provider, by these rules.
fn over_two(rules: &str) -> String {
    let model = |name: &str| {
        format!("  model {name} {{\n    can tools images json-schema streaming\n  }}\n")
    };
    format!(
        "provider a {{\n  kind openai\n  key env A_KEY\n{}{}}}\npolicy @p {{\n{rules}  else use a/big\n}}\n",
        model("big"),
        model("small")
    )
}

#[test]
fn what_follows_from_other_figures_is_known() {
    let code = "mux::rule::unreachable";
    // A provider is as healthy as its best model.
    let below = over_two(
        "  when health of a is down deny 503 \"down\"\n  when health of a/big is down and health of a/small is down deny 503 \"both\"\n",
    );
    let found = one(&below, code);
    assert_eq!(
        found.labels[1].text, "takes every one of its requests",
        "{found:?}"
    );
    let all = over_two(
        "  when health of a/big is down deny 503 \"big\"\n  when health of a is down deny 503 \"all\"\n",
    );
    one(&all, code);
    let alive = over_two(
        "  when health of a is down deny 503 \"all\"\n  when health of a/big is down deny 503 \"big\"\n",
    );
    assert_eq!(said(&alive, code), []);
    let never = over_two("  when p50 of a/big > 5s and p95 of a/big < 2s deny 503 \"slow\"\n");
    let found = one(&never, code);
    assert_eq!(found.labels[0].text, "no request can meet this condition");
}

#[test]
fn an_example_is_of_figures_that_can_be() {
    let text = over_two(
        "  when p50 of a/big > 1s and p95 of a/big > 500ms and p95 of a/big < 9s and p99 of a/big > 100ms deny 503 \"slow\"\n",
    );
    let found = one(
        &format!("{text}guarantee \"g\" {{\n  expect not denied\n}}\n"),
        "mux::guarantee::refuted",
    );
    let help = found.help.expect("an example");
    let figure = |name: &str| {
        let line = help
            .lines()
            .find(|l| l.contains(&format!("given {name} of")));
        let word = line
            .and_then(|l| l.rsplit(' ').next())
            .expect("it is given");
        let number = word.trim_end_matches("ms").trim_end_matches('s');
        let unit = if word.ends_with("ms") { 1 } else { 1_000 };
        number.parse::<u64>().expect("a number") * unit
    };
    assert!(figure("p50") <= figure("p95"), "{help}");
    assert!(figure("p95") <= figure("p99"), "{help}");
}

#[test]
fn of_two_rules_that_are_each_removable_it_is_said_that_not_both_are() {
    let rules = "  when tag.t is \"a\" and streaming use p/wide\n  when tag.t is \"a\" use p/wide\n  when tag.t in \"a\" \"b\" and not streaming use p/wide\n";
    let policy = |rules: &str| {
        format!(
            "policy @p {{\n{rules}  when has images or has json-schema use p/wide\n  else use p/small\n}}\n"
        )
    };
    let found = said(&policy(rules), "mux::rule::redundant");
    assert_eq!(found.len(), 2, "{found:?}");
    for one in &found {
        let help = one.help.clone().expect("it says what to do");
        assert!(help.contains("not both"), "{help}");
    }
    // Here both can go: the last rule takes all of their requests.
    let rules = "  when tag.t is \"a\" use p/wide\n  when tag.t is \"b\" use p/wide\n  when tag.t in \"a\" \"b\" \"c\" use p/wide\n";
    let found = said(&policy(rules), "mux::rule::redundant");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found
            .iter()
            .all(|f| !f.help.clone().unwrap_or_default().contains("both")),
        "{found:?}"
    );
}

#[test]
fn a_spent_budget_refuses_by_a_rule_that_nobody_writes() {
    let policy = |line: &str, guarantee: &str| {
        format!(
            "budget b {{ cap $5/day }}\npolicy @p {{\n  charge b\n  {line}\n  else use p/wide\n}}\nguarantee \"g\" {{\n  {guarantee}\n}}\n"
        )
    };
    let code = "mux::guarantee::refuted";
    let refuted = one(&policy("", "expect not denied"), code);
    let help = refuted.help.unwrap_or_default();
    assert!(help.contains("given used of budget b 100%"), "{help}");
    assert!(help.contains("expect not denied"), "{help}");
    for (line, guarantee) in [
        // Who asks about a budget decides what happens when it is spent.
        (
            "when used of budget b >= 100% use p/wide",
            "expect not denied",
        ),
        (
            "",
            "when used of budget b >= 100%\n  expect target is not p/wide",
        ),
        ("", "when used of budget b >= 100%\n  expect denied is 429"),
        ("", "when used of budget b < 100%\n  expect not denied"),
    ] {
        assert!(
            said(&policy(line, guarantee), code).is_empty(),
            "{line} {guarantee}"
        );
    }
}

#[test]
fn to_ask_about_a_budget_no_more_changes_what_happens_when_it_is_spent() {
    let image = |line: &str| {
        let text = format!(
            "budget b {{ cap $5/day }}\npolicy @p {{\n  charge b\n  {line}\n  else use p/wide\n}}\n"
        );
        let compiled = compiled(&text);
        let shown = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
        compiled.image.expect(&shown)
    };
    let asks = image("when used of budget b >= 100% use p/wide timeout 5s");
    let report = mux_dsl::diff::diff(&asks, &image(""));
    let shown = format!("{report:?}");
    assert!(shown.contains("budget `b` is spent"), "{shown}");
    assert!(
        !shown.contains("used of budget b < 100%"),
        "below the cap nothing differs: {shown}"
    );
}

#[test]
fn a_promise_that_an_ensemble_breaks_is_a_test_only_where_whoever_serves_breaks_it() {
    let fleet = "provider q {\n  kind openai\n  key  env Q_KEY\n  private\n  model own {\n    context 1M\n    can     tools images json-schema streaming\n  }\n}\nprovider r {\n  kind openai\n  key  env R_KEY\n  model big {\n    like p/wide\n  }\n}\n";
    let told = |arms: &str, combine: &str| {
        let text = format!(
            "{fleet}policy @p {{\n  else use ensemble buffer {{\n{arms}    combine {combine}\n  }}\n}}\nguarantee \"g\" {{\n  expect private\n}}\n"
        );
        let found = one(&text, "mux::guarantee::refuted");
        found.help.expect("an example")
    };
    let mixed = "    ask p/wide\n    ask q/own\n";
    for combine in ["merge by q/own", "first-valid"] {
        let help = told(mixed, combine);
        assert!(help.starts_with("for example"), "{combine}: {help}");
        assert!(help.contains("\n  # expect private\n"), "{combine}: {help}");
    }
    // The merger serves, whoever was asked.
    let none = "    ask p/wide\n    ask r/big\n";
    let help = told(none, "merge by q/own");
    assert!(help.starts_with("for example"), "{help}");
    let help = told(none, "first-valid");
    assert!(help.starts_with("this test fails"), "{help}");
}
