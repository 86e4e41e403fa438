//! What a request can cost at most, by how long its prompt and its answer are.

use super::property::affordable;
use crate::case::Property;
use crate::cells::Cells;
use crate::fact::Fact;
use crate::image::Pico;
use crate::region::{Region, Terms};
use crate::worst::Tariff;

/// The prices of a route.
pub(super) struct Bill<'a> {
    pub(super) terms: Terms<'a>,
    /// For each token, all attempts together; absent where a price is unknown.
    pub(super) tariff: Option<Tariff>,
    /// Most tokens of an answer; absent where a target does not say.
    pub(super) longest: Option<u32>,
}

impl Bill<'_> {
    /// The requests of a region that break what is promised of their cost.
    pub(super) fn broken(&self, promised: &Property, region: &Region) -> Vec<Region> {
        let breaks = |region: &Region| !affordable(promised, self.most(region));
        let answers = self.cells(&Fact::OutputLimit, region);
        let prompts = self.cells(&Fact::Tokens, region);
        let mut broken = Vec::new();
        for of in self.each(region, answers.as_ref()) {
            let Some((field, cells)) = &prompts else {
                broken.extend(Some(of).filter(breaks));
                continue;
            };
            let cell = |cell: &u32| {
                of.clone()
                    .with(*field, &Cells::One(*cell), self.terms.space)
            };
            let cells: Cells = cells
                .iter()
                .filter(|c| cell(c).is_some_and(|r| breaks(&r)))
                .collect();
            broken.extend(of.with(*field, &cells, self.terms.space));
        }
        broken
    }

    /// The requests of a region with the longest prompts and answers.
    pub(super) fn dearest(&self, region: Region) -> Region {
        let longest = |region: Region, fact: Fact| {
            let last = self
                .cells(&fact, &region)
                .and_then(|(field, cells)| Some((field, cells.iter().last()?)));
            let held = last.and_then(|(field, last)| {
                region
                    .clone()
                    .with(field, &Cells::One(last), self.terms.space)
            });
            held.unwrap_or(region)
        };
        longest(longest(region, Fact::Tokens), Fact::OutputLimit)
    }

    /// Most that a request of a region can cost, where prompt, answer and prices are bounded.
    pub(super) fn most(&self, region: &Region) -> Option<Pico> {
        let prompt = self.largest(region, &Fact::Tokens)?;
        let answer = self.largest(region, &Fact::OutputLimit);
        let answer = answer.into_iter().chain(self.longest).min()?;
        Some(self.tariff?.of(prompt, answer))
    }

    /// The largest number of a fact in a region, where it has a bound there.
    fn largest(&self, region: &Region, fact: &Fact) -> Option<u32> {
        let (field, cells) = self.cells(fact, region)?;
        let of = self.terms.space.field(field);
        let ends = cells
            .iter()
            .map(|cell| u32::try_from(of.end(cell)? - 1).ok());
        ends.collect::<Option<Vec<u32>>>()?.into_iter().max()
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
