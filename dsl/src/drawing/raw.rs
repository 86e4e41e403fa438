//! The decision graph of a policy: one question a node, one arrow for the values that lead the same way.

use super::picture::{Arrow, Kind, Node, Picture, VERSION};
use super::rules::kind;
use crate::coverage::Coverage;
use crate::diagram::{Edge, Step};
use crate::image::PolicyId;
use crate::program::Program;
use std::collections::HashMap;

pub(super) fn picture(coverage: &Coverage<'_>, policy: PolicyId) -> Option<Picture> {
    let image = coverage.image();
    let Program::Graph { arena, root } = image.code.programs.get(policy.index())? else {
        return None;
    };
    let own = image.policies.get(policy.index())?;
    let mut order: Vec<(Edge, Step<'_>)> = Vec::new();
    arena.each(*root, &mut |edge, step| order.push((edge, step)));
    // The root first, then by field: the order in which they are asked.
    order.sort_by_key(|(edge, step)| match step {
        Step::Node(field, _) => (edge != root, u32::from(*field), *edge),
        Step::Leaf(rule) => (edge != root, u32::MAX, arena_leaf(*rule, *edge)),
    });
    let ids: HashMap<Edge, String> = (0..)
        .zip(&order)
        .map(|(at, (edge, step))| {
            let id: usize = at;
            match step {
                Step::Node(..) => (*edge, format!("q{id}")),
                Step::Leaf(rule) => (*edge, format!("rule{}", rule.map_or(0, |r| r + 1))),
            }
        })
        .collect();
    let mut picture = Picture {
        version: VERSION,
        policy: format!("@{}", own.name),
        view: "graph",
        requests: coverage.requests(),
        nodes: Vec::new(),
        arrows: Vec::new(),
    };
    for (edge, step) in order {
        let id = ids.get(&edge).cloned().unwrap_or_default();
        match step {
            Step::Leaf(rule) => {
                let rule = rule.unwrap_or(u32::MAX) as usize;
                let clause = image.code.clauses.get(policy.index())?.get(rule);
                let place = own.rules.get(rule);
                picture.nodes.push(Node {
                    id,
                    kind: clause.map_or(Kind::Deny, |c| kind(&c.then)),
                    label: clause.map_or_else(String::new, |c| crate::story::does(image, &c.then)),
                    file: place.map_or_else(String::new, |r| r.file.to_string()),
                    line: place.map_or(0, |r| r.line),
                    rules: 1,
                });
            }
            Step::Node(field, branches) => {
                let field = image.code.space.field(field);
                picture.nodes.push(Node {
                    id: id.clone(),
                    kind: Kind::Question,
                    label: field.fact.words(),
                    file: String::new(),
                    line: 0,
                    rules: 0,
                });
                let mut ways: Vec<(Edge, Vec<u32>)> = Vec::new();
                for (cell, next) in (0..).zip(branches) {
                    match ways.iter_mut().find(|(to, _)| to == next) {
                        Some((_, cells)) => cells.push(cell),
                        None => ways.push((*next, vec![cell])),
                    }
                }
                for (next, cells) in ways {
                    let words = field.words(&cells.into_iter().collect(), &|set| {
                        image.code.tables.name(set)
                    });
                    let fact = field.fact.words();
                    let label = match words.strip_prefix(&fact) {
                        Some("") => "yes",
                        Some(rest) => rest.trim_start(),
                        None if words == format!("not {fact}") => "no",
                        None => &words,
                    };
                    picture.arrows.push(Arrow {
                        from: id.clone(),
                        to: ids.get(&next).cloned().unwrap_or_default(),
                        label: label.to_owned(),
                        weight: coverage.walked(policy, edge, next),
                    });
                }
            }
        }
    }
    Some(picture)
}

/// Leaves stand in the order of their rules.
fn arena_leaf(rule: Option<u32>, edge: Edge) -> Edge {
    rule.map_or(edge, |rule| crate::diagram::Arena::leaf(Some(rule)))
}
