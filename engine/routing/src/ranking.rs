//! In which order the candidates of a list come: by what they cost, by how quick they are, by a draw, and by what a request
//! stays with. Each tells how many are as good as the first, so that a request may stay with any of those.

use crate::bucket::{distance, hash};
use crate::chance::Chance;
use crate::course::Course;
use mux_dsl::image::{BasisPoints, Millis, Pico, TargetId};
use std::cmp::Reverse;

/// One of a list that a request may be sent to.
#[derive(Debug)]
pub(crate) struct Candidate<'a> {
    /// What is done with it.
    pub(crate) course: Course<'a>,
    /// The target that is called first.
    pub(crate) first: TargetId,
    /// Its part of the draws.
    pub(crate) weight: u32,
}

/// Cheapest first, unknown ones last.
pub(crate) fn by_cost(
    candidates: &mut [Candidate<'_>],
    cost: impl Fn(TargetId) -> Option<Pico>,
) -> usize {
    let rank = |c: &Candidate<'_>| cost(c.first).unwrap_or(Pico::MAX);
    candidates.sort_by_key(rank);
    let least = candidates.first().map(rank);
    let alike = candidates.iter().take_while(|c| Some(rank(c)) == least);
    alike.count()
}

/// Quickest first, unknown ones last. For a share of the requests one that is not the quickest comes first: an unknown one
/// where there is any.
pub(crate) fn by_latency(
    candidates: &mut [Candidate<'_>],
    latency: impl Fn(TargetId) -> Option<Millis>,
    explore: BasisPoints,
    chance: &mut Chance,
) -> usize {
    let rank = |c: &Candidate<'_>| latency(c.first).unwrap_or(Millis::MAX);
    candidates.sort_by_key(rank);
    let least = candidates.first().map_or(0, rank);
    // Half as long again is no slowdown yet, as everywhere where health is judged.
    let near = least.saturating_add(least / 2);
    let alike = candidates.iter().take_while(|c| rank(c) <= near).count();
    let known = candidates.iter().filter(|c| rank(c) < Millis::MAX).count();
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

/// One by weight; then the others, the heaviest first.
pub(crate) fn by_weight(candidates: &mut [Candidate<'_>], chance: &mut Chance) -> usize {
    let all: u64 = candidates.iter().map(|c| u64::from(c.weight)).sum();
    let drawn = chance.below(all);
    let mut end = 0;
    let place = candidates.iter().position(|c| {
        end += u64::from(c.weight);
        drawn < end
    });
    to_front(candidates, place.unwrap_or(0));
    if let Some((_, others)) = candidates.split_first_mut() {
        others.sort_by_key(|c| Reverse(c.weight));
    }
    candidates.len()
}

/// Puts first what a request stays with: the one that rendezvous hashing prefers, among those that are well. `share` is the
/// part of all such requests that is a candidate's.
pub(crate) fn stay<'n>(
    candidates: &mut [Candidate<'_>],
    alike: usize,
    bond: &str,
    share: impl Fn(&Candidate<'_>) -> u32,
    name: impl Fn(TargetId) -> Option<&'n str>,
) {
    let mut nearest: Option<(usize, u64, u64)> = None;
    for (place, candidate) in candidates.iter().enumerate().take(alike) {
        let (Some(name), share) = (name(candidate.first), u64::from(share(candidate))) else {
            continue;
        };
        let far = u64::from(distance(hash(name, bond)));
        if share > 0 && nearest.is_none_or(|(_, least, other)| far * other < least * share) {
            nearest = Some((place, far, share));
        }
    }
    if let Some((place, ..)) = nearest {
        to_front(candidates, place);
    }
}

fn to_front(candidates: &mut [Candidate<'_>], place: usize) {
    if let Some(part) = candidates.get_mut(..=place) {
        part.rotate_right(1);
    }
}
