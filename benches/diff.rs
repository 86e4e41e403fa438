//! What it costs to compare two bundles of 200 rules, to hash one, and to lay both out from text.
#![expect(
    clippy::expect_used,
    reason = "a bench that cannot set itself up should fail loudly"
)]

use criterion::Criterion;
use mux_dsl::diff::diff;
use std::hint::black_box;

#[path = "../dsl/tests/shared/shapes.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "shapes are shared with the tests of the language"
)]
mod shapes;

fn main() {
    let mut bench = Criterion::default().configure_from_args();
    let mut group = bench.benchmark_group("diff");
    group.sample_size(20);
    for rules in [10, 50, 200, 1_000] {
        let text = shapes::equalities(rules);
        let edited = text
            .replacen("tag.tier is \"gold\"", "tag.tier is \"silver\"", 3)
            .replacen("\"rule 9\"", "\"another\"", 1);
        assert_ne!(text, edited);
        let (was, now) = (shapes::image(&text), shapes::image(&edited));
        let found = diff(&was, &now);
        assert!(!found.same, "an edit is to be found");
        group.bench_function(format!("equalities/{rules}"), |b| {
            b.iter(|| diff(black_box(&was), black_box(&now)));
        });
        group.bench_function(format!("unchanged/{rules}"), |b| {
            b.iter(|| diff(black_box(&was), black_box(&was)));
        });
        group.bench_function(format!("hash/{rules}"), |b| {
            b.iter(|| black_box(&was).semantic())
        });
    }
    group.finish();
    bench.final_summary();
}
