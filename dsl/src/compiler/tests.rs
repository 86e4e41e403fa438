//! What [`super::compiled`] rests on: a bundle that is right as it is written shows no habit of another language.

use super::pass;
use crate::outside::Outside;
use crate::parse::tests::{pieces, policies};
use crate::parse::{self, shows_a_habit};
use proptest::prelude::*;
use std::sync::LazyLock;

/// How other languages say things, and words that stand near them.
const HABITS: &str = r#"if elif unless then equals eq contains between exists none null set or and not is in : = == := , ; ->
    => [ ] ( ) { } " ' // -- 1,000 100 % 5 usd dollars $ seconds ms monday weekdays 9am 9:00 17 models model env: $KEY ${KEY} try ask
    use deny go reject block @main main policy route a/b "a/b" fallback cheapest balance 50% true yes on all * - given expect
    tokens streaming tag.a "gold" retries timeout let --- | then is in model matches"#;

/// Whether one file is right as it is written.
fn right(text: &str) -> bool {
    let mut read = |path: &str| match path {
        "one.mux" => Ok(text.as_bytes().to_vec()),
        _ => Err("it is not there".to_owned()),
    };
    let compiled = pass(
        &["one.mux"],
        &mut read,
        Outside::unpriced(&|_| true, true),
        parse::literally,
    );
    compiled.image.is_some()
}

/// The policies that are right by themselves, in pieces.
static RIGHT: LazyLock<Vec<Vec<String>>> = LazyLock::new(|| {
    let all = policies();
    let right = all.iter().filter(|text| right(text));
    right.map(|text| pieces(text)).collect()
});

#[test]
fn no_policy_that_is_right_shows_a_habit() {
    assert!(RIGHT.len() > 5, "{}", RIGHT.len());
    for text in RIGHT.iter() {
        let text = text.concat();
        assert!(!shows_a_habit(&text), "{text}");
    }
}

#[test]
fn what_is_named_like_a_word_of_another_language_shows_no_habit() {
    let lines = [
        "  when streaming use plan then",
        "  rule go when tokens > 9k use a/b",
        "  rule deny when tokens > 8k\n    use a/b",
        "  rule use when tokens > 7k\n    use a/b",
        "  rule THEN when tokens > 4k deny 403 \"no\"",
        "  rule then when tokens > 3k use a/b",
        "  rule Use when tokens > 2k use a/b",
        "  when tokens > 1k and model is not a/b\n    use a/b",
    ];
    let text = |lines: &[&str]| {
        format!(
            "provider a {{\n  kind k\n  model b\n}}\nplan then {{ a/b }}\npolicy @p {{\n{}\n  else deny 403 \"no\"\n}}\n",
            lines.join("\n")
        )
    };
    let all = text(&lines);
    let asked = "provider a {\n  kind k\n  model b\n}\ndefine then when streaming\npolicy @p {\n  when then use a/b\n  when has images and not then use a/b\n  else deny 403 \"no\"\n}\n";
    for text in lines
        .iter()
        .map(|l| text(&[l]))
        .chain([all, asked.to_owned()])
    {
        assert!(right(&text), "{text}");
        assert!(!shows_a_habit(&text), "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_right_as_it_is_written_shows_no_habit(
        which: prop::sample::Index,
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..3),
            1..3,
        ),
    ) {
        let habits: Vec<&str> = HABITS.split_whitespace().collect();
        let mut text = which.get(RIGHT.as_slice()).clone();
        for (at, word, how) in changes {
            let at = at.index(text.len());
            let word = word.get(&habits);
            match how {
                0 => text[at] = (*word).to_owned(),
                1 => text.insert(at, format!(" {word} ")),
                _ => drop(text.remove(at)),
            }
        }
        let text = text.concat();
        prop_assert!(!right(&text) || !shows_a_habit(&text), "{text}");
    }
}
