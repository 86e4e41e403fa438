//! What a provider does with each request, where something outside of it decides that: a simulation that models several.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::fault::Fault;

/// What becomes of one request. Times are counted from its arrival.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Manner {
    /// Nothing at all happens before.
    pub wait: Duration,
    /// The first content of an answer.
    pub first: Duration,
    /// Between two pieces of it.
    pub pause: Duration,
    /// Pieces of it, a token each.
    pub tokens: u32,
    /// What goes wrong; its `rate` and `times` do not count here.
    pub fault: Fault,
}

/// Decides about every request of a provider.
#[derive(Clone)]
pub struct Manners(Arc<dyn Fn(&str) -> Manner + Send + Sync>);

impl Manners {
    /// Of a function from the model that is asked for to what becomes of the request; called once a request, in the order
    /// they come.
    pub fn new(decide: impl Fn(&str) -> Manner + Send + Sync + 'static) -> Self {
        Self(Arc::new(decide))
    }

    pub(crate) fn of(&self, model: &str) -> Manner {
        (self.0)(model)
    }
}

impl fmt::Debug for Manners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Manners")
    }
}
