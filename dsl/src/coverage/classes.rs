//! The classes that requests fall into, by what is read to decide them: which of them recorded traffic has and no test does.

use super::search::Suggestion;
use crate::cells::Cells;
use crate::clause::Then;
use crate::decide::Image;
use crate::image::PolicyId;
use crate::region::Region;
use crate::request::{Live, Request};
use crate::witness::Witness;
use std::collections::{BTreeMap, BTreeSet};

/// Classes of requests of one bundle.
#[derive(Debug)]
pub struct Classes<'i> {
    image: &'i Image,
    tested: BTreeSet<Class>,
    counted: BTreeMap<Class, u64>,
}

/// Requests that enter a policy and have the same answer to everything that is asked of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    policy: PolicyId,
    /// Fields that were read, with the cell they were in.
    read: Vec<(u16, u32)>,
    /// Rules that took it, those that handed it on among them.
    rules: Vec<u32>,
}

impl<'i> Classes<'i> {
    /// None yet.
    #[must_use]
    pub fn new(image: &'i Image) -> Self {
        Self {
            image,
            tested: BTreeSet::new(),
            counted: BTreeMap::new(),
        }
    }

    /// Takes the request of a test.
    pub fn tested(&mut self, policy: PolicyId, request: &Request<'_>, live: &dyn Live) {
        if let Some(class) = self.class(policy, request, live) {
            self.tested.insert(class);
        }
    }

    /// Takes a recorded request.
    pub fn counted(&mut self, policy: PolicyId, request: &Request<'_>, live: &dyn Live) {
        if let Some(class) = self.class(policy, request, live) {
            *self.counted.entry(class).or_insert(0) += 1;
        }
    }

    /// `None` where its path was too long to be kept.
    fn class(&self, policy: PolicyId, request: &Request<'_>, live: &dyn Live) -> Option<Class> {
        let decision = self.image.decide(policy, request, &live);
        let mut class = Class {
            policy,
            read: Vec::new(),
            rules: Vec::new(),
        };
        let (mut steps, mut at) = (decision.path.steps(), policy);
        loop {
            let (program, scene) = self.image.code.scene(at);
            let (rule, read) = program.follow(scene, &mut steps)?;
            class.read.extend(read);
            class.rules.push(rule);
            let clause = self.image.code.clauses.get(at.index())?;
            match &clause.get(usize::try_from(rule).ok()?)?.then {
                Then::Go(next) => at = *next,
                Then::Decide(_) => return Some(class),
            }
        }
    }

    /// Requests of the classes that no test has, the most frequent first, with how many were recorded of each.
    #[must_use]
    pub fn suggest(&self) -> Vec<(Suggestion, u64)> {
        let missing = self
            .counted
            .iter()
            .filter(|(class, _)| !self.tested.contains(class));
        let mut missing: Vec<(&Class, u64)> = missing.map(|(class, many)| (class, *many)).collect();
        missing.sort_by_key(|(_, many)| std::cmp::Reverse(*many));
        let suggested = missing.into_iter();
        suggested
            .filter_map(|(class, many)| Some((self.suggestion(class, many)?, many)))
            .collect()
    }

    fn suggestion(&self, class: &Class, many: u64) -> Option<Suggestion> {
        let space = &self.image.code.space;
        let mut read = class.read.iter();
        let region = read.try_fold(Region::all(), |region, (field, cell)| {
            region.with(*field, &Cells::One(*cell), space)
        });
        let witness = Witness::of(&region?, space);
        let name = &self.image.policies.get(class.policy.index())?.name;
        let what = if witness.givens.is_empty() {
            "a plain request".to_owned()
        } else {
            witness.givens.join(", ")
        };
        let s = if many == 1 { "" } else { "s" };
        let title = format!("@{name}: {what} ({many} recorded request{s})");
        Some(Suggestion {
            policy: name.to_string(),
            title: title.replace('"', "'").replace('\\', "/"),
            givens: witness.givens,
            upstreams: Vec::new(),
        })
    }
}
