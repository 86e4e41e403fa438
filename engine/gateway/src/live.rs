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
pub(crate) struct Live {
    serving: Latest<Serving>,
}

/// The live bundle, and who is served by another one.
#[derive(Clone, Debug)]
pub(crate) struct Serving {
    /// Decides all requests, but for those of the canary.
    pub(crate) live: Arc<Bundle>,
    /// Decides a share of them.
    pub(crate) canary: Option<Canary>,
}

/// A bundle that a share of the requests is decided by.
#[derive(Clone, Debug)]
pub(crate) struct Canary {
    /// What decides.
    pub(crate) bundle: Arc<Bundle>,
    draw: Draw,
}

/// Who is in a canary.
///
/// That is told by [`bucket`], whose hash is written down there: the salt is `mux canary` and the version, with a space
/// between, the value is the conversation of the request, else its user, else its key, else the id of the request, each as
/// records have it; who falls into a bucket below the share is in. So a client stays as long as the canary does, a larger
/// share keeps those of a smaller one, and another canary has other clients.
#[derive(Clone, Debug)]
struct Draw {
    salt: Box<str>,
    share: u32,
    by: Unit,
}

impl Draw {
    fn takes(&self, facts: &Facts, id: &str) -> bool {
        let client = facts.conversation.as_deref();
        let client = client
            .or(facts.end_user.as_deref())
            .or(facts.key.as_deref());
        let value = client.filter(|_| self.by == Unit::Client).unwrap_or(id);
        bucket(&self.salt, value) < self.share
    }
}

impl Canary {
    /// A share of so many basis points.
    #[must_use]
    pub(crate) fn new(bundle: Arc<Bundle>, share: u32, by: Unit) -> Self {
        let salt = format!("mux canary {}", bundle.router.version()).into();
        let draw = Draw { salt, share, by };
        Self { bundle, draw }
    }

    /// Its version.
    #[must_use]
    pub(crate) fn version(&self) -> &str {
        self.bundle.router.version()
    }

    /// The same share of requests, decided by the same version made anew.
    #[must_use]
    pub(crate) fn with(&self, bundle: Bundle) -> Self {
        Self {
            bundle: Arc::new(bundle),
            draw: self.draw.clone(),
        }
    }
}

impl Serving {
    /// Nothing but a live bundle.
    #[must_use]
    pub(crate) fn only(live: Bundle) -> Self {
        Self {
            live: Arc::new(live),
            canary: None,
        }
    }

    /// All that decide.
    pub(crate) fn bundles(&self) -> impl Iterator<Item = &Bundle> {
        let canary = self.canary.iter().map(|canary| &*canary.bundle);
        [&*self.live].into_iter().chain(canary)
    }

    /// What decides a request.
    #[must_use]
    pub(crate) fn bundle(&self, facts: &Facts, id: &str) -> &Arc<Bundle> {
        match &self.canary {
            Some(canary) if canary.draw.takes(facts, id) => &canary.bundle,
            _ => &self.live,
        }
    }
}

impl Live {
    /// Starts with a bundle, and what is tried out beside it.
    #[must_use]
    pub(crate) fn new(serving: Serving) -> Self {
        Self {
            serving: Latest::new(Arc::new(serving)),
        }
    }

    /// What a request that begins now is served by. It is kept for the request's whole life.
    #[must_use]
    pub(crate) fn serving(&self) -> Arc<Serving> {
        self.serving.get()
    }

    /// The live bundle.
    #[must_use]
    pub(crate) fn bundle(&self) -> Arc<Bundle> {
        Arc::clone(&self.serving.get().live)
    }

    /// Serves something else from the next request on.
    pub(crate) fn serve(&self, serving: Serving) {
        self.serving.put(Arc::new(serving));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_known_by_its_conversation_else_its_user_else_its_key_and_stays() {
        let draw = |by, share| Draw {
            salt: "mux canary v".into(),
            share,
            by,
        };
        let word = |text: &str| Some(text.to_owned());
        let mut facts = Facts::default();
        let (mut moved, mut kept) = (0, 0);
        for n in 0..1_000 {
            let id = format!("req_{n}");
            let own = |value: &str| bucket("mux canary v", value) < 3_000;
            facts.key = word("k");
            assert_eq!(draw(Unit::Client, 3_000).takes(&facts, &id), own("k"));
            facts.end_user = word("ann");
            assert_eq!(draw(Unit::Client, 3_000).takes(&facts, &id), own("ann"));
            facts.conversation = Some(format!("talk {n}"));
            let inside = own(&format!("talk {n}"));
            assert_eq!(draw(Unit::Client, 3_000).takes(&facts, &id), inside);
            assert!(!inside || draw(Unit::Client, 6_000).takes(&facts, &id));
            assert_eq!(draw(Unit::Request, 3_000).takes(&facts, &id), own(&id));
            kept += u32::from(inside);
            moved += u32::from(draw(Unit::Request, 3_000).takes(&facts, &id));
            facts = Facts::default();
            assert_eq!(draw(Unit::Client, 3_000).takes(&facts, &id), own(&id));
        }
        for share in [kept, moved] {
            assert!((250..350).contains(&share), "{share} of a thousand");
        }
    }
}
