//! What is covered, and that tests made for the rest pass and cover it.
#![expect(clippy::expect_used, reason = "test helpers fail loudly")]

use mux_dsl::coverage::{Coverage, Report};
use mux_dsl::{Image, compile, render};
use mux_replay::{case, cover};
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

#[test]
fn what_is_missing_is_told_with_its_place() {
    let tests = "test \"a\" for @production { expect plan is everyday }\n";
    let report = covered(&image(&format!("{SHOP}{tests}")));
    insta::assert_snapshot!(report.told());
}
