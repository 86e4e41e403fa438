//! The tree of hashes: models, budgets and limits, what policies do with them, and the whole.

use super::bytes::Bytes;
use super::graph::Shape;
use super::hash::{Canon, Hash};
use super::objects::Objects;
use super::{parts, written};
use crate::clause::Then;
use crate::decide::Image;
use crate::entry::Leaf;
use crate::image::{PolicyId, RuleId, Target};
use crate::outcome::Outcomes;
use crate::part::{Part, fleet, protect};
use crate::region::Region;
use std::collections::BTreeMap;

/// Hashes of what policies refer to, by kind and name.
#[derive(Debug)]
pub(super) struct Merkle {
    targets: BTreeMap<Box<str>, Hash>,
    /// Budgets and limits.
    meters: BTreeMap<(&'static str, Box<str>), Hash>,
    /// What holds for all of them: defaults and health.
    common: Hash,
    /// All that was hashed.
    pub(super) objects: Objects,
}

impl Merkle {
    pub(super) fn of(image: &Image) -> Self {
        let objects = Objects::default();
        let providers: Vec<Hash> = image
            .fleet
            .providers
            .iter()
            .map(|p| objects.part("provider", &fleet::provider(p)))
            .collect();
        let target = |t: &Target| {
            let mut bytes = Bytes::default();
            parts::write(&mut bytes, &fleet::target(t));
            if let Some(provider) = providers.get(t.provider.index()) {
                bytes.hash(*provider);
            }
            (t.name.clone(), objects.put("model", bytes))
        };
        let budgets = image.fleet.budgets.iter().map(fleet::budget);
        let limits = image.fleet.limits.iter().map(fleet::limit);
        let meters = budgets
            .chain(limits)
            .map(|p| ((p.kind, p.name.clone()), objects.part(p.kind, &p)))
            .collect();
        let mut common = Bytes::default();
        parts::write(
            &mut common,
            &protect::defaults(&image.fleet.defaults, &image.fleet),
        );
        common.count(usize::from(image.fleet.health.is_some()));
        if let Some(health) = &image.fleet.health {
            parts::write(&mut common, &fleet::health(health));
        }
        Self {
            targets: image.fleet.targets.iter().map(target).collect(),
            meters,
            common: objects.put("common", common),
            objects,
        }
    }

    /// What is there besides policies.
    pub(super) fn write(&self, image: &Image, bytes: &mut Bytes) {
        bytes.byte(u8::from(image.fleet.direct));
        bytes.hash(self.common);
        let mut providers: Vec<Part> = image.fleet.providers.iter().map(fleet::provider).collect();
        providers.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        bytes.count(providers.len());
        for p in &providers {
            bytes.hash(self.objects.part("provider", p));
        }
        bytes.count(self.targets.len());
        self.targets.values().for_each(|h| bytes.hash(*h));
        bytes.count(self.meters.len());
        self.meters.values().for_each(|h| bytes.hash(*h));
    }

    pub(super) fn policy(
        &self,
        id: PolicyId,
        image: &Image,
        outcomes: &Outcomes<'_>,
    ) -> (Hash, Canon) {
        let mut bytes = Bytes::default();
        bytes.hash(self.common);
        let terms = image.terms();
        let (shape, canon) = match outcomes.list(id, &terms) {
            Some((list, leaves)) => {
                let hash = |leaf| self.outcome(&outcomes.part(leaf));
                let (list, hashes) = alike(list, leaves.iter().map(hash));
                let leaf = |leaf: u32| hashes.get(leaf as usize).copied();
                let shape = Shape::of(&list, terms.space);
                let canon = if shape.is_graph() {
                    Canon::Graph
                } else {
                    Canon::Rules
                };
                (shape.written(&list, terms.space, &leaf), canon)
            }
            None => (self.written(id, image, outcomes), Canon::Rules),
        };
        bytes.byte(u8::from(canon == Canon::Rules));
        bytes.bytes(&shape);
        (self.objects.put("policy", bytes), canon)
    }

    /// The rules of a policy and of those it goes on to, as they are written: they are too many to be laid out.
    fn written(&self, id: PolicyId, image: &Image, outcomes: &Outcomes<'_>) -> Vec<u8> {
        let terms = image.terms();
        let mut bytes = Bytes::default();
        // Policies go on to each other without loops, so each is written once, where it is first needed.
        let mut order = vec![id];
        let mut at = 0;
        while let Some(policy) = order.get(at).copied() {
            at += 1;
            let clauses = image.code.clauses.get(policy.index()).into_iter().flatten();
            for (rule, clause) in (0..).map(RuleId).zip(clauses) {
                bytes.byte(u8::from(clause.cond.is_some()));
                if let Some(cond) = &clause.cond {
                    written::condition(&mut bytes, cond, &terms);
                }
                if let Then::Go(next) = clause.then {
                    let known = order.iter().position(|p| *p == next);
                    bytes.count(known.unwrap_or(order.len()) + 1);
                    if known.is_none() {
                        order.push(next);
                    }
                } else {
                    bytes.count(0);
                }
                let policies = vec![policy];
                bytes.hash(self.outcome(&outcomes.part(&Leaf { policies, rule })));
            }
        }
        bytes.into_vec()
    }

    /// What becomes of a request, with the hashes of all that it refers to.
    fn outcome(&self, outcome: &Part) -> Hash {
        let mut bytes = Bytes::default();
        parts::write(&mut bytes, outcome);
        outcome.each(&mut |part| {
            let referred = match part.kind {
                "target" => self.targets.get(&part.name),
                kind => self.meters.get(&(kind, part.name.clone())),
            };
            if let Some(hash) = referred {
                bytes.hash(*hash);
            }
        });
        self.objects.put("outcome", bytes)
    }
}

/// A list in which leaves of the same hash have the same number, and the hash of each.
fn alike(
    list: Vec<(Region, u32)>,
    hashes: impl Iterator<Item = Hash>,
) -> (Vec<(Region, u32)>, Vec<Hash>) {
    let mut known: Vec<Hash> = Vec::new();
    let mut numbers: BTreeMap<Hash, u32> = BTreeMap::new();
    let of: Vec<u32> = hashes
        .map(|hash| {
            *numbers.entry(hash).or_insert_with(|| {
                known.push(hash);
                u32::try_from(known.len() - 1).unwrap_or(u32::MAX)
            })
        })
        .collect();
    let list = list
        .into_iter()
        .filter_map(|(region, leaf)| Some((region, *of.get(leaf as usize)?)));
    (list.collect(), known)
}
