//! What of plans was carried out: who was asked, who served, which conditions were seen both ways.

use super::report::{Count, Gap};
use crate::clause::Then;
use crate::condition::Cond;
use crate::decide::Image;
use crate::image::{GuardId, Plan, PlanId, Route, TargetId, Verdict};

/// Every goal of every plan that a rule uses.
#[derive(Debug, Default)]
pub(super) struct Arms {
    goals: Vec<Arm>,
}

/// One goal.
#[derive(Debug)]
struct Arm {
    plan: PlanId,
    wanted: Wanted,
    covered: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    /// The target was called.
    Asked(TargetId),
    /// Its answer was the one.
    Served(TargetId),
    /// The condition of an arm came out so.
    Guard(GuardId, bool),
    /// None of a list was left.
    Otherwise(Vec<TargetId>),
    /// The answer of a step was accepted, or not.
    Accepted(Vec<TargetId>, bool),
}

/// A goal that is not covered.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) plan: PlanId,
    /// One of them is to serve; any where there is none.
    pub(super) serves: Vec<TargetId>,
    /// A condition that is to hold, or not.
    pub(super) guard: Option<(GuardId, bool)>,
}

impl Arms {
    pub(super) fn new(image: &Image) -> Self {
        let mut arms = Self::default();
        let mut done = Vec::new();
        for clause in image.code.clauses.iter().flatten() {
            if let Then::Decide(Verdict::Use(plan)) = clause.then {
                arms.plan(plan, image, &mut done);
            }
        }
        arms
    }

    fn plan(&mut self, id: PlanId, image: &Image, done: &mut Vec<PlanId>) {
        if done.contains(&id) {
            return;
        }
        done.push(id);
        if let Some(plan) = image.plans.get(id.index()) {
            self.route(id, &plan.route, image, done);
        }
    }

    fn want(&mut self, plan: PlanId, wanted: Wanted) {
        if !self
            .goals
            .iter()
            .any(|g| g.plan == plan && g.wanted == wanted)
        {
            self.goals.push(Arm {
                plan,
                wanted,
                covered: false,
            });
        }
    }

    fn route(&mut self, plan: PlanId, route: &Route, image: &Image, done: &mut Vec<PlanId>) {
        match route {
            Route::Attempt(attempt) => {
                self.want(plan, Wanted::Asked(attempt.target));
                self.want(plan, Wanted::Served(attempt.target));
            }
            Route::Plan(id) => self.plan(*id, image, done),
            Route::Listed(list) => {
                if let Some(otherwise) = &list.otherwise {
                    self.want(plan, Wanted::Otherwise(reached(otherwise, &image.plans)));
                }
            }
            Route::Cascade(cascade) => {
                for (arm, _) in cascade.steps.iter().filter(|(_, accept)| accept.is_some()) {
                    let targets = reached(&arm.route, &image.plans);
                    self.want(plan, Wanted::Accepted(targets.clone(), true));
                    self.want(plan, Wanted::Accepted(targets, false));
                }
            }
            _ => {}
        }
        route.each_arm(&mut |arm| {
            for (guard, holds) in arm.when.iter().flat_map(|g| [(*g, true), (*g, false)]) {
                self.want(plan, Wanted::Guard(guard, holds));
            }
        });
        route.each_inner(&mut |inner| self.route(plan, inner, image, done));
    }

    /// Takes what a plan did with a request.
    pub(super) fn ran(
        &mut self,
        image: &Image,
        plan: PlanId,
        holds: &dyn Fn(GuardId) -> bool,
        attempts: &[TargetId],
        served: Option<TargetId>,
    ) {
        let mut within = Vec::new();
        entered(plan, image, &mut within);
        for goal in self.goals.iter_mut().filter(|g| within.contains(&g.plan)) {
            let asked = |targets: &[TargetId]| targets.iter().any(|t| attempts.contains(t));
            goal.covered |= match &goal.wanted {
                Wanted::Asked(target) => attempts.contains(target),
                Wanted::Served(target) => served == Some(*target),
                Wanted::Guard(guard, wanted) => holds(*guard) == *wanted,
                Wanted::Otherwise(targets) => asked(targets),
                Wanted::Accepted(targets, true) => served.is_some_and(|s| targets.contains(&s)),
                Wanted::Accepted(targets, false) => {
                    asked(targets) && served.is_some_and(|s| !targets.contains(&s))
                }
            };
        }
    }

    /// How many goals are covered.
    pub(super) fn covered(&self) -> usize {
        self.goals.iter().filter(|g| g.covered).count()
    }

    /// Counts what was covered, and lists what was not.
    pub(super) fn tell(&self, image: &Image, count: &mut Count, missing: &mut Vec<Gap>) {
        for goal in &self.goals {
            count.add(goal.covered);
            // Who was never asked cannot have served; one gap says both.
            let said = matches!(&goal.wanted, Wanted::Served(own) if self.lacks(goal.plan, *own));
            if !goal.covered && !said {
                let (file, line) = goal.place(image);
                missing.push(Gap {
                    file,
                    line,
                    kind: "arm",
                    what: goal.words(image),
                });
            }
        }
    }
}

impl Arms {
    /// Whether a target of a plan was never asked.
    fn lacks(&self, plan: PlanId, target: TargetId) -> bool {
        let asked = |g: &&Arm| g.plan == plan && g.wanted == Wanted::Asked(target);
        self.goals.iter().find(asked).is_some_and(|g| !g.covered)
    }

    /// What is not covered, and may be covered by a request made for it.
    pub(super) fn open(&self) -> Vec<Open> {
        let open = self.goals.iter().filter(|g| !g.covered);
        let wanted = open.filter_map(|goal| match &goal.wanted {
            Wanted::Served(target) => Some((vec![*target], None, goal.plan)),
            Wanted::Otherwise(targets) => Some((targets.clone(), None, goal.plan)),
            Wanted::Guard(guard, holds) => Some((Vec::new(), Some((*guard, *holds)), goal.plan)),
            Wanted::Asked(_) | Wanted::Accepted(..) => None,
        });
        let open = wanted.map(|(serves, guard, plan)| Open {
            plan,
            serves,
            guard,
        });
        open.collect()
    }
}

impl Arm {
    /// Where it stands: the line that names the target, the condition, or the plan.
    fn place(&self, image: &Image) -> (String, u32) {
        if let Wanted::Guard(guard, _) = &self.wanted
            && let Some(place) = image.code.guards.get(guard.index()).and_then(of_cond)
        {
            return place;
        }
        let mentions = &image.code.mentions;
        let name = image
            .plans
            .get(self.plan.index())
            .and_then(|p| p.name.as_ref());
        let declared = name.and_then(|name| mentions.plan(name)).cloned();
        let (file, line) = declared.unwrap_or_else(|| place(self.plan, image));
        let word = match &self.wanted {
            Wanted::Asked(target) | Wanted::Served(target) => {
                image.fleet.targets.get(target.index())
            }
            Wanted::Accepted(targets, _) => {
                let first = targets.first();
                first.and_then(|t| image.fleet.targets.get(t.index()))
            }
            _ => None,
        };
        let word = word.map_or("otherwise", |target| &*target.name);
        let line = mentions.first(&(file.clone(), line), word).unwrap_or(line);
        (file.to_string(), line)
    }

    fn words(&self, image: &Image) -> String {
        let name = |target: &TargetId| {
            let target = image.fleet.targets.get(target.index());
            target.map_or_else(String::new, |t| t.name.to_string())
        };
        let list = |targets: &[TargetId]| targets.iter().map(name).collect::<Vec<_>>().join(", ");
        let guard = |id: &GuardId| {
            let cond = image.code.guards.get(id.index());
            cond.map_or_else(String::new, crate::story::condition)
        };
        let what = match &self.wanted {
            Wanted::Asked(target) => format!("{} was never asked", name(target)),
            Wanted::Served(target) => format!("{} never served", name(target)),
            Wanted::Guard(id, true) => format!("`when {}` was never true", guard(id)),
            Wanted::Guard(id, false) => format!("`when {}` was never false", guard(id)),
            Wanted::Otherwise(_) => "`otherwise` was never taken".to_owned(),
            Wanted::Accepted(targets, true) => {
                format!("no answer of {} was accepted", list(targets))
            }
            Wanted::Accepted(targets, false) => {
                format!("every answer of {} was accepted", list(targets))
            }
        };
        match image
            .plans
            .get(self.plan.index())
            .and_then(|p| p.name.as_ref())
        {
            Some(plan) => format!("plan {plan}: {what}"),
            None => what,
        }
    }
}

fn reached(route: &Route, plans: &[Plan]) -> Vec<TargetId> {
    let mut found = Vec::new();
    route.reach(plans, &mut found);
    found
}

/// Where a condition begins.
fn of_cond(cond: &Cond) -> Option<(String, u32)> {
    let mut place = None;
    cond.each_test(&mut |test| {
        place.get_or_insert_with(|| (test.file.to_string(), test.line));
    });
    place
}

/// A plan and those it names.
pub(super) fn entered(id: PlanId, image: &Image, found: &mut Vec<PlanId>) {
    if found.contains(&id) {
        return;
    }
    found.push(id);
    if let Some(plan) = image.plans.get(id.index()) {
        named(&plan.route, image, found);
    }
}

fn named(route: &Route, image: &Image, found: &mut Vec<PlanId>) {
    match route {
        Route::Plan(id) => entered(*id, image, found),
        other => other.each_inner(&mut |inner| named(inner, image, found)),
    }
}

/// The first rule that uses a plan.
fn place(plan: PlanId, image: &Image) -> (Box<str>, u32) {
    let rules = image.code.clauses.iter().zip(&image.policies);
    let mut rules = rules.flat_map(|(clauses, policy)| clauses.iter().zip(&policy.rules));
    let found = rules.find(|(clause, _)| match clause.then {
        Then::Decide(Verdict::Use(own)) => {
            let mut within = Vec::new();
            entered(own, image, &mut within);
            within.contains(&plan)
        }
        _ => false,
    });
    found.map_or_else(Default::default, |(_, rule)| (rule.file.clone(), rule.line))
}
