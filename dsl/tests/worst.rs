//! The most that a request can take on a route: bounds that hold whatever happens.
#![expect(clippy::expect_used, reason = "test helpers fail loudly")]

use mux_dsl::compile;
use mux_dsl::worst::{ASKED_WAIT, Tariff, UNASKED_WAIT, Worst, worst};

/// The worst of plan `p`, beside a fleet with two models: `a/dear` at $2 and $8, `a/cheap` at $1 and $4 a million.
fn worst_of(plan: &str, more: &str) -> Worst {
    let text = format!(
        "provider a {{\n kind openai\n model dear {{ price input $2/Mtok output $8/Mtok }}\n model cheap {{ price input $1/Mtok output $4/Mtok }}\n model free\n}}\n\
         plan p {{\n{plan}\n}}\n{more}\npolicy @p {{ else use plan p }}\n"
    );
    let mut read = |path: &str| match path {
        "p.mux" => Ok(text.clone().into_bytes()),
        "r.md" => Ok(b"Is it right?".to_vec()),
        _ => Err("no".to_owned()),
    };
    let compiled = compile(&["p.mux"], &mut read, &|_| true);
    let image = compiled.image.unwrap_or_else(|| {
        panic_with(&mux_dsl::render(
            &compiled.diagnostics,
            &compiled.sources,
            false,
        ))
    });
    let plan = image.plans.first().expect("it is the first");
    worst(&plan.route, &image.plans, &image.fleet)
}

#[expect(clippy::panic, reason = "a test that cannot begin says why")]
fn panic_with(text: &str) -> ! {
    panic!("{text}")
}

/// Pico-dollars for a token of the prompt and one of the answer, in millionths of a dollar for a million of them.
fn dollars(input: i64, output: i64) -> Tariff {
    Tariff {
        input: input * 1_000_000,
        output: output * 1_000_000,
    }
}

#[test]
fn a_target_alone_is_tried_again_once_and_one_with_retry_as_often_as_it_says() {
    let alone = worst_of("a/dear timeout 10s", "");
    assert_eq!(
        (alone.attempts, alone.time),
        (2, Some(20_000 + UNASKED_WAIT))
    );
    assert_eq!(alone.cost, Some(dollars(4, 16)));
    let retried = worst_of("a/dear timeout 10s retry 3", "");
    assert_eq!(retried.attempts, 4);
    assert_eq!(retried.time, Some(40_000 + 3 * ASKED_WAIT));
}

#[test]
fn a_chain_adds_up_and_any_of_it_may_be_tried_again_unasked() {
    let chain = worst_of(
        "fallback { try a/dear timeout 1s\n try a/cheap timeout 2s }",
        "",
    );
    assert_eq!(
        (chain.attempts, chain.time),
        (3, Some(5_000 + UNASKED_WAIT))
    );
    assert_eq!(chain.cost, Some(dollars(5, 20)), "the dearest of them");
    assert_eq!(
        chain.cost.map(|c| c.of(1_000, 100)),
        Some(1_000 * 5_000_000 + 100 * 20_000_000)
    );
}

#[test]
fn a_deadline_bounds_time_and_nothing_else_does_where_a_timeout_is_missing() {
    assert_eq!(worst_of("fallback { try a/dear }", "").time, None);
    assert_eq!(
        worst_of("fallback within 9s { try a/dear }", "").time,
        Some(9_000)
    );
    assert_eq!(
        worst_of("a/dear", "defaults { within 7s }").time,
        Some(7_000)
    );
    let default = worst_of("a/dear", "defaults { timeout 3s }");
    assert_eq!(default.time, Some(6_000 + UNASKED_WAIT));
}

#[test]
fn defaults_bound_attempts() {
    let chain = "fallback { try a/dear retry 5\n try a/cheap retry 5 }";
    assert_eq!(worst_of(chain, "").attempts, 12);
    assert_eq!(worst_of(chain, "defaults { attempts 4 }").attempts, 4);
    assert_eq!(
        worst_of(chain, "defaults { attempts 9 per-target 2 }").attempts,
        4
    );
}

#[test]
fn of_shares_the_worst_counts_and_of_what_is_asked_together_the_sum() {
    let split = worst_of(
        "split by key { 50% a/dear timeout 1s retry 0\n 50% a/cheap timeout 9s retry 0 }",
        "",
    );
    assert_eq!(
        (split.attempts, split.time, split.cost),
        (1, Some(9_000), Some(dollars(2, 8)))
    );
    let asked = worst_of(
        "ensemble buffer { ask a/dear timeout 1s retry 0\n ask a/cheap timeout 9s retry 0\n combine first-valid }",
        "",
    );
    assert_eq!(
        (asked.attempts, asked.time, asked.cost),
        (2, Some(9_000), Some(dollars(3, 12)))
    );
    let hedged = worst_of(
        "hedge after 1s { a/dear timeout 4s retry 0\n a/cheap timeout 4s retry 0 }",
        "",
    );
    assert_eq!(
        (hedged.attempts, hedged.time, hedged.cost),
        (2, Some(8_000), Some(dollars(3, 12)))
    );
}

#[test]
fn judges_and_those_that_merge_read_the_answers_they_are_asked_about() {
    let judged = worst_of(
        "cascade buffer { judge a/cheap rubric \"r.md\" timeout 1s retry 0\n try a/cheap timeout 2s retry 0 { accept when score of judge > 0.5 }\n try a/dear timeout 3s retry 0 }",
        "",
    );
    // The judge reads prompt and answer, and writes at most as much.
    assert_eq!((judged.attempts, judged.time), (3, Some(6_000)));
    assert_eq!(judged.cost, Some(dollars(1 + 1 + 2, 4 + (4 + 1) + 8)));
    let merged = worst_of(
        "ensemble buffer { ask a/dear retry 0\n ask a/dear retry 0\n combine merge by a/cheap retry 0 }",
        "",
    );
    assert_eq!(merged.cost, Some(dollars(2 + 2 + 1, 8 + 8 + 4 + 2)));
}

#[test]
fn an_unknown_price_is_never_taken_for_none() {
    let chain = worst_of("fallback { try a/dear\n try a/free }", "");
    assert_eq!(chain.cost, None);
}
