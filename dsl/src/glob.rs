//! Patterns on text, and which of them can hold together.

use std::collections::{HashMap, VecDeque};

/// A pattern taken apart: `*` is any run of characters, `?` is one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Glob(Box<[Token]>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Token {
    Run,
    One,
    Char(char),
}

/// States the search for possible combinations may visit; beyond, patterns are taken to be unrelated.
const STATES: usize = 4_096;

impl Glob {
    /// A pattern as written.
    pub(crate) fn pattern(text: &str) -> Self {
        let token = |c| match c {
            '*' => Token::Run,
            '?' => Token::One,
            other => Token::Char(other),
        };
        Self(text.chars().map(token).collect())
    }

    /// Everything that begins so.
    pub(crate) fn prefix(start: &str) -> Self {
        Self(start.chars().map(Token::Char).chain([Token::Run]).collect())
    }

    /// Whether a value fits. Goes back only to the last `*`, so it takes at most pattern × value steps.
    pub(crate) fn fits(&self, value: &str) -> bool {
        let (mut tokens, mut rest) = (&*self.0, value.chars());
        let mut back: Option<(&[Token], std::str::Chars<'_>)> = None;
        loop {
            let mut after = rest.clone();
            match (tokens.split_first(), after.next()) {
                (Some((Token::Run, more)), _) => {
                    tokens = more;
                    back = Some((more, rest.clone()));
                }
                (None, None) => return true,
                (Some((token, more)), Some(c)) if token.takes(c) => (tokens, rest) = (more, after),
                _ => {
                    let Some((after_run, mut from)) = back.take() else {
                        return false;
                    };
                    if from.next().is_none() {
                        return false;
                    }
                    (tokens, rest) = (after_run, from.clone());
                    back = Some((after_run, from));
                }
            }
        }
    }

    /// As policies write it.
    pub(crate) fn words(&self, fact: &str) -> String {
        let text: String = self
            .0
            .iter()
            .map(|t| match t {
                Token::Run => '*',
                Token::One => '?',
                Token::Char(c) => *c,
            })
            .collect();
        match self.0.split_last() {
            Some((Token::Run, start)) if start.iter().all(|t| matches!(t, Token::Char(_))) => {
                format!("{fact} starts with {:?}", text.trim_end_matches('*'))
            }
            _ => format!("{fact} matches {text:?}"),
        }
    }

    /// Positions that can be reached without reading anything.
    fn close(&self, positions: &mut Vec<u16>) {
        let mut at = 0;
        while let Some(position) = positions.get(at).copied() {
            if self.0.get(usize::from(position)) == Some(&Token::Run)
                && !positions.contains(&(position + 1))
            {
                positions.push(position + 1);
            }
            at += 1;
        }
        positions.sort_unstable();
    }

    /// Positions before anything is read.
    pub(crate) fn start(&self) -> Vec<u16> {
        let mut first = vec![0];
        self.close(&mut first);
        first
    }

    /// Positions after one more character.
    pub(crate) fn step(&self, positions: &[u16], c: char) -> Vec<u16> {
        let mut next = Vec::new();
        for position in positions {
            let to = match self.0.get(usize::from(*position)) {
                Some(Token::Run) => *position,
                Some(token) if token.takes(c) => position + 1,
                _ => continue,
            };
            if !next.contains(&to) {
                next.push(to);
            }
        }
        self.close(&mut next);
        next
    }

    /// Whether what was read fits.
    pub(crate) fn ends(&self, positions: &[u16]) -> bool {
        positions.iter().any(|p| usize::from(*p) == self.0.len())
    }
}

impl Token {
    fn takes(self, c: char) -> bool {
        match self {
            Self::Run => false,
            Self::One => true,
            Self::Char(own) => own == c,
        }
    }
}

/// Every combination of patterns that some text outside `known` fits, each with such a text; bit by pattern. `None` where
/// there are too many to tell. At most 64 patterns.
pub(crate) fn combinations(
    globs: &[Glob],
    known: &dyn Fn(&str) -> bool,
) -> Option<Vec<(u64, String)>> {
    let alphabet = alphabet(globs);
    let start: Vec<Vec<u16>> = globs.iter().map(Glob::start).collect();
    let mut found: HashMap<u64, String> = HashMap::new();
    let mut seen: HashMap<Vec<Vec<u16>>, u8> = HashMap::new();
    let mut queue = VecDeque::from([(start, String::new())]);
    let mut states = 0;
    while let Some((state, text)) = queue.pop_front() {
        states += 1;
        if states > STATES {
            return None;
        }
        if !known(&text) {
            let fits = |(at, (glob, positions)): (usize, (&Glob, &Vec<u16>))| {
                u64::from(glob.ends(positions)) << at
            };
            let flags = globs.iter().zip(&state).enumerate().map(fits).sum();
            found.entry(flags).or_insert_with(|| text.clone());
        }
        for c in &alphabet {
            let next: Vec<Vec<u16>> = globs
                .iter()
                .zip(&state)
                .map(|(glob, positions)| glob.step(positions, *c))
                .collect();
            // Twice, so that a text that is known does not hide a longer one in the same state.
            let visits = seen.entry(next.clone()).or_insert(0);
            if *visits < 2 {
                *visits += 1;
                let mut longer = text.clone();
                longer.push(*c);
                queue.push_back((next, longer));
            }
        }
    }
    let mut all: Vec<_> = found.into_iter().collect();
    all.sort_unstable();
    Some(all)
}

/// A character that no pattern names, and every one that some pattern does.
pub(crate) fn alphabet(globs: &[Glob]) -> Vec<char> {
    let mut named: Vec<char> = globs
        .iter()
        .flat_map(|g| g.0.iter())
        .filter_map(|t| {
            if let Token::Char(c) = t {
                Some(*c)
            } else {
                None
            }
        })
        .collect();
    named.sort_unstable();
    named.dedup();
    let other = ('a'..='z')
        .rev()
        .chain('0'..='9')
        .chain('\u{e0}'..='\u{ff}')
        .find(|c| !named.contains(c));
    other.into_iter().chain(named).collect()
}

#[cfg(test)]
mod tests {
    use super::{Glob, combinations};
    use proptest::prelude::*;

    #[test]
    fn a_star_is_any_run_and_a_question_mark_is_one_character() {
        for (pattern, value, expected) in [
            ("gpt-*", "gpt-4.1", true),
            ("gpt-*", "gp", false),
            ("*mini", "gpt-4.1-mini", true),
            ("*a*b", "xaxxb", true),
            ("*a*b", "xaxxbc", false),
            ("?", "ü", true),
            ("?", "", false),
            ("", "", true),
            ("**", "", true),
        ] {
            assert_eq!(
                Glob::pattern(pattern).fits(value),
                expected,
                "{pattern} against {value}"
            );
        }
    }

    #[test]
    fn a_longer_beginning_implies_the_shorter_one() {
        let globs = [Glob::prefix("ab"), Glob::prefix("a"), Glob::pattern("*z")];
        let known = |text: &str| matches!(text, "" | "ab");
        let found = combinations(&globs, &known).unwrap();
        let flags: Vec<u64> = found.iter().map(|(f, _)| *f).collect();
        assert_eq!(flags, [0b000, 0b010, 0b011, 0b100, 0b110, 0b111]);
        for (flags, text) in found {
            assert!(!known(&text));
            for (at, glob) in globs.iter().enumerate() {
                assert_eq!(flags >> at & 1 == 1, glob.fits(&text), "{text}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_text_has_a_combination_that_was_found(
            patterns in prop::collection::vec("[ab*?]{0,4}", 1..4),
            text in "[abc]{0,6}",
        ) {
            let globs: Vec<_> = patterns.iter().map(|p| Glob::pattern(p)).collect();
            let found = combinations(&globs, &|_| false).unwrap();
            let flags: u64 = globs.iter().enumerate().map(|(at, g)| u64::from(g.fits(&text)) << at).sum();
            prop_assert!(found.iter().any(|(f, _)| *f == flags), "{} {:?}", text, found);
        }
    }
}
