//! Guarantees: whether something holds for every request of a region and everything that can become of it.

use super::answer::{Answer, Counterexample, Proof};
use super::property::{About, Taken, about, holds, in_a_test, kept, refused, told};
use super::reach::{Order, Reach, work};
use super::toll::{Part, Sized, Toll};
use super::worlds::{IT, Reached, reached};
use crate::case::{Expectation, Guarantee};
use crate::cells::Cells;
use crate::clause::{Clause, Then};
use crate::condition::Cond;
use crate::entry::{Leaf, entry};
use crate::fact::Fact;
use crate::image::{
    Attempt, Features, GuardId, Plan, Policy, PolicyId, Route, RuleId, TargetId, Timeouts, Verdict,
};
use crate::possible::possible;
use crate::region::{Region, Terms};
use crate::space::amount;
use crate::witness::Witness;

/// Corners of a region that are looked at where it is too tangled to be proved.
const CORNERS: usize = 20_000;

/// What proving needs of a bundle.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) policies: &'a [Policy],
    pub(crate) clauses: &'a [Vec<Clause>],
    pub(crate) plans: &'a [Plan],
    pub(crate) guards: &'a [Cond],
    pub(crate) terms: Terms<'a>,
}

/// Tries to prove a guarantee. Policies and plans must be free of loops.
pub(crate) fn prove(guarantee: &Guarantee, scene: Scene<'_>) -> Proof {
    Proof {
        name: guarantee.name.clone(),
        file: guarantee.file.to_string(),
        line: guarantee.line,
        verdict: Prover {
            guarantee,
            scene,
            points: 0,
            unknown: false,
            asked: false,
            found: None,
        }
        .verdict(),
    }
}

struct Prover<'a> {
    guarantee: &'a Guarantee,
    scene: Scene<'a>,
    points: usize,
    /// Something was too tangled.
    unknown: bool,
    /// Some request is meant.
    asked: bool,
    /// A request that breaks it, though no test shows that by itself; one that does is looked for.
    found: Option<Counterexample>,
}

/// Something that can become of a request and breaks an expectation.
struct Breach<'a> {
    /// Index of the expectation.
    expectation: usize,
    /// Conditions of arms that lead there.
    guards: Vec<GuardId>,
    got: Got<'a>,
    /// Targets that must fail before.
    before: Vec<TargetId>,
    /// The target, where the request itself goes there.
    target: Option<TargetId>,
    /// A test that gives the request comes to it by itself.
    runs: bool,
}

/// What is the case instead.
enum Got<'a> {
    /// In words.
    Told(String),
    /// Whether it is too much depends on the request; with everybody who can come to see it.
    Figure(Box<Toll<'a>>, Vec<Reached>),
}

/// A request that breaks an expectation.
struct Broken {
    region: Region,
    /// What it takes, and the part it is of, where that is what it breaks.
    figure: Option<(Part, Sized)>,
}

impl<'a> Prover<'a> {
    fn verdict(mut self) -> Answer {
        let when = match &self.guarantee.when {
            None => Some(vec![Region::all()]),
            Some(cond) => self.scene.terms.regions(cond),
        };
        // What holds for all requests holds for those of a condition too large to be laid out; more cannot be told of it.
        let whole = when.is_some();
        let when = when.unwrap_or_else(|| vec![Region::all()]);
        for policy in (0..).map(PolicyId).take(self.scene.policies.len()) {
            if let Some(found) = self.policy(policy, &when) {
                return refuted(found, whole);
            }
        }
        if self.scene.terms.fleet.direct
            && let Some(found) = self.direct(&when)
        {
            return refuted(found, whole);
        }
        if let Some(found) = self.found {
            return refuted(found, whole);
        }
        if self.unknown {
            Answer::Bounded {
                points: self.points,
            }
        } else if self.asked {
            Answer::Proved
        } else {
            Answer::Vacuous
        }
    }

    /// The requests of a region that break an expectation, as far as figures decide.
    fn dear(&self, region: Region, breach: &Breach<'_>) -> Vec<(Region, Option<Part>)> {
        match (&breach.got, self.guarantee.expects.get(breach.expectation)) {
            (Got::Figure(toll, _), Some(expectation)) => {
                let broken = toll.broken(&expectation.that, &region).into_iter();
                broken.map(|p| (p.region.clone(), Some(p))).collect()
            }
            _ => vec![(region, None)],
        }
    }

    /// One request of some that break an expectation; `None` where it might take less than is counted for it.
    fn one(&mut self, breach: &Breach<'_>, part: Option<Part>, region: Region) -> Option<Broken> {
        let expectation = self.guarantee.expects.get(breach.expectation)?;
        let (Got::Figure(toll, _), Some(part)) = (&breach.got, part) else {
            return Some(Broken {
                region,
                figure: None,
            });
        };
        let sized = toll.worst(&expectation.that, &part, &region);
        if !sized.sure {
            self.unknown = true;
            return None;
        }
        Some(Broken {
            region: sized.region.clone(),
            figure: Some((part, sized)),
        })
    }

    /// Everything that can become of a request that enters a policy: one that a test shows to be wrong.
    fn policy(&mut self, id: PolicyId, when: &[Region]) -> Option<Counterexample> {
        let policy = self.scene.policies.get(id.index())?;
        let when = self.named(&policy.name, when);
        if when.is_empty() {
            return None;
        }
        self.asked = true;
        let Some(entry) = entry(id, self.scene.clauses, &self.scene.terms) else {
            self.unknown = true;
            return None;
        };
        let order = Order::new(self.scene.terms.space, &entry.list, work(entry.list.len()));
        let breaches: Vec<Vec<Breach<'_>>> = entry
            .leaves
            .iter()
            .map(|leaf| self.breaches(leaf))
            .collect();
        for (at, (region, leaf)) in (0..).zip(&entry.list) {
            for breach in breaches.get(*leaf as usize).into_iter().flatten() {
                if self.found.is_some() && !breach.runs {
                    continue;
                }
                let targets = self.targets(region, &when, breach).into_iter();
                for (target, part) in targets
                    .flat_map(|t| self.dear(t, breach))
                    .collect::<Vec<_>>()
                {
                    let found = match order.past(at, &target) {
                        Reach::Dead(_) => None,
                        Reach::Alive(witness) => Some(witness),
                        Reach::Unknown => self.corner(&order, at, &target),
                    };
                    if let Some(broken) = found.and_then(|w| self.one(breach, part, w)) {
                        let leaf = entry.leaves.get(*leaf as usize)?;
                        let asked = format!("@{}", policy.name);
                        let found = self.counterexample(&asked, Some(leaf), breach, &broken);
                        if found.fails {
                            return Some(found);
                        }
                        self.found.get_or_insert(found);
                    }
                }
            }
        }
        None
    }

    /// Requests that name a deployment.
    fn direct(&mut self, when: &[Region]) -> Option<Counterexample> {
        let targets = &self.scene.terms.fleet.targets;
        for (id, target) in (0..).map(TargetId).zip(targets) {
            let route = Route::Attempt(Attempt {
                target: id,
                timeouts: Timeouts::default(),
                retry: None,
            });
            let all = reached(&route, self.scene.plans, self.scene.terms.fleet);
            let breaches = self.used(&all, &self.toll(&route));
            for witness in self.named(&target.name, when) {
                self.asked = true;
                for breach in &breaches {
                    let taken = self.taken_on(witness.clone(), breach.target);
                    let dear = taken.map(|t| self.dear(t, breach)).unwrap_or_default();
                    let mut dear = dear.into_iter();
                    if let Some(broken) = dear.find_map(|(w, part)| self.one(breach, part, w)) {
                        let found = self.counterexample(&target.name, None, breach, &broken);
                        if found.fails {
                            return Some(found);
                        }
                        self.found.get_or_insert(found);
                    }
                }
            }
        }
        None
    }

    /// The requests of some regions that ask for this model.
    fn named(&self, model: &str, when: &[Region]) -> Vec<Region> {
        let space = self.scene.terms.space;
        let field = space
            .fields()
            .iter()
            .position(|f| f.fact == Fact::Model)
            .and_then(|f| u16::try_from(f).ok());
        let Some(field) = field else {
            return when.to_vec();
        };
        let cell = space.field(field).cell_of(model);
        when.iter()
            .filter_map(|w| w.clone().with(field, &Cells::One(cell), space))
            .collect()
    }

    fn targets(&mut self, region: &Region, when: &[Region], breach: &Breach<'_>) -> Vec<Region> {
        let space = self.scene.terms.space;
        let mut targets: Vec<Region> = when.iter().filter_map(|w| region.and(w, space)).collect();
        for guard in &breach.guards {
            let Some(guard) = self.scene.guards.get(guard.index()) else {
                continue;
            };
            // Of a condition too large to be laid out nothing is claimed, neither that it holds nor that it does not.
            let Some(regions) = self.scene.terms.regions(guard) else {
                self.unknown = true;
                return Vec::new();
            };
            targets = targets
                .iter()
                .flat_map(|t| regions.iter().filter_map(|r| t.and(r, space)))
                .collect();
        }
        let taken = |t: &Region| self.taken_on(t.clone(), breach.target);
        targets.iter().filter_map(taken).collect()
    }

    /// The requests of a region for which a target is not passed over because it lacks something they need.
    fn taken_on(&self, region: Region, target: Option<TargetId>) -> Option<Region> {
        let space = self.scene.terms.space;
        let targets = &self.scene.terms.fleet.targets;
        let Some(of) = target.and_then(|t| targets.get(t.index())) else {
            return Some(region);
        };
        let window = of.context.map_or(u64::MAX, u64::from);
        let mut fields = space.fields().iter().zip(0_u16..);
        fields.try_fold(region, |region, (field, at)| match field.fact {
            Fact::Need(bit) if !of.can.contains(Features(bit)) => {
                region.with(at, &Cells::One(0), space)
            }
            Fact::Tokens => {
                let fits = |cell: &u32| field.lowest(*cell).is_none_or(|l| l <= window);
                region.with(at, &(0..field.count()).filter(fits).collect(), space)
            }
            _ => Some(region),
        })
    }

    /// What a leaf does that breaks an expectation.
    fn breaches(&self, leaf: &Leaf) -> Vec<Breach<'a>> {
        let policy = leaf.policies.last().map(|p| p.index()).unwrap_or_default();
        let clause = self
            .scene
            .clauses
            .get(policy)
            .and_then(|c| c.get(leaf.rule.index()));
        match clause.map(|c| &c.then) {
            Some(Then::Decide(Verdict::Use(plan))) => {
                let Some(plan) = self.scene.plans.get(plan.index()) else {
                    return Vec::new();
                };
                let mut all = reached(&plan.route, self.scene.plans, self.scene.terms.fleet);
                let rule = self
                    .scene
                    .policies
                    .get(policy)
                    .and_then(|p| p.rules.get(leaf.rule.index()));
                let mut toll = self.toll(&plan.route);
                let shadows = rule.map(|r| r.shadows.as_slice()).unwrap_or_default();
                for shadow in shadows.iter().filter(|s| s.share > 0) {
                    toll.copies.push(&shadow.attempt);
                    all.push(Reached {
                        target: shadow.attempt.target,
                        guards: Vec::new(),
                        before: Vec::new(),
                        how: "a copy goes to",
                        live: false,
                    });
                }
                let passed = leaf.policies.iter();
                let passed = passed.filter_map(|p| self.scene.policies.get(p.index())?.within);
                toll.within = passed.min();
                self.used(&all, &toll)
            }
            Some(Then::Decide(Verdict::Deny { status, .. })) => {
                let broken = |(at, expectation): (usize, &Expectation)| {
                    refused(&expectation.that)
                        .filter(|holds| !holds)
                        .map(|_| Breach {
                            expectation: at,
                            guards: Vec::new(),
                            got: Got::Told(format!("refused with {status}")),
                            before: Vec::new(),
                            target: None,
                            runs: true,
                        })
                };
                self.guarantee
                    .expects
                    .iter()
                    .enumerate()
                    .filter_map(broken)
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    fn toll<'r>(&self, route: &'r Route) -> Toll<'r>
    where
        'a: 'r,
    {
        Toll {
            terms: self.scene.terms,
            plans: self.scene.plans,
            guards: self.scene.guards,
            route,
            copies: Vec::new(),
            within: None,
        }
    }

    fn used<'r>(&self, all: &[Reached], toll: &Toll<'r>) -> Vec<Breach<'r>> {
        let mut breaches = Vec::new();
        for (at, expectation) in self.guarantee.expects.iter().enumerate() {
            let that = &expectation.that;
            if about(that) == About::Targets || about(that) == About::Refusal {
                breaches.extend(self.led_to(at, expectation, all));
            } else if !toll.always(that) {
                breaches.push(Breach {
                    expectation: at,
                    guards: Vec::new(),
                    got: Got::Figure(Box::new(toll.clone()), all.to_vec()),
                    before: Vec::new(),
                    target: None,
                    runs: about(that) == About::Attempts,
                });
            }
        }
        breaches
    }

    /// An expectation that some target breaks which requests are led to.
    fn led_to<'r>(&self, at: usize, expectation: &Expectation, all: &[Reached]) -> Vec<Breach<'r>> {
        let fleet = self.scene.terms.fleet;
        let that = &expectation.that;
        let broken = |r: &&Reached| !holds(that, r.target, fleet);
        // Whichever arm a share falls to, or answers for several, the first that is asked breaks it.
        let mut first = all.iter().filter(|r| r.itself() && r.before.is_empty());
        let any = first.all(|r| broken(&r) && !r.live);
        let of_one = about(that) == About::Targets;
        let breach = |r: &Reached| Breach {
            expectation: at,
            guards: r.guards.clone(),
            got: Got::Told(told(that, r, fleet)),
            before: r.before.clone(),
            target: r.itself().then_some(r.target),
            runs: of_one && !r.live && (r.how == IT || (any && r.before.is_empty())),
        };
        all.iter().filter(broken).map(breach).collect()
    }

    /// Who must refuse so that a request is tried too often, where each target refusing in turn is enough; retries, judges
    /// and questions to several are left to the words.
    fn tried(
        &self,
        expectation: &Expectation,
        all: &[Reached],
        (part, sized): &(Part, Sized),
    ) -> Option<Vec<TargetId>> {
        let asked = |r: &&Reached| {
            r.guards.iter().all(|guard| part.open(*guard))
                && self
                    .taken_on(sized.region.clone(), Some(r.target))
                    .is_some()
        };
        let asked: Vec<&Reached> = all.iter().filter(asked).collect();
        let alone = asked.iter().all(|r| r.how == IT && !r.live);
        let mut targets: Vec<TargetId> = Vec::new();
        for reached in asked {
            if !targets.contains(&reached.target) {
                targets.push(reached.target);
            }
        }
        let attempts = u32::try_from(targets.len()).unwrap_or(u32::MAX);
        let made = Taken {
            attempts,
            ..sized.taken
        };
        let enough = attempts <= sized.taken.attempts && !kept(&expectation.that, &made);
        (alone && enough).then_some(targets)
    }

    /// Requests at the corners of a region, one after the other, up to a bound.
    fn corner(&mut self, order: &Order<'_>, end: u32, target: &Region) -> Option<Region> {
        self.unknown = true;
        let entries: Vec<(u32, Region)> = order
            .inside(target)
            .into_iter()
            .filter(|(at, _)| *at < end)
            .collect();
        let mut fields: Vec<u16> = entries
            .iter()
            .flat_map(|(_, r)| r.iter().map(|(f, _)| f))
            .collect();
        fields.sort_unstable();
        fields.dedup();
        let space = self.scene.terms.space;
        let choices: Vec<(u16, Vec<u32>)> = fields
            .iter()
            .map(|f| {
                (
                    *f,
                    target
                        .get(*f)
                        .cloned()
                        .unwrap_or_else(|| Cells::all(space.count(*f)))
                        .iter()
                        .collect(),
                )
            })
            .collect();
        let mut at = vec![0; choices.len()];
        for _ in 0..CORNERS {
            self.points += 1;
            let path: Vec<(u16, u32)> = choices
                .iter()
                .zip(&at)
                .filter_map(|((f, cells), i)| Some((*f, *cells.get(*i)?)))
                .collect();
            let point = order.narrowed(target, &path);
            let taken = entries.iter().any(|(_, region)| region.meets(&point));
            if !taken && possible(&point, space).is_some() {
                return Some(point);
            }
            // Counts up, the first field fastest.
            let next = at.iter_mut().zip(&choices).find_map(|(i, (_, cells))| {
                *i = (*i + 1) % cells.len().max(1);
                (*i != 0).then_some(())
            });
            next?;
        }
        None
    }

    fn counterexample(
        &self,
        model: &str,
        leaf: Option<&Leaf>,
        breach: &Breach<'_>,
        broken: &Broken,
    ) -> Counterexample {
        let expectation = self.guarantee.expects.get(breach.expectation);
        let expected = expectation.map(|e| e.text.clone()).unwrap_or_default();
        let policy =
            leaf.and_then(|l| Some((self.scene.policies.get(l.policies.last()?.index())?, l.rule)));
        let rule = policy.and_then(|(p, RuleId(rule))| p.rules.get(rule as usize));
        let (before, got) = match (&breach.got, &broken.figure, expectation) {
            (Got::Told(got), ..) => (Some(breach.before.clone()), got.clone()),
            (Got::Figure(_, all), Some(figure), Some(expectation)) => (
                self.tried(expectation, all, figure).filter(|_| breach.runs),
                figure.1.taken.told(about(&expectation.that)),
            ),
            (Got::Figure(..), ..) => (None, String::new()),
        };
        let runs = breach.runs && before.is_some();
        let before = before.unwrap_or_default();
        let name = |id: &TargetId| {
            let target = self.scene.terms.fleet.targets.get(id.index());
            target.map_or("?", |t| &t.name)
        };
        let refuses = |t: &TargetId| format!("  upstream {} refuses\n", name(t));
        let scripts: String = before.iter().map(refuses).collect();
        // Those before refuse only if they are asked at all.
        let before = before
            .iter()
            .try_fold(broken.region.clone(), |region, target| {
                self.taken_on(region, Some(*target))
            });
        let asked = before.is_some() || breach.target.is_some();
        let region = before.unwrap_or_else(|| broken.region.clone());
        let runs = runs && asked;
        let expect = if runs {
            in_a_test(&expected)
        } else {
            format!("# {expected}")
        };
        let mut witness = Witness::of(&region, self.scene.terms.space);
        if let Some((_, sized)) = &broken.figure {
            let lengths = [("tokens", sized.tokens), ("output_limit", sized.answer)];
            for (fact, length) in lengths {
                if let Some(length) = length {
                    witness.give(fact, &amount(&Fact::Tokens, length.into()));
                }
            }
        }
        let givens = witness.lines();
        Counterexample {
            test: format!(
                "test {:?} {{\n  given model {model}\n{givens}{scripts}  {expect}\n}}\n",
                format!("counterexample: {}", self.guarantee.name)
            ),
            fails: runs,
            expected,
            got,
            rule: rule.map_or_else(
                || "allow direct".to_owned(),
                |r| format!("{}:{}", r.file, r.line),
            ),
        }
    }
}

/// The answer where a request was found; one that may not be spoken of proves nothing.
fn refuted(found: Counterexample, spoken_of: bool) -> Answer {
    if spoken_of {
        Answer::Refuted(found)
    } else {
        Answer::Bounded { points: 0 }
    }
}
