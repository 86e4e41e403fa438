//! Names and where they stand: declarations and uses, found by the shape of lines, so that half-written files have them too.

use crate::source::Span;
use crate::tree::{Guard, Item, Kind, Sign, Stmt, Test, Tree, Word};

/// What a name is a name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Named {
    Provider,
    Model,
    Plan,
    Policy,
    Set,
    Define,
    Budget,
    Limit,
    Breaker,
}

/// A name where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Occurrence {
    pub(super) kind: Named,
    /// In full: `provider/model`, `@policy`.
    pub(super) name: String,
    /// The word.
    pub(super) span: Span,
    /// The word is written in full, as opposed to a model inside its provider.
    pub(super) full: bool,
    pub(super) declares: bool,
}

impl Named {
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Model => "model",
            Self::Plan => "plan",
            Self::Policy => "policy",
            Self::Set => "set",
            Self::Define => "condition",
            Self::Budget => "budget",
            Self::Limit => "limit",
            Self::Breaker => "breaker",
        }
    }

    /// What a declaration begins with.
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "provider" => Self::Provider,
            "plan" => Self::Plan,
            "policy" => Self::Policy,
            "set" => Self::Set,
            "define" => Self::Define,
            "budget" => Self::Budget,
            "limit" => Self::Limit,
            "breaker" => Self::Breaker,
            _ => return None,
        })
    }
}

impl Occurrence {
    /// Whether both are names of the same thing.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.kind == other.kind && self.name == other.name
    }

    /// The name in full, if its own part were another.
    pub(super) fn renamed(&self, bare: &str) -> String {
        match (self.kind, self.name.split_once('/')) {
            (Named::Policy, _) => format!("@{bare}"),
            (Named::Model, Some((provider, _))) => format!("{provider}/{bare}"),
            _ => bare.to_owned(),
        }
    }

    /// What to write here when `name` gets another own part: here, or because its provider is part of the name.
    pub(super) fn edit(&self, name: &Self, bare: &str) -> Option<String> {
        let owned = |provider: &str| {
            self.full
                && self
                    .name
                    .split_once('/')
                    .is_some_and(|(p, _)| p == provider)
        };
        match name.kind {
            _ if self.same(name) => Some(if self.full {
                name.renamed(bare)
            } else {
                bare.to_owned()
            }),
            Named::Provider if self.kind == Named::Model && owned(&name.name) => {
                let (_, model) = self.name.split_once('/')?;
                Some(format!("{bare}/{model}"))
            }
            _ => None,
        }
    }
}

/// Words that mean something wherever they stand, and so can be no names.
pub(super) fn reserved(word: &str) -> bool {
    crate::editor::reserved().any(|r| r == word)
}

/// Every name of a bundle, in textual order.
pub(super) fn occurrences(trees: &[Tree]) -> Vec<Occurrence> {
    let mut finder = Finder { found: Vec::new() };
    for stmt in trees.iter().flat_map(|t| &t.body) {
        finder.declaration(stmt);
    }
    finder.found
}

struct Finder {
    found: Vec<Occurrence>,
}

impl Finder {
    fn declaration(&mut self, stmt: &Stmt) {
        let words: Vec<&Word> = stmt.items.iter().map_while(Item::word).collect();
        let kind = words.first().and_then(|head| Named::of(&head.text));
        let own = words
            .get(1)
            .filter(|w| matches!(w.kind, Kind::Name | Kind::Alias));
        match (kind, own) {
            (Some(kind), Some(name)) => {
                self.add(kind, &name.text, name.span, true, true);
                let rest = stmt.items.iter().skip(2);
                rest.for_each(|item| self.item(item, &words));
                let owner = (kind == Named::Provider).then_some(&*name.text);
                self.block(stmt, owner);
            }
            _ => self.line(stmt, None),
        }
    }

    fn block(&mut self, stmt: &Stmt, owner: Option<&str>) {
        for inner in stmt.block.iter().flat_map(|b| &b.body) {
            self.line(inner, owner);
        }
    }

    /// A line inside a block; `owner` is the provider whose block it is.
    fn line(&mut self, stmt: &Stmt, owner: Option<&str>) {
        let words: Vec<&Word> = stmt.items.iter().map_while(Item::word).collect();
        let head = words.first().map_or("", |w| &w.text);
        match (owner, words.get(1)) {
            (Some(owner), Some(name)) if head == "model" && name.kind == Kind::Name => {
                self.add(
                    Named::Model,
                    &format!("{owner}/{}", name.text),
                    name.span,
                    false,
                    true,
                );
                return self.block(stmt, Some(owner));
            }
            (Some(owner), Some(name)) if head == "like" && !name.text.contains('/') => {
                self.add(
                    Named::Model,
                    &format!("{owner}/{}", name.text),
                    name.span,
                    false,
                    false,
                );
                return;
            }
            _ => {}
        }
        stmt.items.iter().for_each(|item| self.item(item, &words));
        self.block(stmt, owner);
    }

    fn item(&mut self, item: &Item, words: &[&Word]) {
        match item {
            Item::Guard(Guard { expr, .. }) => expr.each_test(&mut |test| self.test(test)),
            Item::Row(row) => {
                let cells = row.cells.iter().filter_map(|(words, _)| words.as_ref());
                cells.for_each(|words| {
                    let words: Vec<&Word> = words.iter().collect();
                    for word in &words {
                        self.word(word, &words);
                    }
                });
            }
            Item::Word(word) => self.word(word, words),
        }
    }

    /// A word of a line, by what stands before it.
    fn word(&mut self, word: &Word, line: &[&Word]) {
        let at = line.iter().position(|w| w.span == word.span).unwrap_or(0);
        let before = at
            .checked_sub(1)
            .and_then(|b| line.get(b))
            .map_or("", |w| &w.text);
        let head = line.first().map_or("", |w| &w.text);
        match word.kind {
            Kind::Alias => self.add(Named::Policy, &word.text, word.span, true, false),
            Kind::Name if word.text.contains('/') => {
                self.add(Named::Model, &word.text, word.span, true, false);
            }
            Kind::Name if at > 0 => {
                let kind = match (head, before) {
                    (_, "plan") => Named::Plan,
                    (_, "budget") | ("charge", _) => Named::Budget,
                    ("limit", _) => Named::Limit,
                    ("breaker", "breaker") => Named::Breaker,
                    (_, "of") => Named::Provider,
                    _ => return,
                };
                self.add(kind, &word.text, word.span, true, false);
            }
            _ => {}
        }
    }

    fn test(&mut self, test: &Test) {
        let subject: Vec<&Word> = test.subject.iter().collect();
        if let [only] = subject.as_slice()
            && only.kind == Kind::Name
            && test.sign.is_none()
        {
            self.add(Named::Define, &only.text, only.span, true, false);
        }
        for word in &subject {
            self.word(word, &subject);
        }
        let asked = subject.first().map_or("", |w| &w.text);
        for value in &test.values {
            let kind = match (value.kind, asked, test.sign) {
                (Kind::Alias, ..) => Named::Policy,
                (Kind::Name, ..) if value.text.contains('/') => Named::Model,
                (Kind::Name, "plan", _) => Named::Plan,
                (Kind::Name, "provider", _) => Named::Provider,
                (Kind::Name, _, Some((Sign::In | Sign::NotIn, _))) if asked != "time" => Named::Set,
                _ => continue,
            };
            self.add(kind, &value.text, value.span, true, false);
        }
    }

    fn add(&mut self, kind: Named, name: &str, span: Span, full: bool, declares: bool) {
        self.found.push(Occurrence {
            kind,
            name: name.to_owned(),
            span,
            full,
            declares,
        });
    }
}
