//! Conditions as coverage sees them: trees of questions that each have two answers.

use crate::atom::Atom;
use crate::cells::Cells;
use crate::condition::{Cond, Test};
use crate::fact::senses;
use crate::region::Terms;

/// A condition whose leaves are numbered in textual order.
#[derive(Debug)]
pub(super) enum Tree {
    All(Vec<Tree>),
    Any(Vec<Tree>),
    Not(Box<Tree>),
    /// One question.
    Leaf(usize),
}

/// One question of a condition: a test, or the two that `is not` and `not in` are.
#[derive(Debug)]
pub(super) struct Leaf<'i> {
    pub(super) test: &'i Test,
    /// What is asked, as a condition.
    pub(super) cond: Cond,
    tests: Vec<Asked>,
}

#[derive(Debug)]
struct Asked {
    negated: bool,
    /// All must hold.
    parts: Vec<(u16, Cells)>,
}

impl Tree {
    /// Reads a condition; its questions are added to `leaves`.
    pub(super) fn read<'i>(cond: &'i Cond, terms: &Terms<'_>, leaves: &mut Vec<Leaf<'i>>) -> Self {
        match cond {
            Cond::All(parts) => Self::All(all(parts, terms, leaves)),
            Cond::Any(parts) => {
                let parts = parts.iter().map(|p| Self::read(p, terms, leaves));
                Self::Any(parts.collect())
            }
            Cond::Not(inner) => Self::Not(Box::new(Self::read(inner, terms, leaves))),
            Cond::Named(_, inner) => Self::read(inner, terms, leaves),
            Cond::Test(test) => {
                leaves.push(Leaf {
                    test,
                    cond: cond.clone(),
                    tests: vec![asked(test, false, terms)],
                });
                Self::Leaf(leaves.len() - 1)
            }
        }
    }

    /// Whether it holds, given the answers.
    pub(super) fn holds(&self, answers: &[bool]) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|p| p.holds(answers)),
            Self::Any(parts) => parts.iter().any(|p| p.holds(answers)),
            Self::Not(inner) => !inner.holds(answers),
            Self::Leaf(at) => answers.get(*at).copied().unwrap_or(false),
        }
    }

    /// Adds the questions whose other answer would turn the whole.
    pub(super) fn deciding(&self, answers: &[bool], found: &mut Vec<usize>) {
        let (parts, neutral) = match self {
            Self::Leaf(at) => return found.push(*at),
            Self::Not(inner) => return inner.deciding(answers, found),
            Self::All(parts) => (parts, true),
            Self::Any(parts) => (parts, false),
        };
        let mut others = parts.iter().filter(|p| p.holds(answers) != neutral);
        match (others.next(), others.next()) {
            (None, _) => parts.iter().for_each(|p| p.deciding(answers, found)),
            (Some(only), None) => only.deciding(answers, found),
            _ => {}
        }
    }

    /// The condition again, with one answer settled.
    pub(super) fn with(&self, leaves: &[Leaf<'_>], settled: usize, answer: bool) -> Cond {
        let each = |parts: &[Self]| {
            parts
                .iter()
                .map(|p| p.with(leaves, settled, answer))
                .collect()
        };
        match self {
            Self::All(parts) => Cond::All(each(parts)),
            Self::Any(parts) => Cond::Any(each(parts)),
            Self::Not(inner) => Cond::Not(Box::new(inner.with(leaves, settled, answer))),
            Self::Leaf(at) if *at == settled && answer => Cond::All(Vec::new()),
            Self::Leaf(at) if *at == settled => Cond::Any(Vec::new()),
            Self::Leaf(at) => leaves
                .get(*at)
                .map_or(Cond::All(Vec::new()), |leaf| leaf.cond.clone()),
        }
    }
}

impl Leaf<'_> {
    /// The answer for a class of requests.
    pub(super) fn holds(&self, class: &[u32]) -> bool {
        self.tests.iter().all(|asked| {
            let holds = asked.parts.iter().all(|(field, cells)| {
                let cell = class.get(usize::from(*field));
                cell.is_some_and(|cell| cells.contains(*cell))
            });
            holds != asked.negated
        })
    }
}

fn all<'i>(parts: &'i [Cond], terms: &Terms<'_>, leaves: &mut Vec<Leaf<'i>>) -> Vec<Tree> {
    let mut trees = Vec::new();
    let mut rest = parts;
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        if let Some((has, test)) = more.first().and_then(|next| pair(first, next)) {
            rest = more.get(1..).unwrap_or_default();
            let not = Cond::Not(Box::new(Cond::Test(test.clone())));
            leaves.push(Leaf {
                test,
                cond: Cond::All(vec![first.clone(), not]),
                tests: vec![asked(has, false, terms), asked(test, true, terms)],
            });
            trees.push(Tree::Leaf(leaves.len() - 1));
        } else {
            trees.push(Tree::read(first, terms, leaves));
        }
    }
    trees
}

/// `is not` and `not in` are written as one test and checked as two, since both are false of a fact that is absent.
fn pair<'i>(has: &'i Cond, not: &'i Cond) -> Option<(&'i Test, &'i std::sync::Arc<Test>)> {
    let (Cond::Test(has), Cond::Not(inner)) = (has, not) else {
        return None;
    };
    let (Atom::Has(fact), Cond::Test(test)) = (&has.atom, &**inner) else {
        return None;
    };
    let same = matches!(&test.atom, Atom::Is(own, _) | Atom::In(own, _) if own == fact);
    (same && has.line == test.line).then_some((has, test))
}

fn asked(test: &Test, negated: bool, terms: &Terms<'_>) -> Asked {
    let parts = senses(&test.atom, terms.fleet, terms.tables);
    let cells = parts
        .iter()
        .filter_map(|(fact, sense)| terms.space.cells(fact, sense));
    Asked {
        negated,
        parts: cells.collect(),
    }
}
