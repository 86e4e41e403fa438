//! The smallest automaton that reads a value and says what follows from it: patterns that mean the same become the same.
//!
//! Subset construction, then Moore's partition refinement: Hopcroft, Motwani, Ullman, "Introduction to Automata Theory",
//! 2007, §4.4. Characters that no pattern names are one.

use crate::glob::{Glob, alphabet};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Most states before the smallest automaton is sought.
const STATES: usize = 4_096;

/// Most values that are listed one by one.
const VALUES: usize = 4_096;

/// States from the first one on, numbered in the order in which they are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Automaton<T> {
    pub(crate) states: Vec<State<T>>,
}

/// What a value means that ends here, and where longer ones lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State<T> {
    pub(crate) out: T,
    /// By any character that is not in `edges`.
    pub(crate) other: u32,
    /// Sorted.
    pub(crate) edges: Vec<(char, u32)>,
}

/// What is said of nearly every value, and of those, sorted, of which something else is said.
pub(super) type Listed<T> = (T, Vec<(Box<str>, T)>);

/// What is known of a value that was read so far: places in each pattern, and the listed values that begin so.
type Reading = (Vec<Vec<u16>>, Vec<u32>);

/// The automaton of a function that is told by which patterns fit, sorted by flags, and by single values. `None` where
/// it would be too large.
pub(super) fn automaton<T: Copy + Eq>(
    globs: &[Glob],
    by_flags: &[(u64, T)],
    apart: &[(&str, T)],
) -> Option<Automaton<T>> {
    let mut letters = alphabet(globs);
    // The first stands for every character that is not named; single values name theirs.
    let mut named: Vec<char> = letters.split_off(1);
    named.extend(apart.iter().flat_map(|(value, _)| value.chars()));
    named.sort_unstable();
    named.dedup();
    let apart: Vec<(Vec<char>, T)> = apart
        .iter()
        .map(|(value, out)| (value.chars().collect(), *out))
        .collect();
    let states = read(globs, by_flags, &apart, &named)?;
    Some(numbered(&states, &classes(&states), &named))
}

/// Every state that some value leads to: what follows, then the next by an unnamed character, then by each named one.
fn read<T: Copy + Eq>(
    globs: &[Glob],
    by_flags: &[(u64, T)],
    apart: &[(Vec<char>, T)],
    named: &[char],
) -> Option<Vec<(T, Vec<u32>)>> {
    let unnamed = (1..=char::MAX as u32)
        .filter_map(char::from_u32)
        .find(|c| named.binary_search(c).is_err())?;
    let first: Reading = (
        globs.iter().map(Glob::start).collect(),
        (0..u32::try_from(apart.len()).ok()?).collect(),
    );
    let mut known: HashMap<(usize, Reading), u32> = HashMap::new();
    known.insert((0, first.clone()), 0);
    let mut open = VecDeque::from([(0_usize, first)]);
    let mut states = Vec::new();
    while let Some((length, (places, begun))) = open.pop_front() {
        let value = |at: &u32| apart.get(*at as usize);
        let single = begun
            .iter()
            .filter_map(value)
            .find(|(v, _)| v.len() == length);
        let flags = globs.iter().zip(&places).enumerate();
        let flags: u64 = flags
            .map(|(at, (glob, places))| u64::from(glob.ends(places)) << at)
            .sum();
        let generic = by_flags.binary_search_by_key(&flags, |(f, _)| *f).ok();
        let generic = generic.and_then(|at| by_flags.get(at));
        let out = single
            .map(|(_, out)| *out)
            .or_else(|| generic.map(|(_, out)| *out))?;
        let mut next = Vec::with_capacity(named.len() + 1);
        for c in std::iter::once(unnamed).chain(named.iter().copied()) {
            let places = globs
                .iter()
                .zip(&places)
                .map(|(g, p)| g.step(p, c))
                .collect();
            let on: Vec<u32> = begun
                .iter()
                .filter(|at| value(at).is_some_and(|(v, _)| v.get(length) == Some(&c)))
                .copied()
                .collect();
            // Length matters only while a single value may still follow.
            let length = if on.is_empty() { 0 } else { length + 1 };
            let key = (length, (places, on));
            let fresh = u32::try_from(known.len()).ok()?;
            let to = *known.entry(key.clone()).or_insert(fresh);
            if to == fresh {
                open.push_back(key);
            }
            next.push(to);
        }
        states.push((out, next));
        if known.len() > STATES {
            return None;
        }
    }
    Some(states)
}

/// The class of each state; two are in one exactly where no value tells them apart.
fn classes<T: Copy + Eq>(states: &[(T, Vec<u32>)]) -> Vec<u32> {
    let mut outs: Vec<T> = Vec::new();
    let mut of: Vec<u32> = Vec::with_capacity(states.len());
    for (out, _) in states {
        let at = outs.iter().position(|o| o == out).unwrap_or_else(|| {
            outs.push(*out);
            outs.len() - 1
        });
        of.push(u32::try_from(at).unwrap_or(u32::MAX));
    }
    let mut count = outs.len();
    loop {
        let mut known: HashMap<(u32, Vec<u32>), u32> = HashMap::new();
        let next: Vec<u32> = states
            .iter()
            .zip(&of)
            .map(|((_, to), own)| {
                let to = to.iter().filter_map(|t| of.get(*t as usize).copied());
                let fresh = u32::try_from(known.len()).unwrap_or(u32::MAX);
                *known.entry((*own, to.collect())).or_insert(fresh)
            })
            .collect();
        of = next;
        if known.len() == count {
            return of;
        }
        count = known.len();
    }
}

/// Classes as states, in the order in which they are reached: by any other character first, then by the named ones.
fn numbered<T: Copy + Eq>(
    states: &[(T, Vec<u32>)],
    classes: &[u32],
    named: &[char],
) -> Automaton<T> {
    let class = |state: u32| classes.get(state as usize).copied().unwrap_or(0);
    let mut sample: BTreeMap<u32, u32> = BTreeMap::new();
    for (state, of) in (0..).zip(classes) {
        sample.entry(*of).or_insert(state);
    }
    let mut number: HashMap<u32, u32> = HashMap::from([(class(0), 0)]);
    let mut order = vec![class(0)];
    let mut numbered = Vec::new();
    let mut at = 0;
    while let Some(of) = order.get(at).copied() {
        at += 1;
        let state = sample.get(&of).and_then(|s| states.get(*s as usize));
        let Some((out, to)) = state else { continue };
        let mut reach = |of: u32| {
            let fresh = u32::try_from(number.len()).unwrap_or(u32::MAX);
            *number.entry(of).or_insert_with(|| {
                order.push(of);
                fresh
            })
        };
        let mut to = to.iter().map(|t| class(*t));
        let other = to.next().unwrap_or(0);
        let other_number = reach(other);
        let edges = named
            .iter()
            .zip(to)
            .filter(|(_, to)| *to != other)
            .map(|(c, to)| (*c, reach(to)))
            .collect();
        numbered.push(State {
            out: *out,
            other: other_number,
            edges,
        });
    }
    Automaton { states: numbered }
}

impl<T: Copy + Eq> Automaton<T> {
    /// What it says of nearly every value, and the values, sorted, of which it says something else; `None` where those
    /// are not few.
    pub(super) fn finite(&self) -> Option<Listed<T>> {
        let sink = (0..)
            .zip(&self.states)
            .find(|(at, s)| s.other == *at && s.edges.is_empty());
        let (sink, out) = sink.map(|(at, s)| (at, s.out))?;
        if self.states.iter().any(|s| s.other != sink) {
            return None;
        }
        let mut values = Vec::new();
        let mut open = vec![(0_u32, String::new())];
        while let Some((at, text)) = open.pop() {
            if at == sink {
                continue;
            }
            // A way longer than there are states is a circle.
            if text.chars().count() > self.states.len() || values.len() > VALUES {
                return None;
            }
            let state = self.states.get(at as usize)?;
            if state.out != out {
                values.push((text.as_str().into(), state.out));
            }
            for (c, to) in &state.edges {
                open.push((*to, format!("{text}{c}")));
            }
        }
        values.sort_unstable_by(|(a, _): &(Box<str>, T), (b, _)| a.cmp(b));
        Some((out, values))
    }
}

#[cfg(test)]
mod tests {
    use super::automaton;
    use crate::glob::{Glob, combinations};
    use proptest::prelude::*;

    /// Reads a value.
    fn said(states: &super::Automaton<bool>, value: &str) -> bool {
        let mut at = 0;
        for c in value.chars() {
            let state = &states.states[at as usize];
            let edge = state.edges.iter().find(|(own, _)| *own == c);
            at = edge.map_or(state.other, |(_, to)| *to);
        }
        states.states[at as usize].out
    }

    fn of(patterns: &[String], apart: &[(&str, bool)]) -> super::Automaton<bool> {
        let mut globs: Vec<Glob> = patterns.iter().map(|p| Glob::pattern(p)).collect();
        globs.sort_unstable();
        globs.dedup();
        let by_flags: Vec<(u64, bool)> = combinations(&globs, &|_| false)
            .expect("few patterns")
            .into_iter()
            .map(|(flags, _)| (flags, flags != 0))
            .collect();
        automaton(&globs, &by_flags, apart).expect("few states")
    }

    #[test]
    fn patterns_that_mean_the_same_are_one_automaton() {
        let of = |patterns: &[&str], apart: &[(&str, bool)]| {
            of(
                &patterns.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>(),
                apart,
            )
        };
        assert_eq!(of(&["a*"], &[]), of(&["a**"], &[]));
        assert_eq!(of(&["a*"], &[]), of(&["a?*"], &[("a", true)]));
        assert_eq!(of(&["a*", "ab*"], &[]), of(&["a*"], &[("az", true)]));
        assert_ne!(of(&["a*"], &[]), of(&["a*"], &[("az", false)]));
        let single = of(&["b"], &[("zoe", true)]).finite();
        assert_eq!(
            single,
            Some((false, vec![("b".into(), true), ("zoe".into(), true)]))
        );
        assert_eq!(of(&["?"], &[]).finite(), None);
        assert_eq!(
            of(&["*"], &[("", false)]).finite(),
            Some((true, vec![("".into(), false)]))
        );
    }

    proptest! {
        #[test]
        fn the_automaton_says_of_every_value_what_the_patterns_say(
            patterns in prop::collection::vec("[ab*?]{0,4}", 1..4),
            single in "[ab]{0,3}",
            says in any::<bool>(),
            value in "[abc]{0,6}",
        ) {
            let automaton = of(&patterns, &[(&single, says)]);
            let fits = patterns.iter().any(|p| Glob::pattern(p).fits(&value));
            let expected = if value == single { says } else { fits };
            prop_assert_eq!(said(&automaton, &value), expected);
            if let Some((other, values)) = automaton.finite() {
                let listed = values.iter().find(|(v, _)| **v == *value).map_or(other, |(_, out)| *out);
                prop_assert_eq!(listed, expected);
            }
        }
    }
}
