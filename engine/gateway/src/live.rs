//! The bundle that is served: one atomic swap, so that a request sees one bundle and never a mixture.

use crate::bundle::Bundle;
use arc_swap::ArcSwap;
use std::sync::Arc;

/// Holds the served bundle.
#[derive(Debug)]
pub struct Live {
    bundle: ArcSwap<Bundle>,
}

impl Live {
    /// Starts with a bundle.
    #[must_use]
    pub fn new(bundle: Arc<Bundle>) -> Self {
        Self {
            bundle: ArcSwap::new(bundle),
        }
    }

    /// The bundle for a request that begins now. It is kept for the request's whole life.
    #[must_use]
    pub fn bundle(&self) -> Arc<Bundle> {
        self.bundle.load_full()
    }

    /// Serves another bundle from the next request on.
    pub fn serve(&self, bundle: Arc<Bundle>) {
        self.bundle.store(bundle);
    }
}
