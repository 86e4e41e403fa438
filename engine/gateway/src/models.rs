//! The models on offer, in the words of each kind of client.

use crate::surface::Clients;
use bytes::Bytes;
use mux_dsl::Image;
use serde_json::{Value, json};

/// The answers to `GET /v1/models`.
#[derive(Debug)]
pub(crate) struct Models {
    openai: Bytes,
    anthropic: Bytes,
}

impl Models {
    /// Policies, and deployments where clients may name them.
    pub(crate) fn of(image: &Image) -> Self {
        let policies = image
            .policies
            .iter()
            .map(|p| (format!("@{}", p.name), "mux"));
        let fleet = &image.fleet;
        let direct = fleet.targets.iter().filter(|_| fleet.direct).map(|t| {
            let owner = fleet
                .providers
                .get(t.provider.index())
                .map_or("", |p| &p.name);
            (t.name.to_string(), owner)
        });
        let all: Vec<(String, &str)> = policies.chain(direct).collect();
        let openai = |(id, owner): &(String, &str)| json!({"id": id, "object": "model", "created": 0, "owned_by": owner});
        let anthropic = |(id, _): &(String, &str)| json!({"type": "model", "id": id, "display_name": id, "created_at": "1970-01-01T00:00:00Z"});
        let (first, last) = (all.first(), all.last());
        let openai: Vec<Value> = all.iter().map(openai).collect();
        let anthropic: Vec<Value> = all.iter().map(anthropic).collect();
        let anthropic = json!({
            "data": anthropic,
            "has_more": false,
            "first_id": first.map(|(id, _)| id),
            "last_id": last.map(|(id, _)| id),
        });
        Self {
            openai: Bytes::from(json!({"object": "list", "data": openai}).to_string()),
            anthropic: Bytes::from(anthropic.to_string()),
        }
    }

    /// As such clients are told.
    pub(crate) fn told(&self, clients: Clients) -> &Bytes {
        match clients {
            Clients::OpenAi => &self.openai,
            Clients::Anthropic => &self.anthropic,
        }
    }
}
