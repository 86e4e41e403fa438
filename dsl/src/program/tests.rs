//! Graph, bit-vector and rules decide alike, and a path leads back to what was decided.

use super::{Program, listed};
use crate::classify::Rows;
use crate::compiler::compile;
use crate::decide::Image;
use crate::image::{BasisPoints, BudgetId, Features, HealthState, Millis, PolicyId, TargetId};
use crate::region::Terms;
use crate::request::{Live, Request};
use crate::trace::Path;
use proptest::prelude::*;

const FLEET: &str = "provider p { kind k  model a { } model b { } }\nset some { \"ana\" \"ben\" \"abel\" }\nbudget spend { cap $5/day }\n";

fn image(policy: &str) -> Image {
    let fleet = FLEET.replace(
        "kind k  model a { } model b { }",
        "kind k\n  model a\n  model b\n",
    );
    let text = format!("{fleet}policy @p {{\n{policy}  else deny 499 \"none\"\n}}\n");
    let compiled = compile(&["t.mux"], &mut |_| Ok(text.clone().into_bytes()), &|_| {
        true
    });
    let shown = crate::rendering::render(&compiled.diagnostics, &compiled.sources, false);
    match compiled.image {
        Some(image) => image,
        None => panic!("{text}\n{shown}"),
    }
}

/// A test, as text.
fn tests() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec!["ana", "ben", "abel", "zoe", "b"]);
    let fact = prop::sample::select(vec!["tag.t", "end_user", "key", "header.x-h"]);
    let number = prop_oneof![
        (
            prop::sample::select(vec!["tokens", "output_limit"]),
            0..5_u32
        )
            .prop_map(|(fact, n)| (fact.to_owned(), format!("{n}"))),
        (0..4_u32).prop_map(|n| ("p95 of p/a".to_owned(), format!("{n}s"))),
        (0..4_u32).prop_map(|n| ("used of budget spend".to_owned(), format!("{n}%"))),
    ];
    let sign = prop::sample::select(vec![">", ">=", "<", "<=", "is", "is not"]);
    prop_oneof![
        (fact.clone(), word.clone()).prop_map(|(f, w)| format!("{f} is \"{w}\"")),
        (fact.clone(), word.clone()).prop_map(|(f, w)| format!("{f} is not \"{w}\"")),
        (fact.clone(), word.clone()).prop_map(|(f, w)| format!("{f} in some \"{w}\"")),
        (
            fact.clone(),
            prop::sample::select(vec!["a*", "*e*", "?en", "*"])
        )
            .prop_map(|(f, w)| format!("{f} matches \"{w}\"")),
        (fact.clone(), prop::sample::select(vec!["a", "ab", "z"]))
            .prop_map(|(f, w)| format!("{f} starts with \"{w}\"")),
        fact.prop_map(|f| format!("has {f}")),
        (number, sign).prop_map(|((f, n), s)| format!("{f} {s} {n}")),
        Just("streaming".to_owned()),
        Just("has tools".to_owned()),
        prop::sample::select(vec!["ok", "degraded", "down"])
            .prop_map(|s| format!("health of p is {s}")),
        Just("time in mon-fri 08:00-18:00 Europe/Berlin".to_owned()),
        Just("time in sat 22:00-04:00 UTC".to_owned()),
        Just("has output_limit".to_owned()),
    ]
}

fn conditions() -> impl Strategy<Value = String> {
    tests().prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|c| format!("not ({c})")),
            prop::collection::vec(inner.clone(), 1..4)
                .prop_map(|p| format!("({})", p.join(" and "))),
            prop::collection::vec(inner, 1..4).prop_map(|p| format!("({})", p.join(" or "))),
        ]
    })
}

#[derive(Clone, Debug)]
struct Asks {
    words: [Option<&'static str>; 4],
    tokens: u32,
    output: Option<u32>,
    streaming: bool,
    tools: bool,
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
    let word = || {
        prop::option::of(prop::sample::select(vec![
            "ana", "ben", "abel", "zoe", "b", "azure", "xen", "",
        ]))
    };
    let health = || {
        prop::sample::select(vec![
            HealthState::Ok,
            HealthState::Degraded,
            HealthState::Down,
        ])
    };
    (
        [word(), word(), word(), word()],
        0..6_u32,
        prop::option::of(0..6_u32),
        any::<bool>(),
        any::<bool>(),
        1_767_000_000_000..1_799_000_000_000_i64,
        (
            prop::option::of(0..5_000_u64),
            0..500_u32,
            [health(), health()],
        ),
    )
        .prop_map(
            |(words, tokens, output, streaming, tools, now, (p95, used, health))| Asks {
                words,
                tokens,
                output,
                streaming,
                tools,
                now,
                live: Moment { p95, used, health },
            },
        )
}

impl Asks {
    fn show<T>(&self, look: impl FnOnce(&Request<'_>) -> T) -> T {
        let [tag, end_user, key, header] = self.words;
        let tags: Vec<_> = tag.map(|t| ("t", t)).into_iter().collect();
        let headers: Vec<_> = header.map(|h| ("x-h", h)).into_iter().collect();
        look(&Request {
            model: "@p",
            key,
            team: None,
            end_user,
            conversation: None,
            tags: &tags,
            headers: &headers,
            operation: "chat",
            dialect: "openai-chat",
            tokens: self.tokens,
            output_limit: self.output,
            streaming: self.streaming,
            needs: if self.tools {
                Features::TOOLS
            } else {
                Features::default()
            },
            now: self.now,
        })
    }
}

fn rules(conditions: &[String]) -> String {
    let rule = |(at, c): (usize, &String)| format!("  when {c} deny {} \"x\"\n", 400 + at);
    conditions
        .iter()
        .enumerate()
        .map(rule)
        .collect::<Vec<_>>()
        .concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn graph_bit_vector_and_rules_decide_alike_and_paths_lead_back(
        conditions in prop::collection::vec(conditions(), 1..6),
        requests in prop::collection::vec(asks(), 24),
    ) {
        let text = format!("{}policy @p {{\n{}  else deny 499 \"none\"\n}}\n", FLEET.replace("kind k  model a { } model b { }", "kind k\n  model a\n  model b\n"), rules(&conditions));
        let compiled = compile(&["t.mux"], &mut |_| Ok(text.clone().into_bytes()), &|_| true);
        // Some of these policies have rules that can never run, which is an error of its own.
        prop_assume!(compiled.image.is_some());
        let image = compiled.image.unwrap();
        let policy = PolicyId(0);
        let (program, scene) = image.code.scene(policy);
        let terms = Terms { space: &image.code.space, fleet: &image.fleet, tables: &image.code.tables };
        let list = listed(scene.clauses, &terms).expect("few conditions are few regions");
        let rows = Rows::build(&list, &|f| image.code.space.count(f)).expect("few fields");
        for asks in requests {
            asks.show(|request| {
                let naive = image.decide_naively(policy, request, &asks.live).rule.0;
                for program in [program, &Program::Classify(Rows::build(&list, &|f| image.code.space.count(f)).unwrap()), &Program::Walk] {
                    let mut path = Path::default();
                    let rule = program.decide(scene, request, &asks.live, &mut path);
                    prop_assert_eq!(rule, naive, "{} {:?}\n{}", program.kind(), &asks, &text);
                    let mut steps = path.steps();
                    let (led, read) = program.follow(scene, &mut steps).expect("the path was just taken");
                    prop_assert!(steps.done());
                    prop_assert_eq!(led, naive);
                    let class = image.code.class(request, &asks.live);
                    for (field, cell) in read {
                        prop_assert_eq!(class[usize::from(field)], cell);
                    }
                }
                let class = image.code.class(request, &asks.live);
                let cells: Vec<u32> = rows.fields().iter().map(|f| class[usize::from(*f)]).collect();
                prop_assert_eq!(rows.first(&cells), Some(naive));
                Ok(())
            })?;
        }
    }
}

#[test]
fn ranges_that_would_blow_a_graph_up_get_the_bit_vector() {
    let mut seed = 7_u64;
    let mut next = |below: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let facts = [
        ("tokens", ""),
        ("output_limit", ""),
        ("p95 of p/a", "ms"),
        ("p95 of p/b", "ms"),
    ];
    let mut conditions = Vec::new();
    for _ in 0..120 {
        let mut parts = Vec::new();
        for (fact, unit) in facts {
            let low = next(500);
            parts.push(format!(
                "{fact} > {low}{unit} and {fact} < {}{unit}",
                low + 400 + next(500)
            ));
        }
        conditions.push(parts.join(" and "));
    }
    let policy = rules(&conditions);
    let form = image(&policy).form(PolicyId(0)).expect("it is there");
    assert_eq!(form.kind, "bit-vector");
    assert!(form.bytes < 1 << 20, "{} bytes", form.bytes);
}
