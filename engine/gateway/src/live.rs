//! The bundle that is served: one atomic swap, so that a request sees one bundle and never a mixture.

use crate::bundle::Bundle;
use crate::latest::Latest;
use std::sync::Arc;

/// Holds the served bundle.
#[derive(Debug)]
pub(crate) struct Live {
    bundle: Latest<Bundle>,
}

impl Live {
    /// Starts with a bundle.
    #[must_use]
    pub(crate) fn new(bundle: Arc<Bundle>) -> Self {
        Self {
            bundle: Latest::new(bundle),
        }
    }

    /// The bundle for a request that begins now. It is kept for the request's whole life.
    #[must_use]
    pub(crate) fn bundle(&self) -> Arc<Bundle> {
        self.bundle.get()
    }

    /// Serves another bundle from the next request on.
    pub(crate) fn serve(&self, bundle: Arc<Bundle>) {
        self.bundle.put(bundle);
    }
}
