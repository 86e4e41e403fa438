//! Automata say what patterns say, and are the same where patterns mean the same.

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
