//! `mux plugin run`: what recorded exchanges decode to.

use super::named::named;
use crate::ending::{Exit, Outcome, Trouble};
use crate::out::{Format, Out};
use clap::Args;
use mux_plugins::exchange::Reading;
use mux_plugins::preset::Preset;
use mux_plugins::{Adapter, Exchange, Fault};
use serde_json::{Map, Value};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Stands where an adapter asks for the address of its provider; nothing is sent.
const NOWHERE: &str = "https://provider.invalid";

/// Show what recorded exchanges decode to
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// A kind, as policies name it, or the file of a component
    #[arg(value_name = "KIND|FILE.wasm")]
    adapter: String,
    /// Exchanges, as JSON with `request` and `response`
    #[arg(long, value_name = "FILE.json", num_args = 1.., required = true)]
    exchange: Vec<PathBuf>,
    /// Settings of the adapter, as a JSON object
    #[arg(long, default_value = "{}", value_name = "JSON")]
    settings: String,
    /// How to write the result
    #[arg(long, default_value = "human")]
    format: Format,
}

impl Run {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let adapter = self.adapter()?;
        let mut exit = Exit::Good;
        for file in &self.exchange {
            let reading = decoded(file, &adapter)?;
            let reading = reading.unwrap_or_else(|fault| {
                exit = Exit::No;
                Reading {
                    class: "plugin".to_owned(),
                    error: Some(fault.to_string()),
                    ..Reading::default()
                }
            });
            match self.format {
                Format::Json => out.json(&reading),
                Format::Human => out.line(&shown(file, &reading)),
            }
        }
        Ok(exit)
    }

    fn adapter(&self) -> Result<Adapter, Trouble> {
        let (plugin, preset) = named(&self.adapter)?;
        let quirks = preset.map(Preset::quirks).unwrap_or_default();
        let settings = filled(&self.settings, &plugin.manifest().config_schema);
        let adapter = plugin.adapter(&settings, Some(NOWHERE));
        let adapter = adapter.and_then(|adapter| adapter.with(quirks));
        adapter.map_err(|error| Trouble::usage(error.to_string()))
    }
}

/// The settings with something in the place of every text that an adapter needs and was not given: it would say where
/// requests go, and none does.
fn filled(settings: &str, schema: &str) -> String {
    let given: Result<Map<String, Value>, _> = serde_json::from_str(settings);
    let (Ok(mut given), Ok(schema)) = (given, serde_json::from_str::<Value>(schema)) else {
        return settings.to_owned();
    };
    let needed = schema.get("required").and_then(Value::as_array);
    for name in needed.into_iter().flatten().filter_map(Value::as_str) {
        let kind = schema.pointer(&format!("/properties/{name}/type"));
        if kind.and_then(Value::as_str) == Some("string") {
            given.entry(name).or_insert_with(|| Value::from("recorded"));
        }
    }
    Value::Object(given).to_string()
}

/// What a file decodes to; or why the adapter cannot read it.
fn decoded(file: &Path, adapter: &Adapter) -> Result<Result<Reading, Fault>, Trouble> {
    let wrong = |why: String| Trouble::usage(format!("`{}`: {why}", file.display()));
    let text = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
    let exchange = Exchange::read(&text).map_err(wrong)?;
    Ok(exchange.reading(adapter))
}

fn shown(file: &Path, reading: &Reading) -> String {
    let mut text = format!("{}: {} {}", file.display(), reading.status, reading.class);
    let mut say = |name: &str, value: &str| {
        if !value.is_empty() {
            // A string takes every text.
            let _ = write!(text, "\n  {name:<9} {value}");
        }
    };
    say("model", reading.model.as_deref().unwrap_or_default());
    say("reasoning", &reading.reasoning);
    say("text", &reading.text);
    for call in &reading.tool_calls {
        say(
            "calls",
            &format!("{} {} ({})", call.name, call.arguments, call.id),
        );
    }
    say(
        "finish",
        reading.finish_reason.as_deref().unwrap_or_default(),
    );
    if let Some(usage) = reading.usage {
        let tokens = format!(
            "input {} (read from cache {}, written {}), output {} (reasoning {})",
            usage.input, usage.cache_read, usage.cache_write, usage.output, usage.reasoning
        );
        say("tokens", &tokens);
    }
    say("error", reading.error.as_deref().unwrap_or_default());
    text
}
