//! `mux plugin test`: whether an adapter keeps what all of them promise.

use super::build::built;
use super::named::named;
use super::recorded;
use crate::ending::{Exit, Outcome, Trouble};
use crate::out::{Format, Out, columns};
use clap::Args;
use mux_plugins::conformance::{Cost, Verdict, examine};
use mux_plugins::preset::Preset;
use mux_plugins::{Report, Trial};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Try an adapter out: its fixtures, and what every adapter promises
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// A folder, which is built first, the file of a component, or a kind
    #[arg(value_name = "DIR|FILE.wasm|KIND", default_value = ".")]
    adapter: String,
    /// A folder of exchanges [default: `fixtures`, in the folder or beside the file]
    #[arg(long, value_name = "DIR")]
    fixtures: Option<PathBuf>,
    /// Settings for exchanges that have none of their own, as a JSON object
    #[arg(long, default_value = "{}", value_name = "JSON")]
    settings: String,
    /// How to write the result
    #[arg(long, default_value = "human")]
    format: Format,
}

impl Test {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let path = Path::new(&self.adapter);
        let mut native = None;
        let (adapter, beside) = if path.is_dir() {
            let component = built(path, None, out)?;
            native = mux_plugins::build::native(path, &mut |line| out.error(line))
                .map_err(Trouble::usage)?;
            (component.display().to_string(), path.join("fixtures"))
        } else {
            (self.adapter.clone(), path.with_file_name("fixtures"))
        };
        let fixtures = match self.fixtures {
            Some(folder) => recorded::folder(&folder)?,
            None if beside.is_dir() => recorded::folder(&beside)?,
            None => Vec::new(),
        };
        let mut exchanges = Vec::new();
        for (file, json) in &fixtures {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            exchanges.push((name.into_owned(), recorded::exchange(file, json)?));
        }
        let (plugin, preset) = named(&adapter)?;
        let quirks = preset.map(Preset::quirks).unwrap_or_default();
        let trial = Trial::new(&plugin, &quirks, &self.settings, exchanges);
        let report = examine(&trial.map_err(Trouble::usage)?, native.as_deref());
        match self.format {
            Format::Json => out.json(&json!({
                "passed": report.passed(), "id": report.id, "version": report.version,
                "hash": report.hash, "checks": report.checks, "costs": report.costs,
            })),
            Format::Human => out.line(&shown(&report)),
        }
        Ok(Exit::when(report.passed()))
    }
}

fn shown(report: &Report) -> String {
    let mut lines = vec![format!("{} {}", report.id, report.version)];
    for check in &report.checks {
        let verdict = match check.verdict {
            Verdict::Pass => "ok",
            Verdict::Fail => "FAILED",
            Verdict::Skipped => "skipped",
        };
        let name = check.name;
        lines.push(format!("  {name:<14} {verdict:<8} {} tried", check.tried));
        for problem in &check.problems {
            let exchange = match problem.exchange.as_str() {
                "" => String::new(),
                name => format!("{name}: "),
            };
            lines.push(format!("    {exchange}{}", problem.what));
        }
    }
    if !report.costs.is_empty() {
        let head = ["", "plan", "read", "memory"].map(str::to_owned).to_vec();
        let row = |cost: &Cost| {
            vec![
                format!("  {}", cost.exchange),
                format!("{:.1} µs", cost.plan_us),
                format!("{:.1} µs", cost.read_us),
                format!("{} KiB", cost.memory_kib),
            ]
        };
        let rows: Vec<_> = std::iter::once(head)
            .chain(report.costs.iter().map(row))
            .collect();
        lines.push(columns(&rows));
    }
    lines.join("\n")
}
