//! Tests of policies and replays of traffic, as `mux policy test` runs them.
#![expect(
    clippy::panic,
    clippy::expect_used,
    reason = "a test that cannot set itself up should fail loudly"
)]

use mux_dsl::Image;
use mux_dsl::image::TargetId;
use mux_replay::case;
use mux_replay::play::{Beat, Play, answer};
use mux_replay::traffic::replay;
use mux_replay::world::World;
use mux_routing::chance::Chance;
use mux_routing::class::Class;
use mux_routing::flight::{Arrival, Failure, Flight};
use mux_routing::router::{Memory, Router};
use mux_routing::{MILLI, SECOND};
use mux_traffic::record::{Facts, Record};
use std::convert::Infallible;
use std::sync::Arc;

const FLEET: &str = "
provider p {
  kind openai
  key  env KEY
  model a {
    context 10k
    price   input $1/Mtok  output $10/Mtok
  }
  model b {
    context 10k
    price   input $2/Mtok  output $20/Mtok
  }
}
";

const CHAIN: &str = "
plan chain {
  fallback within 8s {
    try p/a timeout 1s
    try p/b timeout 3s
  }
}
policy @x { else use plan chain }
";

fn image(policy: &str) -> Arc<Image> {
    let text = format!("{FLEET}{policy}");
    let compiled = mux_dsl::compile(&["t.mux"], &mut |_| Ok(text.clone().into_bytes()), &|_| {
        true
    });
    let shown = || mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
    Arc::new(compiled.image.unwrap_or_else(|| panic!("{}", shown())))
}

fn router(policy: &str) -> Arc<Router> {
    Arc::new(Router::new(image(policy), "v", &Memory::default(), |_| {
        None
    }))
}

/// Traffic as a gateway would have recorded it: `p/a` fails or hangs now and then.
fn recorded(router: &Arc<Router>, requests: u64, seed: u64) -> Vec<Record> {
    let mut chance = Chance::new(seed);
    let mut records = Vec::new();
    let mut world = World::new(|_: &Flight, _: usize, target: TargetId| -> Play {
        let first = (200 + chance.below(200)) * MILLI;
        match chance.below(10) {
            0 if target == TargetId(0) => vec![(
                first,
                Beat::Failed(Failure {
                    status: Some(503),
                    ..Failure::of(Class::Overloaded)
                }),
            )],
            1 if target == TargetId(0) => vec![(MILLI, Beat::Connected)],
            _ => answer(first, 100, 50, 100, true),
        }
    });
    for n in 0..requests {
        let now = SECOND + n * 250 * MILLI;
        world.advance(now, &mut |flight| records.push(flight.record()));
        let facts = Facts {
            model: "@x".to_owned(),
            tokens: 100,
            streaming: true,
            ..Facts::default()
        };
        let at = 1_767_614_400_000 + i64::try_from(n * 250).expect("small");
        let arrival = Arrival {
            id: format!("r{n}"),
            seed: n,
            at,
            now,
            facts,
            ..Arrival::default()
        };
        let flight = Flight::new(router, arrival, &router.live(now));
        world.launch(flight, &mut |flight| records.push(flight.record()));
    }
    world.finish(&mut |flight| records.push(flight.record()));
    records
}

fn again(policy: &str, records: &[Record], seed: u64) -> mux_replay::report::Report {
    let read = || Ok::<_, Infallible>(records.iter().cloned());
    let Ok(report) = replay(&router(policy), seed, read);
    report
}

#[test]
fn the_policy_that_served_reproduces_what_was_recorded() {
    let records = recorded(&router(CHAIN), 400, 3);
    let report = again(CHAIN, &records, 1);
    assert_eq!((report.requests, report.changed), (400, 0));
    assert!(
        report.was.failed_over > 40,
        "the recording has failovers: {}",
        report.was.failed_over
    );
    assert_eq!(report.now.routes, report.was.routes);
    assert_eq!(report.now.failed_over, report.was.failed_over);
    assert_eq!(
        (report.now.p50_ms, report.now.p95_ms),
        (report.was.p50_ms, report.was.p95_ms)
    );
    assert_eq!(report.now.cost, report.was.cost);
}

#[test]
fn another_policy_shows_what_changes() {
    let records = recorded(&router(CHAIN), 200, 3);
    let report = again("policy @x { else use p/b timeout 3s }", &records, 1);
    assert_eq!(report.changed, 200);
    assert_eq!(report.now.routes.get("p/b"), Some(&200));
    assert_eq!(report.now.failed_over, 0);
    assert!(report.now.cost > report.was.cost, "p/b is dearer");
    let change = report.changes.first().expect("a change");
    assert_eq!(
        (change.was.as_str(), change.now.as_str(), change.count),
        ("chain", "p/b", 200)
    );
}

#[test]
fn another_order_under_the_same_name_is_a_change() {
    let records = recorded(&router(CHAIN), 50, 3);
    let turned = CHAIN
        .replace("p/a timeout 1s", "p/c timeout 1s")
        .replace("p/b timeout 3s", "p/a timeout 1s")
        .replace("p/c timeout 1s", "p/b timeout 3s");
    let report = again(&turned, &records, 1);
    assert_eq!(report.changed, 50);
    let change = report.changes.first().expect("a change");
    assert_eq!(
        (change.was.as_str(), change.now.as_str()),
        ("chain, first p/a", "chain, first p/b")
    );
}

#[test]
fn a_replay_is_a_function_of_its_seed() {
    let records = recorded(&router(CHAIN), 200, 5);
    let policy =
        "policy @x { else use fallback within 8s {\n try p/b timeout 3s\n try p/a timeout 1s\n } }";
    let text =
        |seed| serde_json::to_string(&again(policy, &records, seed)).expect("a report is JSON");
    assert_eq!(text(1), text(1));
}

#[test]
fn a_target_that_was_never_recorded_is_assumed_healthy_and_named() {
    let records = recorded(&router("policy @x { else use p/a timeout 3s }"), 20, 5);
    let report = again("policy @x { else use p/b timeout 3s }", &records, 1);
    assert!(report.assumed.contains("p/b"));
    assert_eq!(report.now.errors, 0);
}

#[test]
fn a_test_that_does_not_hold_says_what_happened_instead() {
    let policy = format!(
        "{CHAIN}
test \"good\" {{
  given model @x
  upstream p/a hangs
  expect attempts is p/a p/b
  expect served is p/b
  expect total < 2s
}}
test \"bad\" {{
  given model @x
  upstream p/a replies 503 after 100ms
  expect served is p/a
}}
"
    );
    let outcomes = case::run(&image(&policy));
    assert_eq!(outcomes.len(), 2);
    assert!(
        outcomes[0].failures.is_empty(),
        "{:?}",
        outcomes[0].failures
    );
    let miss = &outcomes[1].failures[0];
    assert_eq!(
        (miss.expected.as_str(), miss.got.as_str()),
        ("expect served is p/a", "served by p/b")
    );
}

#[test]
fn a_whole_answer_is_held_against_the_timeout_only_where_the_test_says_so() {
    // A healthy upstream takes 300 ms to its first content and 5.4 s to its last token.
    let policy = "policy @x { else use p/a timeout 1s }
test \"first content\" {
  given model @x
  expect served is p/a
}
test \"whole\" {
  given model @x
  given streaming no
  expect failed
}
";
    let outcomes = case::run(&image(policy));
    assert!(
        outcomes.iter().all(|o| o.failures.is_empty()),
        "{outcomes:?}"
    );
}

#[test]
fn a_replay_block_holds_the_comparison_to_its_bounds() {
    let records = recorded(&router(CHAIN), 200, 3);
    let policy = "policy @x { else use p/b timeout 3s }
replay \"recordings\" against \"live\" {
  expect changed <= 2%
  expect errors  <= 0%
  expect cost    <= +500%
  expect p95     <= 1ms
}
";
    let image = image(policy);
    let misses = mux_replay::expectation::check(&image, &again(policy, &records, 1));
    let texts: Vec<&str> = misses.iter().map(|m| m.expected.as_str()).collect();
    assert_eq!(texts, ["expect changed <= 2%", "expect p95 <= 1ms"]);
    assert_eq!(misses.first().map(|m| m.got.as_str()), Some("100.00%"));
}

/// What the tests of a bundle miss, by name: line and what was the case instead.
fn missed(policy: &str) -> Vec<(String, Vec<(u32, String)>)> {
    let outcomes = case::run(&image(policy)).into_iter();
    let misses = outcomes.map(|o| {
        let failures = o.failures.into_iter().map(|m| (m.line, m.got));
        (o.name, failures.collect())
    });
    misses.collect()
}

#[test]
fn a_test_can_ask_for_the_arm_of_a_split() {
    let policy = r#"
policy @x {
  when streaming use p/a
  else use split by end_user salt "s" {
    40% p/a name control
    60% p/b name treatment
  }
}
test "ana is treated" {
  given model @x
  given end_user "ana"
  expect arm is treatment
  expect arm is not control
  expect served is p/b
}
test "ana is no control" {
  given model @x
  given end_user "ana"
  expect arm is control
}
test "no split, no arm" {
  given model @x
  given streaming
  expect arm is control
}
"#;
    let miss = |line, got: &str| vec![(line, got.to_owned())];
    assert_eq!(
        mux_routing::bucket::bucket("s", "ana") / 4_000,
        1,
        "of 40% and 60%"
    );
    assert_eq!(
        missed(policy),
        [
            ("ana is treated".to_owned(), vec![]),
            ("ana is no control".to_owned(), miss(32, "treatment")),
            ("no split, no arm".to_owned(), miss(37, "none")),
        ]
    );
}

#[test]
fn what_a_plan_does_that_is_not_carried_out_cannot_be_expected_either_way() {
    let policy = r#"
policy @x {
  rule vote when not streaming
    use ensemble buffer {
      ask p/a
      ask p/b
      quorum 2
      combine first-valid
    }
  else use p/a
}
test "both ways" {
  given model @x
  expect rule is vote
  expect policy is @x
  expect not denied
  expect served is p/a
  expect served is not p/a
  expect failed
  expect attempts <= 2
}
"#;
    let [(_, misses)] = missed(policy).try_into().expect("one test");
    let lines: Vec<_> = misses.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [30, 31, 32, 33], "what was decided is known");
    let said = "this version cannot carry out `ensemble` yet";
    assert!(misses.iter().all(|(_, got)| got == said), "{misses:?}");
}

#[test]
fn everything_that_is_given_reaches_rules_arms_and_orders() {
    let policy = r#"
facts {
  header.x-plan any
}
policy @x {
  when team is "red"          use p/b
  when header.x-plan is "gold" use p/b
  when tag.how is "arms" {
    use fallback {
      try p/b when tokens > 5k
      try p/a
    }
  }
  when tag.how is "cheap" {
    use cheapest where p95 < 2s {
      p/b
      p/a
      otherwise p/b
    }
  }
  when tag.how is "quick" {
    use fastest by p99 explore 0% {
      p/a
      p/b
    }
  }
  else use p/a
}
test "table" for @x {
  | team  | header.x-plan | tag.how | tokens | expect        |
  | "red" | -             | -       | 1k     | p/b         |
  | -     | "gold"        | -       | 1k     | p/b         |
  | -     | "lead"        | -       | 1k     | p/a         |
  | -     | -             | "arms"  | 1k     | p/a         |
  | -     | -             | "arms"  | 6k     | p/b         |
}
test "the cheapest passes" {
  given model @x
  given tag.how "cheap"
  given p95 of p/a 1s
  given p95 of p/b 1s
  expect attempts is p/a
}
test "nobody is known to pass" {
  given model @x
  given tag.how "cheap"
  expect attempts is p/b
}
test "the quickest" {
  given model @x
  given tag.how "quick"
  given p99 of p/a 2s
  given p99 of p/b 1s
  upstream p/b replies 503 after 100ms
  expect attempts is p/b p/a
}
"#;
    let missed = missed(policy);
    assert_eq!(missed.len(), 8);
    for (name, misses) in missed {
        assert!(misses.is_empty(), "{name}: {misses:?}");
    }
}
