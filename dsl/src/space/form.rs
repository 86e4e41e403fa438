//! A function of one fact, told by values instead of by cells: the same however finely the field is cut.

use super::automaton::Automaton;

/// What follows from each value of a fact. Branches that are the same are told once, so that cuts which nothing hangs on
/// do not show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form<T> {
    /// By no and yes.
    Flag([T; 2]),
    /// By ok, degraded and down.
    States([T; 3]),
    /// Where it is absent; and from each number on, rising, beginning with 0.
    Steps(Option<T>, Vec<(u64, T)>),
    /// Where it is absent; for any value; and for those, sorted, that are treated otherwise.
    Texts(Option<T>, T, Vec<(Box<str>, T)>),
    /// Where it is absent; and by the smallest automaton that reads a value.
    Patterns(Option<T>, Automaton<T>),
    /// By the minute of the week from which it holds, in one zone, beginning with 0, which is Monday midnight.
    Week(Box<str>, Vec<(u16, T)>),
    /// By conditions that are told apart, as policies write them, and the combinations of them that occur.
    Tests(Vec<String>, Vec<(u64, T)>),
}

impl<T: Copy + Eq> Form<T> {
    /// Every branch, in the order of the form.
    pub(crate) fn branches(&self) -> Vec<T> {
        fn listed<K, T: Copy>(list: &[(K, T)]) -> impl Iterator<Item = T> {
            list.iter().map(|(_, branch)| *branch)
        }
        match self {
            Self::Flag(branches) => branches.to_vec(),
            Self::States(branches) => branches.to_vec(),
            Self::Steps(absent, steps) => absent.iter().copied().chain(listed(steps)).collect(),
            Self::Texts(absent, other, values) => {
                let first = absent.iter().copied().chain([*other]);
                first.chain(listed(values)).collect()
            }
            Self::Patterns(absent, automaton) => {
                let states = automaton.states.iter().map(|s| s.out);
                absent.iter().copied().chain(states).collect()
            }
            Self::Week(_, steps) => listed(steps).collect(),
            Self::Tests(_, combinations) => listed(combinations).collect(),
        }
    }
}

/// Without the steps that change nothing.
pub(super) fn runs<K, T: Copy + Eq>(steps: impl IntoIterator<Item = (K, T)>) -> Vec<(K, T)> {
    let mut runs: Vec<(K, T)> = Vec::new();
    for (from, branch) in steps {
        if runs.last().is_none_or(|(_, last)| *last != branch) {
            runs.push((from, branch));
        }
    }
    runs
}
