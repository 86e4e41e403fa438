//! Decision graphs as bytes: nodes in post-order from the root, branches by what they mean.

use super::bytes::Bytes;
use super::hash::Hash;
use super::node::node;
use super::written;
use crate::cells::Cells;
use crate::decide::Image;
use crate::diagram::{Arena, Bounds, Edge, Step};
use crate::image::GuardId;
use crate::part::Guard;
use crate::region::Region;
use crate::space::{Field, Space};
use std::collections::HashMap;

/// How much the graph of one policy may take.
const GRAPH: Bounds = Bounds {
    nodes: 50_000,
    work: 8_000_000,
};

/// What is hashed of an ordered list.
#[derive(Debug)]
pub(crate) enum Shape {
    Graph(Arena, Edge),
    Rules,
}

impl Shape {
    /// The graph of a list, where it is not too large.
    pub(crate) fn of(list: &[(Region, u32)], space: &Space) -> Self {
        let refs: Vec<(&Region, u32)> = list.iter().map(|(r, leaf)| (r, *leaf)).collect();
        let mut arena = Arena::default();
        match arena.build(&refs, &|field| space.count(field), GRAPH) {
            Some(root) => Self::Graph(arena, root),
            None => Self::Rules,
        }
    }

    pub(crate) fn is_graph(&self) -> bool {
        matches!(self, Self::Graph(..))
    }

    /// The bytes. `leaf` is the hash of what is decided; nothing where the list says nothing.
    pub(crate) fn written(
        &self,
        list: &[(Region, u32)],
        space: &Space,
        leaf: &dyn Fn(u32) -> Option<Hash>,
    ) -> Vec<u8> {
        match self {
            Self::Graph(arena, root) => graph(arena, *root, space, leaf),
            Self::Rules => rules(list, space, leaf),
        }
    }
}

/// Nodes by number, the leaves they use by number, and what the root is.
fn graph(arena: &Arena, root: Edge, space: &Space, leaf: &dyn Fn(u32) -> Option<Hash>) -> Vec<u8> {
    let mut writer = Writer {
        arena,
        space,
        leaf,
        nodes: HashMap::new(),
        leaves: Vec::new(),
        bytes: Bytes::default(),
    };
    let root = writer.edge(root);
    let mut whole = Bytes::default();
    whole.count(writer.leaves.len());
    for leaf in &writer.leaves {
        whole.byte(u8::from(leaf.is_some()));
        if let Some(hash) = leaf {
            whole.hash(*hash);
        }
    }
    whole.count(writer.nodes.len());
    whole.bytes(writer.bytes.as_slice());
    reference(&mut whole, root);
    whole.into_vec()
}

/// A leaf or a node, by its number.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Leaf(usize),
    Node(usize),
}

fn reference(bytes: &mut Bytes, place: Place) {
    let (kind, number) = match place {
        Place::Leaf(number) => (0, number),
        Place::Node(number) => (1, number),
    };
    bytes.byte(kind);
    bytes.count(number);
}

struct Writer<'w> {
    arena: &'w Arena,
    space: &'w Space,
    leaf: &'w dyn Fn(u32) -> Option<Hash>,
    nodes: HashMap<Edge, usize>,
    /// In the order in which they are met.
    leaves: Vec<Option<Hash>>,
    bytes: Bytes,
}

impl Writer<'_> {
    fn edge(&mut self, edge: Edge) -> Place {
        let (field, branches) = match self.arena.step(edge) {
            Step::Leaf(leaf) => {
                let hash = leaf.and_then(|l| (self.leaf)(l));
                let known = self.leaves.iter().position(|l| *l == hash);
                return Place::Leaf(known.unwrap_or_else(|| {
                    self.leaves.push(hash);
                    self.leaves.len() - 1
                }));
            }
            Step::Node(field, branches) => (field, branches),
        };
        if let Some(number) = self.nodes.get(&edge) {
            return Place::Node(*number);
        }
        let field = self.space.field(field);
        let form = field.form(&|cell| branches.get(cell as usize).copied().unwrap_or(edge));
        let mut places: HashMap<Edge, Place> = HashMap::new();
        for branch in form.branches() {
            places.entry(branch).or_insert_with(|| self.edge(branch));
        }
        node(&mut self.bytes, field, &form, &|bytes, branch| {
            reference(
                bytes,
                places.get(&branch).copied().unwrap_or(Place::Leaf(0)),
            );
        });
        let number = self.nodes.len();
        self.nodes.insert(edge, number);
        Place::Node(number)
    }
}

/// Every region in order, each constraint by the values that are in it.
fn rules(list: &[(Region, u32)], space: &Space, leaf: &dyn Fn(u32) -> Option<Hash>) -> Vec<u8> {
    let mut bytes = Bytes::default();
    bytes.count(list.len());
    for (region, decided) in list {
        bytes.count(region.iter().count());
        for (field, cells) in region.iter() {
            constraint(&mut bytes, space.field(field), cells);
        }
        let hash = leaf(*decided);
        bytes.byte(u8::from(hash.is_some()));
        if let Some(hash) = hash {
            bytes.hash(hash);
        }
    }
    bytes.into_vec()
}

fn constraint(bytes: &mut Bytes, field: &Field, cells: &Cells) {
    let form = field.form(&|cell| cells.contains(cell));
    node(bytes, field, &form, &|bytes, inside| {
        bytes.byte(u8::from(inside));
    });
}

/// What a condition of a plan means: where it holds, or, where that is too much, its tests as they were written.
pub(crate) fn guard(image: &Image, id: GuardId) -> Guard {
    let Some(cond) = image.code.guards.get(id.index()) else {
        return Guard {
            words: "?".into(),
            meaning: Box::default(),
        };
    };
    let terms = image.terms();
    let Some(regions) = terms.regions(cond) else {
        let mut bytes = Bytes::default();
        written::condition(&mut bytes, cond, &terms);
        let mut words = Vec::new();
        cond.each_test(&mut |test| words.push(test.text.to_string()));
        return Guard {
            meaning: bytes.into_vec().into(),
            words: words.join(" … ").into(),
        };
    };
    let words: Vec<String> = regions.iter().map(|r| terms.words(r)).collect();
    let list: Vec<(Region, u32)> = regions.into_iter().map(|r| (r, 0)).collect();
    let held = Some(Hash::of("holds", &[]));
    let meaning = Shape::of(&list, terms.space).written(&list, terms.space, &|_| held);
    Guard {
        words: words.join(" or ").into(),
        meaning: meaning.into(),
    }
}
