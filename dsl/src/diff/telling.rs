//! Differences in words: what is done on both sides, by which rule, and tests to paste.

use super::change::changes;
use super::joint::Joint;
use super::report::{Change, Place, PlanDiff, PolicyDiff, RegionDiff};
use super::side::{Differing, Region2, Side};
use crate::entry::Leaf;
use crate::part::Part;
use crate::witness::Witness;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

impl Joint<'_> {
    /// How a policy differs; `None` where nothing was found.
    pub(super) fn told(&self, policy: &Differing, counted: bool) -> Option<PolicyDiff> {
        let mut by_outcomes: BTreeMap<(u32, u32), Vec<&Region2>> = BTreeMap::new();
        for region in &policy.regions {
            by_outcomes.entry(region.outcomes).or_default().push(region);
        }
        let mut groups: Vec<Vec<&Region2>> = by_outcomes.into_values().collect();
        for group in &mut groups {
            group.sort_by_cached_key(|r| Reverse((r.requests, self.size(r))));
        }
        groups.sort_by_cached_key(|group| {
            let requests: u64 = group.iter().map(|r| r.requests).sum();
            let size: u64 = group
                .iter()
                .map(|r| self.size(r))
                .fold(0, u64::saturating_add);
            Reverse((requests, size))
        });
        let changes: Vec<Change> = groups
            .iter()
            .filter_map(|group| self.change(policy, group, counted))
            .collect();
        let requests = policy.regions.iter().map(|r| r.requests).sum();
        (!changes.is_empty()).then(|| PolicyDiff {
            policy: policy.name.clone(),
            bounded: policy.bounded,
            more: policy.more,
            changes,
            requests: counted.then_some(requests),
        })
    }

    /// Plans that changed inside, with the policies whose requests get them.
    pub(super) fn told_plans(&self, policies: &[Differing], counted: bool) -> Vec<PlanDiff> {
        let names: BTreeSet<&str> = policies
            .iter()
            .flat_map(|p| p.plans.iter().map(|n| &**n))
            .collect();
        let plan = |name: &str| {
            let users: Vec<&Differing> =
                policies.iter().filter(|p| p.plans.contains(name)).collect();
            let got = |(outcome, requests): (&u32, &u64)| {
                self.reached(*outcome).contains(name).then_some(*requests)
            };
            let requests = users
                .iter()
                .flat_map(|p| p.others.iter().filter_map(got))
                .sum();
            PlanDiff {
                plan: name.to_owned(),
                changes: self.plans.changes(name),
                policies: users.iter().map(|p| p.name.clone()).collect(),
                requests: counted.then_some(requests),
            }
        };
        let mut plans: Vec<PlanDiff> = names.into_iter().map(plan).collect();
        plans.retain(|p| !p.changes.is_empty());
        plans
    }

    /// Counted requests that are treated differently: by another rule, or by the same plan that changed.
    pub(super) fn differing(&self, policy: &Differing) -> u64 {
        let regions: u64 = policy.regions.iter().map(|r| r.requests).sum();
        let changed = |(outcome, requests): (&u32, &u64)| {
            (!self.reached(*outcome).is_empty()).then_some(*requests)
        };
        regions + policy.others.iter().filter_map(changed).sum::<u64>()
    }

    /// Share of all cells, of 2⁶⁰.
    fn size(&self, region: &Region2) -> u64 {
        region
            .region
            .iter()
            .fold(1 << 60, |size: u64, (at, cells)| {
                let count = u64::from(self.space.count(at).max(1));
                size / count * u64::from(cells.len())
            })
    }

    fn change(&self, policy: &Differing, group: &[&Region2], counted: bool) -> Option<Change> {
        let first = group.first()?;
        let [was, now] = &first.leaves;
        let was = self.plans.folded(&self.was.outcome(was));
        let now = self.plans.folded(&self.now.outcome(now));
        let regions = group.iter().filter_map(|r| self.region(policy, r, counted));
        Some(Change {
            inside: inside(&was, &now),
            was: said(&was),
            now: said(&now),
            regions: regions.collect(),
        })
    }

    fn region(&self, policy: &Differing, region: &Region2, counted: bool) -> Option<RegionDiff> {
        let [was, now] = &region.leaves;
        let when = self.words(&region.region);
        let givens = Witness::of(&region.witness, &self.space).lines();
        let test = |side: &Side<'_>, leaf: &Leaf, age: &str| {
            format!(
                "test \"@{} {age}: {}\" {{\n  given model @{}\n{givens}  expect {}\n}}\n",
                policy.name,
                when.replace('\\', "\\\\").replace('"', "'"),
                policy.name,
                expected(&side.outcome(leaf)),
            )
        };
        Some(RegionDiff {
            was: self.was.place(was)?,
            now: self.now.place(now)?,
            requests: counted.then_some(region.requests),
            tests: [test(&self.was, was, "before"), test(&self.now, now, "now")],
            when,
        })
    }
}

impl Side<'_> {
    fn place(&self, leaf: &Leaf) -> Option<Place> {
        let policy = self.image.policies.get(leaf.policies.last()?.index())?;
        let rule = policy.rules.get(leaf.rule.index())?;
        Some(Place {
            policy: policy.name.to_string(),
            rule: rule.name.as_deref().map(str::to_owned),
            file: rule.file.to_string(),
            line: rule.line,
        })
    }
}

/// What is done with a request, in one line.
fn said(outcome: &Part) -> String {
    let figure = |word| outcome.figure(word).map(crate::part::Figure::words);
    match (outcome.kind, outcome.parts.first()) {
        ("deny", _) => format!(
            "deny {} {}",
            figure("status").unwrap_or_default(),
            figure("message").unwrap_or_default()
        ),
        ("use", Some(route)) => format!("use {}", route.line()),
        _ => outcome.kind.to_owned(),
    }
}

/// What changed, where both do the same kind of thing: otherwise what they do says it all.
fn inside(was: &Part, now: &Part) -> Vec<String> {
    let alike = |a: &Part, b: &Part| a.kind == b.kind && a.label == b.label && a.name == b.name;
    match (was.parts.first(), now.parts.first()) {
        (Some(old), Some(new)) if was.kind == "use" && now.kind == "use" && !alike(old, new) => {
            let rest = |part: &Part| Part {
                parts: part.parts.iter().skip(1).cloned().collect(),
                ..part.clone()
            };
            changes(&rest(was), &rest(now))
        }
        _ if was.kind == now.kind => changes(was, now),
        _ => {
            let rest = |part: &Part| Part {
                kind: "",
                figures: part
                    .figures
                    .iter()
                    .filter(|(word, _)| !matches!(*word, "status" | "message"))
                    .cloned()
                    .collect(),
                parts: part
                    .parts
                    .iter()
                    .filter(|p| matches!(p.kind, "limit" | "budget"))
                    .cloned()
                    .collect(),
                ..part.clone()
            };
            changes(&rest(was), &rest(now))
        }
    }
}

/// What a test may expect of it.
fn expected(outcome: &Part) -> String {
    let status = outcome.figure("status").map(crate::part::Figure::words);
    match (outcome.kind, outcome.parts.first()) {
        ("deny", _) => format!("denied is {}", status.unwrap_or_default()),
        (_, Some(route)) if route.kind == "target" && route.label.is_none() => {
            format!("first is {}", route.name)
        }
        (_, Some(route)) => match &route.label {
            Some(label) => label.replacen("plan ", "plan is ", 1),
            None => "not denied".to_owned(),
        },
        _ => "not denied".to_owned(),
    }
}
