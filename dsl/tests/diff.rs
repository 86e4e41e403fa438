//! Differences between bundles: told for all requests that differ, for no other, and in words that mean them.
#![expect(clippy::panic, clippy::indexing_slicing, reason = "tests fail loudly")]

use mux_dsl::diff::{Comparison, Diff, diff};
use mux_dsl::image::{BasisPoints, BudgetId, Features, Millis, PolicyId, TargetId};
use mux_dsl::request::{HealthState, Live, Request};
use mux_dsl::{Image, compile, render};
use proptest::prelude::*;

const FLEET: &str = r#"
provider p {
  kind openai
  key  env KEY
  model a {
    context 128k
    price   input $1/Mtok output $4/Mtok
    can     tools images json-schema audio streaming
  }
  model b {
    context 1M
    can     tools images json-schema audio streaming
  }
}
set some { "ana" "ben" "abel" }
budget spend { cap $5/day }
"#;

fn image(policies: &str) -> Option<Image> {
    let text = format!("{FLEET}{policies}");
    compile(&["p.mux"], &mut |_| Ok(text.clone().into_bytes()), &|_| {
        true
    })
    .image
}

fn of(text: &str) -> Image {
    let compiled = compile(&["p.mux"], &mut |_| Ok(text.as_bytes().to_vec()), &|_| true);
    let shown = render(&compiled.diagnostics, &compiled.sources, false);
    compiled.image.unwrap_or_else(|| panic!("{text}\n{shown}"))
}

/// A condition, as text; every fact but the percentiles of one target is independent of the others.
fn conditions() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec!["ana", "ben", "zoe"]);
    let fact = prop::sample::select(vec!["tag.t", "end_user"]);
    let sign = prop::sample::select(vec![">", ">=", "<", "<=", "is", "is not"]);
    let test = prop_oneof![
        (fact.clone(), word).prop_map(|(f, w)| format!("{f} is \"{w}\"")),
        fact.clone().prop_map(|f| format!("{f} in some")),
        (
            fact.clone(),
            prop::sample::select(vec!["a*", "*e*", "?en", "a?*"])
        )
            .prop_map(|(f, w)| format!("{f} matches \"{w}\"")),
        fact.prop_map(|f| format!("has {f}")),
        (0..4_u32, sign).prop_map(|(n, s)| format!("tokens {s} {n}")),
        (0..3_u32).prop_map(|n| format!("output_limit > {n}")),
        (0..3_u32).prop_map(|n| format!("used of budget spend >= {n}%")),
        (1..3_u32).prop_map(|n| format!("p95 of p/a > {n}s")),
        Just("streaming".to_owned()),
        prop::sample::select(vec!["ok", "degraded", "down"])
            .prop_map(|s| format!("health of p is {s}")),
        Just("time in mon-fri 08:00-18:00 Europe/Berlin".to_owned()),
        Just("time in sat 22:00-04:00 Europe/Berlin".to_owned()),
    ];
    test.prop_recursive(2, 5, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|c| format!("not ({c})")),
            prop::collection::vec(inner.clone(), 1..3)
                .prop_map(|p| format!("({})", p.join(" and "))),
            prop::collection::vec(inner, 1..3).prop_map(|p| format!("({})", p.join(" or "))),
        ]
    })
}

type Rules = Vec<(String, u16)>;

fn rules() -> impl Strategy<Value = Rules> {
    prop::collection::vec((conditions(), 400..403_u16), 1..5)
}

fn written(rules: &Rules) -> String {
    let rule = |(cond, status): &(String, u16)| format!("  when {cond} deny {status} \"no\"\n");
    let rules: Vec<String> = rules.iter().map(rule).collect();
    format!(
        "policy @p {{\n{}  else deny 403 \"no\"\n}}\n",
        rules.concat()
    )
}

#[derive(Clone, Debug)]
struct Asks {
    words: [Option<&'static str>; 2],
    tokens: u32,
    output: Option<u32>,
    streaming: bool,
    now: i64,
    live: Moment,
}

#[derive(Clone, Copy, Debug)]
struct Moment {
    p95: Option<u64>,
    used: u32,
    health: [HealthState; 2],
}

impl Live for Moment {
    fn p50(&self, _: TargetId) -> Option<Millis> {
        None
    }
    fn p95(&self, _: TargetId) -> Option<Millis> {
        self.p95
    }
    fn p99(&self, _: TargetId) -> Option<Millis> {
        None
    }
    fn error_rate(&self, _: TargetId) -> Option<BasisPoints> {
        None
    }
    fn inflight(&self, _: TargetId) -> u32 {
        0
    }
    fn breaker_open(&self, _: TargetId) -> bool {
        false
    }
    fn headroom(&self, _: TargetId) -> Option<BasisPoints> {
        None
    }
    fn health(&self, target: TargetId) -> HealthState {
        self.health[target.index()]
    }
    fn used(&self, _: BudgetId, _: &Request<'_>) -> BasisPoints {
        self.used
    }
}

fn asks() -> impl Strategy<Value = Asks> {
    let words = vec!["ana", "ben", "abel", "zoe", "a", "azure", "xen", ""];
    let word = move || prop::option::of(prop::sample::select(words.clone()));
    let states = vec![HealthState::Ok, HealthState::Degraded, HealthState::Down];
    let health = move || prop::sample::select(states.clone());
    let live = (
        prop::option::of(0..4_000_u64),
        0..400_u32,
        [health(), health()],
    );
    let asked = (
        [word(), word()],
        0..5_u32,
        prop::option::of(0..4_u32),
        any::<bool>(),
        1_767_000_000_000..1_799_000_000_000_i64,
        live,
    );
    asked.prop_map(
        |(words, tokens, output, streaming, now, (p95, used, health))| Asks {
            words,
            tokens,
            output,
            streaming,
            now,
            live: Moment { p95, used, health },
        },
    )
}

impl Asks {
    fn show<T>(&self, look: impl FnOnce(&Request<'_>) -> T) -> T {
        let tags: Vec<_> = self.words[0].map(|t| ("t", t)).into_iter().collect();
        look(&Request {
            model: "@p",
            key: None,
            team: None,
            end_user: self.words[1],
            conversation: None,
            tags: &tags,
            headers: &[],
            operation: "chat",
            dialect: "openai-chat",
            tokens: self.tokens,
            output_limit: self.output,
            streaming: self.streaming,
            needs: Features::default(),
            now: self.now,
        })
    }
}

fn differing(found: &Diff) -> u64 {
    let told: u64 = found.policies.iter().filter_map(|p| p.requests).sum();
    assert_eq!(found.differing, Some(told));
    told
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_request_is_in_a_told_region_exactly_where_it_is_treated_differently(
        a in rules(),
        b in rules(),
        requests in prop::collection::vec(asks(), 24),
    ) {
        let (Some(was), Some(now)) = (image(&written(&a)), image(&written(&b))) else {
            // A rule that can never run is an error of its own.
            return Ok(());
        };
        let mut comparison = Comparison::of(&was, &now);
        let mut expected = 0;
        for asks in &requests {
            asks.show(|request| {
                let verdict = |image: &Image| image.decide_naively(PolicyId(0), request, &asks.live).verdict.clone();
                expected += u64::from(verdict(&was) != verdict(&now));
                comparison.count(request, &asks.live);
            });
        }
        let found = comparison.finish();
        prop_assert_eq!(differing(&found), expected);
        prop_assert_eq!(found.requests, Some(24));
        prop_assert!(found.policies.iter().all(|p| !p.bounded && p.more == 0));
    }

    #[test]
    fn bundles_have_the_same_semantic_hash_exactly_where_nothing_differs(
        mut rules in rules(),
        other in conditions(),
        edit in 0..6_u8,
    ) {
        let before = image(&written(&rules));
        let last = rules.len() - 1;
        match edit {
            0 => rules.swap(0, last),
            1 => rules[last].0 = format!("not (not ({}))", rules[last].0),
            2 => rules[0].0 = format!("({} or {} and ({other}))", rules[0].0, rules[0].0).replace(" and (", " and ("),
            3 => rules[last].1 = 400 + (rules[last].1 + 1) % 3,
            4 => rules.insert(0, (other.clone(), 402)),
            _ => {
                // One rule as two: with and without another condition.
                let (cond, status) = rules[0].clone();
                rules[0].0 = format!("({cond}) and ({other})");
                rules.insert(1, (cond, status));
            }
        }
        let (Some(was), Some(now)) = (before, image(&written(&rules))) else {
            return Ok(());
        };
        let found = diff(&was, &now);
        prop_assert_eq!(was.semantic() == now.semantic(), found.same, "{}", written(&rules));
    }
}

const BEFORE: &str = r#"
provider near {
  kind openai
  key  env NEAR_KEY
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
budget day { cap $40/day per tag.team }
limit calm { 60 requests/min per key }
set staff { "ana" "ben" }
define long when tokens > 100k
plan steady {
  fallback within 30s {
    try near/large timeout 20s
    try near/small
  }
}
policy @main {
  limit  calm
  charge day
  when long                                    use near/large timeout 60s
  rule team when end_user in staff and tag.tier is "gold"
    use plan steady
  when used of budget day >= 80%               deny 429 "spent"
  else                                         use near/small
}
policy @gone { else use near/small }
"#;

#[test]
fn people_read_what_was_and_what_is_and_for_which_requests() {
    let after = [
        ("tokens > 100k", "tokens > 120k"),
        ("timeout 20s", "timeout 8s"),
        ("    try near/small\n", "    try near/small retry 1\n"),
        ("deny 429 \"spent\"", "use plan steady"),
        ("input $3/Mtok", "input $2.50/Mtok"),
        ("cap $40/day", "cap $50/day"),
        ("policy @gone", "policy @new"),
    ];
    let now = after.iter().fold(BEFORE.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    let found = diff(&of(BEFORE), &of(&now));
    insta::assert_snapshot!("diff_human", found.human(true));
    insta::assert_snapshot!("diff_markdown", found.markdown());
    let json = serde_json::to_string_pretty(&found).expect("it is plain data");
    insta::assert_snapshot!("diff_json", json);
}

#[test]
fn nothing_differs_where_only_names_do() {
    let found = diff(
        &of(BEFORE),
        &of(&BEFORE.replace("steady", "sturdy").replace("rule team ", "")),
    );
    assert!(found.same, "{}", found.human(false));
    assert!(found.human(false).starts_with("nothing differs"));
    assert!(found.markdown().contains("Nothing"));
}

#[test]
fn counted_requests_come_first_and_are_summed_up() {
    let now = BEFORE
        .replace("tokens > 100k", "tokens > 120k")
        .replace(">= 80%", ">= 90%");
    let (was, now) = (of(BEFORE), of(&now));
    let mut comparison = Comparison::of(&was, &now);
    let calm = Moment {
        p95: None,
        used: 0,
        health: [HealthState::Ok; 2],
    };
    let asks = Asks {
        words: [None; 2],
        tokens: 0,
        output: None,
        streaming: false,
        now: 0,
        live: calm,
    };
    for tokens in [1_000, 100_001, 110_000, 119_000, 130_000] {
        let asks = Asks {
            tokens,
            ..asks.clone()
        };
        asks.show(|request| {
            comparison.count(
                &Request {
                    model: "main",
                    ..*request
                },
                &asks.live,
            );
        });
    }
    let busy = Moment {
        used: 8_500,
        ..calm
    };
    asks.show(|request| {
        comparison.count(
            &Request {
                model: "@main",
                ..*request
            },
            &busy,
        );
    });
    asks.show(|request| {
        comparison.count(
            &Request {
                model: "@unknown",
                ..*request
            },
            &busy,
        );
    });
    let found = comparison.finish();
    assert_eq!(found.requests, Some(7));
    let policy = &found.policies[0];
    assert_eq!(policy.requests, Some(4));
    let counts: Vec<u64> = policy
        .changes
        .iter()
        .flat_map(|c| &c.regions)
        .filter_map(|r| r.requests)
        .collect();
    assert_eq!(counts.iter().sum::<u64>(), 4);
    assert_eq!(counts[0], 3, "{}", found.human(false));
    assert!(
        found
            .human(false)
            .contains("of 7 recorded requests, 4 are treated differently (57.14%)")
    );
}

#[test]
fn requests_that_cannot_be_are_not_told() {
    let text = |cond: &str| {
        of(&format!(
            "{FLEET}policy @p {{\n  when {cond} deny 400 \"no\"\n  else use p/a\n}}\n"
        ))
    };
    let slow = text("p50 of p/a > 4s");
    let same = text("p50 of p/a > 4s and not (p95 of p/a < 2s)");
    let found = diff(&slow, &same);
    assert!(
        found.same,
        "a median cannot be above the 95th percentile: {}",
        found.human(false)
    );
    let found = diff(&slow, &text("p50 of p/a > 4s and not (p95 of p/a < 9s)"));
    assert!(!found.same);
    let found = diff(
        &text("health of p is down"),
        &text("health of p is down and health of p/a is down"),
    );
    assert!(
        found.same,
        "a provider is as good as its best model: {}",
        found.human(false)
    );
    let found = diff(
        &text("health of p is ok"),
        &text("health of p is ok and health of p/a is ok"),
    );
    assert!(!found.same, "another model may be the best one");
}

#[test]
fn a_plan_that_changed_is_told_once_with_the_policies_that_use_it() {
    let now = BEFORE
        .replace("timeout 20s", "timeout 8s")
        .replace(
            "policy @gone {",
            "plan calm { fallback { try plan steady } }\npolicy @gone {",
        )
        .replace("else use near/small }", "else use plan calm }");
    let was = now.replace("timeout 8s", "timeout 20s");
    let (was, now) = (of(&was), of(&now));
    let mut comparison = Comparison::of(&was, &now);
    let live = Moment {
        p95: None,
        used: 0,
        health: [HealthState::Ok; 2],
    };
    for (model, user) in [("@main", "ana"), ("@main", "zoe"), ("@gone", "zoe")] {
        let tags = [("tier", "gold")];
        let asks = Asks {
            words: [None; 2],
            tokens: 0,
            output: None,
            streaming: false,
            now: 0,
            live,
        };
        asks.show(|request| {
            let request = Request {
                model,
                end_user: Some(user),
                tags: &tags,
                ..*request
            };
            comparison.count(&request, &live);
        });
    }
    let found = comparison.finish();
    assert!(!found.same && found.policies.is_empty());
    let plans: Vec<_> = found
        .plans
        .iter()
        .map(|p| (&*p.plan, p.policies.join(" "), p.requests))
        .collect();
    assert_eq!(plans, [("steady", "gone main".to_owned(), Some(2))]);
    assert_eq!(
        found.plans[0].changes,
        ["try near/large: timeout 20s -> 8s"]
    );
    assert_eq!((found.differing, found.requests), (Some(2), Some(3)));
    let human = found.human(false);
    assert!(
        human.contains(
            "plan steady (for @gone, @main, 2 requests)\n  try near/large: timeout 20s -> 8s"
        ),
        "{human}"
    );
    assert!(
        human.contains("of 3 recorded requests, 2 are treated differently"),
        "{human}"
    );
    assert!(
        found
            .markdown()
            .contains("#### plan steady (for @gone, @main)")
    );

    // A plan that nobody gets is no difference, and neither hash says so.
    let unused = |timeout: &str| {
        of(&format!(
            "{BEFORE}plan idle {{ near/small timeout {timeout} }}\n"
        ))
    };
    let (was, now) = (unused("1s"), unused("2s"));
    assert!(diff(&was, &now).same);
    assert_eq!(was.semantic(), now.semantic());
}

#[test]
fn a_value_that_is_not_declared_counts_as_absent_on_the_side_that_declares() {
    let text = |facts: &str, cond: &str| {
        of(&format!(
            "{FLEET}{facts}policy @p {{\n  when {cond} deny 400 \"no\"\n  else use p/a\n}}\n"
        ))
    };
    let closed = "facts { tag.t one of \"ana\" \"ben\" }\n";
    let found = diff(&text("", "has tag.t"), &text(closed, "has tag.t"));
    let change = &found.policies[0].changes[0];
    assert_eq!((&*change.was, &*change.now), ("deny 400 \"no\"", "use p/a"));
    let when: Vec<&str> = change.regions.iter().map(|r| &*r.when).collect();
    assert_eq!(when, ["has tag.t and not (tag.t in \"ana\" \"ben\")"]);
    let is_ana = "tag.t is \"ana\"";
    assert!(diff(&text("", is_ana), &text(closed, is_ana)).same);
    assert!(
        diff(
            &text(closed, "has tag.t"),
            &text(closed, "tag.t in \"ana\" \"ben\"")
        )
        .same
    );
    assert_eq!(
        text(closed, "has tag.t").semantic(),
        text("", "tag.t in \"ana\" \"ben\"").semantic()
    );
}

#[test]
fn graphs_that_would_be_too_large_are_compared_rule_by_rule_and_that_is_said() {
    let figures = [
        "tokens",
        "output_limit",
        "p50 of p/a",
        "p95 of p/a",
        "p50 of p/b",
        "p95 of p/b",
    ];
    let mut seed = 7_u64;
    let mut next = |below: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let mut rules = String::new();
    for rule in 0..80 {
        let tests: Vec<String> = figures
            .iter()
            .map(|figure| {
                let low = next(500);
                let unit = if figure.starts_with('p') { "ms" } else { "" };
                format!("{figure} > {low}{unit} and {figure} < {}{unit}", low + 400)
            })
            .collect();
        let rule = format!(
            "  when {} deny {} \"no\"\n",
            tests.join(" and "),
            400 + rule % 9
        );
        rules.push_str(&rule);
    }
    let text = |rules: &str| of(&format!("{FLEET}policy @p {{\n{rules}  else use p/a\n}}\n"));
    let was = text(&rules);
    let now = text(&rules.replacen("deny 400", "deny 499", 1));
    let found = diff(&was, &now);
    let policy = &found.policies[0];
    assert!(policy.bounded);
    assert_eq!(policy.changes.len(), 1, "{}", found.human(false));
    assert_eq!(
        (&*policy.changes[0].was, &*policy.changes[0].now),
        ("deny 400 \"no\"", "deny 499 \"no\"")
    );
    assert!(found.human(false).contains("bounded"));
    assert!(diff(&was, &was).same);
}
