//! Which pieces of a line may stand under those of its neighbours.

use super::outline::Line;
use super::piece::{Piece, Sort};
use crate::tree::Kind;
use crate::words::{self, Entry, Place};

/// Columns of one line beyond which nothing is aligned.
const MOST: usize = 16;

/// A piece that may be aligned with those above and below.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) at: usize,
    pub(super) class: Class,
    /// It wants to be aligned: by the table, or because it is written so. Others are only left where they fit.
    pub(super) wants: bool,
    /// Most blanks before it where no neighbour shares it.
    pub(super) alone: usize,
}

/// Why a piece may be aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// `use`, `deny` or `go` of a rule.
    Verb,
    /// What follows the word that a line begins with.
    Value,
    /// What follows the name that a declaration gives.
    Meaning,
    /// An option such as `timeout 20s`.
    Option,
    /// The sign of an expectation.
    Sign,
}

/// What a line has in common with those it can share columns with.
pub(super) fn kin<'t>(line: &Line<'t>, pieces: &[Piece<'t>]) -> &'t str {
    let Some(first) = pieces.first() else {
        return "";
    };
    match first.sort {
        _ if line.verb.is_some() => "when",
        Sort::Word(Kind::Name) if !first.is_plain() => "<target>",
        Sort::Word(Kind::Quantity) => "<number>",
        Sort::Word(Kind::Text) => "<text>",
        _ => first.text,
    }
}

/// The columns of a line, from left to right; `top` if it stands in no block.
pub(super) fn columns(line: &Line<'_>, pieces: &[Piece<'_>], kin: &str, top: bool) -> Vec<Column> {
    let column = |at: usize, class: Class, wants: bool| Column {
        at,
        class,
        wants: wants || pieces.get(at).is_some_and(|p| p.written() > 1),
        alone: 1,
    };
    let first = match (line.verb, line.sign) {
        (Some(verb), _) => Some(column(verb, Class::Verb, true)),
        (None, Some(sign)) => Some(column(sign, Class::Sign, false)),
        _ if top => return meaning(pieces).into_iter().collect(),
        _ => has_value(pieces).then(|| column(1, Class::Value, is_property(pieces))),
    };
    let start = first.map_or(1, |column| column.at + 1);
    first
        .into_iter()
        .chain(options(pieces, start, kin))
        .take(MOST)
        .collect()
}

/// What a declaration on one line says of its name.
fn meaning(pieces: &[Piece<'_>]) -> Option<Column> {
    let named = pieces.get(1).is_some_and(|p| p.sort != Sort::Begin);
    (named && pieces.len() > 2).then_some(Column {
        at: 2,
        class: Class::Meaning,
        wants: true,
        alone: 1,
    })
}

/// The options of a line, from `start` on and up to its block.
fn options(pieces: &[Piece<'_>], start: usize, kin: &str) -> impl Iterator<Item = Column> {
    let pairs = (1..).zip(pieces.windows(2)).skip(start.saturating_sub(1));
    let pairs = pairs.take_while(|(_, pair)| pair.last().is_none_or(|p| p.sort != Sort::Begin));
    pairs.filter_map(move |(at, pair)| {
        let [before, piece] = pair else {
            return None;
        };
        if !piece.is_plain() || !matches!(before.sort, Sort::Word(_)) {
            return None;
        }
        let known = is_option(kin, piece.text);
        let wants = known || piece.written() > 1;
        let is_name = before.sort == Sort::Word(Kind::Name);
        (wants || before.text.contains('/')).then_some(Column {
            at,
            class: Class::Option,
            wants,
            alone: if known || !is_name { 2 } else { 1 },
        })
    })
}

/// Whether a line is a word and what follows it.
fn has_value(pieces: &[Piece<'_>]) -> bool {
    match pieces {
        [first, second, ..] => {
            (first.is_plain() || first.sort == Sort::Word(Kind::Quantity))
                && second.sort != Sort::Begin
        }
        _ => false,
    }
}

/// Whether a line gives a value to a word that stands once in its block: such lines make a table.
fn is_property(pieces: &[Piece<'_>]) -> bool {
    let Some(first) = pieces.first().filter(|p| p.is_plain()) else {
        return false;
    };
    if words::named(first.text).next().is_none() {
        let value = pieces.get(1).map(|p| p.sort);
        let plain = [Kind::Text, Kind::Quantity].map(|kind| Some(Sort::Word(kind)));
        return pieces.len() == 2 && plain.contains(&value);
    }
    let mut inner = words::named(first.text)
        .filter(|e| e.within != [Place::File])
        .peekable();
    inner.peek().is_some() && inner.all(|e| !e.repeats)
}

/// Whether the statement table has `word` as an option of lines like this one.
fn is_option(kin: &str, word: &str) -> bool {
    let says = |entry: &Entry| {
        let mut options = optional(entry.form).chain(entry.options().map(|o| o.word));
        options.any(|option| option == word)
    };
    words::named(kin).any(says)
}

/// The first word of each `[…]` of a form that stands in no other.
fn optional(form: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    form.match_indices(['[', ']'])
        .filter_map(move |(at, bracket)| {
            if bracket == "]" {
                depth = depth.saturating_sub(1);
                return None;
            }
            depth += 1;
            let option = form.get(at + 1..).filter(|_| depth == 1)?;
            option.split([' ', ']', '[']).next()
        })
}
