//! Which names a row of a catalogue goes by: patterns with open ends and places for digits. No regular expressions.

use serde::{Deserialize, Serialize};

/// What a name is like. Names and clauses are in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Clause {
    /// It is this: a `*` at the beginning or at the end stands for anything, and each `#` for a digit.
    Like(String),
    /// One of these holds.
    Any {
        /// Which.
        any: Vec<Clause>,
    },
    /// All of these hold.
    All {
        /// Which.
        all: Vec<Clause>,
    },
    /// This does not hold.
    Not {
        /// Which.
        not: Box<Clause>,
    },
}

impl Clause {
    /// Whether a name in lower case is meant.
    #[must_use]
    pub fn holds(&self, name: &str) -> bool {
        match self {
            Self::Like(pattern) => like(pattern, name),
            Self::Any { any } => any.iter().any(|clause| clause.holds(name)),
            Self::All { all } => all.iter().all(|clause| clause.holds(name)),
            Self::Not { not } => !not.holds(name),
        }
    }
}

fn like(pattern: &str, name: &str) -> bool {
    let (pattern, before) = match pattern.strip_prefix('*') {
        Some(rest) => (rest, true),
        None => (pattern, false),
    };
    let (pattern, after) = match pattern.strip_suffix('*') {
        Some(rest) => (rest, true),
        None => (pattern, false),
    };
    let fits = |name: &str| {
        let mut rest = name.chars();
        let fits = pattern.chars().all(|wanted| {
            let found = rest.next();
            match wanted {
                '#' => found.is_some_and(|c| c.is_ascii_digit()),
                wanted => found == Some(wanted),
            }
        });
        fits && (after || rest.next().is_none())
    };
    let starts = name.char_indices().map(|(at, _)| at).chain([name.len()]);
    let mut starts = starts.take(if before { usize::MAX } else { 1 });
    starts.any(|at| name.get(at..).is_some_and(fits))
}

/// A regular expression of the few shapes that tables of prices use, as a clause: a name with digits at its end, and a name
/// without a certain part. `None` for any other.
#[must_use]
pub fn of_regex(regex: &str) -> Option<Clause> {
    if regex == "^(?!.*-[tT][tT][sS](?:$|-))" {
        let speech = ["*-tts", "*-tts-*"].map(|name| Clause::Like(name.into()));
        let speech = Clause::Any { any: speech.into() };
        return Some(Clause::Not {
            not: Box::new(speech),
        });
    }
    let body = regex.strip_prefix('^')?;
    let (body, end) = match body.strip_suffix('$') {
        Some(body) => (body, ""),
        None => (body, "*"),
    };
    let mut names = vec![String::new()];
    let mut rest = body;
    while !rest.is_empty() {
        let (options, left) = piece(rest)?;
        rest = left;
        let longer = names
            .iter()
            .flat_map(|name| options.iter().map(move |option| format!("{name}{option}")));
        names = longer.collect();
    }
    let mut clauses = names
        .into_iter()
        .map(|name| Clause::Like(format!("{}{end}", name.to_lowercase())));
    if clauses.len() == 1 {
        clauses.next()
    } else {
        Some(Clause::Any {
            any: clauses.collect(),
        })
    }
}

/// What the beginning of a regular expression may stand for, and the rest of it.
fn piece(regex: &str) -> Option<(Vec<String>, &str)> {
    if let Some(rest) = regex.strip_prefix(r"\d") {
        let counted = rest.strip_prefix('{').and_then(|r| r.split_once('}'));
        return match counted {
            Some((count, rest)) => Some((vec!["#".repeat(count.parse().ok()?)], rest)),
            None => Some((vec!["#".into()], rest)),
        };
    }
    if let Some(rest) = regex.strip_prefix(r"\.") {
        return Some((vec![".".into()], rest));
    }
    if let Some((class, rest)) = regex.strip_prefix('[').and_then(|r| r.split_once(']')) {
        let plain = class.chars().all(|c| c == '-' || c == '@');
        return plain.then(|| (class.chars().map(String::from).collect(), rest));
    }
    let first = regex.chars().next()?;
    let plain = first.is_ascii_alphanumeric() || matches!(first, '-' | '/' | '_' | ':' | '@');
    let rest = regex.strip_prefix(first)?;
    plain.then(|| (vec![first.to_string()], rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dated_names_are_told_from_others() {
        let clause = of_regex(r"^claude-opus-5[-@]\d{8}$").unwrap();
        assert!(clause.holds("claude-opus-5-20261014"));
        assert!(clause.holds("claude-opus-5@20261014"));
        for other in [
            "claude-opus-5",
            "claude-opus-5-2026101",
            "claude-opus-5-fast",
            "claude-opus-5-202610144",
        ] {
            assert!(!clause.holds(other), "{other}");
        }
        let clause = of_regex(r"^gpt-5\.6-sol-\d{4}-\d{2}-\d{2}$").unwrap();
        assert!(clause.holds("gpt-5.6-sol-2026-08-01"));
        assert!(!clause.holds("gpt-5x6-sol-2026-08-01"));
        let clause = of_regex(r"^gemini-3\.5-flash-\d").unwrap();
        assert!(clause.holds("gemini-3.5-flash-001") && !clause.holds("gemini-3.5-flash-lite"));
    }

    #[test]
    fn a_pattern_is_open_where_it_says_so_and_only_there() {
        for (pattern, name, holds) in [
            ("gpt-4o", "gpt-4o", true),
            ("gpt-4o", "gpt-4o-mini", false),
            ("gpt-4o*", "gpt-4o-mini", true),
            ("gpt-4o*", "gpt-4o", true),
            ("*gpt-4o", "openai/gpt-4o", true),
            ("*gpt-4o", "gpt-4o-mini", false),
            ("*gpt*", "a-gpt-b", true),
            ("*gpt*", "gp", false),
            ("*-#*", "o-1", true),
            ("*-#*", "o-a", false),
            ("*", "", true),
            ("é*", "éa", true),
        ] {
            assert_eq!(
                Clause::Like(pattern.into()).holds(name),
                holds,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn a_name_without_a_part_is_told_from_one_with_it() {
        let clause = of_regex("^(?!.*-[tT][tT][sS](?:$|-))").unwrap();
        assert!(clause.holds("gemini-2.5-pro") && clause.holds("gemini-2.5-pro-ttsx"));
        assert!(!clause.holds("gemini-2.5-pro-tts") && !clause.holds("gemini-2.5-pro-tts-preview"));
    }

    #[test]
    fn no_other_regular_expression_is_guessed_at() {
        for regex in ["a", "^a.*$", "^(a|b)$", "^a+$", r"^a\w$", "^[a-z]$"] {
            assert_eq!(of_regex(regex), None, "{regex}");
        }
    }
}
