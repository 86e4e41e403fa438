//! `mux policy bench`: how long decisions take, and in which form each policy is decided.

use super::asked::sound;
use super::generate::moments;
use crate::ending::{Exit, Outcome, Trouble};
use crate::out::{Format, Out, columns};
use clap::Args;
use mux_dsl::Image;
use mux_dsl::image::PolicyId;
use mux_replay::moment::Moment;
use serde::Serialize;
use serde_json::json;
use std::hint::black_box;
use std::path::PathBuf;

/// Decisions timed together, and how often; the fastest time counts, since everything else is the machine's.
const BATCH: u32 = 1_000;
const BATCHES: u32 = 30;
/// Most requests of one policy that are timed.
const REQUESTS: usize = 64;

/// Time decisions, one request for each way through a policy
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// A folder (its `.mux` files are one bundle) or one file with its includes
    #[arg(default_value = "policies")]
    path: PathBuf,
    /// The same, spelled as `mux serve` spells it
    #[arg(long, conflicts_with = "path")]
    policies: Option<PathBuf>,
    /// Fail where a decision takes longer, such as `1us` or `800ns`
    #[arg(long, value_name = "TIME", value_parser = nanos)]
    max: Option<u64>,
    /// How to write the result
    #[arg(long, default_value = "human")]
    format: Format,
}

/// The figures of one policy.
#[derive(Debug, Serialize)]
struct Timed {
    policy: String,
    /// `graph`, `bit-vector` or `rules`.
    form: &'static str,
    rules: usize,
    nodes: usize,
    bytes: usize,
    requests: usize,
    /// Of all requests, and of the slowest.
    mean_ns: u64,
    worst_ns: u64,
}

impl Bench {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let path = self.policies.as_deref().unwrap_or(&self.path);
        if sound(path, out)?.is_none() {
            return Ok(Exit::No);
        }
        let (image, moments) = moments(path)?;
        let mut timed = Vec::new();
        for policy in (0..).map(PolicyId).take(image.policies.len()) {
            let own = moments.iter().filter(|(entered, _)| *entered == policy);
            let own: Vec<&Moment> = own.map(|(_, moment)| moment).take(REQUESTS).collect();
            timed.extend(time(&image, policy, &own));
        }
        match self.format {
            Format::Human => out.text(&told(&timed)),
            Format::Json => out.json(&json!({ "version": 1, "policies": timed })),
        }
        if self.max.is_some() && timed.iter().all(|t| t.requests == 0) {
            return Err(Trouble::usage(
                "nothing was measured, so `--max` says nothing: there is no policy that a request can enter",
            ));
        }
        let slow: Vec<&Timed> = timed
            .iter()
            .filter(|t| self.max.is_some_and(|max| t.worst_ns > max))
            .collect();
        for slow in &slow {
            let max = self.max.unwrap_or_default();
            out.error(&format!(
                "{} takes {} ns, more than {max} ns",
                slow.policy, slow.worst_ns
            ));
        }
        Ok(if slow.is_empty() {
            Exit::Good
        } else {
            Exit::No
        })
    }
}

fn time(image: &Image, policy: PolicyId, moments: &[&Moment]) -> Option<Timed> {
    let (own, form) = (image.policies.get(policy.index())?, image.form(policy)?);
    let times: Vec<u64> = moments.iter().map(|m| decision(image, policy, m)).collect();
    let sum: u64 = times.iter().sum();
    Some(Timed {
        policy: format!("@{}", own.name),
        form: form.kind,
        rules: own.rules.len(),
        nodes: form.nodes,
        bytes: form.bytes,
        requests: times.len(),
        mean_ns: sum / (times.len() as u64).max(1),
        worst_ns: times.into_iter().max().unwrap_or(0),
    })
}

/// Nanoseconds of one decision.
fn decision(image: &Image, policy: PolicyId, moment: &Moment) -> u64 {
    moment.look(|request, live| {
        let batch = || {
            let start = std::time::Instant::now();
            for _ in 0..BATCH {
                black_box(image.decide(policy, black_box(request), &live));
            }
            start.elapsed()
        };
        let best = (0..BATCHES).map(|_| batch()).min().unwrap_or_default();
        u64::try_from(best.as_nanos() / u128::from(BATCH)).unwrap_or(u64::MAX)
    })
}

fn told(timed: &[Timed]) -> String {
    let head = [
        "policy", "form", "rules", "nodes", "bytes", "requests", "mean", "worst",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(timed.iter().map(|t| {
        vec![
            t.policy.clone(),
            t.form.to_owned(),
            t.rules.to_string(),
            t.nodes.to_string(),
            t.bytes.to_string(),
            t.requests.to_string(),
            format!("{} ns", t.mean_ns),
            format!("{} ns", t.worst_ns),
        ]
    }));
    columns(&rows)
}

/// `1us`, `800ns` or `2ms`.
fn nanos(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no time; write `800ns`, `1us` or `2ms`");
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let unit = match unit {
        "ns" => 1,
        "us" | "µs" => 1_000,
        "ms" => 1_000_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(unit).ok_or_else(wrong)
}
