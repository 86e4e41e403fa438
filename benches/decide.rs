//! What a decision costs: policies of 10, 50 and 200 rules, hit at their first, middle and last rule, and the shipped
//! `@chat`. That a decision allocates nothing is a test of its own, `dsl/tests/allocations.rs`.
#![expect(
    clippy::expect_used,
    reason = "a bench that cannot set itself up should fail loudly"
)]

use criterion::{BenchmarkId, Criterion};
use mux_dsl::image::{BasisPoints, BudgetId, Features, Millis, TargetId};
use mux_dsl::request::{HealthState, Live, Request};
use mux_dsl::{Image, compile, render};
use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::path::Path;

const FLEET: &str = "provider p {\n  kind openai\n  key  env KEY\n  model m {\n    context 1M\n    \
                     price input $1/Mtok output $2/Mtok\n    can tools images json-schema streaming\n  }\n}\n";

/// Nothing has happened yet: no latencies, no failures, nothing spent.
struct Fresh;

impl Live for Fresh {
    fn p50(&self, _: TargetId) -> Option<Millis> {
        None
    }

    fn p95(&self, _: TargetId) -> Option<Millis> {
        None
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

    fn health(&self, _: TargetId) -> HealthState {
        HealthState::Ok
    }

    fn used(&self, _: BudgetId, _: &Request<'_>) -> BasisPoints {
        0
    }
}

/// A policy of so many rules; a request whose tag `team` is `team-N` meets rule N and no other.
fn generated(rules: usize) -> String {
    let mut text = format!("{FLEET}policy @generated {{\n");
    for rule in 0..rules {
        let condition = match rule % 4 {
            0 => format!("tag.team is \"team-{rule}\" and tokens > 1k"),
            1 => format!("streaming and tag.team is \"team-{rule}\""),
            2 => format!("has tools and tag.team is \"team-{rule}\""),
            _ => format!("tag.team is \"team-{rule}\""),
        };
        writeln!(text, "  when {condition} deny 400 \"rule {rule}\"").expect("text grows");
    }
    text + "  else use p/m\n}\n"
}

fn compiled(files: &[(String, String)]) -> Image {
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    let mut read = |wanted: &str| {
        let found = files.iter().find(|(name, _)| name == wanted);
        let (_, text) = found.ok_or_else(|| "no such file".to_owned())?;
        Ok(text.clone().into_bytes())
    };
    let compiled = compile(&names, &mut read, &|_| true);
    let report = render(&compiled.diagnostics, &compiled.sources, false);
    compiled.image.expect(&report)
}

fn request<'a>(tags: &'a [(&'a str, &'a str)]) -> Request<'a> {
    Request {
        model: "@generated",
        key: None,
        team: None,
        end_user: None,
        conversation: None,
        tags,
        headers: &[],
        operation: "chat",
        dialect: "openai-chat",
        tokens: 2_000,
        output_limit: Some(500),
        streaming: true,
        needs: Features::TOOLS,
        now: 1_767_614_400_000,
    }
}

fn by_length(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decide");
    for rules in [10, 50, 200] {
        let image = compiled(&[("generated.mux".to_owned(), generated(rules))]);
        let policy = image.policy("generated").expect("it is declared");
        for (place, hit) in [("first", 0), ("middle", rules / 2), ("last", rules - 1)] {
            let team = format!("team-{hit}");
            let tags = [("project", "x"), ("team", team.as_str())];
            let request = request(&tags);
            let decided = image.decide(policy, &request, &Fresh);
            assert_eq!(decided.rule.index(), hit, "the rule that was meant");
            group.bench_function(BenchmarkId::new(format!("{rules} rules"), place), |bench| {
                bench.iter(|| black_box(image.decide(policy, black_box(&request), &Fresh)));
            });
        }
    }
    group.finish();
}

fn shipped(criterion: &mut Criterion) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let read = |name: &str| {
        let text = fs::read_to_string(folder.join(name)).expect("the policies are there");
        (name.to_owned(), text)
    };
    let image = compiled(&[read("fleet.mux"), read("chat.mux")]);
    let policy = image.policy("chat").expect("it is declared");
    let tags = [("team", "search"), ("residency", "us")];
    let request = request(&tags);
    criterion.bench_function("decide/policies/chat.mux", |bench| {
        bench.iter(|| black_box(image.decide(policy, black_box(&request), &Fresh)));
    });
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    by_length(&mut criterion);
    shipped(&mut criterion);
    criterion.final_summary();
}
