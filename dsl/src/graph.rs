//! The compiled form of all policies: test nodes with a yes and a no edge, equal nodes shared.
//!
//! Built from the last rule to the first, so that the "no" of a rule is the graph of the rules behind it. A node whose
//! edges agree is not built. The size is linear in the tests written.

#[cfg(test)]
mod tests;

use crate::atom::{Atom, Tables};
use crate::condition::{Cond, Test};
use crate::image::{PolicyId, RuleId, Verdict};
use std::collections::HashMap;
use std::sync::Arc;

/// A checked rule. Without a condition it takes every request that is left.
#[derive(Debug)]
pub(crate) struct Clause {
    pub(crate) cond: Option<Cond>,
    pub(crate) then: Then,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Decide(Verdict),
    Go(PolicyId),
}

/// All policies of an image.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    nodes: Vec<Node>,
    leaves: Vec<Leaf>,
    atoms: Vec<Atom>,
    /// By node: the first place where it was written.
    origins: Vec<Arc<Test>>,
    /// By policy.
    roots: Vec<Edge>,
    pub(crate) tables: Tables,
}

/// A test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    atom: u32,
    yes: Edge,
    no: Edge,
}

/// The end of a path.
#[derive(Debug)]
pub(crate) struct Leaf {
    pub(crate) rule: RuleId,
    pub(crate) then: Then,
}

/// Where a branch leads: the highest bit tells leaves from nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Edge(u32);

/// What an edge leads to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'g> {
    Test {
        atom: &'g Atom,
        yes: Edge,
        no: Edge,
        written: &'g Test,
    },
    End(&'g Leaf),
}

const LEAF: u32 = 1 << 31;

impl Graph {
    /// Compiles the rules of each policy. Every policy must end in a clause without a condition.
    pub(crate) fn build(policies: &[Vec<Clause>], tables: Tables) -> Self {
        let mut builder = Builder {
            graph: Self {
                tables,
                ..Self::default()
            },
            nodes: HashMap::new(),
            atoms: HashMap::new(),
        };
        for clauses in policies {
            let root = builder.policy(clauses);
            builder.graph.roots.push(root);
        }
        builder.graph
    }

    /// Where a policy begins.
    ///
    /// # Panics
    /// If the policy is of another image.
    pub(crate) fn root(&self, policy: PolicyId) -> Edge {
        #[expect(
            clippy::indexing_slicing,
            reason = "ids and roots come from the same bundle"
        )]
        self.roots[policy.index()]
    }

    /// What stands at the end of an edge.
    pub(crate) fn step(&self, edge: Edge) -> Step<'_> {
        let at = (edge.0 & !LEAF) as usize;
        #[expect(
            clippy::indexing_slicing,
            reason = "edges are made by the builder, which pushed what they point to"
        )]
        if edge.0 & LEAF == 0 {
            let node = self.nodes[at];
            Step::Test {
                atom: &self.atoms[node.atom as usize],
                yes: node.yes,
                no: node.no,
                written: &self.origins[at],
            }
        } else {
            Step::End(&self.leaves[at])
        }
    }
}

struct Builder {
    graph: Graph,
    nodes: HashMap<Node, Edge>,
    atoms: HashMap<Atom, u32>,
}

impl Builder {
    fn policy(&mut self, clauses: &[Clause]) -> Edge {
        let mut rest = Edge(LEAF);
        for (index, clause) in clauses.iter().enumerate().rev() {
            let leaf = self.leaf(Leaf {
                rule: RuleId(narrow(index)),
                then: clause.then.clone(),
            });
            rest = match &clause.cond {
                None => leaf,
                Some(cond) => self.cond(cond, leaf, rest),
            };
        }
        rest
    }

    fn cond(&mut self, cond: &Cond, yes: Edge, no: Edge) -> Edge {
        match cond {
            Cond::All(parts) => parts
                .iter()
                .rev()
                .fold(yes, |then, part| self.cond(part, then, no)),
            Cond::Any(parts) => parts
                .iter()
                .rev()
                .fold(no, |otherwise, part| self.cond(part, yes, otherwise)),
            Cond::Not(inner) => self.cond(inner, no, yes),
            Cond::Test(_) if yes == no => yes,
            Cond::Test(test) => self.node(test, yes, no),
        }
    }

    fn node(&mut self, test: &Arc<Test>, yes: Edge, no: Edge) -> Edge {
        let atom = self.atom(&test.atom);
        let node = Node { atom, yes, no };
        *self.nodes.entry(node).or_insert_with(|| {
            self.graph.nodes.push(node);
            self.graph.origins.push(Arc::clone(test));
            Edge(narrow(self.graph.nodes.len() - 1))
        })
    }

    fn atom(&mut self, atom: &Atom) -> u32 {
        if let Some(known) = self.atoms.get(atom) {
            return *known;
        }
        let id = narrow(self.graph.atoms.len());
        self.graph.atoms.push(atom.clone());
        self.atoms.insert(atom.clone(), id);
        id
    }

    fn leaf(&mut self, leaf: Leaf) -> Edge {
        self.graph.leaves.push(leaf);
        Edge(LEAF | narrow(self.graph.leaves.len() - 1))
    }
}

/// Files are limited to a size that keeps every count far below 2³¹.
fn narrow(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX) & !LEAF
}
