//! What is served: routing's view of a policy version, and for each provider the adapter, the address and the secret.

use crate::credential::{Key, Vault};
use crate::departures::departures;
use crate::models::Models;
use crate::plugins::Plugins;
use crate::prices::Prices;
use crate::upstream::loopback;
use bytes::Bytes;
use hyper::Uri;
use mux_dsl::Image;
use mux_dsl::image::{Provider, ProviderId, TargetId};
use mux_plugins::{Adapter, Call, preset};
use mux_routing::router::{Memory, Router};
use mux_wire::chat::scan;
use std::sync::Arc;

/// One version, ready to serve. Immutable; a request keeps the one it began with.
#[derive(Debug)]
pub(crate) struct Bundle {
    /// Decides and keeps the books.
    pub(crate) router: Arc<Router>,
    /// The models on offer, as clients are told.
    pub(crate) models: Models,
    lines: Vec<Option<Line>>,
}

/// How to reach one provider.
#[derive(Debug)]
pub(crate) struct Line {
    /// Speaks its dialect.
    pub(crate) adapter: Adapter,
    /// Put on the request last.
    pub(crate) key: Option<Arc<Key>>,
    /// Private addresses are allowed.
    pub(crate) private: bool,
    /// Where it is, without a path; `None` where its adapter does not say.
    pub(crate) origin: Option<Uri>,
}

/// What bundles are put together from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sources<'a> {
    /// Adapters.
    pub(crate) plugins: &'a Plugins,
    /// Secrets.
    pub(crate) vault: &'a Vault,
    /// What tokens cost where policies do not say it.
    pub(crate) prices: &'a Prices,
    /// What outlives bundles.
    pub(crate) memory: &'a Memory,
    /// Other addresses for providers, by name; no credential is sent there.
    pub(crate) addresses: &'a [(String, String)],
}

impl Bundle {
    /// Puts a checked bundle together. What is missing makes targets unavailable, never the bundle.
    #[must_use]
    pub(crate) fn new(image: Arc<Image>, version: &str, means: &Sources<'_>) -> Self {
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
        let models = Models::of(&image);
        let router = Router::new(image, version, means.memory, why);
        let router = router.with_prices(means.prices.served());
        Self {
            router: Arc::new(router),
            models,
            lines: lines.into_iter().map(Result::ok).collect(),
        }
    }

    /// How to reach a target, and what its provider calls the model.
    #[must_use]
    pub(crate) fn line(&self, target: TargetId) -> Option<(&Line, &str)> {
        let target = self.router.fleet().targets.get(target.index())?;
        Some((
            self.lines.get(target.provider.index())?.as_ref()?,
            &target.model,
        ))
    }

    /// The name of a target's provider.
    #[must_use]
    pub(crate) fn provider_name(&self, target: TargetId) -> Option<Box<str>> {
        let fleet = self.router.fleet();
        let target = fleet.targets.get(target.index())?;
        Some(fleet.providers.get(target.provider.index())?.name.clone())
    }

    /// How to reach a provider.
    #[must_use]
    pub(crate) fn provider(&self, provider: ProviderId) -> Option<&Line> {
        self.lines.get(provider.index())?.as_ref()
    }

    /// How to reach each provider that can be.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().flatten()
    }

    /// Targets that cannot be called, with the reason.
    pub(crate) fn unavailable(&self) -> impl Iterator<Item = (&str, &str)> {
        let ids = (0..u32::try_from(self.router.fleet().targets.len()).unwrap_or(0)).map(TargetId);
        ids.filter_map(|id| Some((self.router.name(id), self.router.unavailable(id)?)))
    }

    /// Targets of which nobody knows what they cost.
    pub(crate) fn unpriced(&self) -> impl Iterator<Item = &str> {
        let targets = self.router.fleet().targets.iter();
        let unpriced = targets.filter(|t| t.price.is_none() && t.listed.is_none());
        unpriced.map(|t| &*t.name)
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
    let usual = preset::of(&provider.kind).and_then(|preset| preset.url);
    let url = elsewhere.or(provider.url.as_deref()).or(usual);
    let adapter = plugin.adapter(&provider.settings, url);
    let adapter = adapter.map_err(|e| format!("has settings its adapter refuses: {e}"))?;
    let adapter = adapter.with(departures(provider));
    let adapter = adapter.map_err(|e| format!("has `quirks` that cannot be sent: {e}"))?;
    let key = match &provider.key {
        Some(key) if elsewhere.is_none() => {
            means.vault.key(key, &adapter, provider.url.is_some())?
        }
        _ => None,
    };
    Ok(Line {
        origin: origin(&adapter),
        adapter,
        key: key.map(Arc::new),
        private: provider.private || url.is_some_and(loopback),
    })
}

/// Where an adapter sends its requests.
fn origin(adapter: &Adapter) -> Option<Uri> {
    let body =
        Bytes::from_static(br#"{"model":"m","messages":[{"role":"user","content":"hello"}]}"#);
    let call = Call {
        operation: "chat",
        dialect: "openai-chat",
        model: "m",
        model_span: scan(&body).ok()?.model_span,
        stream: false,
        attempt: 0,
        now_unix_ms: 0,
        request_id: "origin",
        body: &body,
    };
    let url: Uri = adapter.plan(&call).ok()?.url.parse().ok()?;
    let (scheme, authority) = (url.scheme_str()?, url.authority()?);
    format!("{scheme}://{authority}/").parse().ok()
}
