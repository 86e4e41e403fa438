//! Fields as functions: cells by what follows from them, told by values.

use super::automaton::automaton;
use super::form::{Form, runs};
use super::text::Texts;
use super::{Cut, Field};

impl Field {
    /// The function that takes each cell to what `of` says.
    pub(crate) fn form<T: Copy + Eq>(&self, of: &dyn Fn(u32) -> T) -> Form<T> {
        match &self.cut {
            Cut::Flag => Form::Flag([of(0), of(1)]),
            Cut::States => Form::States([of(0), of(1), of(2)]),
            Cut::Fits(glob) => Form::Tests(
                vec![glob.words(&self.fact.words())],
                vec![(0, of(0)), (1, of(1))],
            ),
            Cut::Steps { bounds, optional } => {
                let first = u32::from(*optional);
                let starts = std::iter::once(0).chain(bounds.iter().copied());
                let steps = starts.zip(first..).map(|(from, cell)| (from, of(cell)));
                Form::Steps(optional.then(|| of(0)), runs(steps))
            }
            Cut::Texts(texts) => texts_form(texts, &self.fact.words(), of),
            Cut::Clock(clock) => clock.form(of),
        }
    }
}

fn texts_form<T: Copy + Eq>(texts: &Texts, fact: &str, of: &dyn Fn(u32) -> T) -> Form<T> {
    let absent = texts.absent().map(of);
    let known = texts.known_cells();
    if let Some(other) = texts.other() {
        let mut values: Vec<(Box<str>, T)> = known
            .into_iter()
            .map(|(value, cell)| (value.into(), of(cell)))
            .filter(|(_, branch)| *branch != of(other))
            .collect();
        values.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        return Form::Texts(absent, of(other), values);
    }
    let by_flags: Vec<(u64, T)> = texts
        .combinations()
        .iter()
        .map(|(flags, cell)| (*flags, of(*cell)))
        .collect();
    let apart: Vec<(&str, T)> = known
        .into_iter()
        .map(|(value, cell)| (value, of(cell)))
        .filter(|(value, branch)| {
            let generic = by_flags.binary_search_by_key(&texts.flags(value), |(f, _)| *f);
            generic.ok().and_then(|at| by_flags.get(at)).map(|(_, b)| b) != Some(branch)
        })
        .collect();
    match automaton(texts.globs(), &by_flags, &apart) {
        Some(automaton) => match automaton.finite() {
            Some((other, values)) => Form::Texts(absent, other, values),
            None => Form::Patterns(absent, automaton),
        },
        None => tests_form(texts, fact, absent, by_flags, &apart),
    }
}

/// What patterns say where they are too many for an automaton.
fn tests_form<T: Copy + Eq>(
    texts: &Texts,
    fact: &str,
    absent: Option<T>,
    by_flags: Vec<(u64, T)>,
    apart: &[(&str, T)],
) -> Form<T> {
    let mut asked: Vec<String> = texts.globs().iter().map(|g| g.words(fact)).collect();
    let mut branches = by_flags;
    for (value, branch) in apart {
        asked.push(format!("{fact} is {value:?}"));
        branches.push((u64::MAX, *branch));
    }
    branches.extend(absent.map(|branch| (u64::MAX, branch)));
    Form::Tests(asked, branches)
}
