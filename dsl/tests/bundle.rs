//! What a bundle becomes: every quantity in base units, every name an id, every test as data.
#![expect(clippy::expect_used, reason = "test helpers fail loudly")]

use mux_dsl::Image;
use mux_dsl::case::{Compare, Script, That};
use mux_dsl::image::{
    Budget, Credential, Features, HealthRule, Outcomes, Price, Quantile, Rate, RateUnit, Route,
    Scope, TargetId, Tier, Window,
};
use mux_dsl::request::HealthState;

fn image(text: &str) -> Image {
    let compiled = mux_dsl::compile(&["p.mux"], &mut |_| Ok(text.into()), &|_| true);
    let shown = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
    assert!(compiled.image.is_some(), "{shown}");
    compiled.image.expect("checked above")
}

const FLEET: &str = r#"
allow direct
provider north {
  kind    openai
  url     "https://api.north.example/v1"
  key     env NORTH_KEY
  regions us eu
  settings {
    aws-region "eu-central-1"
    retries    3
    betas      "one" two
    deep { flag true }
  }
  model large {
    context 200k
    output  32_000
    price   input $3/Mtok output $15/Mtok cached $0.30/Mtok cache-write $3.75/Mtok
    tier    frontier
    can     tools images json-schema streaming
  }
  model small {
    like  large
    price input $0.15/Mtok output $0.6/Mtok
    tier  economy
  }
}
provider south {
  kind vertex
  private
  key  secret "vault:kv/llm#key"
  model large {
    like north/large
    id   "eu.large-v1:0"
  }
  model bare
}
"#;

#[test]
fn models_take_over_what_they_are_like_and_say_the_rest_themselves() {
    let fleet = image(FLEET).fleet;
    let [large, small, south, bare] = fleet.targets.as_slice() else {
        panic!("{:?}", fleet.targets)
    };
    let price = Price {
        input: 3_000_000,
        output: 15_000_000,
        cached: Some(300_000),
        cache_write: Some(3_750_000),
        ..Price::default()
    };
    assert_eq!(
        (large.context, large.output, large.price, large.tier),
        (
            Some(200_000),
            Some(32_000),
            Some(price),
            Some(Tier::Frontier)
        )
    );
    assert_eq!(
        large.can,
        Features::TOOLS
            .with(Features::IMAGES)
            .with(Features::JSON_SCHEMA)
            .with(Features::STREAMING)
    );
    assert_eq!(
        small.price,
        Some(Price {
            input: 150_000,
            output: 600_000,
            ..Price::default()
        })
    );
    assert_eq!(
        (small.context, small.tier, small.can),
        (Some(200_000), Some(Tier::Economy), large.can)
    );
    assert_eq!(
        (&*south.name, &*south.model, south.price),
        ("south/large", "eu.large-v1:0", Some(price))
    );
    assert_eq!(
        (
            &*small.model,
            small.provider.index(),
            south.provider.index()
        ),
        ("small", 0, 1)
    );
    assert_eq!(
        (bare.price, bare.context, bare.tier),
        (None, None, None),
        "what is not said is unknown"
    );
    assert!(
        bare.can.contains(Features::NEEDS),
        "without a `can` line nothing is known to be missing"
    );
}

#[test]
fn providers_keep_where_a_credential_is_and_hand_their_settings_on_as_json() {
    let fleet = image(FLEET).fleet;
    assert!(fleet.direct);
    let [north, south] = fleet.providers.as_slice() else {
        panic!("{:?}", fleet.providers)
    };
    assert_eq!(north.key, Some(Credential::Env("NORTH_KEY".into())));
    assert_eq!(
        south.key,
        Some(Credential::Secret("vault:kv/llm#key".into()))
    );
    assert_eq!((north.private, south.private), (false, true));
    assert_eq!(north.regions, ["us".into(), "eu".into()]);
    let settings: serde_json::Value =
        serde_json::from_str(&north.settings).expect("settings are JSON");
    let expected = serde_json::json!({ "aws-region": "eu-central-1", "retries": 3, "betas": ["one", "two"], "deep": { "flag": true } });
    assert_eq!(settings, expected);
    assert_eq!(&*south.settings, "{}");
}

#[test]
fn money_rates_and_thresholds_are_in_base_units() {
    let fleet = image(
        r"
budget team { cap $400/week per tag.team key
  warn 80.5% }
limit calm {
  600 requests/min per key
  2M tokens/hour
}
breaker soft {
  trip  when error_rate > 20% over 30s
  min   5 requests
  cool  1m
  probe 3 requests
}
health {
  degraded when p95 > 6s over 1m or error_rate > 5% over 2m
  down     when breaker is open
}
",
    )
    .fleet;
    let scope = vec![Scope::Tag("team".into()), Scope::Key];
    assert_eq!(
        fleet.budgets,
        [Budget {
            name: "team".into(),
            cap: 400_000_000_000_000,
            per: Window::Week,
            scope,
            warn: Some(8_050),
            hard: false
        }]
    );
    let calm = [
        Rate {
            amount: 600,
            unit: RateUnit::Requests,
            per: 60_000,
            scope: vec![Scope::Key],
        },
        Rate {
            amount: 2_000_000,
            unit: RateUnit::Tokens,
            per: 3_600_000,
            scope: vec![],
        },
    ];
    assert_eq!(fleet.limits[0].rates, calm);
    let soft = &fleet.breakers[0];
    assert_eq!(
        (soft.error_rate, soft.over, soft.min, soft.cool, soft.probe),
        (2_000, 30_000, 5, 60_000, 3)
    );
    let health = fleet.health.expect("it is declared");
    assert_eq!(
        health.degraded,
        [
            HealthRule::LatencyAbove(Quantile::P95, 6_000, 60_000),
            HealthRule::ErrorRateAbove(500, 120_000)
        ]
    );
    assert_eq!(health.down, [HealthRule::BreakerOpen]);
}

const RULES: &str = r"
breaker soft { trip when error_rate > 20% over 30s }
budget team { cap $10/day }
limit calm { 5 requests/s }
plan careful {
  fallback within 45s on 429 5xx auth {
    try north/large timeout 20s connect 500ms idle 10s total 2m retry 2 on 429 network timed-out
    try plan cheap
    breaker soft
  }
}
plan cheap { north/small }
policy @main {
  limit  calm
  charge team
  rule rich when used of budget team < 50% use plan careful
  else use south/large timeout 1.5s
}
";

#[test]
fn plans_keep_deadlines_retries_and_outcomes() {
    let image = image(&format!("{FLEET}{RULES}"));
    let Route::Fallback(careful) = &image.plans[0].route else {
        panic!("{:?}", image.plans)
    };
    assert_eq!(careful.terms.within, Some(45_000));
    assert_eq!(
        careful.terms.on,
        Some(Outcomes {
            statuses: vec![429],
            server_errors: true,
            auth: true,
            ..Outcomes::default()
        })
    );
    assert_eq!(
        careful
            .terms
            .breaker
            .map(|b| &*image.fleet.breakers[b.index()].name),
        Some("soft")
    );
    let tries: Vec<&Route> = careful.tries.iter().map(|arm| &arm.route).collect();
    let [Route::Attempt(first), Route::Plan(second)] = tries.as_slice() else {
        panic!("{careful:?}")
    };
    let times = first.timeouts;
    assert_eq!(
        (times.first, times.connect, times.idle, times.total),
        (Some(20_000), Some(500), Some(10_000), Some(120_000))
    );
    let retry = first.retry.as_ref().expect("it is written");
    assert_eq!(retry.times, 2);
    assert_eq!(
        retry.on,
        Some(Outcomes {
            statuses: vec![429],
            network: true,
            timed_out: true,
            ..Outcomes::default()
        })
    );
    assert_eq!(image.plans[second.index()].name.as_deref(), Some("cheap"));
    let written_in_a_rule = image.plans.last().expect("there are plans");
    let Route::Attempt(attempt) = &written_in_a_rule.route else {
        panic!("{written_in_a_rule:?}")
    };
    assert_eq!(
        (written_in_a_rule.name.as_deref(), attempt.timeouts.first),
        (None, Some(1_500))
    );
    let policy = &image.policies[0];
    assert_eq!(
        (
            policy.limits.len(),
            policy.charges.len(),
            policy.rules.iter().filter(|r| r.spent.is_some()).count(),
            policy.rules.len()
        ),
        (1, 1, 0, 2)
    );
    assert_eq!(policy.rules[0].name.as_deref(), Some("rich"));
}

const TESTS: &str = r#"
test "everything" for @main {
  given tag.team "a"
  given tokens 3k
  given output_limit 200
  given streaming
  given has tools
  given end_user "ana"
  given key "k"
  given conversation "c"
  given now 2026-03-29T12:00 Europe/Berlin
  given budget.team 12.5%
  given health of south down
  given p95 of north/large 5s
  given error_rate of north/large 30%
  upstream north/large replies 529 after 300ms
  upstream north/small hangs
  upstream south/large streams 40 tokens/s then drops after 20 tokens
  upstream south/bare refuses
  expect plan is careful
  expect attempts is north/large north/small
  expect attempts <= 3
  expect cost < $0.25 and total <= 30s
  expect not denied
  expect tier >= standard
  expect region is eu
}
test "rows" for @main {
  | has tools | streaming | health of north | budget.team | expect             |
  | yes       | no        | down            | 10%         | rule rich          |
  | no        | yes       | -               | 100%        | served south/large |
}
"#;

#[test]
fn the_facts_of_a_test_are_read_as_data() {
    let image = image(&format!("{FLEET}{RULES}{TESTS}"));
    let all = &image.tests[0];
    let given = &all.given;
    assert_eq!(
        (
            &*given.model,
            given.tokens,
            given.output_limit,
            given.streaming
        ),
        ("@main", 3_000, Some(200), Some(true))
    );
    assert_eq!(given.tags, [("team".to_owned(), "a".to_owned())]);
    assert_eq!(
        (given.needs, given.now),
        (Features::TOOLS, Some(1_774_778_400_000))
    );
    assert_eq!(
        (
            given.end_user.as_deref(),
            given.key.as_deref(),
            given.conversation.as_deref()
        ),
        (Some("ana"), Some("k"), Some("c"))
    );
    assert_eq!(
        given
            .used
            .iter()
            .map(|(_, share)| *share)
            .collect::<Vec<_>>(),
        [1_250]
    );
    assert_eq!(
        given.health,
        [
            (TargetId(2), HealthState::Down),
            (TargetId(3), HealthState::Down)
        ]
    );
    assert_eq!(
        (given.p95.as_slice(), given.error_rate.as_slice()),
        (
            [(TargetId(0), 5_000)].as_slice(),
            [(TargetId(0), 3_000)].as_slice()
        )
    );
}

#[test]
fn scripts_and_expectations_of_a_test_are_read_as_data() {
    let image = image(&format!("{FLEET}{RULES}{TESTS}"));
    let all = &image.tests[0];
    let scripts = [
        (
            TargetId(0),
            Script::Replies {
                status: 529,
                after: 300,
            },
        ),
        (TargetId(1), Script::Hangs),
        (
            TargetId(2),
            Script::Streams {
                rate: 40,
                drops_after: Some(20),
            },
        ),
        (TargetId(3), Script::Refuses),
    ];
    assert_eq!(all.upstreams, scripts);
    let expected: Vec<&That> = all.expects.iter().map(|e| &e.that).collect();
    assert!(matches!(expected[0], That::Plan(_)));
    assert_eq!(expected[1], &That::Attempts(vec![TargetId(0), TargetId(1)]));
    assert_eq!(expected[2], &That::Count(Compare::AtMost, 3));
    assert_eq!(expected[3], &That::Cost(Compare::Less, 250_000_000_000));
    assert_eq!(expected[4], &That::Total(Compare::AtMost, 30_000));
    assert_eq!(
        expected[5..],
        [
            &That::Allowed,
            &That::Tier(Compare::AtLeast, Tier::Standard),
            &That::Region("eu".into())
        ]
    );
    assert_eq!(
        all.expects[1].text,
        "expect attempts is north/large north/small"
    );
}

#[test]
fn a_table_is_a_test_a_row() {
    let image = image(&format!("{FLEET}{RULES}{TESTS}"));
    let [_, one, two] = image.tests.as_slice() else {
        panic!("{:?}", image.tests)
    };
    assert_eq!((&*one.name, &*two.name), ("rows, row 1", "rows, row 2"));
    assert_eq!(
        (one.given.needs, two.given.needs),
        (Features::TOOLS, Features::default())
    );
    assert_eq!(
        (one.given.streaming, two.given.streaming),
        (Some(false), Some(true))
    );
    assert_eq!(one.given.health.len(), 2);
    assert_eq!(
        (&one.expects[0].that, &two.expects[0].that),
        (&That::Rule("rich".into()), &That::Served(TargetId(2)))
    );
    assert_eq!(two.line, one.line + 1);
}
