//! The strict rules of the grammar against the tolerant ones: on every policy of the project, on damaged ones, and on any
//! words.

use super::Lowering;
use super::braces::too_deep;
use super::grammar::{self, Pair, Rule};
use super::reading::Reading;
use super::words::Words;
use crate::report::Report;
use crate::source::FileId;
pub(crate) use files::policies;
use proptest::prelude::*;
use std::sync::LazyLock;

/// What texts are damaged with: words, and what holds blanks.
const WORDS: &str = r#"{ } ( ) | - # " \ and or not is in of has can when where else use deny go expect matches starts with
    = == != ! < >= && || @a 10:30 10:30-11:00 2025-01-02 2025-01-02T10:30Z $5/day 20% -1.5 1_0. 3/ policy set é a/b * _x +3
    ] "a\"b""#;
const OTHERS: [&str; 16] = [
    " ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\u{FEFF}",
    "# c",
    "is not",
    "not in",
    "provider x {",
    "\npolicy @a {",
    "\nset ",
    "p95 of a/b",
    "| a | - |",
    "use x",
    "when a is \"b\"",
];

/// Pieces of a policy that are read at a time.
const LONGEST: usize = 150;

fn piece() -> impl Strategy<Value = &'static str> {
    let all: Vec<_> = WORDS.split_whitespace().chain(OTHERS).collect();
    prop::sample::select(all)
}

/// The tree of a parsed text, and what is reported of it.
fn tree(text: &str, file: Pair<'_>) -> String {
    let mut report = Report::default();
    let reading = Reading::plain(text);
    let mut lowering = Lowering {
        text,
        words: Words {
            file: FileId(0),
            reading: &reading,
            report: &mut report,
            end: 0,
        },
    };
    let body = lowering.body(file);
    format!("{body:?} {report:?}")
}

/// Whether a text that the strict rules read is the same by the tolerant ones; and whether they read whatever those do
/// not stumble over.
fn agrees(text: &str) -> Result<(), TestCaseError> {
    if too_deep(text).is_some() {
        return Ok(());
    }
    let tolerant = grammar::tolerantly(text).ok();
    let strict = grammar::strictly(text);
    let clean = |file: &Pair<'_>| {
        let mut rules = file.clone().into_inner().flatten();
        let wrong = [
            Rule::junk,
            Rule::stray,
            Rule::unclosed,
            Rule::c_op,
            Rule::bang,
            Rule::eq_c,
            Rule::ne_c,
        ];
        let endless = |part: &Pair<'_>| {
            let quoted = |p: Pair<'_>| p.as_rule() == Rule::quote;
            part.as_rule() == Rule::string && !part.clone().into_inner().any(quoted)
        };
        !rules.any(|part| wrong.contains(&part.as_rule()) || endless(&part))
    };
    let clean = tolerant.as_ref().is_some_and(clean);
    // A blank of no width is left to the tolerant ones.
    if strict.is_some() || !text.contains('\u{FEFF}') {
        prop_assert_eq!(strict.is_some(), clean, "{:?}", text);
    }
    if let (Some(strict), Some(tolerant)) = (strict, tolerant) {
        let (strict, tolerant) = (tree(text, strict), tree(text, tolerant));
        let same = strict.bytes().zip(tolerant.bytes());
        let same = same.take_while(|(a, b)| a == b).count().saturating_sub(100);
        let shown = |tree: &str| {
            String::from_utf8_lossy(&tree.as_bytes()[same..])
                .chars()
                .take(200)
                .collect::<String>()
        };
        prop_assert!(
            strict == tolerant,
            "strict {}\ntolerant {}\nof {text:?}",
            shown(&strict),
            shown(&tolerant)
        );
    }
    Ok(())
}

#[cfg(test)]
mod files {
    use std::fs;
    use std::path::Path;

    /// Every policy of the project.
    pub(crate) fn policies() -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..")];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).expect("a folder can be read") {
                let path = entry.expect("an entry can be read").path();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if path.is_dir() && !name.starts_with('.') && !name.starts_with("target") {
                    open.push(path);
                } else if name.ends_with(".mux") {
                    found.extend(fs::read_to_string(&path));
                }
            }
        }
        found.sort_unstable();
        found
    }
}

/// Words, and what stands between them.
pub(crate) fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut word = false;
    for c in text.chars() {
        let more = c.is_alphanumeric() || "_-./:*".contains(c);
        match pieces.last_mut() {
            Some(last) if word && more => last.push(c),
            _ => pieces.push(c.into()),
        }
        word = more;
    }
    pieces
}

#[test]
fn policies_are_read_alike() {
    let policies = policies();
    assert!(policies.len() > 50, "{}", policies.len());
    let strict = policies
        .iter()
        .filter(|text| grammar::strictly(text).is_some());
    assert!(strict.count() > 50);
    for text in &policies {
        agrees(text).unwrap();
    }
}

#[test]
fn what_looks_like_the_start_of_more_is_left_where_it_stands() {
    for text in [
        "use x when a is",
        "when can use x",
        "when can is \"b\" use x",
        "when a of \"b\" use x",
        "| - | -5 | - x |",
        "| a | # c",
        "when a # c\n  use x",
        "when a is \"b\" # c\n",
        "when (\nset x\n) use x",
        "a {\n\u{FEFF}\n}",
        "x {\nset y\n}",
        "a\"b\"",
    ] {
        agrees(text).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn damaged_policies_are_read_alike(
        which: prop::sample::Index,
        from: prop::sample::Index,
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0..3, piece()), 0..6),
    ) {
        static POLICIES: LazyLock<Vec<Vec<String>>> =
            LazyLock::new(|| policies().iter().map(|p| pieces(p)).collect());
        let mut text = which.get(POLICIES.as_slice()).clone();
        let from = from.index(text.len() + 1);
        text = text.into_iter().skip(from.saturating_sub(LONGEST)).take(LONGEST).collect();
        for (at, how, piece) in damage {
            let at = at.index(text.len() + 1);
            if how < 2 && at < text.len() {
                text.remove(at);
            }
            if how > 0 {
                text.insert(at, piece.to_owned());
            }
        }
        agrees(&text.concat())?;
    }

    #[test]
    fn any_words_are_read_alike(
        words in prop::collection::vec((piece(), any::<bool>()), 0..20),
    ) {
        let apart = |blank| if blank { " " } else { "" };
        let words = words.iter().flat_map(|(word, blank)| [*word, apart(*blank)]);
        agrees(&words.collect::<String>())?;
    }
}
