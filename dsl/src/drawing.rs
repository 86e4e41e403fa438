//! Policies as pictures: their rules, or the graphs they are decided by, as data and in the languages of drawing tools.

mod dot;
mod layout;
mod mermaid;
mod picture;
mod raw;
mod rules;
mod svg;

pub use dot::dot;
pub use mermaid::mermaid;
pub use picture::{Arrow, Kind, Node, Picture, VERSION};
pub use svg::svg;

use crate::coverage::Coverage;
use crate::image::PolicyId;

/// A policy by its rules, in at most thirty nodes: those that lead to the same are drawn as one where there are more.
#[must_use]
pub fn of_rules(coverage: &Coverage<'_>, policy: PolicyId) -> Picture {
    rules::picture(coverage, policy)
}

/// The graph that a policy is decided by. `None` where it is decided in another way.
#[must_use]
pub fn of_graph(coverage: &Coverage<'_>, policy: PolicyId) -> Option<Picture> {
    raw::picture(coverage, policy)
}
