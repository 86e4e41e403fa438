//! A policy as nodes and arrows: the stable form that other programs read.

use serde::Serialize;

/// Version of the form; it rises when the meaning of a field changes, not when one is added.
pub const VERSION: u32 = 1;

/// One policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Picture {
    /// [`VERSION`].
    pub version: u32,
    /// With its `@`.
    pub policy: String,
    /// `rules` or `graph`.
    pub view: &'static str,
    /// Requests whose ways are in the weights; `0` where none were counted.
    pub requests: u64,
    /// The first is where requests enter.
    pub nodes: Vec<Node>,
    /// From node to node.
    pub arrows: Vec<Arrow>,
}

/// Something that is asked or done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Node {
    /// Unique in the picture, and the same as long as the policy is.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// For people.
    pub label: String,
    /// File of the first rule it stands for; empty where it stands for none.
    pub file: String,
    /// Line of it, from 1; 0 where there is none.
    pub line: u32,
    /// How many rules it stands for.
    pub rules: usize,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Where requests enter.
    Policy,
    /// The condition of a rule, or of several.
    Rule,
    /// A question about one fact.
    Question,
    /// A plan is carried out.
    Use,
    /// The request is refused.
    Deny,
    /// Another policy is asked.
    Go,
}

/// A way from one node to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Arrow {
    /// Id of a node.
    pub from: String,
    /// Id of a node.
    pub to: String,
    /// When it is taken: `yes`, `no`, or values of the fact.
    pub label: String,
    /// Requests that took it.
    pub weight: u64,
}

impl Picture {
    /// How thick an arrow is drawn, from 1 to 6.
    pub(super) fn thickness(&self, arrow: &Arrow) -> u64 {
        match self.requests {
            0 => 1,
            all => 1 + arrow.weight * 5 / all.max(1),
        }
    }

    /// The label of an arrow, with its share of all requests where they were counted.
    pub(super) fn told(&self, arrow: &Arrow) -> String {
        if self.requests == 0 {
            return arrow.label.clone();
        }
        let points = u128::from(arrow.weight) * 1_000 / u128::from(self.requests);
        let share = format!("{}.{}%", points / 10, points % 10);
        format!("{} {share}", arrow.label).trim_start().to_owned()
    }
}

/// A label no longer than so many characters.
pub(super) fn cut(label: &str, most: usize) -> String {
    if label.chars().count() <= most {
        return label.to_owned();
    }
    let kept: String = label.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}
