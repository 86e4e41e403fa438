//! In which order the candidates of a list come: by what they cost, by how quick they are, by a draw, and by what a request
//! stays with. Each tells how many are as good as the first, so that a request may stay with any of those.

use crate::bucket::{distance, hash};
use crate::chance::Chance;
use mux_dsl::image::{BasisPoints, Millis, Pico, TargetId};
use smallvec::SmallVec;

/// One of a list that a request may be sent to.
#[derive(Debug)]
pub(crate) struct Candidate {
    /// Its place among those it was chosen from.
    pub(crate) place: usize,
    /// The target that is called first.
    pub(crate) first: TargetId,
    /// Its part of the draws.
    pub(crate) weight: u32,
    /// What it is put in order by: the least comes first.
    pub(crate) rank: i64,
}

/// Cheapest first, unknown ones last. `costs` are those of the candidates, in their order.
pub(crate) fn by_cost(
    candidates: &mut [Candidate],
    mut costs: impl Iterator<Item = Option<Pico>>,
) -> usize {
    rank(candidates, |_| costs.next().flatten().unwrap_or(UNKNOWN));
    let least = candidates.first().map(|c| c.rank);
    let alike = candidates.iter().take_while(|c| Some(c.rank) == least);
    alike.count()
}

/// What is not known comes last.
const UNKNOWN: i64 = i64::MAX;

/// Those of one rank stay as they were.
fn rank(candidates: &mut [Candidate], mut by: impl FnMut(&Candidate) -> i64) {
    for candidate in &mut *candidates {
        candidate.rank = by(candidate);
    }
    candidates.sort_by_key(|c| c.rank);
}

/// Quickest first, unknown ones last. For a share of the requests one that is not the quickest comes first: an unknown one
/// where there is any.
pub(crate) fn by_latency(
    candidates: &mut [Candidate],
    latency: impl Fn(TargetId) -> Option<Millis>,
    explore: BasisPoints,
    chance: &mut Chance,
) -> usize {
    let known = |time: Millis| i64::try_from(time).unwrap_or(UNKNOWN);
    rank(candidates, |c| latency(c.first).map_or(UNKNOWN, known));
    let least = candidates.first().map_or(0, |c| c.rank);
    // Half as long again is no slowdown yet, as everywhere where health is judged.
    let near = least.saturating_add(least / 2);
    let alike = candidates.iter().take_while(|c| c.rank <= near).count();
    let known = candidates.iter().filter(|c| c.rank < UNKNOWN).count();
    // Both are drawn whatever the figures, so that later draws do not depend on them.
    let explores = chance.below(10_000) < u64::from(explore);
    let mut place = Chance::new(chance.bits());
    if !explores || candidates.len() < 2 {
        return alike;
    }
    let from = if known == 0 || known == candidates.len() {
        1
    } else {
        known
    };
    let drawn = place.below((candidates.len() - from) as u64);
    to_front(candidates, from + usize::try_from(drawn).unwrap_or(0));
    // What explores stays with nobody.
    1
}

/// One by weight; then the others, the heaviest first. Of equal ones two are drawn, and the second comes first where the
/// first is the busier: that keeps the longest queue short without everybody joining the shortest (Mitzenmacher, "The
/// power of two choices in randomized load balancing", 2001). Weights that differ are kept, as they were written to be.
pub(crate) fn by_weight(
    candidates: &mut [Candidate],
    busier: impl Fn(TargetId, TargetId) -> bool,
    chance: &mut Chance,
) -> usize {
    let first = candidates.first().map(|c| c.weight);
    let equal = candidates.iter().all(|c| Some(c.weight) == first);
    let all: u64 = candidates.iter().map(|c| u64::from(c.weight)).sum();
    let drawn = chance.below(all);
    let mut end = 0;
    let place = candidates.iter().position(|c| {
        end += u64::from(c.weight);
        drawn < end
    });
    to_front(candidates, place.unwrap_or(0));
    if let (true, Some((first, others))) = (equal, candidates.split_first()) {
        let drawn = chance.below(others.len() as u64);
        let place = usize::try_from(drawn).unwrap_or(0);
        if others
            .get(place)
            .is_some_and(|other| busier(first.first, other.first))
        {
            to_front(candidates, place + 1);
        }
    }
    if let Some((_, others)) = candidates.split_first_mut() {
        rank(others, |c| -i64::from(c.weight));
    }
    candidates.len()
}

/// Puts what a request stays with in the order in which rendezvous hashing prefers it: those that are well, and then the
/// others. Where the first of them fails, all that belongs to one bond goes on to the same next one. `share` is the part of
/// all such requests that is a candidate's.
pub(crate) fn stay<'n>(
    candidates: &mut [Candidate],
    alike: usize,
    bond: &str,
    share: impl Fn(&Candidate) -> u32,
    name: impl Fn(TargetId) -> &'n str,
    well: impl Fn(TargetId) -> bool,
) {
    let alike = candidates.get_mut(..alike).unwrap_or_default();
    let mut bonds: SmallVec<[Bond; 16]> = alike
        .iter()
        .map(|candidate| Bond {
            ill: !well(candidate.first),
            far: distance(hash(name(candidate.first), bond)).into(),
            share: share(candidate).into(),
        })
        .collect();
    // Few, and mostly one that is wanted: no better way to sort both together pays.
    for place in 0..bonds.len() {
        let rest = bonds.iter().enumerate().skip(place);
        let nearest = rest.reduce(|one, other| if other.1.before(one.1) { other } else { one });
        if let Some((nearest, _)) = nearest
            && let Some(rest) = bonds.get_mut(place..=nearest)
            && let Some(moved) = alike.get_mut(place..=nearest)
        {
            rest.rotate_right(1);
            moved.rotate_right(1);
        }
    }
}

/// How close a candidate is to what a request stays by.
#[derive(Clone, Copy, Debug)]
struct Bond {
    ill: bool,
    far: u64,
    share: u64,
}

impl Bond {
    fn before(&self, other: &Self) -> bool {
        match (self.ill, other.ill) {
            (false, true) => true,
            (true, false) => false,
            // What has no share is as far as can be.
            _ if self.share == 0 || other.share == 0 => self.share > other.share,
            _ => self.far * other.share < other.far * self.share,
        }
    }
}

fn to_front(candidates: &mut [Candidate], place: usize) {
    if let Some(part) = candidates.get_mut(..=place) {
        part.rotate_right(1);
    }
}
