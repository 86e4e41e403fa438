//! What a model costs that answered in the place of the one that was asked for: behind an alias or the name of a deployment.

use mux_dsl::image::{PriceList, TargetId};
use std::fmt;
use std::sync::Arc;

/// What a catalogue lists for a kind of provider and a name of a model.
pub type List = Arc<dyn Fn(&str, &str) -> Option<PriceList> + Send + Sync>;

/// Names that are remembered of each target: what a provider says has no bound.
const MOST: usize = 64;

/// A catalogue, and what was found in it so far: looking a name up takes longer than a request may.
pub(crate) struct Served {
    list: List,
    /// By target.
    known: Vec<papaya::HashMap<Box<str>, Option<Arc<PriceList>>>>,
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served")
            .field("known", &self.known)
            .finish_non_exhaustive()
    }
}

impl Served {
    /// For so many targets.
    pub(crate) fn new(list: List, targets: usize) -> Self {
        let known = std::iter::repeat_with(papaya::HashMap::new).take(targets);
        Self {
            list,
            known: known.collect(),
        }
    }

    /// What is listed for a name that a target of this kind answered under.
    pub(crate) fn price(&self, target: TargetId, kind: &str, name: &str) -> Option<Arc<PriceList>> {
        let known = self.known.get(target.index())?.pin();
        if let Some(found) = known.get(name) {
            return found.clone();
        }
        // Looked up once a name; one target that answers under so many is not believed any more.
        if known.len() >= MOST {
            return None;
        }
        let found = (self.list)(kind, name).map(Arc::new);
        known.insert(name.into(), found.clone());
        found
    }
}
