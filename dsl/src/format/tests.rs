//! The proof that two files say the same, against what their trees print.

use super::{proof, read};
use crate::tree::Tree;
use proptest::prelude::*;

/// A file with every shape of line.
const FILE: &str = "# all shapes
set s { \"a\" \"b\" }
define d when a is \"x\" and (b > 3k or not has c)
policy @p {
  when d or p95 of a/m >= 4s
    use plan q
  else { deny 403 \"no\" }
}
test \"t\" for @p {
  | tokens | -   | expect   |
  | 3k     | \"a\" |          |
  given now 2026-01-01 08:00-18:00
}
";

fn tree(text: &str) -> Option<Tree> {
    read("f.mux", text).ok()
}

/// A tree without its places.
fn printed(tree: &Tree) -> String {
    let text = format!("{tree:?}");
    let mut parts = text.split("Span {");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(part.split_once('}').expect("a place ends").1);
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn two_files_say_the_same_exactly_when_their_trees_print_the_same(
        at in any::<prop::sample::Index>(),
        until in 0..6_usize,
        put in prop::sample::select(vec!["", " ", "\n", "  \n ", "# c\n", "x", "not ", "3", "\"", "and a is b ", "(", "}", "|", "-"]),
    ) {
        let start = at.index(FILE.len());
        let end = (start + until).min(FILE.len());
        let (Some(before), Some(after)) = (FILE.get(..start), FILE.get(end..)) else {
            return Ok(());
        };
        let (Some(one), Some(other)) = (tree(FILE), tree(&format!("{before}{put}{after}"))) else {
            return Ok(());
        };
        prop_assert_eq!(proof::same(&one, &other), printed(&one) == printed(&other));
    }
}

#[test]
fn a_file_says_the_same_as_itself_and_nothing_else_does() {
    let whole = tree(FILE).expect("it can be read");
    assert!(proof::same(&whole, &tree(FILE).expect("it can be read")));
    for (is, was) in [
        ("and (b", "or (b"),
        ("not has c", "has c"),
        (">= 4s", "<= 4s"),
        ("p95 of", "p50 of"),
        ("is \"x\"", "is x"),
        ("\"b\" }", "\"b\" \"c\" }"),
        ("deny 403", "deny 404"),
        ("| -   |", "| \"-\" |"),
        ("|          |", "| no |"),
        ("  else { deny 403 \"no\" }\n", ""),
        ("{ deny 403 \"no\" }", "deny 403 \"no\""),
        ("define d when", "define d where"),
    ] {
        assert!(FILE.contains(is), "{is}");
        let other = tree(&FILE.replacen(is, was, 1));
        let other = other.unwrap_or_else(|| panic!("it can be read with `{was}`"));
        assert!(!proof::same(&whole, &other), "`{was}` for `{is}`");
    }
}
