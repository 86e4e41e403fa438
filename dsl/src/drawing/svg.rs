//! Pictures drawn without any other program.

use super::layout::{HEIGHT, Layout, Place, layout};
use super::picture::{Arrow, Kind, Picture, cut};
use std::collections::HashMap;
use std::fmt::Write as _;

/// Height of a title.
const TITLE: u32 = 34;

/// Policies, one below the other.
#[must_use]
pub fn svg(pictures: &[Picture]) -> String {
    let mut body = String::new();
    let (mut top, mut width) = (0, 200);
    for picture in pictures {
        let labels: Vec<String> = picture.nodes.iter().map(|n| cut(&n.label, 60)).collect();
        let layout = layout(picture, &labels);
        // Writing to a text cannot fail.
        let _ = writeln!(
            body,
            "<g transform=\"translate(0 {})\"><text class=\"title\" x=\"20\" y=\"-10\">{}</text>",
            top + TITLE,
            escaped(&picture.policy)
        );
        draw(picture, &labels, &layout, &mut body);
        body.push_str("</g>\n");
        top += TITLE + layout.height;
        width = width.max(layout.width);
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{top}\" viewBox=\"0 0 {width} {top}\" role=\"img\">\n{STYLE}{body}</svg>\n"
    )
}

const STYLE: &str = "<style>
svg { background: #fff } text { font: 12px sans-serif; fill: #222; text-anchor: middle; dominant-baseline: central }
.title { font-weight: bold; font-size: 15px; text-anchor: start } .word { font-size: 10px; fill: #555 }
rect { stroke: #666; fill: #fff } .policy { fill: #eee } .use { fill: #e3f1e3 } .deny { fill: #f6dede } .go { fill: #e0e8f6 }
path { fill: none; stroke: #888 }
</style>
<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" style=\"fill: #888; stroke: none\"/></marker></defs>
";

fn draw(picture: &Picture, labels: &[String], layout: &Layout, body: &mut String) {
    let ids = picture.nodes.iter().zip(&layout.places);
    let ids: HashMap<&str, &Place> = ids.map(|(n, p)| (n.id.as_str(), p)).collect();
    for (at, arrow) in (0..).zip(&picture.arrows) {
        if let (Some(from), Some(to)) = (ids.get(arrow.from.as_str()), ids.get(arrow.to.as_str())) {
            line(picture, (at, arrow), from, to, body);
        }
    }
    for ((node, label), place) in picture.nodes.iter().zip(labels).zip(&layout.places) {
        let round = match node.kind {
            Kind::Rule => 0,
            Kind::Question => 8,
            _ => HEIGHT / 2,
        };
        let title = match node.line {
            0 => escaped(&node.label),
            line => format!("{} ({}:{line})", escaped(&node.label), escaped(&node.file)),
        };
        let Place { x, y, width } = place;
        let _ = writeln!(
            body,
            "<g><title>{title}</title><rect class=\"{}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{HEIGHT}\" rx=\"{round}\"/><text x=\"{}\" y=\"{}\">{}</text></g>",
            class(node.kind),
            x + width / 2,
            y + HEIGHT / 2,
            escaped(label)
        );
    }
}

/// From the side where it is free: down to what is below, to the right to what is beside.
fn line(
    picture: &Picture,
    (at, arrow): (u32, &Arrow),
    from: &Place,
    to: &Place,
    body: &mut String,
) {
    let beside = to.x >= from.x + from.width;
    let sideways = picture.view == "rules" && beside;
    let (x1, y1, x2, y2) = if sideways {
        (
            from.x + from.width,
            from.y + HEIGHT / 2,
            to.x,
            to.y + HEIGHT / 2,
        )
    } else {
        (
            from.x + from.width / 2,
            from.y + HEIGHT,
            to.x + to.width / 2,
            to.y,
        )
    };
    let (mx, my) = (u32::midpoint(x1, x2), u32::midpoint(y1, y2));
    let bend = if sideways {
        format!("{mx} {y1} {mx} {y2}")
    } else {
        format!("{x1} {my} {x2} {my}")
    };
    let _ = writeln!(
        body,
        "<path d=\"M{x1} {y1}C{bend} {x2} {y2}\" stroke-width=\"{}\" marker-end=\"url(#tip)\"/>",
        picture.thickness(arrow)
    );
    let told = short(&picture.told(arrow));
    if !told.is_empty() {
        // Near its start, where arrows to the same node are still apart.
        let (x, y) = if sideways {
            (x1 + (mx - x1) / 2 + 6, y1 - 8)
        } else {
            // Two that leave one node are told apart by their heights, too.
            ((2 * x1 + x2) / 3, y1 + 14 + at % 2 * 13)
        };
        let _ = writeln!(
            body,
            "<text class=\"word\" x=\"{x}\" y=\"{y}\">{}</text>",
            escaped(&told)
        );
    }
}

/// A label with room beside others; what is everything else is told as such.
fn short(label: &str) -> String {
    if label.starts_with("not (") {
        let share = label.rsplit_once(") ").map_or("", |(_, share)| share);
        return format!("else {share}").trim_end().to_owned();
    }
    cut(label.strip_prefix("is ").unwrap_or(label), 24)
}

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Policy => "policy",
        Kind::Rule => "rule",
        Kind::Question => "question",
        Kind::Use => "use",
        Kind::Deny => "deny",
        Kind::Go => "go",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
