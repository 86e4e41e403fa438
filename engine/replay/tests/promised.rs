//! Guarantees against what happens: a counterexample fails when it is run, and what is proved is never seen broken.
#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::format_collect,
    clippy::format_push_string,
    reason = "test helpers fail loudly and build texts plainly"
)]

use mux_dsl::{Answer, Image, compile_forced, render};
use mux_replay::case;
use proptest::prelude::*;
use std::sync::Arc;

const FLEET: &str = r#"
provider here {
  kind openai-compatible
  url "http://here.internal/v1"
  private
  regions eu
  model big {
    context 128k
    output 8k
    price input $1/Mtok output $2/Mtok
    tier standard
    can tools streaming
  }
  model small {
    context 64k
    output 4k
    price input $0.10/Mtok output $0.20/Mtok
    tier economy
    can tools streaming
  }
}
provider there {
  kind openai
  key env THERE
  regions us
  model best {
    context 1M
    output 32k
    price input $5/Mtok output $20/Mtok
    tier frontier
    can tools images streaming
  }
  model other {
    context 200k
    output 8k
    price input $2/Mtok output $4/Mtok
    tier standard
    can tools streaming
  }
}
"#;

fn image(text: &str) -> Arc<Image> {
    let compiled = compile_forced(&["p.mux"], &mut |_| Ok(text.as_bytes().to_vec()), &|_| true);
    let report = render(&compiled.diagnostics, &compiled.sources, false);
    Arc::new(compiled.image.unwrap_or_else(|| panic!("{text}\n{report}")))
}

fn targets() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["here/big", "here/small", "there/best", "there/other"])
}

fn conditions() -> impl Strategy<Value = String> {
    let one = || {
        prop::sample::select(vec![
            "tokens > 20k",
            "tokens <= 60k",
            "streaming",
            "not streaming",
            "has tools",
            "tag.plan is \"free\"",
            "output_limit < 500",
            "health of here is down",
        ])
    };
    prop_oneof![
        one().prop_map(str::to_owned),
        (one(), one()).prop_map(|(a, b)| format!("{a} and {b}")),
        (one(), one()).prop_map(|(a, b)| format!("({a} or {b})")),
    ]
}

/// Plans `p0`, `p1` …; each a strategy over some targets.
fn plans() -> impl Strategy<Value = Vec<String>> {
    let some = || {
        prop::sample::subsequence(
            vec!["here/big", "here/small", "there/best", "there/other"],
            2..=4,
        )
    };
    let tries = |t: &[&str]| -> String { t.iter().map(|t| format!("    try {t}\n")).collect() };
    let list = |t: &[&str]| -> String { t.iter().map(|t| format!("    {t}\n")).collect() };
    let plan = prop_oneof![
        (some(), conditions()).prop_map(move |(t, c)| format!(
            "fallback {{\n    try {} when {c}\n{}  }}",
            t[0],
            tries(&t[1..])
        )),
        some().prop_map(move |t| format!("fallback {{\n{}  }}", tries(&t))),
        some().prop_map(move |t| format!("cheapest {{\n{}  }}", list(&t))),
        (some(), targets()).prop_map(move |(t, o)| format!(
            "cheapest where p95 < 2s {{\n{}    otherwise {o}\n  }}",
            list(&t)
        )),
    ];
    prop::collection::vec(plan, 1..3)
}

fn promises() -> impl Strategy<Value = String> {
    let target = targets().prop_map(|t| format!("target is not {t}"));
    prop_oneof![
        target,
        prop::sample::select(vec![
            "private",
            "can images",
            "not private",
            "region is eu",
            "region is not us",
            "provider is here",
            "tier < frontier",
            "tier >= standard",
            "not denied",
            "attempts <= 1",
            "attempts <= 2",
            "attempts <= 3",
            "cost <= $0.01",
            "cost <= $0.2",
            "cost <= $1",
        ])
        .prop_map(str::to_owned),
    ]
}

/// Requests of every kind, with every set of upstreams refusing.
fn trials(expect: &str) -> String {
    let mut text = String::new();
    for (n, given) in [
        "",
        "given tokens 30k",
        "given tokens 90k\n  given streaming",
        "given streaming\n  given output_limit 100",
        "given has tools\n  given tokens 15k\n  given output_limit 400",
        "given tag.plan \"free\"\n  given has tools\n  given streaming",
        "given health of here down\n  given tokens 50k",
    ]
    .iter()
    .enumerate()
    {
        for refusing in 0..16_u32 {
            let scripts: String = ["here/big", "here/small", "there/best", "there/other"]
                .iter()
                .enumerate()
                .filter(|(at, _)| refusing >> at & 1 == 1)
                .map(|(_, t)| format!("  upstream {t} refuses\n"))
                .collect();
            text.push_str(&format!(
                "test \"t{n}-{refusing}\" for @p {{\n  {given}\n{scripts}  expect {expect}\n}}\n"
            ));
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn a_counterexample_fails_and_what_is_proved_is_never_seen_broken(
        plans in plans(),
        rules in prop::collection::vec((conditions(), 0..4_usize), 0..4),
        last in 0..4_usize,
        promise in promises(),
        when in prop::option::of(conditions()),
    ) {
        let verb = |n: &usize| match n {
            0 => "deny 403 \"no\"".to_owned(),
            n => format!("use plan p{}", n % plans.len()),
        };
        let mut text = FLEET.to_owned();
        for (n, plan) in plans.iter().enumerate() {
            text.push_str(&format!("plan p{n} {{\n  {plan}\n}}\n"));
        }
        let lines: String = rules.iter().map(|(c, n)| format!("  when {c} {}\n", verb(n))).collect();
        text.push_str(&format!("policy @p {{\n  when has images or has json-schema deny 400 \"no\"\n{lines}  else {}\n}}\n", verb(&last)));
        let line = when.as_ref().map_or_else(String::new, |w| format!("  when {w}\n"));
        let whole = format!("{text}guarantee \"g\" {{\n{line}  expect {promise}\n}}\n");
        let compiled = compile_forced(&["p.mux"], &mut |_| Ok(whole.as_bytes().to_vec()), &|_| true);
        // Rules that can never run and requests nobody can serve are errors of their own.
        prop_assume!(compiled.image.is_some());
        let proofs = compiled.image.expect("just seen").proofs;
        match &proofs[0].verdict {
            Answer::Refuted(example) if example.fails => {
                let image = image(&format!("{text}{}", example.test));
                let outcomes = case::run(&image);
                prop_assert!(!outcomes[0].failures.is_empty(), "it passes:\n{}\n{}", text, example.test);
            }
            Answer::Refuted(example) => {
                // What cannot be shown by running is a request all the same.
                image(&format!("{text}{}", example.test.replace("# expect", "expect not denied\n  #")));
            }
            Answer::Proved if when.is_none() => {
                let served = image(&format!("{text}{}", trials("not failed")));
                let expects = promise.replace("target is", "served is");
                let kept = image(&format!("{text}{}", trials(&expects)));
                let allowed = image(&format!("{text}{}", trials("not denied")));
                let outcomes = case::run(&served).into_iter().zip(case::run(&kept)).zip(case::run(&allowed));
                for ((served, kept), allowed) in outcomes {
                    let about_targets = !["attempts", "cost", "not denied"].iter().any(|w| promise.starts_with(w));
                    let nobody = !served.failures.is_empty() || !allowed.failures.is_empty();
                    if about_targets && nobody {
                        continue;
                    }
                    prop_assert!(kept.failures.is_empty(), "{:?}\n{}", kept, whole);
                }
            }
            Answer::Proved | Answer::Vacuous | Answer::Bounded { .. } => {}
        }
    }
}
