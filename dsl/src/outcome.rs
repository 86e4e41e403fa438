//! What becomes of the requests that enter a policy, by content: the same in every bundle that does the same.

use crate::decide::Image;
use crate::entry::{Leaf, entry};
use crate::image::{GuardId, PlanId, Policy, PolicyId, Verdict};
use crate::part::route::Book;
use crate::part::{Figure, Guard, Part};
use crate::region::{Region, Terms};
use crate::space::Space;

/// Regions in order, with what becomes of each by number; and where the number leads in the bundle.
pub(crate) type Decided = (Vec<(Region, u32)>, Vec<Leaf>);

/// What a bundle does with requests.
#[derive(Debug)]
pub(crate) struct Outcomes<'i> {
    image: &'i Image,
    guards: Vec<Guard>,
}

impl<'i> Outcomes<'i> {
    pub(crate) fn of(image: &'i Image, meaning: &dyn Fn(&Image, GuardId) -> Guard) -> Self {
        let guards = (0..).map(GuardId).take(image.code.guards.len());
        Self {
            image,
            guards: guards.map(|id| meaning(image, id)).collect(),
        }
    }

    /// What a client gets that enters a policy, cut by a space that knows every test of the bundle. `None` where there is
    /// too much of it. Who enters a policy has named it, so nothing hangs on the model any more.
    pub(crate) fn list(&self, policy: PolicyId, terms: &Terms<'_>) -> Option<Decided> {
        let name = &self.image.policies.get(policy.index())?.name;
        let entry = entry(policy, &self.image.code.clauses, terms)?;
        let regions = entry.list.into_iter();
        let list =
            regions.filter_map(|(region, leaf)| Some((named(region, name, terms.space)?, leaf)));
        Some((list.collect(), entry.leaves))
    }

    /// What one leaf means: the verdict, the copies, and what the policies on the way to it add.
    pub(crate) fn part(&self, leaf: &Leaf) -> Part {
        let policies: Vec<&Policy> = leaf
            .policies
            .iter()
            .filter_map(|id| self.image.policies.get(id.index()))
            .collect();
        let verdict = self.verdict(leaf);
        let rule = policies.last().and_then(|p| p.rules.get(leaf.rule.index()));
        let shadows = rule.into_iter().flat_map(|r| &r.shadows);
        let book = self.book();
        let part = shadows.fold(verdict, |part, shadow| part.holding(book.shadow(shadow)));
        self.passed(part, &policies)
    }

    /// Every plan that has a name.
    pub(crate) fn plans(&self) -> impl Iterator<Item = (&str, Part)> {
        let ids = (0..).map(PlanId).zip(&self.image.plans);
        ids.filter_map(|(id, plan)| Some((&**plan.name.as_ref()?, self.book().plan(id))))
    }

    fn verdict(&self, leaf: &Leaf) -> Part {
        let rule = leaf.policies.last().and_then(|policy| {
            let clauses = self.image.code.clauses.get(policy.index())?;
            clauses.get(leaf.rule.index())
        });
        match rule.map(|clause| &clause.then) {
            Some(crate::clause::Then::Decide(Verdict::Use(plan))) => {
                Part::new("use", "").holding(self.book().plan(*plan))
            }
            Some(crate::clause::Then::Decide(Verdict::Deny { status, message })) => {
                Part::new("deny", "")
                    .with("status", Figure::Number((*status).into()))
                    .with("message", Figure::Text(message.clone()))
            }
            _ => Part::new("nothing", ""),
        }
    }

    /// What the policies that a request passes through add to any verdict of theirs.
    fn passed(&self, part: Part, policies: &[&Policy]) -> Part {
        let fleet = &self.image.fleet;
        let mut limits: Vec<&str> = policies
            .iter()
            .flat_map(|p| &p.limits)
            .filter_map(|id| fleet.limits.get(id.index()))
            .map(|limit| &*limit.name)
            .collect();
        limits.sort_unstable();
        limits.dedup();
        let mut charges: Vec<&str> = policies
            .iter()
            .flat_map(|p| &p.charges)
            .filter_map(|id| Some(&*fleet.budgets.get(id.index())?.name))
            .collect();
        charges.sort_unstable();
        charges.dedup();
        let mut priorities: Vec<i64> = policies.iter().map(|p| p.priority.into()).collect();
        priorities.dedup();
        let part = part
            .with(
                "priority",
                Figure::Row(priorities.into_iter().map(Figure::Number).collect()),
            )
            .maybe(
                "within",
                policies
                    .iter()
                    .filter_map(|p| p.within)
                    .min()
                    .map(Figure::Time),
            );
        let part = limits
            .into_iter()
            .fold(part, |part, name| part.holding(Part::new("limit", name)));
        charges.into_iter().fold(part, |part, name| {
            part.holding(Part::new("budget", name).at("charge"))
        })
    }

    fn book(&self) -> Book<'_> {
        Book {
            fleet: &self.image.fleet,
            plans: &self.image.plans,
            guards: &self.guards,
        }
    }
}

/// What is left of a region for clients that named a policy; `None` where nothing is.
fn named(region: Region, name: &str, space: &Space) -> Option<Region> {
    let settled: Vec<(u16, bool)> = region
        .iter()
        .filter_map(|(at, cells)| {
            let cell = space.field(at).cell_of_model(name)?;
            Some((at, cells.contains(cell)))
        })
        .collect();
    if settled.iter().any(|(_, inside)| !inside) {
        return None;
    }
    Some(
        settled
            .into_iter()
            .fold(region, |region, (at, _)| region.without(at)),
    )
}
