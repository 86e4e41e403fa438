//! The two grammars of the language accept the same texts.

use mux_editors_check::{is_faulty, texts, tree};

/// What the language has against a text beyond its shape: how deep it is nested, where words touch, a colon at the end of a
/// word, an escape in a string, a fact in quotes. A grammar counts neither levels nor blanks, looks into no word, and takes
/// one word for another.
const BEYOND: [&str; 5] = [
    "mux::file::depth",
    "mux::syntax::touching",
    "mux::syntax::punctuation",
    "mux::syntax::escape",
    "mux::syntax::quotes",
];

/// What the language has against the shape of a text.
fn refused(text: &str) -> Vec<&'static str> {
    let mut codes = mux_dsl::editor::misshapen(text);
    codes.retain(|code| !BEYOND.contains(code));
    codes
}

/// Where they disagree, if they do.
fn disagreement(text: &str) -> Option<String> {
    let tree = tree(text);
    match (refused(text).first(), is_faulty(tree.root_node())) {
        (None, true) => Some(format!(
            "only tree-sitter refuses it: {}",
            tree.root_node().to_sexp()
        )),
        (Some(code), false) => Some(format!("only the language refuses it: {code}")),
        _ => None,
    }
}

#[test]
fn every_text_of_the_project_is_accepted_by_both_or_by_neither() {
    let texts = texts();
    let refused = texts
        .iter()
        .filter(|(_, text)| !refused(text).is_empty())
        .count();
    assert!(texts.len() > 30, "{} texts were found", texts.len());
    assert!(refused > 3, "{refused} of them are refused");
    for (place, text) in texts {
        if let Some(why) = disagreement(&text) {
            panic!("{place}: {why}");
        }
    }
}

/// Whether an `of` has no name behind it, or an `is` nothing to compare with. The language then reads the word as any
/// other of the line, which its checker refuses; to tell that, tree-sitter would have to look further than a word ahead,
/// and would lose the rest of the line.
fn hangs(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "_-./:*".contains(c);
    let hangs_at = |at: usize, starts: fn(char) -> bool| {
        let rest = text[at + 2..].trim_start_matches([' ', '\t']);
        let word: String = rest.chars().take_while(|c| is_word(*c)).collect();
        let whole = !text[..at].ends_with(is_word) && !text[at + 2..].starts_with(is_word);
        whole
            && (!rest.starts_with(starts)
                || mux_dsl::editor::reserved().any(|reserved| reserved == word))
    };
    let of = |c: char| c.is_ascii_alphabetic() || "_*".contains(c);
    let is = |c: char| c.is_ascii_alphanumeric() || "_*\"@$+-".contains(c);
    text.match_indices("of").any(|(at, _)| hangs_at(at, of))
        || text.match_indices("is").any(|(at, _)| hangs_at(at, is))
}

/// How often each text is damaged.
const DAMAGES: usize = 100;

/// What half-written lines are made of.
const PIECES: [&str; 35] = [
    "\n",
    "{",
    "}",
    "(",
    ")",
    "|",
    "\"",
    "#",
    "=",
    "!",
    " when ",
    " where ",
    " else ",
    " use ",
    " deny ",
    " go ",
    " and ",
    " or ",
    " not ",
    " is ",
    " in ",
    " of ",
    " has ",
    " expect ",
    " starts ",
    " can ",
    " with ",
    " matches ",
    " > ",
    " a ",
    " @a ",
    " 20% ",
    " 10:30 ",
    "\nplan a {",
    "\\",
];

/// Numbers that look random and are the same in every run.
struct Draws(u64);

impl Draws {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % end
    }
}

/// A text with one to three of its pieces cut out, doubled, or replaced.
fn damaged(text: &str, draws: &mut Draws) -> String {
    let mut text = text.to_owned();
    for _ in 0..=draws.below(3) {
        let start = draws.below(text.len() + 1);
        let end = (start + draws.below(12)).min(text.len());
        let [start, end] = [start, end].map(|at| text.floor_char_boundary(at));
        match draws.below(4) {
            0 => text.replace_range(start..end, ""),
            1 => text = format!("{}{}", &text[..end], &text[start..]),
            _ => text.replace_range(start..end, PIECES[draws.below(PIECES.len())]),
        }
    }
    text
}

#[test]
fn every_damaged_text_is_accepted_by_both_or_by_neither() {
    let mut draws = Draws(7);
    let texts = texts();
    let (mut accepted, mut hanging, mut wrong) = (0, 0, Vec::new());
    for (place, text) in &texts {
        for _ in 0..DAMAGES {
            let text = damaged(text, &mut draws);
            accepted += usize::from(refused(&text).is_empty());
            match disagreement(&text) {
                Some(_) if hangs(&text) && refused(&text).is_empty() => hanging += 1,
                Some(why) => wrong.push((text.len(), place, why, text)),
                None => {}
            }
        }
    }
    assert!(
        accepted > texts.len() * DAMAGES / 10,
        "only {accepted} are accepted"
    );
    wrong.sort();
    for (_, place, why, text) in wrong.iter().take(12) {
        println!("{place}: {why}\n{text:?}\n");
    }
    let count = texts.len() * DAMAGES;
    assert!(wrong.is_empty(), "{} of {count}", wrong.len());
    assert!(hanging * 500 < count, "{hanging} of {count} are excused");
}
