//! Prices that a catalogue lists: they count wherever a policy says none, and are no part of what the policy says.
#![expect(clippy::expect_used, reason = "test helpers fail loudly")]

use mux_dsl::image::{Price, PriceList, Rates};
use mux_dsl::worst::{unpriced, worst, worst_up_to};
use mux_dsl::{Compiled, Image, Outside, compile_within};

const FLEET: &str = "provider shop {
  kind shop
  model listed { context 200k }
  model unknown { context 200k }
  model own { price input $9/Mtok output $9/Mtok }
  model alike { like own }
}
";

fn each(input: i64, output: i64) -> Price {
    Price {
        input,
        output,
        ..Price::default()
    }
}

/// What the shop lists: half as much again above a thousand tokens, and twice as much from noon on.
fn listed(factor: i64) -> PriceList {
    let rates = |daily, factor| Rates {
        from: None,
        daily,
        price: each(2_000_000 * factor, 4_000_000 * factor),
        steps: [(1_000, each(3_000_000 * factor, 6_000_000 * factor))].into(),
    };
    let noon = Some((43_200_000, 0));
    let rates = vec![rates(None, factor), rates(noon, 2 * factor)];
    PriceList::new("a list", rates, false, 0).expect("rates")
}

fn compiled(policies: &str, factor: i64) -> Compiled {
    let text = format!("{FLEET}{policies}");
    let outside = Outside {
        kinds: &|_| true,
        prices: &|kind, model| {
            let sold = kind == "shop" && model != "unknown";
            sold.then(|| listed(factor))
        },
        force: false,
    };
    compile_within(&["a.mux"], &mut |_| Ok(text.clone().into_bytes()), outside)
}

fn image(policies: &str, factor: i64) -> Image {
    let compiled = compiled(policies, factor);
    compiled.image.expect("a good bundle")
}

#[test]
fn what_a_policy_says_or_takes_over_from_another_model_stands_before_a_list() {
    let image = image("policy @a { else use shop/listed }\n", 1);
    let of = |at: usize| image.fleet.targets[at].price.map(|p| p.input);
    assert_eq!(
        [of(0), of(1), of(2), of(3)],
        [Some(2_000_000), None, Some(9_000_000), Some(9_000_000)]
    );
    let listed: Vec<bool> = image
        .fleet
        .targets
        .iter()
        .map(|t| t.listed.is_some())
        .collect();
    assert_eq!(listed, [true, false, false, false]);
}

#[test]
fn other_prices_in_a_list_are_no_other_meaning_of_a_policy() {
    let policies = "policy @a { else use cheapest {\n shop/listed\n shop/own } }\n";
    let dear = image(policies, 5);
    assert_eq!(image(policies, 1).semantic(), dear.semantic());
    let other = policies.replace("shop/own", "shop/alike");
    assert_ne!(
        image(&other, 1).semantic().policies,
        dear.semantic().policies
    );
}

#[test]
fn a_price_is_the_one_of_the_moment_and_the_prompt_and_the_most_is_that_of_the_dearest_hour() {
    let image = image("policy @a { else use shop/listed }\n", 1);
    let target = &image.fleet.targets[0];
    let at = |hour: i64, prompt| {
        target
            .price_at(hour * 3_600_000, prompt, true)
            .map(|p| p.input)
    };
    assert_eq!(
        [at(0, 1_000), at(11, 1_001), at(12, 1_000), at(23, 1_001)]
            .map(|p| p.expect("a price") / 1_000_000),
        [2, 3, 4, 6]
    );
    assert_eq!(target.dearest(1_000).map(|p| p.output), Some(8_000_000));
    assert_eq!(target.dearest(1_001).map(|p| p.output), Some(12_000_000));
}

#[test]
fn the_most_that_a_route_costs_is_told_for_the_size_of_the_prompt_and_for_whom_it_is_unknown() {
    let image = image(
        "policy @a { else use fallback { try shop/listed\n try shop/unknown } }\npolicy @b { else use shop/listed }\n",
        1,
    );
    let of = |at: usize| &image.plans[at].route;
    assert_eq!(worst(of(0), &image.plans, &image.fleet).cost, None);
    let unknown: Vec<&str> = unpriced(of(0), &image.plans, &image.fleet)
        .iter()
        .map(|t| &*t.name)
        .collect();
    assert_eq!(unknown, ["shop/unknown"]);
    assert!(unpriced(of(1), &image.plans, &image.fleet).is_empty());
    let cost = |prompt| {
        worst_up_to(of(1), &image.plans, &image.fleet, prompt)
            .cost
            .expect("a cost")
    };
    // Two attempts at the dearest hour.
    assert_eq!(cost(1_000).input, 2 * 4_000_000);
    assert_eq!(cost(1_001).input, 2 * 6_000_000);
}

#[test]
fn a_promise_about_money_is_proved_and_refuted_by_listed_prices() {
    // A thousand tokens at $4 and 500 at $8 for a million are less than a cent; 1,001 at $6 and 500 at $12 are more.
    let promise = |tokens: &str| {
        format!(
            "policy @a {{ else use shop/listed retry 0 on 429 }}\nguarantee \"cheap\" {{\n  when tokens <= {tokens} and output_limit <= 500\n  expect cost < $0.0081\n}}\n"
        )
    };
    assert!(compiled(&promise("1000"), 1).image.is_some());
    let refuted = compiled(&promise("1001"), 1);
    let codes: Vec<&str> = refuted.diagnostics.iter().map(|d| d.code).collect();
    assert!(
        refuted.image.is_none() && codes.contains(&"mux::guarantee::refuted"),
        "{codes:?}"
    );
}

#[test]
fn a_filter_on_prices_takes_the_listed_one_of_the_day() {
    let policies =
        "policy @a { else use cheapest where price <= $3/Mtok {\n shop/listed\n shop/own } }\n";
    let warned = |factor| {
        let compiled = compiled(policies, factor);
        compiled
            .diagnostics
            .iter()
            .map(|d| d.code)
            .collect::<Vec<_>>()
    };
    assert_eq!(warned(1), ["mux::list::never"], "the dear one never passes");
    assert_eq!(warned(5), ["mux::list::empty"], "nobody passes");
}
