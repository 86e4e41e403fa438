//! What two bundles do differently, for all requests: as conditions, with what was done and what is done now.
//!
//! Both are laid into one space that knows the tests of both, so equal parts of their graphs are the same nodes and are
//! never looked at; what is left is a walk over pairs of nodes. Margrave did so for access policies: Fisler,
//! Krishnamurthi, Meyerovich, Tschantz, "Verification and Change-Impact Analysis of Access-Control Policies", 2005.

mod change;
mod fleet;
mod human;
mod joint;
mod markdown;
mod pairwise;
mod plans;
mod report;
mod side;
mod telling;
mod walk;

use crate::decide::Image;
use crate::request::{Live, Request};
use joint::Joint;
pub use report::{Change, Diff, Parted, Place, PlanDiff, PolicyDiff, RegionDiff};
use side::Differing;
use std::collections::BTreeSet;

/// Two bundles, compared; requests can be counted before the result is taken.
#[derive(Debug)]
pub struct Comparison<'i> {
    joint: Joint<'i>,
    /// Policies of both, by name.
    policies: Vec<Differing>,
    requests: Option<u64>,
}

/// What `now` does otherwise than `was`.
#[must_use]
pub fn diff(was: &Image, now: &Image) -> Diff {
    Comparison::of(was, now).finish()
}

impl<'i> Comparison<'i> {
    /// Compares what two bundles do with every request.
    #[must_use]
    pub fn of(was: &'i Image, now: &'i Image) -> Self {
        let joint = Joint::of(was, now);
        let names: BTreeSet<&str> = was.policies.iter().map(|p| &*p.name).collect();
        let both = names.into_iter().filter(|name| now.policy(name).is_some());
        Self {
            policies: both.filter_map(|name| joint.policy(name)).collect(),
            joint,
            requests: None,
        }
    }

    /// Counts a recorded request, with the figures of its time by the targets and budgets of the newer bundle.
    pub fn count<L: Live>(&mut self, request: &Request<'_>, live: &L) {
        *self.requests.get_or_insert(0) += 1;
        let name = request.model.strip_prefix('@').unwrap_or(request.model);
        if let Some(policy) = self.policies.iter_mut().find(|p| p.name == name) {
            policy.count(&self.joint.class(request, live));
        }
    }

    /// What differs, the most important first: by requests where they were counted, else by how much there is of it.
    #[must_use]
    pub fn finish(self) -> Diff {
        let (was, now) = (self.joint.was.image, self.joint.now.image);
        let counted = self.requests.is_some();
        let tell = |p: &Differing| self.joint.told(p, counted);
        let policies: Vec<PolicyDiff> = self.policies.iter().filter_map(tell).collect();
        let only = |of: &Image, other: &Image| {
            let names = of.policies.iter().map(|p| p.name.to_string());
            let mut names: Vec<String> = names.filter(|n| other.policy(n).is_none()).collect();
            names.sort_unstable();
            names
        };
        let (added, removed) = (only(now, was), only(was, now));
        let fleet = fleet::compared(was, now);
        let plans = self.joint.told_plans(&self.policies, counted);
        let differing = |p: &Differing| self.joint.differing(p);
        Diff {
            v: report::VERSION,
            same: policies.is_empty()
                && [plans.len(), added.len(), removed.len(), fleet.len()] == [0; 4],
            policies,
            plans,
            added,
            removed,
            fleet,
            differing: counted.then(|| self.policies.iter().map(differing).sum()),
            requests: self.requests,
        }
    }
}
