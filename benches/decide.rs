//! What policies cost. A decision that makes out four strings and keeps its path: 10, 200 and 1,000 rules, the shipped
//! `@chat`, and ranges that all overlap, each against asking the rules one after the other. And what is done with whole
//! policies: compiling 10,000 rules, checking 100 kB, comparing two. The ratios come last; they, not the times, carry over
//! to other machines.
//!
//! That a decision allocates nothing is a test of its own, `dsl/tests/allocations.rs`, over the same policies.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench that cannot set itself up should fail loudly, and it reports"
)]

mod decide {
    pub(crate) mod case;
    pub(crate) mod turns;
}
#[path = "../dsl/tests/shared/shapes.rs"]
mod shapes;

use criterion::{Criterion, SamplingMode};
use decide::case::{Case, Row};
use decide::turns::{Way, medians, shown};
use mux_dsl::diff::diff;
use mux_dsl::{Image, compile, render};
use shapes::{Customer, Moment, equalities, image, ranges};
use std::fs;
use std::path::Path;
use std::slice;
use std::time::Duration;

/// Requests of one case, met in turn so that no branch is learnt by heart.
const REQUESTS: usize = 64;

/// Four strings to make out: three tags and the user.
fn customers(
    name: &str,
    image: &Image,
    alias: &str,
    rules: impl Iterator<Item = usize>,
    criterion: &mut Criterion,
) -> Row {
    let customers: Vec<_> = rules.map(Customer::of).collect();
    let tags: Vec<_> = customers.iter().map(Customer::tags).collect();
    let moments = Moment::some(customers.len());
    let asked = customers.iter().zip(&tags).zip(&moments);
    let asked = asked.map(|((customer, tags), moment)| (customer.request(tags), moment));
    Case::new(name, image, alias, asked.collect()).timed(criterion)
}

/// Requests for rules spread over all there are, and for the last one alone.
fn by_length(criterion: &mut Criterion, table: &mut Vec<Row>) {
    for rules in [10, 200, 1_000] {
        let image = image(&equalities(rules));
        // 37 has no factor in common with 64: each place is met once, out of order.
        let spread = (0..REQUESTS).map(|at| at * 37 % REQUESTS * rules / REQUESTS);
        let name = format!("{rules} rules, spread");
        table.push(customers(&name, &image, "shape", spread, criterion));
        let name = format!("{rules} rules, last");
        let last = [rules - 1].into_iter();
        table.push(customers(&name, &image, "shape", last, criterion));
    }
}

fn shipped(criterion: &mut Criterion, table: &mut Vec<Row>) {
    let files = ["fleet.mux", "chat.mux"].map(|name| (name, policy_file(name)));
    let (name, image) = ("the shipped chat.mux", compiled(&files));
    table.push(customers(name, &image, "chat", 0..REQUESTS, criterion));
}

/// Ranges over eight figures that all overlap: no graph of them is small.
fn adversarial(criterion: &mut Criterion, table: &mut Vec<Row>) {
    let image = image(&ranges(40));
    let moments = Moment::some(REQUESTS);
    let asked = moments.iter().map(|moment| (moment.request(), moment));
    let case = Case::new("40 rules of ranges", &image, "shape", asked.collect());
    table.push(case.timed(criterion));
}

/// What is done with whole policies: from text to an image, and from two images to what they do differently.
fn whole(criterion: &mut Criterion) -> Vec<(&'static str, f64)> {
    let rules = ("rules.mux", equalities(10_000));
    let files = [("fleet.mux", policy_file("fleet.mux")), chats(100_000)];
    let (old, new) = (image(&equalities(200)), image(&edited(&equalities(200))));
    assert!(!diff(&old, &new).same, "the edits were found");
    let mut ways: [(&str, Way<'_>); 3] = [
        (
            "compile 10,000 rules",
            Box::new(|| drop(compiled(slice::from_ref(&rules)))),
        ),
        (
            "check 100 kB of chat.mux",
            Box::new(|| drop(compiled(&files))),
        ),
        (
            "diff of two of 200 rules",
            Box::new(|| drop(diff(&old, &new))),
        ),
    ];
    let mut group = criterion.benchmark_group("whole");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.measurement_time(Duration::from_secs(3));
    for (name, way) in &mut ways {
        group.bench_function(*name, |bench| bench.iter(&mut *way));
    }
    group.finish();
    let (names, mut ways): (Vec<_>, Vec<_>) = ways.into_iter().unzip();
    names.into_iter().zip(medians(7, &mut ways)).collect()
}

/// What a day's work does to a policy: one rule asks for something else, one does something else, and one is gone.
fn edited(text: &str) -> String {
    let gone = |line: &&str| !line.ends_with("\"rule 101\"");
    let kept: Vec<&str> = text.lines().filter(gone).collect();
    let text = kept.join("\n") + "\n";
    let text = text.replace(
        "\"team-10\" and tag.tier is \"gold\"",
        "\"team-10\" and tag.tier is \"silver\"",
    );
    text.replace("\"rule 150\"", "\"rule 150, as of today\"")
}

/// The shipped `chat.mux` under ever other names, until it is so many bytes.
fn chats(bytes: usize) -> (&'static str, String) {
    const NAMES: [&str; 6] = [
        "long-prompt",
        "team-spend",
        "resilient",
        "in-house",
        "plan long",
        "@chat",
    ];
    let chat = policy_file("chat.mux");
    let mut text = String::new();
    for copy in 0.. {
        text += &NAMES.iter().fold(chat.clone(), |text, name| {
            text.replace(name, &format!("{name}-{copy}"))
        });
        if text.len() >= bytes {
            break;
        }
    }
    ("chats.mux", text)
}

fn policy_file(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    fs::read_to_string(folder.join(name)).expect("the policies are there")
}

fn compiled(files: &[(&str, String)]) -> Image {
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    let mut read = |wanted: &str| {
        let found = files.iter().find(|(name, _)| *name == wanted);
        let (_, text) = found.ok_or_else(|| "no such file".to_owned())?;
        Ok(text.clone().into_bytes())
    };
    let compiled = compile(&names, &mut read, &|_| true);
    let Some(image) = compiled.image else {
        let report = render(&compiled.diagnostics, &compiled.sources, false);
        unreachable!("{report}");
    };
    image
}

fn print(table: &[Row], whole: &[(&str, f64)]) {
    println!(
        "\n{:<24} {:>10} {:>10} {:>10}  decided by",
        "", "mux", "naive", "naive/mux"
    );
    for row in table {
        let (mux, naive, ratio) = (shown(row.mux), shown(row.naive), row.naive / row.mux);
        println!(
            "{:<24} {mux:>10} {naive:>10} {ratio:>10.1}  {} of {} nodes, {} bytes",
            row.name, row.form.kind, row.form.nodes, row.form.bytes
        );
    }
    for (name, time) in whole {
        println!("{name:<24} {:>10}", shown(*time));
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut table = Vec::new();
    by_length(&mut criterion, &mut table);
    shipped(&mut criterion, &mut table);
    adversarial(&mut criterion, &mut table);
    let whole = whole(&mut criterion);
    print(&table, &whole);
    criterion.final_summary();
}
