//! What is covered, and that tests made for the rest pass and cover it.
#![expect(clippy::expect_used, reason = "test helpers fail loudly")]

use mux_dsl::coverage::{Coverage, Report};
use mux_dsl::{Image, compile, render};
use mux_replay::{case, cover};
use mux_traffic::record::{Facts, Record};
use proptest::prelude::*;
use std::sync::Arc;

const SHOP: &str = include_str!("../../../dsl/tests/stories/shop.mux");

fn image(text: &str) -> Arc<Image> {
    let compiled = compile(
        &["shop.mux"],
        &mut |_| Ok(text.as_bytes().to_vec()),
        &|_| true,
    );
    let report = render(&compiled.diagnostics, &compiled.sources, false);
    Arc::new(compiled.image.expect(&report))
}

fn covered(image: &Arc<Image>) -> Report {
    let mut coverage = Coverage::new(image);
    cover::tests(image, &mut coverage);
    coverage.report()
}

/// Tests for all that those of a bundle do not cover.
fn generated(text: &str) -> String {
    let own = image(text);
    let mut coverage = Coverage::new(&own);
    cover::tests(&own, &mut coverage);
    let suggestions = coverage.suggest();
    let blank: Vec<String> = suggestions
        .iter()
        .map(|s| cover::block(s, &["not denied".to_owned()]))
        .collect();
    let with = image(&format!("{text}{}", blank.concat()));
    let tests = with.tests.iter().skip(own.tests.len());
    let blocks = suggestions
        .iter()
        .zip(tests)
        .map(|(s, test)| cover::block(s, &cover::today(&with, test)));
    blocks.collect()
}

#[test]
fn generated_tests_pass_and_cover_all_that_can_be_decided() {
    let text = format!("{SHOP}{}", generated(SHOP));
    let image = image(&text);
    let outcomes = case::run(&image);
    assert!(outcomes.len() > 9, "a test for each rule at least");
    for outcome in &outcomes {
        assert!(outcome.failures.is_empty(), "{outcome:?}");
    }
    let report = covered(&image);
    assert_eq!(report.rules.covered, report.rules.all, "{}", report.told());
    assert_eq!(report.rules.all, 12, "every rule can be reached");
    assert_eq!(
        report.conditions.covered,
        report.conditions.all,
        "{}",
        report.told()
    );
    assert_eq!(report.edges.covered, report.edges.all, "{}", report.told());
    insta::assert_snapshot!(generated(SHOP));
}

/// A condition out of few facts, so that rules overlap, shadow and contradict each other.
fn conditions() -> impl Strategy<Value = String> {
    let test = prop::sample::select(vec![
        "streaming",
        "not streaming",
        "has tools",
        "tag.tier is \"gold\"",
        "tag.tier is not \"gold\"",
        "tag.tier in \"gold\" \"free\"",
        "tokens > 4k",
        "tokens > 9k",
        "output_limit <= 200",
        "used of budget team-spend >= 80%",
        "p95 of vllm/llama-3.3-70b > 4s",
        "health of vllm is down",
        "time in mon-fri 08:00-18:00 Europe/Berlin",
        "premium",
        "team is \"t\"",
        "header.x-app starts with \"mob\"",
        "header.x-app matches \"*bile\"",
        "model is @any",
        "operation is \"embeddings\"",
        "inflight of vllm/llama-3.3-70b > 3",
        "headroom of openai/gpt-4.1 < 10%",
        "breaker of openai/gpt-4.1 is open",
    ]);
    prop_oneof![
        test.clone().prop_map(str::to_owned),
        (test.clone(), test.clone()).prop_map(|(a, b)| format!("{a} and {b}")),
        (test.clone(), test.clone(), test)
            .prop_map(|(a, b, c)| format!("{a} and ({b} or not ({c}))")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn generated_tests_cover_every_rule_that_can_be_reached(rules in prop::collection::vec(conditions(), 1..7)) {
        let rules: Vec<String> = rules.iter().enumerate().map(|(at, when)| format!("  when {when}  deny 400 \"{at}\"\n")).collect();
        let rules = rules.concat();
        let text = format!("{SHOP}policy @any {{\n{rules}  else deny 403 \"last\"\n}}\n");
        // A rule that none reaches is an error, and there is no bundle.
        let compiled = compile(&["shop.mux"], &mut |_| Ok(text.as_bytes().to_vec()), &|_| true);
        prop_assume!(compiled.image.is_some());
        let image = image(&format!("{text}{}", generated(&text)));
        for outcome in case::run(&image) {
            prop_assert!(outcome.failures.is_empty(), "{:?}\n{}", outcome, text);
        }
        let report = covered(&image);
        prop_assert_eq!(report.rules.covered, report.rules.all, "{}\n{}", report.told(), text);
        prop_assert_eq!(report.conditions.covered, report.conditions.all, "{}\n{}", report.told(), text);
        prop_assert_eq!(report.edges.covered, report.edges.all, "{}\n{}", report.told(), text);
    }
}

#[test]
fn what_is_missing_is_told_with_its_place() {
    let tests = "test \"a\" for @production { expect plan is everyday }\n";
    let report = covered(&image(&format!("{SHOP}{tests}")));
    insta::assert_snapshot!(report.told());
}

/// Recorded requests of a shop, no two of the same kind.
fn recorded() -> Vec<Record> {
    let facts = |tokens: u32, streaming: bool, tier: &str| Facts {
        model: "@production".to_owned(),
        operation: "chat".to_owned(),
        dialect: "openai-chat".to_owned(),
        tokens,
        streaming,
        tags: vec![("tier".to_owned(), tier.to_owned())],
        ..Facts::default()
    };
    let tokens = [10, 3_000, 30_000, 160_000];
    let all = tokens.into_iter().flat_map(|tokens| {
        let both = [true, false].into_iter();
        both.flat_map(move |s| ["free", "enterprise"].map(|tier| facts(tokens, s, tier)))
    });
    let record = |request: Facts| Record {
        request,
        // 2026-01-05T12:00Z
        at: 1_767_614_400_000,
        ..Record::default()
    };
    all.map(record).collect()
}

#[test]
fn tests_for_recorded_traffic_have_every_class_of_it_and_none_twice() {
    let own = image(SHOP);
    let traffic = || recorded().into_iter().cycle().take(1_000);
    let untested = cover::untested(&own, traffic());
    assert!(untested.len() > 2, "{untested:#?}");
    let counts: Vec<u64> = untested.iter().map(|(_, many)| *many).collect();
    assert!(
        counts.is_sorted_by(|a, b| a >= b),
        "the most frequent first: {counts:?}"
    );
    assert!(counts.iter().sum::<u64>() <= 1_000);
    let blocks: Vec<String> = untested
        .iter()
        .map(|(s, _)| cover::block(s, &["not denied".to_owned()]))
        .collect();
    let with = image(&format!("{SHOP}{}", blocks.concat()));
    assert_eq!(cover::untested(&with, traffic()), []);
}
