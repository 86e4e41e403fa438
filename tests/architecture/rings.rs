//! Cycles in a drawing of arrows.

use crate::architecture::fault::Fault;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Where an arrow stands in the sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) line: usize,
}

/// Arrows by where they start and where they lead.
#[derive(Debug, Default)]
pub(crate) struct Arrows(BTreeMap<String, BTreeMap<String, Place>>);

impl Arrows {
    /// Draws one; the first place of it counts.
    pub(crate) fn draw(&mut self, from: &str, to: &str, place: Place) {
        let ends = self.0.entry(from.to_owned()).or_default();
        ends.entry(to.to_owned()).or_insert(place);
    }

    /// Start, end and place of each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str, &Place)> {
        self.0.iter().flat_map(|(from, ends)| {
            let whole = move |(to, place)| (from.as_str(), String::as_str(to), place);
            ends.iter().map(whole)
        })
    }

    /// The shortest cycle through each arrow, each cycle once, two-way pairs first.
    pub(crate) fn rings(&self) -> Vec<Vec<String>> {
        let mut rings: BTreeMap<BTreeSet<String>, Vec<String>> = BTreeMap::new();
        for (from, to, _) in self.iter() {
            if let Some(ring) = self.way(to, from) {
                rings
                    .entry(ring.iter().cloned().collect())
                    .or_insert_with(|| [vec![from.to_owned()], ring].concat());
            }
        }
        let mut rings: Vec<_> = rings.into_values().collect();
        rings.sort_by_key(Vec::len);
        rings
    }

    /// The shortest way, both ends included.
    fn way(&self, from: &str, to: &str) -> Option<Vec<String>> {
        let mut before: BTreeMap<&str, &str> = BTreeMap::new();
        let mut waiting = VecDeque::from([from]);
        while let Some(here) = waiting.pop_front() {
            if here == to {
                let back = std::iter::successors(Some(here), |at| before.get(at).copied());
                let mut way: Vec<String> = back.map(str::to_owned).collect();
                way.reverse();
                return Some(way);
            }
            for next in self.0.get(here).into_iter().flat_map(BTreeMap::keys) {
                if next != from && !before.contains_key(next.as_str()) {
                    before.insert(next, here);
                    waiting.push_back(next);
                }
            }
        }
        None
    }

    /// A fault for each cycle, at its first arrow; `kind` is what the arrows are between, as one word.
    pub(crate) fn faults(&self, kind: &str) -> Vec<Fault> {
        let tell = |ring: Vec<String>| {
            let steps = ring.windows(2).map(|pair| {
                let place = &self.0[&pair[0]][&pair[1]];
                format!(
                    "`{}` uses `{}` ({}:{})",
                    pair[0], pair[1], place.file, place.line
                )
            });
            let first = &self.0[&ring[0]][&ring[1]];
            let text = format!(
                "{kind}s go in a circle: {}; move what they share to a {kind} of its own, or pass it in",
                steps.collect::<Vec<_>>().join(", ")
            );
            Fault::new(&first.file, first.line, text)
        };
        self.rings().into_iter().map(tell).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(arrows: &[(&str, &str)]) -> Arrows {
        let mut drawn = Arrows::default();
        for (line, (from, to)) in arrows.iter().enumerate() {
            drawn.draw(
                from,
                to,
                Place {
                    file: (*from).to_owned(),
                    line: line + 1,
                },
            );
        }
        drawn
    }

    #[test]
    fn a_tree_has_no_ring() {
        let drawn = drawn(&[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]);
        assert_eq!(drawn.rings(), Vec::<Vec<String>>::new());
    }

    #[test]
    fn a_ring_is_found_once_and_told_step_by_step() {
        let drawn = drawn(&[("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("d", "c")]);
        assert_eq!(
            drawn.rings(),
            [vec!["c", "d", "c"], vec!["a", "b", "c", "a"]]
        );
        let faults = drawn.faults("module");
        assert!(
            faults[1].to_string().starts_with(
                "a:1: modules go in a circle: `a` uses `b` (a:1), `b` uses `c` (b:2), `c` uses `a` (c:3);"
            ),
            "{}",
            faults[1]
        );
    }
}
