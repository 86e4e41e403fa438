//! How far to the front a request stands, and what of the places in flight is kept for those before it.

use crate::arrival::Arrival;
use crate::router::{Router, Way};
use mux_dsl::image::PolicyId;
use mux_dsl::request::Live;

/// Part of the places in flight that is kept for each step of priority, basis points.
const KEPT: u32 = 300;

impl Router {
    /// The priority of a request that has entered these policies: the highest of them; of one that names a deployment the
    /// highest there is.
    #[must_use]
    pub fn priority(&self, policies: &[PolicyId]) -> u8 {
        let policies = policies
            .iter()
            .filter_map(|p| self.image().policies.get(p.index()));
        let highest = policies.map(|p| p.priority).max();
        highest.unwrap_or(self.foremost())
    }

    /// The priority that a request will have. It is asked before the request has a place: nothing is taken from limits.
    pub fn foresee<L: Live>(&self, arrival: &Arrival, live: &L) -> u8 {
        match self.resolve(&arrival.facts.model) {
            Ok(Way::Policy(policy)) => arrival.request(|request| {
                let decision = self.image().decide(policy, request, live);
                self.priority(decision.policies.as_slice())
            }),
            Ok(Way::Direct(_)) | Err(_) => self.foremost(),
        }
    }

    /// Part of the places in flight that is kept from requests of a priority, basis points.
    #[must_use]
    pub fn kept(&self, priority: u8) -> u32 {
        u32::from(self.foremost().saturating_sub(priority)) * KEPT
    }
}
