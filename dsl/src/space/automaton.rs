//! The smallest automaton that reads a value and says what follows from it: patterns that mean the same become the same.
//!
//! Subset construction, then Moore's partition refinement: Hopcroft, Motwani, Ullman, "Introduction to Automata Theory",
//! 2007, §4.4. Characters that no pattern names are one.

#[cfg(test)]
mod tests;

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

/// What is known of a value that was read so far.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Reading {
    /// Places in each pattern.
    places: Vec<Vec<u16>>,
    /// The single values that begin so.
    begun: Vec<usize>,
    /// Its length, while a single value may still follow.
    length: usize,
}

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
    let states = Reader {
        globs,
        by_flags,
        apart: &apart,
    }
    .read(&named)?;
    Some(numbered(&states, &classes(&states), &named))
}

/// Patterns and single values, and what follows from them.
struct Reader<'r, T> {
    globs: &'r [Glob],
    by_flags: &'r [(u64, T)],
    apart: &'r [(Vec<char>, T)],
}

impl<T: Copy + Eq> Reader<'_, T> {
    /// Every state that some value leads to: what follows, then the next by an unnamed character, then by each named one.
    fn read(&self, named: &[char]) -> Option<Vec<(T, Vec<u32>)>> {
        let unnamed = (1..=char::MAX as u32)
            .filter_map(char::from_u32)
            .find(|c| named.binary_search(c).is_err())?;
        let first = Reading {
            places: self.globs.iter().map(Glob::start).collect(),
            begun: (0..self.apart.len()).collect(),
            length: 0,
        };
        let mut known = HashMap::from([(first.clone(), 0)]);
        let mut open = VecDeque::from([first]);
        let mut states = Vec::new();
        while let Some(reading) = open.pop_front() {
            let mut next = Vec::with_capacity(named.len() + 1);
            for c in std::iter::once(unnamed).chain(named.iter().copied()) {
                let after = self.after(&reading, c);
                let fresh = u32::try_from(known.len()).ok()?;
                let to = *known.entry(after.clone()).or_insert(fresh);
                if to == fresh {
                    open.push_back(after);
                }
                next.push(to);
            }
            states.push((self.out(&reading)?, next));
            if known.len() > STATES {
                return None;
            }
        }
        Some(states)
    }

    /// What follows from a value that ends here.
    fn out(&self, reading: &Reading) -> Option<T> {
        let mut begun = reading.begun.iter().filter_map(|at| self.apart.get(*at));
        if let Some((_, out)) = begun.find(|(value, _)| value.len() == reading.length) {
            return Some(*out);
        }
        let fits = self.globs.iter().zip(&reading.places).enumerate();
        let flags = fits.map(|(at, (glob, places))| u64::from(glob.ends(places)) << at);
        let flags: u64 = flags.sum();
        let at = self.by_flags.binary_search_by_key(&flags, |(f, _)| *f);
        self.by_flags.get(at.ok()?).map(|(_, out)| *out)
    }

    fn after(&self, reading: &Reading, c: char) -> Reading {
        let places = self.globs.iter().zip(&reading.places);
        let on = |at: &usize| {
            let value = self.apart.get(*at);
            value.is_some_and(|(value, _)| value.get(reading.length) == Some(&c))
        };
        let begun: Vec<usize> = reading.begun.iter().copied().filter(on).collect();
        Reading {
            places: places.map(|(glob, at)| glob.step(at, c)).collect(),
            length: if begun.is_empty() {
                0
            } else {
                reading.length + 1
            },
            begun,
        }
    }
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
