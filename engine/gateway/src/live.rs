//! What is served: one atomic swap of the live bundle and of the one that is tried out beside it, so that a request sees one
//! bundle and never a mixture.

use crate::bundle::Bundle;
use crate::latest::Latest;
use mux_routing::bucket::bucket;
use mux_store::Unit;
use mux_traffic::record::Facts;
use std::sync::Arc;

/// Holds what is served.
#[derive(Debug)]
pub struct Live {
    serving: Latest<Serving>,
}

/// The live bundle, and who is served by another one.
#[derive(Clone, Debug)]
pub struct Serving {
    /// Decides all requests, but for those of the canary.
    pub live: Arc<Bundle>,
    /// Decides a share of them.
    pub canary: Option<Canary>,
}

/// A bundle that a share of the requests is decided by.
///
/// Who is in it is told by [`bucket`], whose hash is written down there: the salt is `mux canary` and the version, with a
/// space between, the value is the conversation of the request, else its user, else its key, else the id of the request,
/// each as records have it; who falls into a bucket below the share is in. So a client stays as long as the canary does, a
/// larger share keeps those of a smaller one, and another canary has other clients.
#[derive(Clone, Debug)]
pub struct Canary {
    /// What decides.
    pub bundle: Arc<Bundle>,
    salt: Box<str>,
    share: u32,
    by: Unit,
}

impl Canary {
    /// A share of so many basis points.
    #[must_use]
    pub fn new(bundle: Arc<Bundle>, share: u32, by: Unit) -> Self {
        let salt = format!("mux canary {}", bundle.router.version()).into();
        Self {
            bundle,
            salt,
            share,
            by,
        }
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> &str {
        self.bundle.router.version()
    }

    /// The same share of requests, decided by the same version made anew.
    #[must_use]
    pub fn with(&self, bundle: Bundle) -> Self {
        Self {
            bundle: Arc::new(bundle),
            ..self.clone()
        }
    }

    fn takes(&self, facts: &Facts, id: &str) -> bool {
        let client = facts.conversation.as_deref();
        let client = client
            .or(facts.end_user.as_deref())
            .or(facts.key.as_deref());
        let value = client.filter(|_| self.by == Unit::Client).unwrap_or(id);
        bucket(&self.salt, value) < self.share
    }
}

impl Serving {
    /// Nothing but a live bundle.
    #[must_use]
    pub fn only(live: Bundle) -> Self {
        Self {
            live: Arc::new(live),
            canary: None,
        }
    }

    /// All that decide.
    pub fn bundles(&self) -> impl Iterator<Item = &Bundle> {
        let canary = self.canary.iter().map(|canary| &*canary.bundle);
        [&*self.live].into_iter().chain(canary)
    }

    /// What decides a request.
    #[must_use]
    pub fn bundle(&self, facts: &Facts, id: &str) -> &Arc<Bundle> {
        match &self.canary {
            Some(canary) if canary.takes(facts, id) => &canary.bundle,
            _ => &self.live,
        }
    }
}

impl Live {
    /// Starts with a bundle, and what is tried out beside it.
    #[must_use]
    pub fn new(serving: Serving) -> Self {
        Self {
            serving: Latest::new(Arc::new(serving)),
        }
    }

    /// What a request that begins now is served by. It is kept for the request's whole life.
    #[must_use]
    pub fn serving(&self) -> Arc<Serving> {
        self.serving.get()
    }

    /// The live bundle.
    #[must_use]
    pub fn bundle(&self) -> Arc<Bundle> {
        Arc::clone(&self.serving.get().live)
    }

    /// Serves something else from the next request on.
    pub fn serve(&self, serving: Serving) {
        self.serving.put(Arc::new(serving));
    }
}
