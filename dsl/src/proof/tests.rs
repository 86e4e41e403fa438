//! Proofs against brute force: every class of requests of a small space, one by one.

use super::Answer;
use crate::cells::Cells;
use crate::clause::Then;
use crate::compiler::compile_forced;
use crate::decide::Image;
use crate::entry::entry;
use crate::fact::Fact;
use crate::image::{PolicyId, Verdict};
use crate::region::{Region, Terms};
use proptest::prelude::*;

fn tests() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec!["x", "y", "z"]).prop_map(|v| format!("tag.t is \"{v}\"")),
        prop::sample::select(vec!["x", "y"]).prop_map(|v| format!("tag.t is not \"{v}\"")),
        Just("tag.t in \"x\" \"y\"".to_owned()),
        Just("has tag.t".to_owned()),
        (prop::sample::select(vec![">", "<=", ">=", "<"]), 1..4_u32)
            .prop_map(|(s, n)| format!("tokens {s} {n}")),
        Just("streaming".to_owned()),
        prop::sample::select(vec!["ok", "down"]).prop_map(|s| format!("health of p/a is {s}")),
        Just("time in mon-fri 08:00-18:00 UTC".to_owned()),
        Just("time in 12:00-22:00 UTC".to_owned()),
    ]
}

fn conditions() -> impl Strategy<Value = String> {
    tests().prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|c| format!("not ({c})")),
            prop::collection::vec(inner.clone(), 2..4)
                .prop_map(|p| format!("({})", p.join(" and "))),
            prop::collection::vec(inner, 2..4).prop_map(|p| format!("({})", p.join(" or "))),
        ]
    })
}

/// Every request of the space that enters a policy, a cell for each field.
fn points(image: &Image, policy: &str) -> Vec<Region> {
    let space = &image.code.space;
    let mut points = vec![Region::all()];
    for (field, at) in space.fields().iter().zip(0_u16..) {
        let cells: Vec<u32> = match field.fact {
            Fact::Model => vec![field.cell_of(policy)],
            _ => (0..field.count()).collect(),
        };
        points = points
            .iter()
            .flat_map(|p| {
                cells
                    .iter()
                    .filter_map(|c| p.clone().with(at, &Cells::One(*c), space))
            })
            .collect();
    }
    points
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_guarantee_is_proved_exactly_where_no_request_breaks_it(
        rules in prop::collection::vec((conditions(), any::<bool>()), 1..5),
        when in conditions(),
        last in any::<bool>(),
    ) {
        let verb = |denies: &bool| if *denies { "deny 403 \"x\"" } else { "use p/a" };
        let lines: Vec<String> = rules.iter().map(|(c, d)| format!("  when {c} {}\n", verb(d))).collect();
        let text = format!(
            "provider p {{\n  kind k\n  model a\n}}\npolicy @p {{\n{}  else {}\n}}\nguarantee \"g\" {{\n  when {when}\n  expect not denied\n}}\n",
            lines.concat(),
            verb(&last)
        );
        let compiled = compile_forced(&["t.mux"], &mut |_| Ok(text.clone().into_bytes()), &|_| true);
        // Some of these policies have rules that can never run, which is an error of its own.
        prop_assume!(compiled.image.is_some());
        let image = compiled.image.unwrap();
        let terms = Terms { space: &image.code.space, fleet: &image.fleet, tables: &image.code.tables };
        let spoken = terms.regions(image.guarantees[0].when.as_ref().unwrap()).unwrap();
        let entry = entry(PolicyId(0), &image.code.clauses, &terms).unwrap();
        let denied = |point: &Region| {
            let (_, leaf) = entry.list.iter().find(|(region, _)| region.covers(point)).unwrap();
            let rule = entry.leaves[*leaf as usize].rule;
            matches!(image.code.clauses[0][rule.index()].then, Then::Decide(Verdict::Deny { .. }))
        };
        let all = points(&image, "p");
        let broken = all.iter().any(|p| spoken.iter().any(|s| s.covers(p)) && denied(p));
        match &image.proofs[0].verdict {
            Answer::Proved | Answer::Vacuous => prop_assert!(!broken, "{}", text),
            Answer::Refuted(example) => prop_assert!(broken, "{}\n{}", text, example.test),
            Answer::Bounded { .. } => prop_assert!(false, "so small a policy can be proved\n{}", text),
        }
    }

    #[test]
    fn a_rule_is_called_dead_exactly_where_no_request_reaches_it(
        rules in prop::collection::vec(conditions(), 2..6),
    ) {
        let lines: Vec<String> = rules.iter().zip(400..).map(|(c, n)| format!("  when {c} deny {n} \"x\"\n")).collect();
        let text = |lines: &[String]| format!("provider p {{\n  kind k\n  model a\n}}\npolicy @p {{\n{}  else deny 499 \"x\"\n}}\n", lines.concat());
        let whole = text(&lines);
        let compiled = compile_forced(&["t.mux"], &mut |_| Ok(whole.clone().into_bytes()), &|_| true);
        let dead: Vec<u32> = compiled
            .diagnostics
            .iter()
            .filter(|d| d.code == "mux::rule::unreachable")
            .map(|d| d.labels[0].line)
            .collect();
        // Without the dead ones the bundle loads, decides alike, and every rule is reached by some class.
        let kept: Vec<String> = lines.iter().zip(6..).filter(|(_, line)| !dead.contains(line)).map(|(l, _)| l.clone()).collect();
        let shorter = text(&kept);
        let compiled = compile_forced(&["t.mux"], &mut |_| Ok(shorter.clone().into_bytes()), &|_| true);
        let Some(image) = compiled.image else {
            return Err(TestCaseError::fail(format!("{whole}\n{:?}", compiled.diagnostics)));
        };
        let terms = Terms { space: &image.code.space, fleet: &image.fleet, tables: &image.code.tables };
        let entry = entry(PolicyId(0), &image.code.clauses, &terms).unwrap();
        let mut reached = vec![false; kept.len() + 1];
        for point in points(&image, "p") {
            let (_, leaf) = entry.list.iter().find(|(region, _)| region.covers(&point)).unwrap();
            reached[entry.leaves[*leaf as usize].rule.index()] = true;
        }
        reached.pop();
        prop_assert!(reached.iter().all(|r| *r), "{}\n{:?}", shorter, reached);
    }
}
