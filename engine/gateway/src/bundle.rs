//! What is served: routing's view of a policy version, and for each provider the adapter, the address and the secret.

use crate::credential::Vault;
use crate::plugins::Plugins;
use bytes::Bytes;
use mux_dsl::Image;
use mux_dsl::image::{Provider, TargetId};
use mux_plugins::{Adapter, AuthScheme};
use mux_routing::router::{Memory, Router};
use secrecy::SecretString;
use std::net::IpAddr;
use std::sync::Arc;

/// One version, ready to serve. Immutable; a request keeps the one it began with.
#[derive(Debug)]
pub struct Bundle {
    /// Decides and keeps the books.
    pub router: Arc<Router>,
    /// The answer to `GET /v1/models`.
    pub models: Bytes,
    lines: Vec<Option<Line>>,
}

/// How to reach one provider.
#[derive(Debug)]
pub struct Line {
    /// Speaks its dialect.
    pub adapter: Adapter,
    /// Put on the request last.
    pub credential: Option<(AuthScheme, Arc<SecretString>)>,
    /// Private addresses are allowed.
    pub private: bool,
}

/// What bundles are put together from.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// Adapters.
    pub plugins: &'a Plugins,
    /// Secrets.
    pub vault: &'a Vault,
    /// What outlives bundles.
    pub memory: &'a Memory,
    /// Other addresses for providers, by name; no credential is sent there.
    pub addresses: &'a [(String, String)],
}

impl Bundle {
    /// Puts a checked bundle together. What is missing makes targets unavailable, never the bundle.
    #[must_use]
    pub fn new(image: Arc<Image>, version: &str, means: &Sources<'_>) -> Self {
        let lines: Vec<Result<Line, String>> = image
            .fleet
            .providers
            .iter()
            .map(|p| line(p, means))
            .collect();
        let providers: Vec<usize> = image
            .fleet
            .targets
            .iter()
            .map(|t| t.provider.index())
            .collect();
        let why = |target: TargetId| {
            let provider = *providers.get(target.index())?;
            lines.get(provider)?.as_ref().err().cloned()
        };
        let models = models(&image);
        let router = Router::new(image, version, means.memory, why);
        Self {
            router: Arc::new(router),
            models,
            lines: lines.into_iter().map(Result::ok).collect(),
        }
    }

    /// How to reach a target, and what its provider calls the model.
    #[must_use]
    pub fn line(&self, target: TargetId) -> Option<(&Line, &str)> {
        let target = self.router.fleet().targets.get(target.index())?;
        Some((
            self.lines.get(target.provider.index())?.as_ref()?,
            &target.model,
        ))
    }

    /// Targets that cannot be called, with the reason.
    pub fn unavailable(&self) -> impl Iterator<Item = (&str, &str)> {
        let ids = (0..u32::try_from(self.router.fleet().targets.len()).unwrap_or(0)).map(TargetId);
        ids.filter_map(|id| Some((self.router.name(id), self.router.unavailable(id)?)))
    }
}

fn line(provider: &Provider, means: &Sources<'_>) -> Result<Line, String> {
    let plugin = means.plugins.get(&provider.kind);
    let plugin = plugin.ok_or_else(|| {
        format!(
            "needs an adapter for `{}`, and none is loaded",
            provider.kind
        )
    })?;
    let elsewhere = means
        .addresses
        .iter()
        .find(|(name, _)| **name == *provider.name)
        .map(|(_, url)| url.as_str());
    let url = elsewhere.or(provider.url.as_deref());
    let adapter = plugin.adapter(&provider.settings, url);
    let adapter = adapter.map_err(|e| format!("has settings its adapter refuses: {e}"))?;
    let credential = match (&provider.key, adapter.auth().first()) {
        (Some(key), Some(scheme)) if elsewhere.is_none() => {
            Some((scheme.clone(), Arc::new(means.vault.resolve(key)?)))
        }
        _ => None,
    };
    Ok(Line {
        adapter,
        credential,
        private: provider.private || url.is_some_and(loopback),
    })
}

/// Whether an address is literally this machine.
fn loopback(url: &str) -> bool {
    let Ok(uri) = url.parse::<hyper::Uri>() else {
        return false;
    };
    let host = uri
        .host()
        .unwrap_or_default()
        .trim_start_matches('[')
        .trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn models(image: &Image) -> Bytes {
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
    let data: Vec<_> = policies.chain(direct).map(|(id, owner)| serde_json::json!({"id": id, "object": "model", "created": 0, "owned_by": owner})).collect();
    Bytes::from(serde_json::json!({"object": "list", "data": data}).to_string())
}
