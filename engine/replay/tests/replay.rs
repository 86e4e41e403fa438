//! Tests of policies and replays of traffic, as `mux policy test` runs them.
#![expect(
    clippy::panic,
    clippy::expect_used,
    reason = "a test that cannot set itself up should fail loudly"
)]

use mux_dsl::Image;
use mux_dsl::image::TargetId;
use mux_replay::by::By;
use mux_replay::case;
use mux_replay::decisions::{Deciding, decide};
use mux_replay::order::InOrder;
use mux_replay::play::{Beat, Play, answer};
use mux_replay::report::Report;
use mux_replay::traffic::{Hands, Kept, Learning, Replay, Terms, Work, replay};
use mux_replay::world::World;
use mux_routing::chance::Chance;
use mux_routing::class::Class;
use mux_routing::flight::{Arrival, Failure, Flight};
use mux_routing::router::{Memory, Router};
use mux_routing::{MILLI, SECOND};
use mux_traffic::record::{Behaviour, Facts, Record};
use std::convert::Infallible;
use std::num::NonZeroU64;
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

fn again(policy: &str, records: &[Record], seed: u64) -> Report {
    let read = || Ok::<_, Infallible>(records.iter().cloned());
    let terms = Terms {
        seed,
        ..Terms::default()
    };
    let Ok(report) = replay(&router(policy), None, terms, read);
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
fn requests_without_a_key_take_the_arm_of_a_split_that_they_took() {
    let policy = "policy @x { else use split by end_user salt \"s\" {\n 50% p/a\n 50% p/b\n} }";
    let mut records = recorded(&router(policy), 200, 3);
    let report = again(policy, &records, 1);
    assert_eq!((report.requests, report.changed), (200, 0));
    let first = |target: &str| {
        let of = |r: &&Record| r.attempts.first().is_some_and(|a| a.target == target);
        records.iter().filter(of).count()
    };
    assert!(
        first("p/a") > 50 && first("p/b") > 50,
        "both arms are taken"
    );
    // Of two gateways that gave the same ids, all are played as well.
    records.extend(records.clone());
    assert_eq!(again(policy, &records, 1).requests, 400);
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

/// A comparison with another version, an outage, and figures by target.
fn full(policy: &str, other: &str, records: &[Record], outages: &[&str]) -> Report {
    let outages: Vec<_> = outages
        .iter()
        .map(|o| o.parse().expect("an outage"))
        .collect();
    let terms = Terms {
        seed: 1,
        outages: &outages,
        by: &[By::Target],
        trace: Some("r7"),
        ..Terms::default()
    };
    let read = || Ok::<_, Infallible>(records.iter().cloned());
    let Ok(report) = replay(&router(policy), Some(&router(other)), terms, read);
    report
}

#[test]
fn two_versions_stand_side_by_side_and_changes_are_counted_between_them() {
    let records = recorded(&router(CHAIN), 300, 3);
    let other = "policy @x { else use p/b timeout 3s }";
    let report = full(CHAIN, other, &records, &[]);
    let against = report.against.as_ref().expect("another version");
    assert_eq!((report.requests, report.changed), (300, 300));
    assert_eq!(report.now.routes, report.was.routes, "the one that served");
    assert_eq!(against.routes.get("p/b"), Some(&300));
    assert_eq!(report.before().cost, against.cost);
    let bounds = report.now.bounds.expect("it is simulated");
    let [low, high] = bounds.cost_change.expect("p/b costs something");
    let change = report.cost_change().expect("both are priced");
    let change = f64::from(i32::try_from(change).expect("a share"));
    assert!(
        low < high && low <= change && change <= high + 1.0,
        "the change against the other version: {low} {change} {high}"
    );
    let change = report.changes.first().expect("a change");
    assert_eq!((change.was.as_str(), change.now.as_str()), ("p/b", "chain"));
    assert!(change.now_rule.starts_with("t.mux:"), "{change:?}");
    let by: u64 = report
        .groups
        .iter()
        .map(|g| g.now.routes.values().sum::<u64>())
        .sum();
    assert_eq!((report.groups.len(), by), (2, 300), "by who served then");
    let parts: u64 = report.parts.iter().map(|p| p.requests).sum();
    assert_eq!(parts, 300);
    let traced = report.traced.expect("it was asked for");
    assert_eq!(
        (traced.was.id, traced.now.id),
        ("r7".to_owned(), "r7".to_owned())
    );
    let within = report
        .within
        .first()
        .expect("the chain has a time of its own");
    assert_eq!(
        (within.plan.as_str(), within.requests, within.over),
        ("chain", 300, 0)
    );
}

#[test]
fn an_outage_strikes_whoever_sends_there_while_it_lasts() {
    let records = recorded(&router(CHAIN), 400, 3);
    // 100 seconds of traffic; a fifth of it is struck.
    let report = full(
        CHAIN,
        "policy @x { else use p/a timeout 1s }",
        &records,
        &["p/a=hangs:20s@+40s"],
    );
    let against = report.against.as_ref().expect("another version");
    assert!(report.drawn.outages > 3, "{:?}", report.drawn);
    assert_eq!(report.now.errors, 0, "the chain moves on");
    let zero = report.from;
    let errors = |from: i64, until: i64| {
        let own = report
            .parts
            .iter()
            .filter(|p| (from..until).contains(&(p.from - zero)));
        own.filter_map(|p| p.against.as_ref())
            .map(|a| a.errors)
            .sum::<u64>()
    };
    let [before, during, after] =
        [(0, 40_000), (40_000, 60_000), (60_000, 100_000)].map(|(from, until)| errors(from, until));
    assert!(
        during > 70 && before + after < 70,
        "{before} {during} {after}"
    );
    assert!(
        against.errors > report.was.errors + 60,
        "{}",
        against.errors
    );
    assert!(report.now.p95_ms >= report.was.p95_ms);
}

#[test]
fn a_copy_tells_how_a_target_behaves_and_is_no_request() {
    let mut records = recorded(&router(CHAIN), 100, 3);
    for record in records.iter_mut().skip(50) {
        record.copy_of = Some("r0".to_owned());
    }
    let report = again(CHAIN, &records, 1);
    assert_eq!((report.requests, report.copies), (50, 50));
    assert_eq!(report.sample, None);
    records[3].sample = Some(1_000);
    assert_eq!(
        again(CHAIN, &records, 1).sample,
        Some(1_000),
        "and less than all of it is told"
    );
}

#[test]
fn decisions_alone_are_those_of_a_replay_and_made_once_a_class() {
    let policy = "
plan chain {
  fallback within 8s {
    try p/a timeout 1s
    try p/b timeout 3s
  }
}
policy @x {
  rule short when tokens < 50 use p/b
  rule grey when tag.t is \"grey\" deny 403 \"no\"
  else use plan chain
}
";
    let mut records = recorded(&router(CHAIN), 300, 3);
    for (n, record) in (0..).zip(&mut records) {
        record.request.tokens = n;
        if n % 10 == 0 {
            record.request.tags = vec![("t".to_owned(), "grey".to_owned())];
        }
    }
    records[7].request.model = "@gone".to_owned();
    let whole = again(policy, &records, 1);
    let report = decide(&router(policy), None, &[], records.iter().cloned());
    let told = |report: &Report| {
        let changes = report.changes.iter();
        let changes = changes.map(|c| (c.was.clone(), c.now.clone(), c.now_rule.clone(), c.count));
        let mut changes: Vec<_> = changes.collect();
        changes.sort();
        changes
    };
    assert_eq!(told(&report), told(&whole));
    assert_eq!(
        told(&report).iter().map(|c| c.3).collect::<Vec<_>>(),
        [25, 49, 1]
    );
    assert_eq!((report.requests, report.changed), (300, 75));
    assert_eq!(
        report.classes,
        Some(5),
        "short or not, grey or not, and one that leads nowhere"
    );
    assert_eq!(report.now.routes.get("deny 403"), Some(&25));
    let same = decide(
        &router(policy),
        Some(&router(policy)),
        &[],
        records.iter().cloned(),
    );
    assert_eq!(same.changed, 0, "against itself");
}

#[test]
fn decisions_alone_see_another_order_of_a_plan_of_the_same_name() {
    let records = recorded(&router(CHAIN), 50, 3);
    let turned = CHAIN
        .replace("p/a timeout 1s", "p/c timeout 1s")
        .replace("p/b timeout 3s", "p/a timeout 1s")
        .replace("p/c timeout 1s", "p/b timeout 3s");
    let words = |report: &Report| {
        let change = report.changes.first().expect("a change");
        (report.changed, change.was.clone(), change.now.clone())
    };
    let [was, now] = ["chain, first p/a", "chain, first p/b"].map(str::to_owned);
    let report = decide(&router(&turned), None, &[], records.iter());
    assert_eq!(words(&report), (50, was, now), "than what was recorded");
    let report = decide(&router(&turned), Some(&router(CHAIN)), &[], records.iter());
    let [was, now] = ["p/a, p/b", "p/b, p/a"].map(|order| format!("chain, in the order {order}"));
    assert_eq!(words(&report), (50, was, now), "than another version");
    let report = decide(&router(CHAIN), None, &[], records.iter());
    assert_eq!(report.changed, 0);
}

#[test]
fn times_that_cannot_be_stretch_nothing_and_are_told() {
    let records = recorded(&router(CHAIN), 100, 3);
    let plain = again(CHAIN, &records, 1);
    let mut odd = records.clone();
    odd[3].at = 0;
    odd[50].at = 253_402_300_799_000;
    odd[60].at = i64::MAX;
    let report = again(CHAIN, &odd, 1);
    assert_eq!((report.requests, report.mistimed), (100, 3));
    assert_eq!((report.from, report.until), (plain.from, plain.until));
    assert_eq!(plain.mistimed, 0);
    let mut trace = records.clone();
    for record in &mut trace {
        record.at -= records[0].at;
    }
    assert_eq!(
        again(CHAIN, &trace, 1).mistimed,
        0,
        "it may begin at nothing"
    );
    let outage = "p/a=hangs:1m@9999-01-01T00:00:00Z";
    let report = full(CHAIN, CHAIN, &records, &[outage, "p/a=fails:10s"]);
    assert_eq!(report.idle_outages, [outage], "it struck nobody");
}

/// A policy with a budget, the one that is to hold over all stages.
const BUDGETED: &str = "
budget all { cap $0.20/month }
policy @x {
  charge all
  when used of budget all >= 50% use p/b timeout 3s
  else use p/a timeout 1s
}
";

/// The JSON of a replay in stages of a hundred requests that is written down and gone on with behind every `often`th.
fn in_stages(records: &[Record], often: Option<usize>) -> String {
    let outages = ["p/b=fails:40s@+40s".parse().expect("an outage")];
    let terms = Terms {
        seed: 5,
        outages: &outages,
        by: &[By::Target],
        trace: Some("r150"),
        stage: NonZeroU64::new(100),
        hands: None,
    };
    let mut learning = Learning::new(terms);
    for (n, record) in records.iter().enumerate() {
        if learning.take(record) && often.is_some() {
            let (samples, learnt) = learning.kept();
            assert_eq!(learnt, n as u64 + 1);
            let text = serde_json::to_string(samples).expect("JSON");
            let samples = serde_json::from_str(&text).expect("what was written");
            learning = Learning::go_on(terms, samples, learnt);
        }
    }
    let samples = learning.settle();
    let routers = || (router(BUDGETED), router(CHAIN));
    let (now, against) = routers();
    let mut replay = Replay::new(&now, Some(&against), &samples, terms);
    let mut records = InOrder::new(records.iter().cloned(), &samples, Vec::new());
    let mut stages = 0;
    while let Some(record) = records.next() {
        if replay.take(record) && often.is_some_and(|often| stages % often == 0) {
            stages += 1;
            let text = serde_json::to_string(&replay.kept().expect("a stage is over"));
            let kept: Kept = serde_json::from_str(&text.expect("JSON")).expect("what was written");
            let (now, against) = routers();
            replay = Replay::go_on(&now, Some(&against), &samples, terms, kept);
            assert!(!records.held().is_empty() || stages == 4);
        }
    }
    serde_json::to_string(&replay.finish()).expect("a report is JSON")
}

#[test]
fn a_replay_that_goes_on_where_it_was_ends_as_one_that_was_never_interrupted() {
    let records = recorded(&router(CHAIN), 430, 3);
    let whole = in_stages(&records, None);
    assert_eq!(in_stages(&records, Some(1)), whole);
    assert_eq!(in_stages(&records, Some(2)), whole);
    let report: Report = serde_json::from_str(&whole).expect("a report");
    assert_eq!(report.requests, 430);
    assert!(
        report.now.routes.get("p/a") > Some(&100) && report.now.routes.get("p/b") > Some(&100),
        "what was spent counts over all stages: {:?}",
        report.now.routes
    );
    assert!(report.traced.is_some());
    assert_eq!(report.idle_outages, [""; 0]);
}

#[test]
fn what_is_learnt_of_targets_is_learnt_without_the_rest_of_a_record() {
    let records = recorded(&router(CHAIN), 100, 3);
    let [mut whole, mut part] = [(); 2].map(|()| Learning::new(Terms::default()));
    for record in &records {
        whole.take(record);
        let line = serde_json::to_string(record).expect("JSON");
        let behaviour: Behaviour = serde_json::from_str(&line).expect("a part of a record");
        part.take(&behaviour);
    }
    let told = |learning: &Learning| serde_json::to_value(learning.kept().0).expect("JSON");
    assert_eq!(told(&part), told(&whole));
}

/// So many threads.
#[derive(Debug)]
struct Threads(usize);

impl Hands for Threads {
    fn many(&self) -> usize {
        self.0
    }

    fn begin(&self, work: Work) {
        std::thread::spawn(work);
    }
}

#[test]
fn a_replay_is_the_same_however_many_hands_there_are() {
    let records = recorded(&router(CHAIN), 1_500, 3);
    let outages = ["p/b=fails:40s@+40s".parse().expect("an outage")];
    let told = |against: Option<&str>, hands: usize, stage| {
        let terms = Terms {
            seed: 5,
            outages: &outages,
            by: &[By::Target],
            trace: Some("r150"),
            stage: NonZeroU64::new(stage),
            hands: Some(&Threads(hands)),
        };
        let read = || Ok::<_, Infallible>(records.iter().cloned());
        let against = against.map(router);
        let Ok(report) = replay(&router(BUDGETED), against.as_ref(), terms, read);
        assert!(report.traced.is_some() && report.requests == 1_500);
        serde_json::to_string(&report).expect("a report is JSON")
    };
    for against in [None, Some(CHAIN)] {
        for stage in [400, 10_000] {
            let alone = told(against, 0, stage);
            for hands in [1, 2, 4] {
                assert_eq!(told(against, hands, stage), alone, "{hands} hands");
            }
        }
    }
}

#[test]
fn deciding_goes_on_where_it_was() {
    let records = recorded(&router(CHAIN), 100, 3);
    let (now, other) = (router("policy @x { else use p/b }"), router(CHAIN));
    let by = [By::Model];
    let whole = decide(&now, Some(&other), &by, records.iter());
    let mut deciding = Deciding::new(&now, Some(&other), &by);
    for (n, record) in records.iter().enumerate() {
        deciding.take(record);
        if n % 30 == 0 {
            let text = serde_json::to_string(&deciding.kept()).expect("JSON");
            let kept = serde_json::from_str(&text).expect("what was written");
            deciding = Deciding::go_on(&now, Some(&other), &by, kept);
        }
    }
    let told = |report: &Report| serde_json::to_string(report).expect("JSON");
    let group = whole.groups.first().expect("a model");
    let against = group.against.as_ref().expect("another version");
    assert_eq!(
        against.routes.get("chain"),
        Some(&100),
        "groups have all sides"
    );
    assert_eq!(told(&deciding.finish()), told(&whole));
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
    let verdicts = misses
        .iter()
        .map(|m| (m.expected.as_str(), m.verdict.word()));
    assert_eq!(
        verdicts.collect::<Vec<_>>(),
        [
            ("expect changed <= 2%", "fail"),
            ("expect errors <= 0%", "pass"),
            ("expect cost <= +500%", "pass"),
            ("expect p95 <= 1ms", "fail"),
        ]
    );
    assert_eq!(misses.first().map(|m| m.got.as_str()), Some("100.00%"));
}

#[test]
fn every_replay_block_is_held_to_the_version_it_names() {
    let records = recorded(&router(CHAIN), 200, 3);
    let policy = "policy @x { else use p/b timeout 3s }
replay \"r\" {
  expect changed >= 100%
}
replay \"r\" against \"main\" {
  expect changed <= 0%
}
";
    let image = image(policy);
    let names = mux_replay::expectation::named(&image);
    assert_eq!(names, [None, Some("main")]);
    let against = router("policy @x { else use p/b timeout 3s }");
    let reports = [None, Some(&against)].map(|against| {
        let read = || Ok::<_, Infallible>(records.iter().cloned());
        let Ok(report) = replay(&router(policy), against, Terms::default(), read);
        report
    });
    for (name, report) in names.into_iter().zip(&reports) {
        let judged = mux_replay::expectation::check_named(&image, name, report);
        let verdicts: Vec<_> = judged.iter().map(|j| j.verdict.word()).collect();
        assert_eq!(verdicts, ["pass"], "{name:?}");
    }
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
fn a_prompt_that_fits_no_window_has_failed_and_one_that_a_rule_refuses_has_not() {
    let policy = "
policy @x {
  when tag.t is \"no\" deny 400 \"no\"
  else use plan chain
}
plan chain { fallback { try p/a timeout 1s } }
test \"too long\" for @x {
  given tokens 20k
  expect failed
  expect denied is 400
}
test \"refused\" for @x {
  given tag.t \"no\"
  expect denied is 400
  expect not failed
}
";
    for (name, missed) in missed(policy) {
        assert_eq!(missed, [], "{name}");
    }
}

#[test]
fn an_ensemble_of_a_test_is_carried_out_like_any_other_plan() {
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
test "a step that fails" {
  given model @x
  given streaming no
  upstream p/a refuses
  expect served is p/b
}
"#;
    let [(_, misses), (_, other)] = missed(policy).try_into().expect("two tests");
    assert_eq!(other, []);
    let lines: Vec<_> = misses.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [31, 32], "it is served by p/a: {misses:?}");
}

#[test]
fn a_test_says_what_a_judge_gives_and_how_answers_end() {
    let policy = r#"
policy @x {
  else use cascade buffer {
    judge p/b rubric "r.md"
    try p/a {
      accept when finish is stop and score of judge >= 0.8
    }
    try p/b
  }
}
test "good enough" {
  given model @x
  expect served is p/a
  expect attempts is p/a p/b
}
test "not good enough" {
  given model @x
  upstream p/a scores 0.79
  expect served is p/b
}
test "cut short" {
  given model @x
  upstream p/a finishes length
  expect served is p/b
  expect attempts is p/a p/b
}
"#;
    let every: Vec<_> = missed(policy);
    assert_eq!(every.len(), 3);
    for (name, misses) in every {
        assert_eq!(misses, [], "{name}");
    }
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
