//! `mux plugin inspect`: what an adapter is, what it may do, and where its requests may go.

use super::named::named;
use crate::ending::{Exit, Outcome};
use crate::out::{Format, Out};
use clap::Args;
use mux_plugins::manifest::{AuthScheme, LimitHeader, Manifest, Operation};
use mux_plugins::preset::Preset;
use mux_plugins::quirks::FieldQuirk;
use mux_plugins::{Plugin, Quirks};
use serde_json::{Value, json};

/// Show what an adapter is, what it may do, and where its requests may go
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A kind, as policies name it, or the file of a component
    #[arg(value_name = "KIND|FILE.wasm")]
    adapter: String,
    /// How to write the result
    #[arg(long, default_value = "human")]
    format: Format,
}

impl Inspect {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let (plugin, preset) = named(&self.adapter)?;
        match self.format {
            Format::Json => out.json(&described(&plugin, preset)),
            Format::Human => out.line(&shown(&plugin, preset)),
        }
        Ok(Exit::Good)
    }
}

/// What an adapter does, for a preset without the dialects that its provider does not speak.
fn done<'a>(
    manifest: &'a Manifest,
    preset: Option<&Preset>,
) -> impl Iterator<Item = &'a Operation> {
    let unspoken = preset.map_or_else(Vec::new, |preset| preset.quirks().unspoken);
    manifest.operations.iter().filter(move |operation| {
        let mut dialects = operation.dialects.iter();
        dialects.any(|name| unspoken.iter().all(|dialect| dialect.name() != name))
    })
}

fn described(plugin: &Plugin, preset: Option<&Preset>) -> Value {
    let manifest = plugin.manifest();
    let operation =
        |o: &Operation| json!({"name": o.name, "dialects": o.dialects, "fixed": o.fixed.is_some()});
    let upstreams = manifest.upstreams.iter();
    let upstream = |base: &str, paths: &[String]| json!({"base_url": base, "paths": paths});
    let schema: Value = serde_json::from_str(&manifest.config_schema).unwrap_or_default();
    json!({
        "id": plugin.id(),
        "version": plugin.version(),
        "name": manifest.display_name,
        "hash": plugin.hash(),
        "operations": done(manifest, preset).map(operation).collect::<Vec<_>>(),
        "upstreams": upstreams.map(|u| upstream(&u.base_url, &u.paths)).collect::<Vec<_>>(),
        "auth": manifest.auth.iter().map(scheme).collect::<Vec<_>>(),
        "settings": schema,
        "response_headers": manifest.response_headers,
        "limit_headers": manifest.limit_headers.iter().filter_map(remaining).collect::<Vec<_>>(),
        "memory_mib": manifest.memory_mib,
        "preset": preset.map(|p| json!({
            "kind": p.kind, "name": p.display_name, "url": p.url, "quirks": quirks(&p.quirks()),
        })),
    })
}

fn shown(plugin: &Plugin, preset: Option<&Preset>) -> String {
    let manifest = plugin.manifest();
    let mut lines = vec![format!(
        "{} {} ({})",
        plugin.id(),
        plugin.version(),
        manifest.display_name
    )];
    let mut say = |name: &str, values: Vec<String>| {
        let rows = values.into_iter().enumerate();
        lines.extend(rows.map(|(n, value)| {
            let name = if n == 0 { name } else { "" };
            format!("  {name:<10} {value}")
        }));
    };
    say("hash", vec![plugin.hash().to_owned()]);
    let operation = |o: &Operation| {
        let how = if o.fixed.is_some() {
            "untouched"
        } else {
            "translated"
        };
        format!("{} from {}, {how}", o.name, o.dialects.join(", "))
    };
    say("does", done(manifest, preset).map(operation).collect());
    let url = preset.and_then(|p| p.url);
    let upstreams = manifest.upstreams.iter();
    say(
        "asks",
        upstreams
            .map(|u| {
                format!(
                    "{}, below {}",
                    url.unwrap_or(&u.base_url),
                    u.paths.join(" ")
                )
            })
            .collect(),
    );
    say("key", manifest.auth.iter().map(scheme).collect());
    let limits = preset.map(|p| p.quirks().limits).filter(|l| !l.is_empty());
    let limits = limits.unwrap_or_else(|| manifest.limit_headers.clone());
    say("limits", limits.iter().filter_map(remaining).collect());
    if let Some(preset) = preset {
        say("quirks", quirks(&preset.quirks()));
    }
    lines.join("\n")
}

fn scheme(scheme: &AuthScheme) -> String {
    match scheme {
        AuthScheme::None => "none".to_owned(),
        AuthScheme::Bearer => "authorization: Bearer KEY".to_owned(),
        AuthScheme::Header { name, prefix } => format!("{name}: {prefix}KEY"),
        AuthScheme::Query(name) => format!("?{name}=KEY"),
        AuthScheme::AwsSigV4 { service, region } => {
            format!("signed as AWS wants it, for `{service}` in `{region}`")
        }
        AuthScheme::GoogleAccount(_) => "a token of a Google account".to_owned(),
        AuthScheme::Entra(scope) => format!("a token of Microsoft Entra for `{scope}`"),
        AuthScheme::Other(name) => name.clone(),
    }
}

fn remaining(limit: &LimitHeader) -> Option<String> {
    limit.remaining.clone()
}

/// The departures of a provider, as its block would write them.
fn quirks(quirks: &Quirks) -> Vec<String> {
    let field = |quirk: &FieldQuirk| match quirk {
        FieldQuirk::Rename(from, to) => format!("rename \"{from}\" to \"{to}\""),
        FieldQuirk::Drop(name) => format!("drop \"{name}\""),
        FieldQuirk::Force(name, value) => format!("force \"{name}\" {value}"),
        FieldQuirk::Replace(name, from, to) => format!("{name}: \"{from}\" becomes \"{to}\""),
    };
    let fields = quirks.fields.iter().map(field);
    let errors = quirks.errors.iter();
    let errors = errors.map(|(of, kind)| format!("error {of} is {kind}"));
    fields.chain(errors).collect()
}
