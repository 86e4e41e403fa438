//! The project's own exchanges.

use std::path::Path;

use bytes::Bytes;
use mux_plugins::{Adapter, Plan};
use serde_json::Value;

use crate::stage;

/// One exchange.
#[derive(Clone)]
pub(crate) struct Fixture {
    pub(crate) name: String,
    pub(crate) said: Value,
    pub(crate) request: Bytes,
    pub(crate) answer: Vec<u8>,
    pub(crate) stream: bool,
}

impl Fixture {
    pub(crate) fn adapter(&self) -> &str {
        self.said["adapter"].as_str().expect("an adapter")
    }

    pub(crate) fn model(&self) -> &str {
        self.said["model"].as_str().expect("a model")
    }

    /// What its adapter is configured with.
    pub(crate) fn settings(&self) -> String {
        let settings = self.said.get("settings");
        settings.map_or_else(|| "{}".to_owned(), Value::to_string)
    }

    fn read(path: &Path) -> Self {
        let name = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let text = std::fs::read(path).expect("readable");
        let said: Value =
            serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let adapter = said["adapter"].as_str().unwrap_or_default();
        let (answer, stream) = match said["events"].as_array() {
            Some(events) => (stream(events, ENDED.contains(&adapter)), true),
            None => (said["body"].to_string().into_bytes(), false),
        };
        Self {
            request: Bytes::from(said["request"].to_string()),
            answer,
            stream,
            said,
            name,
        }
    }
}

/// Whose streams end with a mark.
const ENDED: [&str; 4] = ["azure", "cohere", "mistral", "openai"];

/// Events as their provider sends them: those that say their type say it before as well.
fn stream(events: &[Value], ended: bool) -> Vec<u8> {
    let mut text = String::new();
    for event in events {
        if let Some(name) = event["type"].as_str() {
            text.extend(["event: ", name, "\n"]);
        }
        text.extend(["data: ", &event.to_string(), "\n\n"]);
    }
    if ended {
        text.push_str("data: [DONE]\n\n");
    }
    text.into_bytes()
}

/// All of them.
pub(crate) fn fixtures() -> Vec<Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let files = folder
        .read_dir()
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    let mut fixtures: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .map(|path| Fixture::read(&path))
        .collect();
    fixtures.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(fixtures.len() >= 8, "fixtures are missing");
    fixtures
}

/// What the adapter plans for its request.
pub(crate) fn plan(adapter: &Adapter, fixture: &Fixture) -> Plan {
    let call = stage::call(&fixture.request, fixture.model(), fixture.stream);
    let planned = adapter.plan(&call);
    planned.unwrap_or_else(|fault| panic!("{}: {fault}", fixture.name))
}
