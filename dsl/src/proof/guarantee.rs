//! Guarantees: whether something holds for every request of a region and everything that can become of it.

use super::reach::{Order, Reach, work};
use super::worlds::{IT, Reached, reached};
use crate::case::{Guarantee, Property};
use crate::cells::Cells;
use crate::clause::{Clause, Then};
use crate::condition::Cond;
use crate::entry::{Leaf, entry};
use crate::fact::Fact;
use crate::image::{
    Attempt, Features, GuardId, Plan, Policy, PolicyId, Route, RuleId, TargetId, Timeouts, Verdict,
};
use crate::region::{Region, Terms};
use crate::witness::Witness;
use crate::worst::{Tariff, Worst, worst};

/// Corners of a region that are looked at where it is too tangled to be proved.
const CORNERS: usize = 20_000;

/// What became of a guarantee.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Proof {
    /// Name of the guarantee.
    pub name: String,
    /// File it stands in.
    pub file: String,
    /// Line of its head, from 1.
    pub line: u32,
    /// Whether it holds.
    pub verdict: Answer,
}

impl Proof {
    /// Whether a request is known for which it does not hold.
    #[must_use]
    pub fn refuted(&self) -> bool {
        matches!(self.verdict, Answer::Refuted(_))
    }
}

/// Whether a guarantee holds.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase", tag = "answer")]
pub enum Answer {
    /// For every request.
    Proved,
    /// Not for this one.
    Refuted(Counterexample),
    /// For every request that was looked at; there are too many to look at all.
    Bounded {
        /// Requests that were looked at.
        points: usize,
    },
}

/// A request for which a guarantee does not hold.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Counterexample {
    /// The expectation that fails, as written.
    pub expected: String,
    /// What happens instead, in words.
    pub got: String,
    /// The rule that decides, as `file:line`.
    pub rule: String,
    /// A `test` block of such a request; where [`Counterexample::fails`], it fails as long as the guarantee does not hold.
    pub test: String,
    /// Whether running the test shows it: what only some requests of a kind meet, or what no test can expect, it does not.
    pub fails: bool,
}

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
            most: (None, None),
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
    /// Most tokens of a prompt and of an answer that the guarantee speaks of.
    most: (Option<u32>, Option<u32>),
}

/// Something that can become of a request and breaks an expectation.
struct Breach {
    /// Index of the expectation.
    expectation: usize,
    /// Conditions of arms that lead there.
    guards: Vec<GuardId>,
    got: String,
    /// Targets that must fail before.
    before: Vec<TargetId>,
    /// The target, where the request itself goes there.
    target: Option<TargetId>,
    /// A test that gives the request comes to it by itself.
    runs: bool,
}

impl Prover<'_> {
    fn verdict(mut self) -> Answer {
        let when = match &self.guarantee.when {
            None => Some(vec![Region::all()]),
            Some(cond) => self.scene.terms.regions(cond),
        };
        // What holds for all requests holds for those of a condition too large to be laid out; more cannot be told of it.
        let whole = when.is_some();
        let when = when.unwrap_or_else(|| vec![Region::all()]);
        self.most = (
            self.bound(&when, &Fact::Tokens),
            self.bound(&when, &Fact::OutputLimit),
        );
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
        if self.unknown {
            Answer::Bounded {
                points: self.points,
            }
        } else {
            Answer::Proved
        }
    }

    /// The largest number of a fact in some regions, where it is bounded in all of them.
    fn bound(&self, when: &[Region], fact: &Fact) -> Option<u32> {
        let space = self.scene.terms.space;
        let field = space.fields().iter().position(|f| f.fact == *fact)?;
        let field = u16::try_from(field).ok()?;
        let ends = when.iter().map(|region| {
            let last = region.get(field)?.iter().last()?;
            u32::try_from(space.field(field).end(last)? - 1).ok()
        });
        ends.collect::<Option<Vec<u32>>>()?.into_iter().max()
    }

    /// Most that a request can cost, where prompt, answer and prices are bounded.
    fn cost(&self, worst: &Worst) -> Option<i64> {
        let targets = &self.scene.terms.fleet.targets;
        let longest = || {
            targets
                .iter()
                .map(|t| t.output)
                .collect::<Option<Vec<u32>>>()?
                .into_iter()
                .max()
        };
        Some(worst.cost?.of(self.most.0?, self.most.1.or_else(longest)?))
    }

    /// Everything that can become of a request that enters a policy.
    fn policy(&mut self, id: PolicyId, when: &[Region]) -> Option<Counterexample> {
        let policy = self.scene.policies.get(id.index())?;
        let when = self.named(&policy.name, when);
        if when.is_empty() {
            return None;
        }
        let Some(entry) = entry(id, self.scene.clauses, &self.scene.terms) else {
            self.unknown = true;
            return None;
        };
        let order = Order::new(self.scene.terms.space, &entry.list, work(entry.list.len()));
        let breaches: Vec<Vec<Breach>> = entry
            .leaves
            .iter()
            .map(|leaf| self.breaches(leaf))
            .collect();
        for (at, (region, leaf)) in (0..).zip(&entry.list) {
            for breach in breaches.get(*leaf as usize).into_iter().flatten() {
                for target in self.targets(region, &when, breach) {
                    let found = match order.past(at, &target) {
                        Reach::Dead(_) => None,
                        Reach::Alive(witness) => Some(witness),
                        Reach::Unknown => self.corner(&order, at, &target),
                    };
                    if let Some(witness) = found {
                        let leaf = entry.leaves.get(*leaf as usize)?;
                        return Some(self.counterexample(
                            &format!("@{}", policy.name),
                            Some(leaf),
                            breach,
                            &witness,
                        ));
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
            let worst = worst(&route, self.scene.plans, self.scene.terms.fleet);
            let breaches = self.used(
                &reached(&route, self.scene.plans, self.scene.terms.fleet),
                &worst,
            );
            for witness in self.named(&target.name, when) {
                if let Some(breach) = breaches.first() {
                    return Some(self.counterexample(&target.name, None, breach, &witness));
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

    fn targets(&self, region: &Region, when: &[Region], breach: &Breach) -> Vec<Region> {
        let space = self.scene.terms.space;
        let mut targets: Vec<Region> = when.iter().filter_map(|w| region.and(w, space)).collect();
        for guard in &breach.guards {
            let Some(guard) = self.scene.guards.get(guard.index()) else {
                continue;
            };
            // A condition too large to be laid out is taken to hold everywhere, which can only find too much.
            let Some(regions) = self.scene.terms.regions(guard) else {
                continue;
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
    fn breaches(&self, leaf: &Leaf) -> Vec<Breach> {
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
                let mut worst = worst(&plan.route, self.scene.plans, self.scene.terms.fleet);
                let shadows = rule.map(|r| r.shadows.as_slice()).unwrap_or_default();
                for shadow in shadows.iter().filter(|s| s.share > 0) {
                    worst.cost = worst
                        .cost
                        .zip(self.tariff(&shadow.attempt))
                        .map(|(a, b)| a.and(b));
                    all.push(Reached {
                        target: shadow.attempt.target,
                        guards: Vec::new(),
                        before: Vec::new(),
                        how: "a copy goes to",
                    });
                }
                let passed = leaf.policies.iter();
                let passed = passed.filter_map(|p| self.scene.policies.get(p.index())?.within);
                worst.time = passed.chain(worst.time).min();
                self.used(&all, &worst)
            }
            Some(Then::Decide(Verdict::Deny { status, .. })) => {
                let broken = |(at, expectation): (usize, &crate::case::Expectation)| {
                    denied(&expectation.that)
                        .filter(|holds| !holds)
                        .map(|_| Breach {
                            expectation: at,
                            guards: Vec::new(),
                            got: format!("refused with {status}"),
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

    /// What one copy costs.
    fn tariff(&self, attempt: &Attempt) -> Option<Tariff> {
        let route = Route::Attempt(attempt.clone());
        worst(&route, self.scene.plans, self.scene.terms.fleet).cost
    }

    fn used(&self, all: &[Reached], worst: &Worst) -> Vec<Breach> {
        let mut breaches = Vec::new();
        for (at, expectation) in self.guarantee.expects.iter().enumerate() {
            // Whichever arm a share falls to, the first that is asked breaks it.
            let mut first = all.iter().filter(|r| r.itself() && r.before.is_empty());
            let any = first.all(|r| !self.holds(&expectation.that, r.target, worst));
            let broken = all
                .iter()
                .filter(|r| !self.holds(&expectation.that, r.target, worst));
            breaches.extend(broken.map(|r| Breach {
                expectation: at,
                guards: r.guards.clone(),
                got: self.told(&expectation.that, r, worst),
                before: r.before.clone(),
                target: r.itself().then_some(r.target),
                runs: testable(&expectation.that) && (r.how == IT || (any && r.before.is_empty())),
            }));
        }
        breaches
    }

    fn holds(&self, property: &Property, target: TargetId, worst: &Worst) -> bool {
        let fleet = self.scene.terms.fleet;
        let Some(of) = fleet.targets.get(target.index()) else {
            return true;
        };
        let Some(provider) = fleet.providers.get(of.provider.index()) else {
            return true;
        };
        match property {
            Property::Not(inner) => !self.holds(inner, target, worst),
            Property::Any(parts) => parts.iter().any(|p| self.holds(p, target, worst)),
            Property::Region(region) => {
                !provider.regions.is_empty() && provider.regions.iter().all(|r| r == region)
            }
            Property::Tier(compare, tier) => of.tier.is_some_and(|t| compare.holds(&t, tier)),
            Property::Provider(id) => of.provider == *id,
            Property::Target(id) => target == *id,
            Property::Private => provider.private,
            Property::Can(features) => of.can.contains(*features),
            Property::Denied => false,
            Property::Attempts(compare, count) => compare.holds(&worst.attempts, count),
            Property::Cost(compare, most) => self
                .cost(worst)
                .is_some_and(|cost| compare.holds(&cost, most)),
            Property::Total(compare, most) => {
                worst.time.is_some_and(|time| compare.holds(&time, most))
            }
        }
    }

    fn told(&self, property: &Property, reached: &Reached, worst: &Worst) -> String {
        let fleet = self.scene.terms.fleet;
        let Some(of) = fleet.targets.get(reached.target.index()) else {
            return String::new();
        };
        let figure = match property {
            Property::Attempts(..) => Some(format!("{} attempts at worst", worst.attempts)),
            Property::Cost(..) => Some(
                self.cost(worst)
                    .map_or("no bound on the cost".to_owned(), |c| {
                        format!("{} at worst", dollars(c))
                    }),
            ),
            Property::Total(..) => {
                Some(worst.time.map_or("no bound on the time".to_owned(), |t| {
                    format!("{t} ms at worst")
                }))
            }
            _ => None,
        };
        if let Some(figure) = figure {
            return figure;
        }
        let detail = match property {
            Property::Region(_) => {
                let regions = fleet
                    .providers
                    .get(of.provider.index())
                    .map(|p| p.regions.join(" "))
                    .unwrap_or_default();
                if regions.is_empty() {
                    ", in no declared region".to_owned()
                } else {
                    format!(", in {regions}")
                }
            }
            Property::Tier(..) => of.tier.map_or(", of no tier".to_owned(), |t| {
                format!(", tier {}", format!("{t:?}").to_lowercase())
            }),
            _ => String::new(),
        };
        format!("{} {}{detail}", reached.how, of.name)
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
            if !entries.iter().any(|(_, region)| region.meets(&point)) {
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
        breach: &Breach,
        witness: &Region,
    ) -> Counterexample {
        let expected = self
            .guarantee
            .expects
            .get(breach.expectation)
            .map(|e| e.text.clone())
            .unwrap_or_default();
        let policy =
            leaf.and_then(|l| Some((self.scene.policies.get(l.policies.last()?.index())?, l.rule)));
        let rule = policy.and_then(|(p, RuleId(rule))| p.rules.get(rule as usize));
        let name = |id: &TargetId| {
            self.scene
                .terms
                .fleet
                .targets
                .get(id.index())
                .map_or("?", |t| &t.name)
        };
        let before: String = breach
            .before
            .iter()
            .map(|t| format!("  upstream {} refuses\n", name(t)))
            .collect::<Vec<_>>()
            .concat();
        let expect = if breach.runs {
            expected.clone()
        } else {
            format!("# {expected}")
        };
        let givens = Witness::of(witness, self.scene.terms.space).lines();
        Counterexample {
            test: format!(
                "test {:?} {{\n  given model {model}\n{givens}{before}  {expect}\n}}\n",
                format!("counterexample: {}", self.guarantee.name)
            ),
            fails: breach.runs,
            expected,
            got: breach.got.clone(),
            rule: rule.map_or_else(
                || "allow direct".to_owned(),
                |r| format!("{}:{}", r.file, r.line),
            ),
        }
    }
}

/// Whether a test can expect a property, of one request that is served.
fn testable(property: &Property) -> bool {
    match property {
        Property::Region(_) | Property::Tier(..) | Property::Provider(_) => true,
        Property::Not(inner) => **inner == Property::Denied,
        _ => false,
    }
}

/// Whether a property holds of a refusal; `None` where it is about targets only, of which there are none.
fn denied(property: &Property) -> Option<bool> {
    match property {
        Property::Denied => Some(true),
        Property::Not(inner) => denied(inner).map(|holds| !holds),
        Property::Any(parts) => {
            let about: Vec<Option<bool>> = parts.iter().map(denied).collect();
            // A choice with something about targets holds where there are none.
            about
                .iter()
                .all(Option::is_some)
                .then(|| about.contains(&Some(true)))
        }
        _ => None,
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

/// Pico-dollars for a message.
fn dollars(pico: i64) -> String {
    let micro = pico / 1_000_000;
    let text = format!("${}.{:06}", micro / 1_000_000, micro % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
