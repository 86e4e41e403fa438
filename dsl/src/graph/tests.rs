//! The compiled graph against a naive interpreter of the conditions it was compiled from.

use super::{Clause, Edge, Graph, Step, Then};
use crate::atom::{Atom, Number, Tables, Text};
use crate::case::Compare;
use crate::condition::{Cond, Test};
use crate::image::{BasisPoints, BudgetId, Features, Millis, PolicyId, TargetId, Verdict};
use crate::request::{HealthState, Live, Request};
use proptest::prelude::*;
use std::sync::Arc;

/// Live figures that follow from the ids, so that tests on them differ.
struct Figures(u64);

impl Live for Figures {
    fn p50(&self, _: TargetId) -> Option<Millis> {
        None
    }
    fn p95(&self, target: TargetId) -> Option<Millis> {
        (target.0 == 0).then_some(self.0)
    }
    fn p99(&self, _: TargetId) -> Option<Millis> {
        None
    }
    fn error_rate(&self, _: TargetId) -> Option<BasisPoints> {
        None
    }
    fn inflight(&self, _: TargetId) -> u32 {
        0
    }
    fn headroom(&self, _: TargetId) -> Option<BasisPoints> {
        None
    }
    fn health(&self, target: TargetId) -> HealthState {
        if self.0 > 3 && target.0 == 0 {
            HealthState::Down
        } else {
            HealthState::Degraded
        }
    }
    fn used(&self, _: BudgetId, _: &Request<'_>) -> BasisPoints {
        u32::try_from(self.0).unwrap()
    }
}

/// What a condition means, read off its shape.
fn naive(cond: &Cond, request: &Request<'_>, live: &Figures) -> bool {
    match cond {
        Cond::All(parts) => parts.iter().all(|p| naive(p, request, live)),
        Cond::Any(parts) => parts.iter().any(|p| naive(p, request, live)),
        Cond::Not(inner) => !naive(inner, request, live),
        Cond::Test(test) => test.atom.holds(&Tables::default(), request, live),
    }
}

fn atoms() -> impl Strategy<Value = Atom> {
    let number = (
        0..3_u64,
        prop_oneof![
            Just(Compare::More),
            Just(Compare::AtMost),
            Just(Compare::IsNot)
        ],
    );
    prop_oneof![
        Just(Atom::Streaming),
        Just(Atom::Needs(Features::TOOLS)),
        Just(Atom::Has(Text::EndUser)),
        "[ab]".prop_map(|v| Atom::Is(Text::Tag("t".into()), v.into())),
        number.prop_map(|(v, how)| Atom::Number(Number::Tokens, how, v)),
        (0..2_u32, 0..5_u64).prop_map(|(t, v)| Atom::Number(
            Number::P95(TargetId(t)),
            Compare::More,
            v
        )),
        (0..5_u64).prop_map(|v| Atom::Number(Number::Used(BudgetId(0)), Compare::AtLeast, v)),
        Just(Atom::Health(
            [TargetId(0), TargetId(1)].into(),
            HealthState::Degraded
        )),
    ]
}

fn conds() -> impl Strategy<Value = Cond> {
    let test = atoms().prop_map(|atom| {
        Cond::Test(Arc::new(Test {
            atom,
            text: "".into(),
            file: "".into(),
            line: 1,
        }))
    });
    test.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Cond::All),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Cond::Any),
            inner.prop_map(|c| Cond::Not(Box::new(c))),
        ]
    })
}

fn walk(graph: &Graph, request: &Request<'_>, live: &Figures) -> usize {
    let mut edge: Edge = graph.root(PolicyId(0));
    loop {
        match graph.step(edge) {
            Step::Test { atom, yes, no, .. } => {
                edge = if atom.holds(&graph.tables, request, live) {
                    yes
                } else {
                    no
                }
            }
            Step::End(leaf) => return leaf.rule.index(),
        }
    }
}

fn deny(status: u16) -> Then {
    Then::Decide(Verdict::Deny {
        status,
        message: "".into(),
    })
}

fn request<'a>(tags: &'a [(&'a str, &'a str)], tokens: u32, flags: [bool; 3]) -> Request<'a> {
    let [streaming, tools, known] = flags;
    let needs = if tools {
        Features::TOOLS
    } else {
        Features::default()
    };
    Request {
        model: "@p",
        key: None,
        team: None,
        end_user: known.then_some("u"),
        conversation: None,
        tags,
        headers: &[],
        operation: "chat",
        dialect: "openai-chat",
        tokens,
        output_limit: None,
        streaming,
        needs,
        now: 0,
    }
}

proptest! {
    #[test]
    fn the_graph_takes_the_first_rule_whose_condition_holds(
        conds in prop::collection::vec(conds(), 0..8),
        tag in prop::option::of("[abc]"),
        tokens in 0..4_u32,
        flags in any::<[bool; 3]>(),
        figure in 0..6_u64,
    ) {
        let rules = conds.iter().zip(400..).map(|(c, status)| Clause { cond: Some(c.clone()), then: deny(status) });
        let rules: Vec<_> = rules.chain([Clause { cond: None, then: deny(599) }]).collect();
        let graph = Graph::build(&[rules], Tables::default());
        let tags: Vec<(&str, &str)> = tag.iter().map(|v| ("t", v.as_str())).collect();
        let request = request(&tags, tokens, flags);
        let live = Figures(figure);
        let first = conds.iter().position(|c| naive(c, &request, &live)).unwrap_or(conds.len());
        prop_assert_eq!(walk(&graph, &request, &live), first);
    }

    #[test]
    fn a_condition_that_implies_another_is_never_true_without_it(
        a in conds(),
        b in conds(),
        tag in prop::option::of("[abc]"),
        tokens in 0..4_u32,
        flags in any::<[bool; 3]>(),
        figure in 0..6_u64,
    ) {
        let tags: Vec<(&str, &str)> = tag.iter().map(|v| ("t", v.as_str())).collect();
        let request = request(&tags, tokens, flags);
        let live = Figures(figure);
        if a.implies(&b, &mut 10_000) && naive(&a, &request, &live) {
            prop_assert!(naive(&b, &request, &live), "{a:?} was said to imply {b:?}");
        }
    }
}

#[test]
fn equal_tests_with_equal_edges_are_one_node() {
    let test = |atom| {
        Cond::Test(Arc::new(Test {
            atom,
            text: "".into(),
            file: "".into(),
            line: 1,
        }))
    };
    let pair = Cond::All(vec![test(Atom::Streaming), test(Atom::HasOutputLimit)]);
    let twice = Cond::Any(vec![pair.clone(), pair]);
    let rules = vec![
        Clause {
            cond: Some(twice),
            then: deny(400),
        },
        Clause {
            cond: None,
            then: deny(401),
        },
    ];
    let graph = Graph::build(&[rules], Tables::default());
    assert_eq!(graph.atoms.len(), 2);
    assert!(graph.nodes.len() <= 4, "{:?}", graph.nodes);
}
