//! Providers: where they are, what they speak, and where their credential is found.

use super::{quirks, upkeep};
use crate::cursor::Cursor;
use crate::image::{Credential, Provider};
use crate::lines::{self, Line};
use crate::names::Decl;
use crate::quantity;
use crate::report::Report;
use crate::tree::{Kind, Word};
use crate::words::Place;
use serde_json::{Map, Value};
use std::net::IpAddr;

/// Reads one provider; its models are read elsewhere.
pub(super) fn provider(
    decl: &Decl<'_>,
    kinds: &dyn Fn(&str) -> bool,
    report: &mut Report,
) -> Provider {
    let mut provider = Provider {
        name: decl.name.clone(),
        kind: "".into(),
        url: None,
        private: decl.body.iter().any(|l| l.entry.word == "private"),
        key: None,
        regions: Vec::new(),
        settings: "{}".into(),
        concurrency: None,
        probe: None,
        warm: None,
        abandon: None,
        quirks: Vec::new(),
    };
    for line in &decl.body {
        match (line.entry.word, line.word()) {
            ("kind", Some(word)) => provider.kind = kind(word, kinds, report),
            ("url", Some(word)) => provider.url = url(word, provider.private, report),
            ("key", _) => provider.key = key(line, report),
            ("regions", _) => {
                provider.regions = line
                    .args
                    .iter()
                    .filter_map(|i| i.word())
                    .map(|w| w.text.clone())
                    .collect();
            }
            ("concurrency", Some(word)) => {
                provider.concurrency = quantity::several(word, "concurrency", report);
            }
            ("probe", _) => provider.probe = upkeep::probe(line, report),
            ("warm", _) => provider.warm = upkeep::warm(line, report),
            ("on-disconnect", _) => provider.abandon = upkeep::abandon(line, report),
            ("quirks", _) => provider.quirks = quirks::read(line, report),
            ("settings", _) => {
                provider.settings = Value::Object(settings(line, report)).to_string().into();
            }
            _ => {}
        }
    }
    if decl.lacks("kind") {
        report
            .error(
                "mux::provider::no-kind",
                decl.span,
                format!("`{}` does not say which dialect it speaks", decl.name),
            )
            .help("add a line such as `kind openai`");
    }
    provider
}

fn kind(word: &Word, kinds: &dyn Fn(&str) -> bool, report: &mut Report) -> Box<str> {
    if !kinds(&word.text) {
        report
            .warning(
                "mux::kind::unknown",
                word.span,
                format!("no adapter called `{}` is loaded", word.text),
            )
            .label("its models cannot be called")
            .help("add its component to the plugin folder, or mend the name");
    }
    word.text.clone()
}

fn key(line: &Line<'_>, report: &mut Report) -> Option<Credential> {
    let mut cursor = Cursor::of(line);
    if cursor.peek().is_some_and(Word::hidden) {
        return None;
    }
    let way = cursor.need(Kind::Name, "`env`, `file`, `secret` or `role`", report)?;
    let (kind, noun, make): (_, _, fn(Box<str>) -> Credential) = match way.text.as_ref() {
        "env" => (
            Kind::Name,
            "the name of an environment variable",
            Credential::Env,
        ),
        "file" => (Kind::Text, "a path in quotes", Credential::File),
        "secret" => (
            Kind::Text,
            "a reference in quotes, such as `\"vault:kv/llm#key\"`",
            Credential::Secret,
        ),
        "role" => (Kind::Text, "a role in quotes", Credential::Role),
        _ => {
            report
                .error(
                    "mux::statement::form",
                    way.span,
                    "a credential is found by `env`, `file`, `secret` or `role`",
                )
                .help(format!("write `{}`", line.entry.form));
            return None;
        }
    };
    let place = cursor.need(kind, noun, report)?;
    cursor.end(report);
    if way.says("secret") && !place.text.contains(':') {
        report
            .error("mux::secret::reference", place.span, "this reference does not say which store to ask")
            .help("write `key secret \"SCHEME:REFERENCE\"`; the gateway's `--secret-command` knows the scheme");
        return None;
    }
    Some(make(place.text.clone()))
}

fn url(word: &Word, private: bool, report: &mut Report) -> Option<Box<str>> {
    let (scheme, rest) = word.text.split_once("://").unwrap_or(("", &word.text));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    if !matches!(scheme, "http" | "https") || host.is_empty() {
        report
            .error("mux::url::form", word.span, "this is no address of an API")
            .help("write `url \"https://HOST/PATH\"`");
        return None;
    }
    let address: Option<IpAddr> = host.parse().ok();
    let loopback = host == "localhost" || address.is_some_and(|a| a.is_loopback());
    let inner = address.is_some_and(private_address);
    if !private && !loopback && (scheme == "http" || inner) {
        let (code, message) = if inner {
            ("mux::url::private", "this is a private address")
        } else {
            ("mux::url::plain", "this address is not encrypted")
        };
        report
            .error(code, word.span, message)
            .help("add the line `private` to this provider if that is meant");
    }
    Some(word.text.clone())
}

/// Addresses that are not on the public internet.
fn private_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let shared = first == 100 && (64..128).contains(&second);
            v4.is_private()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_broadcast()
                || shared
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => private_address(IpAddr::V4(v4)),
            None => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_unspecified(),
        },
    }
}

fn settings(line: &Line<'_>, report: &mut Report) -> Map<String, Value> {
    let mut object = Map::new();
    let lines = line
        .stmt
        .block
        .as_ref()
        .map(|b| lines::within(b, Place::Settings, report))
        .unwrap_or_default();
    for line in lines {
        let Some((name, values)) = line.args.split_first() else {
            continue;
        };
        let Some(name) = name.word() else { continue };
        let mut values: Vec<Value> = values
            .iter()
            .filter_map(|i| i.word())
            .map(setting)
            .collect();
        let value = match (values.len(), &line.stmt.block) {
            (0, Some(_)) => Value::Object(settings(&line, report)),
            (0, None) => {
                report
                    .error(
                        "mux::statement::missing",
                        name.span,
                        format!("the setting `{}` has no value", name.text),
                    )
                    .help("write `NAME VALUE`");
                continue;
            }
            (1, _) => values.remove(0),
            _ => Value::Array(values),
        };
        if object.insert(name.text.to_string(), value).is_some() {
            report.error(
                "mux::statement::repeated",
                name.span,
                format!("the setting `{}` stands twice", name.text),
            );
        }
    }
    object
}

fn setting(word: &Word) -> Value {
    match (word.kind, word.text.as_ref()) {
        (Kind::Name, "true") => Value::Bool(true),
        (Kind::Name, "false") => Value::Bool(false),
        (Kind::Quantity, number) => {
            serde_json::from_str(number).unwrap_or_else(|_| Value::String(number.into()))
        }
        (_, text) => Value::String(text.into()),
    }
}
