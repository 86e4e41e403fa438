//! The project's own exchanges through every adapter: what is sent, what is told, and that grouping changes nothing.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test"
)]

use std::path::Path;

use mux_plugin_exchanges::frames::{Owned, cut};
use mux_plugin_exchanges::guest::{Guest, ctx};
use mux_plugin_exchanges::hear::hear;
use mux_plugin_exchanges::recording::{json_of, message};
use mux_plugin_exchanges::told::{Choice, Told};
use mux_plugin_sdk::{BodyPlan, DecodeMode, ErrorKind, Framing, RequestCtx, RequestPlan, Usage};
use serde_json::{Value, json};

struct Fixture {
    name: String,
    said: Value,
    guest: Guest,
}

fn fixtures() -> Vec<Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let entries = folder.read_dir().expect("a folder");
    let mut fixtures: Vec<Fixture> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .map(|path| {
            let said = json_of(&path);
            Fixture {
                name: path
                    .file_stem()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned(),
                guest: Guest::with(
                    said["adapter"].as_str().expect("an adapter"),
                    &said["settings"],
                ),
                said,
            }
        })
        .collect();
    fixtures.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(fixtures.len() >= 18, "fixtures are missing");
    fixtures
}

impl Fixture {
    fn ctx(&self) -> RequestCtx {
        ctx(
            self.said["model"].as_str().expect("a model"),
            self.said["events"].is_array(),
        )
    }

    /// The plan, of whichever kind.
    fn plan(&self) -> RequestPlan {
        let chat = &self.guest.manifest.operations[0];
        if let Some(fixed) = &chat.fixed {
            return RequestPlan {
                body: BodyPlan::Passthrough,
                reply: fixed.reply,
                ..RequestPlan::post(&fixed.upstream, fixed.path.clone(), None, Vec::new())
            };
        }
        let body = self.said["request"].to_string();
        (self.guest.prepare)(&self.ctx(), body.as_bytes())
            .unwrap_or_else(|fault| panic!("{}: {fault:?}", self.name))
    }

    fn answer(&self, framing: Framing) -> Vec<u8> {
        let Some(events) = self.said["events"].as_array() else {
            return self.said["body"].to_string().into_bytes();
        };
        let lines = events.iter().map(Value::to_string);
        match framing {
            Framing::AwsEventStream => events.iter().flat_map(message).collect(),
            Framing::Ndjson => lines.flat_map(|line| (line + "\n").into_bytes()).collect(),
            _ => {
                let event = |line: String| format!("data: {line}\r\n\r\n").into_bytes();
                let done = String::from("[DONE]");
                lines.chain([done]).flat_map(event).collect()
            }
        }
    }
}

#[test]
fn every_fixture_sends_what_it_says() {
    for fixture in fixtures() {
        let plan = fixture.plan();
        let name = &fixture.name;
        assert_eq!(json!(plan.warnings), fixture.said["warnings"], "{name}");
        if let Some(path) = fixture.said["path"].as_str() {
            assert_eq!(plan.path, path, "{name}");
        }
        let upstreams = &fixture.guest.manifest.upstreams;
        let upstream = upstreams
            .iter()
            .find(|upstream| upstream.id == plan.upstream);
        let paths = &upstream.unwrap_or_else(|| panic!("{name}: upstream")).paths;
        assert!(
            paths.iter().any(|path| plan.path.starts_with(path)),
            "{name}: path"
        );
        let sent = if let BodyPlan::Replace(body) = plan.body {
            serde_json::from_slice(&body).expect("json")
        } else {
            let mut sent = fixture.said["request"].clone();
            sent["model"] = fixture.said["model"].clone();
            sent
        };
        assert_eq!(sent, fixture.said["sent"], "{name}");
    }
}

#[test]
fn every_fixture_tells_the_client_what_it_says_however_it_is_grouped() {
    for fixture in fixtures() {
        let plan = fixture.plan();
        let framing = if fixture.said["events"].is_array() {
            plan.reply.framing
        } else {
            Framing::Buffered
        };
        let frames = cut(framing, &fixture.answer(framing));
        if plan.reply.mode == DecodeMode::Verbatim {
            let objects: Vec<Value> = frames
                .iter()
                .filter_map(|(_, data)| serde_json::from_slice(data).ok())
                .collect();
            let told = Told::read(&objects);
            check(&fixture, &told, told.usage.clone(), None);
            continue;
        }
        let all = hear(&fixture.guest, &plan.state, &[&frames])
            .unwrap_or_else(|fault| panic!("{}: {fault}", fixture.name));
        check(&fixture, &all.told(), all.usage.clone(), all.error.as_ref());
        assert_eq!(
            all.finish.is_some(),
            all.error.is_none(),
            "{}",
            fixture.name
        );
        for at in 0..=frames.len() {
            let (head, tail): (&[Owned], &[Owned]) = frames.split_at(at);
            let split = hear(&fixture.guest, &plan.state, &[head, tail]).expect("it decodes");
            assert_eq!(split, all, "{} at {at}", fixture.name);
        }
    }
}

fn check(fixture: &Fixture, told: &Told, usage: Option<Usage>, error: Option<&ErrorKind>) {
    let name = &fixture.name;
    let said = &fixture.said["told"];
    let choice: &Choice = &told.choices[&0];
    let text = |field: &str| said[field].as_str().unwrap_or_default();
    assert_eq!(choice.text, text("text"), "{name}");
    assert_eq!(choice.refusal, text("refusal"), "{name}");
    assert_eq!(choice.finish.as_deref(), said["finish"].as_str(), "{name}");
    let list = |field: &str| said[field].as_array().cloned().unwrap_or_default();
    assert_eq!(json!(choice.calls), json!(list("calls")), "{name}: calls");
    assert_eq!(
        json!(choice.thoughts),
        json!(list("thoughts")),
        "{name}: thoughts"
    );
    if said["extras"].is_array() {
        assert_eq!(json!(choice.extras), said["extras"], "{name}: extras");
    }
    let meant: Usage = serde_json::from_value(said["usage"].clone()).expect("usage");
    let usage = usage.map(|usage| Usage {
        other: Vec::new(),
        ..usage
    });
    assert_eq!(usage, Some(meant), "{name}: usage");
    let error = error.map(|kind| json!(kind));
    assert_eq!(error, said.get("error").cloned(), "{name}: error");
}

#[test]
fn every_manifest_names_places_the_host_lets_it_go() {
    for fixture in fixtures() {
        let manifest = &fixture.guest.manifest;
        for upstream in &manifest.upstreams {
            let name = &manifest.id;
            assert!(
                upstream.base_url.starts_with("https://"),
                "{name}: {}",
                upstream.base_url
            );
            assert!(
                upstream.paths.iter().all(|path| path.starts_with('/')),
                "{name}: paths"
            );
        }
        let schema: Value = serde_json::from_str(&manifest.config_schema).expect("a schema");
        assert!(
            schema.is_object() && !manifest.auth.is_empty(),
            "{}",
            manifest.id
        );
    }
}
