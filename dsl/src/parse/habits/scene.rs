//! The text with its tokens, cut where statements begin and end.

use super::tokens::{Kind, Token, lines, tokens};
use std::collections::HashSet;
use std::ops::Range;

/// A text that is looked at for habits of other languages.
#[derive(Debug)]
pub(super) struct Scene<'t> {
    pub(super) text: &'t str,
    pub(super) tokens: Vec<Token>,
    pub(super) segments: Vec<Segment>,
    /// Where each line starts.
    lines: Vec<usize>,
    /// Kinds and names of what is declared outside all blocks.
    declared: HashSet<(&'t str, &'t str)>,
}

/// Tokens of one line between braces.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    /// Indices of the tokens, comments left out at the end.
    pub(super) tokens: Range<usize>,
    /// How many blocks are open.
    pub(super) depth: usize,
    /// The first token of the line that opened the innermost.
    pub(super) block: Option<usize>,
    /// What stands in the innermost block.
    pub(super) inside: Inside,
    /// A `}` stands before it on its line.
    pub(super) chained: bool,
    /// It goes on with the condition of the line above.
    pub(super) continued: bool,
}

/// What stands in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inside {
    Lines,
    /// The values of a set.
    Values,
    /// Names that are the user's own, whatever they look like: settings of an adapter, rows of a table.
    Free,
}

/// Blocks whose lines begin with names that are not ours.
const FREE: [&str; 2] = ["settings", "quirks"];

impl<'t> Scene<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let mut scene = Self {
            text,
            tokens: tokens(text),
            segments: Vec::new(),
            lines: lines(text).into_iter().map(|line| line.start).collect(),
            declared: HashSet::new(),
        };
        scene.cut();
        let top = scene.segments.iter().filter(|s| s.depth == 0);
        let heads = top.map(|s| (scene.said(s.tokens.start), scene.said(s.tokens.start + 1)));
        scene.declared = heads.collect();
        scene.join();
        scene
    }

    /// Finds the lines that go on with a condition.
    fn join(&mut self) {
        const JOINS: [&str; 2] = ["and", "or"];
        const SIGNS: [&str; 3] = ["&&", "||", "("];
        let mut open = 0_usize;
        let mut before: Option<Segment> = None;
        for number in 0..self.segments.len() {
            let Some(mut segment) = self.segments.get(number).cloned() else {
                break;
            };
            let (first, last) = (segment.tokens.start, segment.tokens.end - 1);
            segment.continued = before.as_ref().is_some_and(|b: &Segment| {
                let end = b.tokens.end - 1;
                let joined = self.says(end, &JOINS) || self.sign(end, &SIGNS);
                let joins = self.says(first, &JOINS) || self.sign(first, &SIGNS);
                self.condition(b).is_some()
                    && b.block == segment.block
                    && (joined || joins || open > 0)
            });
            if !segment.continued {
                open = 0;
            }
            for at in first..=last {
                open += usize::from(self.sign(at, &["("]));
                open = open.saturating_sub(usize::from(self.sign(at, &[")"])));
            }
            if let Some(slot) = self.segments.get_mut(number) {
                *slot = segment.clone();
            }
            before = Some(segment);
        }
    }

    fn cut(&mut self) {
        let mut open: Vec<(Inside, usize)> = Vec::new();
        let (mut start, mut chained) = (0, false);
        let count = self.tokens.len();
        for at in 0..=count {
            let sign = self.said(at);
            let sign = if self.is(at, Kind::Sign) { sign } else { "" };
            let before = at.checked_sub(1).and_then(|b| self.tokens.get(b));
            let breaks = match (before, self.tokens.get(at)) {
                (Some(before), Some(token)) => before.line != token.line,
                _ => true,
            };
            let brace = matches!(sign, "{" | "}");
            if at > start && (breaks || brace) {
                self.segment(start..at, &open, chained);
            }
            if breaks {
                (start, chained) = (at, false);
            }
            match sign {
                "{" => {
                    let inside = match (open.last(), self.said(start)) {
                        (Some((Inside::Free, _)), _) => Inside::Free,
                        (_, word) if FREE.contains(&word) => Inside::Free,
                        (_, "set") => Inside::Values,
                        _ => Inside::Lines,
                    };
                    // A brace on a line of its own belongs to the line above.
                    let above = self.segments.last().map_or(start, |s| s.tokens.start);
                    open.push((inside, if start == at { above } else { start }));
                }
                "}" => drop(open.pop()),
                _ => {}
            }
            if brace {
                (start, chained) = (at + 1, sign == "}");
            }
        }
    }

    fn segment(&mut self, tokens: Range<usize>, open: &[(Inside, usize)], chained: bool) {
        let row = self.said(tokens.start) == "|";
        let comments = tokens
            .clone()
            .rev()
            .take_while(|at| self.is(*at, Kind::Comment) || self.is(*at, Kind::Foreign));
        let end = tokens.end - comments.count();
        if end > tokens.start {
            self.segments.push(Segment {
                tokens: tokens.start..end,
                depth: open.len(),
                block: open.last().map(|(_, start)| *start),
                inside: match open.last() {
                    _ if row => Inside::Free,
                    Some((inside, _)) => *inside,
                    None => Inside::Lines,
                },
                chained,
                continued: false,
            });
        }
    }

    /// Whether a token stands within a condition that a line before it has begun, so that it begins no statement.
    pub(super) fn continues(&self, at: usize) -> bool {
        let comment = |at: &usize| self.is(*at, Kind::Comment) || self.is(*at, Kind::Foreign);
        let before = (0..at).rev().find(|at| !comment(at));
        before.is_some_and(|at| self.says(at, &["and", "or", "not"]) || self.sign(at, &["("]))
    }

    /// The text of a token; nothing where there is none.
    pub(super) fn said(&self, at: usize) -> &'t str {
        let range = self.tokens.get(at).map(|t| t.range.clone());
        range.and_then(|r| self.text.get(r)).unwrap_or_default()
    }

    /// Whether a token is of a kind.
    pub(super) fn is(&self, at: usize, kind: Kind) -> bool {
        self.tokens.get(at).is_some_and(|t| t.kind == kind)
    }

    /// Whether a token is this word, in whatever case.
    pub(super) fn says(&self, at: usize, words: &[&str]) -> bool {
        let Some(token) = self.tokens.get(at).filter(|t| t.kind == Kind::Word) else {
            return false;
        };
        // Only of a word that is as long the text is looked at.
        let mut long = words
            .iter()
            .filter(|w| w.len() == token.range.len())
            .peekable();
        long.peek().is_some() && {
            let said = self.said(at);
            long.any(|w| said.eq_ignore_ascii_case(w))
        }
    }

    /// Whether a token is one of these signs.
    pub(super) fn sign(&self, at: usize, signs: &[&str]) -> bool {
        self.is(at, Kind::Sign) && {
            let said = self.said(at);
            signs.contains(&said)
        }
    }

    /// Where a token stands.
    pub(super) fn range(&self, at: usize) -> Range<usize> {
        let end = self.text.len();
        self.tokens.get(at).map_or(end..end, |t| t.range.clone())
    }

    /// Whether nothing stands between a token and the next.
    pub(super) fn touches(&self, at: usize) -> bool {
        self.tokens.get(at + 1).is_some() && self.range(at).end == self.range(at + 1).start
    }

    /// The token and the blanks around it on its line.
    pub(super) fn spread(&self, at: usize) -> Range<usize> {
        let range = self.range(at);
        let before = self.text.get(..range.start).unwrap_or_default();
        let behind = self.text.get(range.end..).unwrap_or_default();
        let left = before.len() - before.trim_end_matches([' ', '\t']).len();
        let right = behind.len() - behind.trim_start_matches([' ', '\t']).len();
        range.start - left..range.end + right
    }

    /// The blanks that the line of a token begins with.
    pub(super) fn indent(&self, at: usize) -> &'t str {
        let number = self.tokens.get(at).map(|t| t.line);
        let start = number.and_then(|n| self.lines.get(n)).copied();
        let line = self.text.get(start.unwrap_or(0)..).unwrap_or_default();
        let width = line.len() - line.trim_start_matches([' ', '\t']).len();
        line.get(..width).unwrap_or_default()
    }

    /// The first token of a segment from which on it is a condition.
    pub(super) fn condition(&self, segment: &Segment) -> Option<usize> {
        const OPENERS: [&str; 8] = [
            "when", "where", "expect", "if", "elif", "elsif", "elseif", "case",
        ];
        if segment.continued {
            return segment.tokens.start.checked_sub(1);
        }
        segment.tokens.clone().find(|at| self.says(*at, &OPENERS))
    }

    /// The strategy whose arms a segment stands among.
    pub(super) fn strategy(&self, segment: &Segment) -> &'static str {
        const STRATEGIES: [&str; 9] = [
            "fallback", "cheapest", "fastest", "balance", "split", "canary", "cascade", "ensemble",
            "hedge",
        ];
        const NEAR: usize = 40;
        let line = segment
            .block
            .into_iter()
            .flat_map(|start| start..start + NEAR);
        // `plan cascade {` is a name.
        let named = |at: &usize| {
            let before = at.checked_sub(1).filter(|_| Some(*at) != segment.block);
            before.is_some_and(|b| self.says(b, &["plan", "rule", "name", "policy"]))
        };
        line.take_while(|at| !self.sign(*at, &["{"]) || Some(*at) == segment.block)
            .filter(|at| !named(at))
            .filter_map(|at| STRATEGIES.into_iter().find(|s| self.says(at, &[s])))
            .last()
            .unwrap_or_default()
    }

    /// Whether a token stands where a name is due, whatever else the word may mean: `plan then`, `rule go`.
    pub(super) fn named(&self, at: usize) -> bool {
        const NAMING: [&str; 15] = [
            "plan", "rule", "name", "define", "set", "budget", "limit", "breaker", "provider",
            "model", "charge", "arm", "of", "in", "is",
        ];
        let line = |at: usize| self.tokens.get(at).map(|t| t.line);
        at.checked_sub(1)
            .is_some_and(|before| line(before) == line(at) && self.says(before, &NAMING))
    }

    /// Whether the file declares something of a kind by this name.
    pub(super) fn declares(&self, kind: &str, name: &str) -> bool {
        self.declared.contains(&(kind, name))
    }

    /// Whether a token is `use`, `deny` or `go`, and no name.
    pub(super) fn verb(&self, at: usize) -> bool {
        self.says(at, &["use", "deny", "go"]) && !self.named(at)
    }

    /// The first word of the block that a segment stands in.
    pub(super) fn opener(&self, segment: &Segment) -> &'t str {
        segment.block.map_or("", |at| self.said(at))
    }

    /// Whether a token names a target or a plan.
    pub(super) fn aims(&self, at: usize) -> bool {
        let word = self.said(at);
        self.says(at, &["plan"]) || self.is(at, Kind::Word) && target(word)
    }
}

/// `provider/model`, as opposed to a path or an address.
pub(super) fn target(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word
            .split_once('/')
            .is_some_and(|(_, model)| !model.is_empty())
        && !word.contains("://")
}

/// A word that can be a name.
pub(super) fn name(word: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || "_-./:*".contains(c);
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && word.chars().all(part)
}
