//! The language of Graphviz.

use super::picture::{Kind, Node, Picture, cut};
use std::fmt::Write as _;

/// Policies as one directed graph, a cluster each.
#[must_use]
pub fn dot(pictures: &[Picture]) -> String {
    let mut text = String::from(
        "digraph policies {\n  rankdir=TB\n  node [fontname=\"sans-serif\" fontsize=11]\n  edge [fontname=\"sans-serif\" fontsize=9]\n",
    );
    for (at, picture) in pictures.iter().enumerate() {
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "  subgraph cluster_{at} {{\n    label=\"{}\"",
            quoted(&picture.policy)
        );
        for node in &picture.nodes {
            let _ = writeln!(text, "    p{at}_{} [{}]", node.id, look(node));
        }
        for arrow in &picture.arrows {
            let _ = writeln!(
                text,
                "    p{at}_{} -> p{at}_{} [label=\"{}\" penwidth={}]",
                arrow.from,
                arrow.to,
                quoted(&cut(&picture.told(arrow), 60)),
                picture.thickness(arrow)
            );
        }
        text.push_str("  }\n");
    }
    text.push_str("}\n");
    text
}

fn look(node: &Node) -> String {
    let shape = match node.kind {
        Kind::Policy => "shape=oval style=bold",
        Kind::Rule => "shape=box",
        Kind::Question => "shape=diamond",
        Kind::Use => "shape=box style=\"rounded,filled\" fillcolor=\"#e3f1e3\"",
        Kind::Deny => "shape=box style=\"rounded,filled\" fillcolor=\"#f6dede\"",
        Kind::Go => "shape=box style=\"rounded,filled\" fillcolor=\"#e0e8f6\"",
    };
    let place = if node.line > 0 {
        format!(" tooltip=\"{}:{}\"", quoted(&node.file), node.line)
    } else {
        String::new()
    };
    format!("label=\"{}\" {shape}{place}", quoted(&cut(&node.label, 80)))
}

fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', " ")
}
