//! Pictures of policies: whole, small enough for people, and the same each time.
#![expect(
    clippy::expect_used,
    clippy::format_push_string,
    reason = "test helpers fail loudly and build texts plainly"
)]

use mux_dsl::Image;
use mux_dsl::coverage::Coverage;
use mux_dsl::drawing::{Picture, dot, mermaid, of_graph, of_rules, svg};
use proptest::prelude::*;
use std::collections::HashSet;

fn image(text: &str) -> Image {
    let compiled = mux_dsl::compile(
        &["shop.mux"],
        &mut |_| Ok(text.as_bytes().to_vec()),
        &|_| true,
    );
    let report = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
    compiled.image.expect(&report)
}

fn shop() -> Image {
    image(include_str!("stories/shop.mux"))
}

/// Every arrow leads from a node to a node, and every node but the first is led to.
fn whole(picture: &Picture) {
    let ids: HashSet<&str> = picture.nodes.iter().map(|n| n.id.as_str()).collect();
    assert_eq!(ids.len(), picture.nodes.len(), "each id once");
    let led: HashSet<&str> = picture.arrows.iter().map(|a| a.to.as_str()).collect();
    for arrow in &picture.arrows {
        assert!(
            ids.contains(arrow.from.as_str()) && ids.contains(arrow.to.as_str()),
            "{arrow:?}"
        );
    }
    for node in picture.nodes.iter().skip(1) {
        assert!(led.contains(node.id.as_str()), "{node:?}");
    }
}

#[test]
fn the_rules_of_a_policy_are_drawn_for_every_tool() {
    let image = shop();
    let coverage = Coverage::new(&image);
    let policy = image.policy("eu").expect("it is declared");
    let pictures = [of_rules(&coverage, policy)];
    let json = serde_json::to_string_pretty(&pictures).expect("plain data");
    insta::assert_snapshot!([dot(&pictures), mermaid(&pictures), svg(&pictures), json].join("\n"));
}

#[test]
fn the_graph_of_a_policy_has_every_node_and_every_way() {
    let image = shop();
    let coverage = Coverage::new(&image);
    for name in ["production", "eu"] {
        let policy = image.policy(name).expect("it is declared");
        let picture = of_graph(&coverage, policy).expect("it is small");
        whole(&picture);
        let nodes = image.form(policy).expect("it is there").nodes;
        let questions = picture
            .nodes
            .iter()
            .filter(|n| n.id.starts_with('q'))
            .count();
        assert_eq!(questions, nodes);
    }
}

#[test]
fn what_is_written_in_policies_cannot_break_out_of_a_drawing() {
    let image = image(&format!(
        "{}policy @odd {{\n  when tag.a is \"<b>&|]\\\"\" deny 400 \"</text> #quot; ]\"\n  else use openai/gpt-4.1\n}}\n",
        include_str!("stories/shop.mux")
    ));
    let coverage = Coverage::new(&image);
    let policy = image.policy("odd").expect("it is declared");
    let pictures = [of_rules(&coverage, policy)];
    let drawn = svg(&pictures);
    assert!(
        !drawn.contains("<b>") && !drawn.contains("</text> #"),
        "{drawn}"
    );
    let chart = mermaid(&pictures);
    assert!(
        !chart.contains("<b>") && chart.contains("#lt;b#gt;"),
        "{chart}"
    );
    assert!(
        chart.lines().all(|l| l.matches('"').count() % 2 == 0),
        "{chart}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn people_never_get_more_than_thirty_nodes(rules in prop::collection::vec(0..40_u32, 1..250)) {
        let mut text = include_str!("stories/shop.mux").to_owned() + "policy @many {\n";
        for (at, end) in rules.iter().enumerate() {
            text.push_str(&format!("  when tag.n is \"{at}\"  deny 400 \"{end}\"\n"));
        }
        text.push_str("  else use openai/gpt-4.1\n}\n");
        let image = image(&text);
        let coverage = Coverage::new(&image);
        let picture = of_rules(&coverage, image.policy("many").expect("it is declared"));
        whole(&picture);
        prop_assert!(picture.nodes.len() <= 30, "{} nodes", picture.nodes.len());
        let drawn: usize = picture.nodes.iter().filter(|n| n.id.starts_with("rule")).map(|n| n.rules).sum();
        prop_assert_eq!(drawn, rules.len() + 1);
    }
}
