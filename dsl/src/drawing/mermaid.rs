//! The language of Mermaid, which code hosts draw in place.

use super::picture::{Kind, Picture, cut};
use std::fmt::Write as _;

/// Policies as one flow chart, a subgraph each.
#[must_use]
pub fn mermaid(pictures: &[Picture]) -> String {
    let mut text = String::from("flowchart TD\n");
    let mut links = 0_usize;
    let mut widths = String::new();
    for (at, picture) in pictures.iter().enumerate() {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "  subgraph s{at} [\"{}\"]", escaped(&picture.policy));
        for node in &picture.nodes {
            let label = escaped(&cut(&node.label, 80));
            let shape = match node.kind {
                Kind::Policy => format!("([\"{label}\"])"),
                Kind::Rule => format!("[\"{label}\"]"),
                Kind::Question => format!("{{\"{label}\"}}"),
                Kind::Use | Kind::Deny | Kind::Go => format!("(\"{label}\")"),
            };
            let _ = writeln!(text, "    p{at}_{}{shape}{}", node.id, class(node.kind));
        }
        for arrow in &picture.arrows {
            let label = escaped(&cut(&picture.told(arrow), 60));
            let label = if label.is_empty() {
                String::new()
            } else {
                format!("|\"{label}\"|")
            };
            let _ = writeln!(
                text,
                "    p{at}_{} -->{label} p{at}_{}",
                arrow.from, arrow.to
            );
            if picture.requests > 0 {
                let width = picture.thickness(arrow);
                let _ = writeln!(widths, "  linkStyle {links} stroke-width:{width}px");
            }
            links += 1;
        }
        text.push_str("  end\n");
    }
    text.push_str(
        "  classDef use fill:#e3f1e3\n  classDef deny fill:#f6dede\n  classDef go fill:#e0e8f6\n",
    );
    text + &widths
}

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Use => ":::use",
        Kind::Deny => ":::deny",
        Kind::Go => ":::go",
        Kind::Policy | Kind::Rule | Kind::Question => "",
    }
}

/// Quotes and what Mermaid would read as markup, as the entities it knows.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '"' => escaped.push_str("#quot;"),
            '#' => escaped.push_str("#35;"),
            '<' => escaped.push_str("#lt;"),
            '>' => escaped.push_str("#gt;"),
            '&' => escaped.push_str("#amp;"),
            '\n' => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
