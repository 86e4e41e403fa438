//! What the requests that one rule carries out can take at most: attempts, time, money. Exact by which arms are there for them,
//! who is able to serve them and how long prompt and answer are; where that is too much to tell apart, it says so.

use super::property::{About, Taken, about, kept};
use crate::case::Property;
use crate::cells::Cells;
use crate::condition::Cond;
use crate::fact::Fact;
use crate::image::{Attempt, Features, GuardId, Millis, Plan, Route, TargetId};
use crate::region::{Region, Terms};
use crate::worst::{Asking, Worst, worst, worst_of};
use std::collections::BTreeSet;

/// Most parts that the requests of a region are told apart into.
const PARTS: usize = 256;

/// A route, and what is done besides.
#[derive(Clone)]
pub(super) struct Toll<'a> {
    pub(super) terms: Terms<'a>,
    pub(super) plans: &'a [Plan],
    pub(super) guards: &'a [Cond],
    pub(super) route: &'a Route,
    /// Copies that are sent, which cost and are not counted with the rest.
    pub(super) copies: Vec<&'a Attempt>,
    /// The time that the policies on the way give.
    pub(super) within: Option<Millis>,
}

/// Requests that are alike in what a route does with them, but for the lengths of prompts and answers.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) region: Region,
    /// Conditions of arms that they do not meet.
    closed: BTreeSet<usize>,
    /// What they need.
    needs: Features,
    /// Whether all of that is settled; else the part takes as much as any of its requests could.
    settled: bool,
}

/// One request, as far as what it takes hangs on it.
#[derive(Clone, Debug)]
pub(super) struct Sized {
    pub(super) region: Region,
    /// Tokens of its prompt, where it is one length that shows the figure.
    pub(super) tokens: Option<u32>,
    /// Most tokens of its answer, where it says so.
    pub(super) answer: Option<u32>,
    /// What it takes.
    pub(super) taken: Taken,
    /// Whether it takes just that, and not perhaps less.
    pub(super) sure: bool,
}

impl Part {
    /// Whether an arm with this condition is there.
    pub(super) fn open(&self, guard: GuardId) -> bool {
        !self.closed.contains(&guard.index())
    }
}

impl Toll<'_> {
    /// Whether a promise is kept by the most that any request takes, whatever it asks for.
    pub(super) fn always(&self, promised: &Property) -> bool {
        let worst = worst(self.route, self.plans, self.terms.fleet);
        let most = Taken {
            attempts: worst.attempts,
            time: self.within.into_iter().chain(worst.time).min(),
            cost: None,
        };
        !matches!(promised, Property::Not(_)) && kept(promised, &most)
    }

    /// The requests of a region that break what is promised of a figure.
    pub(super) fn broken(&self, promised: &Property, region: &Region) -> Vec<Part> {
        let mut broken = Vec::new();
        for part in self.parts(region) {
            // Answers of any length count where money does.
            let answers = match about(promised) {
                About::Money => self.cells(&Fact::OutputLimit, &part.region),
                _ => None,
            };
            for of in self.each(&part.region, answers.as_ref()) {
                let breaks = |region: &Region| {
                    let sized = self.most(promised, &part, region);
                    !kept(promised, &sized.taken)
                };
                let Some((field, cells)) = self.cells(&Fact::Tokens, &of) else {
                    broken.extend(breaks(&of).then(|| part.within(of)));
                    continue;
                };
                let one = |cell: &u32| {
                    let of = of.clone();
                    of.with(field, &Cells::One(*cell), self.terms.space)
                };
                let cells = cells.iter().filter(|c| one(c).is_some_and(|r| breaks(&r)));
                let held = of.clone().with(field, &cells.collect(), self.terms.space);
                broken.extend(held.map(|held| part.within(held)));
            }
        }
        broken
    }

    /// Of the requests of a part that are in a region, one that takes the most.
    pub(super) fn worst(&self, promised: &Property, part: &Part, region: &Region) -> Sized {
        let mut worst: Option<Sized> = None;
        let answers = self.cells(&Fact::OutputLimit, region);
        for of in self.each(region, answers.as_ref()) {
            let prompts = self.cells(&Fact::Tokens, &of);
            for of in self.each(&of, prompts.as_ref()) {
                let sized = self.most(promised, part, &of);
                let more = worst
                    .as_ref()
                    .is_none_or(|worst| sized.taken.more(&worst.taken, about(promised)));
                if more {
                    worst = Some(sized);
                }
            }
        }
        let mut worst = worst.unwrap_or_else(|| self.most(promised, part, region));
        if worst.answer.is_none() {
            worst = self.unlimited(worst);
        }
        worst
    }

    /// Requests whose answers are as long as targets give them: they ask for no limit, where that can be, else for one that
    /// bounds nothing.
    fn unlimited(&self, sized: Sized) -> Sized {
        let space = self.terms.space;
        let limits = self.cells(&Fact::OutputLimit, &sized.region);
        let Some((at, cells)) = limits else {
            return sized;
        };
        let absent = cells.iter().find(|cell| space.field(at).is_absent(*cell));
        let none = absent.and_then(|cell| sized.region.clone().with(at, &Cells::One(cell), space));
        if let Some(region) = none {
            return Sized { region, ..sized };
        }
        let outputs = self.called().into_iter().filter_map(|id| {
            let of = self.terms.fleet.targets.get(id.index());
            of.and_then(|of| of.output)
        });
        Sized {
            answer: outputs.max(),
            ..sized
        }
    }

    /// Everybody who can be called.
    fn called(&self) -> Vec<TargetId> {
        let mut targets = Vec::new();
        self.route.reach(self.plans, &mut targets);
        // Judges and those that merge are called, too.
        self.route.reach_helpers(self.plans, &mut targets);
        targets.extend(self.copies.iter().map(|copy| copy.target));
        targets
    }

    /// The most that the requests of one cell of lengths take.
    fn most(&self, promised: &Property, part: &Part, region: &Region) -> Sized {
        let (from, end) = self.span(&Fact::Tokens, region);
        let (_, limit) = self.span(&Fact::OutputLimit, region);
        let targets = self.called();
        let windows = targets.iter().map(|t| self.window(*t));
        let mut lengths: BTreeSet<Option<u32>> = BTreeSet::new();
        if about(promised) == About::Money {
            // More tokens cost more, until a window ends.
            let ends = windows.map(|w| match (w, end) {
                (Some(w), Some(end)) => Some(w.min(end)),
                (w, end) => w.or(end),
            });
            lengths.extend(ends.filter(|l| l.is_none_or(|l| l >= from)));
            lengths.extend(end.map(Some));
        }
        if lengths.is_empty() {
            lengths.insert(Some(from));
        }
        let each = lengths.into_iter().map(|tokens| {
            let (taken, cut) = self.taken(part, &targets, tokens, limit);
            Sized {
                region: region.clone(),
                tokens: tokens.filter(|_| about(promised) == About::Money),
                answer: limit,
                taken,
                sure: part.settled && !(cut && about(promised) != About::Attempts),
            }
        });
        let worst = each.reduce(|a, b| {
            if b.taken.more(&a.taken, about(promised)) {
                b
            } else {
                a
            }
        });
        worst.unwrap_or_else(|| Sized {
            region: region.clone(),
            tokens: None,
            answer: None,
            taken: Taken::default(),
            sure: false,
        })
    }

    /// What requests of one length of prompt and one limit of answers take at most. A prompt without bound costs without bound.
    fn taken(
        &self,
        part: &Part,
        targets: &[TargetId],
        tokens: Option<u32>,
        limit: Option<u32>,
    ) -> (Taken, bool) {
        let fleet = self.terms.fleet;
        let able = |id: TargetId| {
            let of = fleet.targets.get(id.index());
            let fits = self
                .window(id)
                .is_none_or(|w| tokens.is_some_and(|t| t <= w));
            of.is_none_or(|of| of.can.contains(part.needs)) && fits
        };
        let open = |guard| part.open(guard);
        let answer = |id: TargetId| {
            if !targets.contains(&id) || !able(id) {
                return Some(0);
            }
            let output = fleet.targets.get(id.index()).and_then(|t| t.output);
            output.into_iter().chain(limit).min()
        };
        let asking = Asking {
            open: &open,
            able: &able,
            answer: &answer,
            prompt: tokens.map_or(u64::MAX, u64::from),
        };
        let of = |route: &Route| worst_of(route, (self.plans, fleet), asking);
        let (worst, cut) = of(self.route);
        let mut tariff = worst.cost;
        for copy in &self.copies {
            let (Worst { cost, .. }, _) = of(&Route::Attempt((*copy).clone()));
            tariff = tariff.zip(cost).map(|(a, b)| a.and(b));
        }
        let cost = tariff.and_then(|tariff| match tokens {
            Some(tokens) => Some(tariff.of(tokens, 1)),
            None => (tariff.input == 0).then_some(tariff.output),
        });
        let taken = Taken {
            attempts: worst.attempts,
            time: self.within.into_iter().chain(worst.time).min(),
            cost,
        };
        (taken, cut)
    }

    fn window(&self, target: TargetId) -> Option<u32> {
        let of = self.terms.fleet.targets.get(target.index());
        of.and_then(|of| of.context)
    }

    /// A region by which arms are there for its requests and what these need.
    fn parts(&self, region: &Region) -> Vec<Part> {
        let whole = Part {
            region: region.clone(),
            closed: BTreeSet::new(),
            needs: Features::default(),
            settled: true,
        };
        let mut parts = vec![whole.clone()];
        let mut guards = BTreeSet::new();
        self.asked(self.route, &mut guards);
        for guard in guards {
            let cond = self.guards.get(guard);
            let sides = cond.and_then(|c| Some((self.terms.regions(c)?, self.terms.outside(c)?)));
            let Some((inside, outside)) = sides else {
                for part in &mut parts {
                    part.settled = false;
                }
                continue;
            };
            let held = |part: &Part, to: &[Region], closed: bool| {
                let both = to
                    .iter()
                    .filter_map(|r| part.region.and(r, self.terms.space));
                let mut part = part.clone();
                part.closed.extend(closed.then_some(guard));
                both.map(|region| part.within(region)).collect::<Vec<_>>()
            };
            let split = |part: &Part| {
                let mut split = held(part, &inside, false);
                split.extend(held(part, &outside, true));
                split
            };
            parts = parts.iter().flat_map(split).collect();
            if parts.len() > PARTS {
                return vec![unsettled(whole)];
            }
        }
        let targets = self.called();
        let fields = self.terms.space.fields().iter().zip(0_u16..);
        for (field, at) in fields {
            let Fact::Need(bit) = field.fact else {
                continue;
            };
            let lacks = |t: &TargetId| {
                let of = self.terms.fleet.targets.get(t.index());
                of.is_some_and(|of| !of.can.contains(Features(bit)))
            };
            if !targets.iter().any(lacks) {
                continue;
            }
            let split = |part: &Part| {
                let one = |cell: u32| {
                    let region = part.region.clone();
                    let region = region.with(at, &Cells::One(cell), self.terms.space)?;
                    let mut part = part.within(region);
                    if cell == 1 {
                        part.needs = part.needs.with(Features(bit));
                    }
                    Some(part)
                };
                [one(0), one(1)].into_iter().flatten().collect::<Vec<_>>()
            };
            parts = parts.iter().flat_map(split).collect();
        }
        if parts.len() > PARTS {
            return vec![unsettled(whole)];
        }
        parts
    }

    /// Conditions of the arms of a route.
    fn asked(&self, route: &Route, found: &mut BTreeSet<usize>) {
        if let Route::Plan(plan) = route {
            if let Some(plan) = self.plans.get(plan.index()) {
                self.asked(&plan.route, found);
            }
            return;
        }
        route.each_arm(&mut |arm| found.extend(arm.when.map(GuardId::index)));
        route.each_inner(&mut |inner| self.asked(inner, found));
    }

    /// The least number of a fact in a cell of it, and the greatest, where there is one.
    fn span(&self, fact: &Fact, region: &Region) -> (u32, Option<u32>) {
        let Some((field, cells)) = self.cells(fact, region) else {
            return (0, None);
        };
        let of = self.terms.space.field(field);
        let lowest = cells.first().and_then(|cell| of.lowest(cell)).unwrap_or(0);
        let ends = cells.iter().map(|cell| of.end(cell));
        let end = ends
            .collect::<Option<Vec<u64>>>()
            .and_then(|e| e.into_iter().max());
        let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        (number(lowest), end.map(|end| number(end.saturating_sub(1))))
    }

    /// The field of a fact and its cells in a region; `None` where nothing tells its values apart.
    fn cells(&self, fact: &Fact, region: &Region) -> Option<(u16, Cells)> {
        let space = self.terms.space;
        let at = space.fields().iter().position(|f| f.fact == *fact)?;
        let field = u16::try_from(at).ok()?;
        let cells = region.get(field).cloned();
        Some((
            field,
            cells.unwrap_or_else(|| Cells::all(space.count(field))),
        ))
    }

    /// A region cell by cell of one field.
    fn each(&self, region: &Region, by: Option<&(u16, Cells)>) -> Vec<Region> {
        let Some((field, cells)) = by else {
            return vec![region.clone()];
        };
        let one = |cell| {
            region
                .clone()
                .with(*field, &Cells::One(cell), self.terms.space)
        };
        cells.iter().filter_map(one).collect()
    }
}

/// A part that is not told apart.
fn unsettled(whole: Part) -> Part {
    Part {
        settled: false,
        ..whole
    }
}

impl Part {
    /// The same of fewer requests.
    fn within(&self, region: Region) -> Self {
        Self {
            region,
            ..self.clone()
        }
    }
}
