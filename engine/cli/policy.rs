//! `mux policy`: what can be asked about policies without a running gateway.

mod asked;
mod bench;
mod build;
mod ci;
mod codes;
mod coverage;
mod diff;
mod eval;
mod explain;
mod facts;
mod generate;
mod graph;
mod hash;
mod lsp;
mod repl;
mod routes;
mod watch;

use crate::bundle::Which;
use crate::ending::{Exit, Outcome};
use crate::fmt::Fmt;
use crate::found::{Found, Told};
use crate::out::Out;
use crate::testing::Test;
use clap::{Args, Subcommand};
use mux_dsl::{Image, Severity};
use mux_routing::unsupported::gaps;
use serde_json::json;

/// Check and test policies
#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Check policies: every error of every file, in one pass
    Check(Check),
    /// Write policies in their canonical layout
    Fmt(Fmt),
    /// Run the `test` blocks, or replay recorded traffic
    Test(Test),
    /// Show what tests or recorded traffic cover of the policies
    Coverage(coverage::Coverage),
    /// Explain what policies do with a request, and why
    Explain(explain::Explain),
    /// Decide one request, and say so in one line
    Eval(eval::Eval),
    /// Try requests out: facts are kept, and every change shows the decision
    Repl(repl::Repl),
    /// Draw policies: their rules, or the graphs they are decided by
    Graph(graph::Graph),
    /// Time decisions, one request for each way through a policy
    Bench(bench::Bench),
    /// Check and test policies at every save, and say what a running gateway would do
    Watch(watch::Watch),
    /// Serve an editor: diagnostics, completion, hover, renaming, quick fixes
    Lsp(lsp::Lsp),
    /// Tell what two versions of policies do differently, for all requests
    Diff(diff::Diff),
    /// Check, test, compare and replay policies, as one comment for a pull request
    Ci(ci::Ci),
    /// Tell what policies do and how they are written, as hashes
    Hash(hash::Hash),
    /// Write a bundle into one file, with its canonical form and hashes
    Build(build::Build),
    /// Explain a code such as `mux::rule::unreachable`, or list them all
    ExplainCode(codes::ExplainCode),
}

impl Policy {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        match self {
            Self::Check(check) => check.run(out),
            Self::Fmt(fmt) => fmt.run(out),
            Self::Test(test) => match test.generation() {
                Some(wanted) => generate::run(&wanted, out),
                None => test.run(out),
            },
            Self::Coverage(coverage) => coverage.run(out),
            Self::Explain(explain) => explain.run(out),
            Self::Eval(eval) => eval.run(out),
            Self::Repl(repl) => repl.run(out),
            Self::Graph(graph) => graph.run(out),
            Self::Bench(bench) => bench.run(out),
            Self::Watch(watch) => watch.run(out),
            Self::Lsp(lsp) => lsp.run(),
            Self::Diff(diff) => diff.run(out),
            Self::Ci(ci) => ci.run(out),
            Self::Hash(hash) => hash.run(out),
            Self::Build(build) => build.run(out),
            Self::ExplainCode(explain) => explain.run(out),
        }
    }
}

/// Check policies
#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    which: Which,
    /// Show the most that a request can take by each rule: calls, time, money
    #[arg(long)]
    routes: bool,
    /// Tokens of the prompt that `--routes` reckons with
    #[arg(long, value_name = "N", default_value_t = 10_000, requires = "routes")]
    tokens: u32,
    /// Tokens of the answer that `--routes` reckons with
    #[arg(long, value_name = "N", default_value_t = 1_000, requires = "routes")]
    output: u32,
}

impl Check {
    fn run(self, out: &mut Out) -> Outcome {
        let (image, found) = self.which.compile(out)?;
        let gaps = image.as_ref().map(gaps).unwrap_or_default();
        let mut human = summary(image.as_ref(), &found) + &shortfall(&gaps);
        let mut json = json!({ "not_carried_out": gaps });
        if let Some(image) = image.as_ref().filter(|_| self.routes) {
            let sized = routes::Sized {
                tokens: self.tokens,
                output: self.output,
            };
            let rows = routes::rows(image, sized);
            human.push_str(&routes::table(&rows, sized));
            if let Some(object) = json.as_object_mut() {
                object.insert("routes".to_owned(), json!(rows));
            }
        }
        let told = Told {
            suite: "mux policy check",
            human,
            json,
            cases: None,
            pages: None,
        };
        self.which.shape.result(&found, &told, out);
        Ok(if image.is_none() || self.which.shape.denies(&found) {
            Exit::No
        } else {
            Exit::Good
        })
    }
}

/// What is good policy and yet beyond this version.
fn shortfall(gaps: &[String]) -> String {
    let told = gaps
        .iter()
        .flat_map(|gap| ["\nnot carried out: ", gap.as_str()]);
    told.collect()
}

fn summary(image: Option<&Image>, found: &Found) -> String {
    let (errors, warnings) = (found.count(Severity::Error), found.count(Severity::Warning));
    let many = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let found = format!("{}, {}", many(errors, "error"), many(warnings, "warning"));
    match image {
        Some(image) => {
            let policies = match image.policies.len() {
                1 => "1 policy".to_owned(),
                n => format!("{n} policies"),
            };
            format!(
                "{found}: {policies}, {}, {}",
                many(image.fleet.targets.len(), "target"),
                many(image.tests.len(), "test")
            )
        }
        None => found,
    }
}
