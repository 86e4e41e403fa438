//! A file as a tree of statements, every word with its place. What the words mean is the checker's business.

use crate::image::Compare;
use crate::source::Span;
use crate::suggest;

/// One file.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) body: Vec<Stmt>,
}

/// One line, with the block that continues it.
#[derive(Debug)]
pub(crate) struct Stmt {
    /// At least one.
    pub(crate) items: Vec<Item>,
    pub(crate) block: Option<Block>,
    /// Without the block.
    pub(crate) span: Span,
}

/// `{ … }`.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) body: Vec<Stmt>,
    /// The `{`.
    pub(crate) open: Span,
    /// The `}`, unless it is missing.
    pub(crate) close: Option<Span>,
    /// A brace is missing somewhere around or inside: what stands where cannot be trusted.
    pub(crate) broken: bool,
    /// First words of lines that could not be read.
    pub(crate) unread: Vec<Box<str>>,
}

/// A part of a line.
#[derive(Debug)]
pub(crate) enum Item {
    Word(Word),
    Guard(Guard),
    Row(Row),
}

/// One word, number or string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) kind: Kind,
    /// As written; strings without quotes and escapes, aliases with their `@`.
    pub(crate) text: Box<str>,
    pub(crate) span: Span,
}

/// What a word looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Name,
    Alias,
    Text,
    Quantity,
    Clock,
    Date,
}

/// `| … | … |`.
#[derive(Debug)]
pub(crate) struct Row {
    /// A cell that holds only `-` is `None`.
    pub(crate) cells: Vec<(Option<Vec<Word>>, Span)>,
    pub(crate) span: Span,
}

/// `when`, `where` or `expect` with its condition.
#[derive(Debug)]
pub(crate) struct Guard {
    /// The keyword.
    pub(crate) head: Word,
    pub(crate) expr: Expr,
}

/// A condition.
#[derive(Debug)]
pub(crate) enum Expr {
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Not(Box<Expr>),
    Test(Test),
}

/// `subject`, or `subject sign values`.
#[derive(Debug)]
pub(crate) struct Test {
    /// `tag.x`, `has` `images`, or `p95` `of` `vllm/llama`.
    pub(crate) subject: Vec<Word>,
    pub(crate) sign: Option<(Sign, Span)>,
    pub(crate) values: Vec<Word>,
    pub(crate) span: Span,
}

/// How subject and values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Is,
    IsNot,
    In,
    NotIn,
    Matches,
    StartsWith,
    AtLeast,
    AtMost,
    More,
    Less,
}

impl Sign {
    /// As policies write it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Is => "is",
            Self::IsNot => "is not",
            Self::In => "in",
            Self::NotIn => "not in",
            Self::Matches => "matches",
            Self::StartsWith => "starts with",
            Self::AtLeast => ">=",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::Less => "<",
        }
    }
}

impl Sign {
    /// The comparison of two figures that it is, if it is one.
    pub(crate) fn compare(self) -> Option<Compare> {
        Some(match self {
            Self::Is => Compare::Is,
            Self::IsNot => Compare::IsNot,
            Self::Less => Compare::Less,
            Self::AtMost => Compare::AtMost,
            Self::More => Compare::More,
            Self::AtLeast => Compare::AtLeast,
            Self::In | Self::NotIn | Self::Matches | Self::StartsWith => return None,
        })
    }
}

impl Item {
    /// Where it stands.
    pub(crate) fn span(&self) -> Span {
        match self {
            Self::Word(word) => word.span,
            Self::Guard(guard) => guard
                .head
                .span
                .to(guard.expr.span().unwrap_or(guard.head.span)),
            Self::Row(row) => row.span,
        }
    }

    /// The word, where it is one.
    pub(crate) fn word(&self) -> Option<&Word> {
        match self {
            Self::Word(word) => Some(word),
            Self::Guard(_) | Self::Row(_) => None,
        }
    }
}

impl Word {
    /// Struck out because it is a secret; that has been reported already.
    pub(crate) fn hidden(&self) -> bool {
        !self.text.is_empty() && self.text.bytes().all(|b| b == b'*') && self.text.len() > 1
    }

    /// The word as it would have to be written to be of another kind, where only quotes or an `@` are missing.
    pub(crate) fn as_kind(&self, kind: Kind) -> Option<String> {
        match kind {
            Kind::Text if self.kind != Kind::Text => Some(format!("\"{}\"", self.text)),
            Kind::Alias if self.kind == Kind::Name => Some(format!("@{}", self.text)),
            _ => None,
        }
    }

    /// The keyword `text`, as opposed to a string of that content.
    pub(crate) fn says(&self, text: &str) -> bool {
        self.kind == Kind::Name && self.text.as_ref() == text
    }
}

impl Block {
    /// Whether no line begins with `word`, not even one that is wrong, or with what is probably meant to be it.
    pub(crate) fn lacks(&self, word: &str) -> bool {
        let begins = |stmt: &Stmt| match stmt.items.first() {
            Some(Item::Word(first)) => {
                first.says(word) || suggest::closest(&first.text, [word]).is_some()
            }
            Some(Item::Guard(guard)) => guard.head.says(word),
            _ => false,
        };
        !self.broken && !self.body.iter().any(begins) && !self.unread.iter().any(|u| &**u == word)
    }
}

impl Expr {
    /// From the first test to the last.
    pub(crate) fn span(&self) -> Option<Span> {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                let first = parts.first().and_then(Self::span)?;
                Some(first.to(parts.last().and_then(Self::span)?))
            }
            Self::Not(inner) => inner.span(),
            Self::Test(test) => Some(test.span),
        }
    }

    /// Every test in it, in textual order.
    pub(crate) fn each_test(&self, visit: &mut impl FnMut(&Test)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|p| p.each_test(visit)),
            Self::Not(inner) => inner.each_test(visit),
            Self::Test(test) => visit(test),
        }
    }
}

impl Stmt {
    /// Every word of the statement, its conditions and its blocks.
    pub(crate) fn each_word(&self, visit: &mut impl FnMut(&Word)) {
        for item in &self.items {
            match item {
                Item::Word(word) => visit(word),
                Item::Guard(guard) => guard.expr.each_test(&mut |test| {
                    test.subject
                        .iter()
                        .chain(&test.values)
                        .for_each(&mut *visit);
                }),
                Item::Row(row) => row
                    .cells
                    .iter()
                    .filter_map(|(c, _)| c.as_ref())
                    .flatten()
                    .for_each(&mut *visit),
            }
        }
        for stmt in self.block.iter().flat_map(|b| &b.body) {
            stmt.each_word(visit);
        }
    }
}
