//! Values of parts, each with its unit.

use crate::image::{BasisPoints, Millis, Pico};
use crate::phrase;

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
    /// A word that is there.
    Yes,
    Text(Box<str>),
    /// In an order that means something.
    Words(Vec<Box<str>>),
    Number(i64),
    Tokens(u64),
    Time(Millis),
    Share(BasisPoints),
    Money(Pico),
    /// Of one token.
    Price(Pico),
    When(Guard),
    /// Several values of one line.
    Row(Vec<Figure>),
}

/// A condition by what it means.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    /// As policies may write it. Not compared.
    pub(crate) words: Box<str>,
    /// The canonical bytes of where it holds.
    pub(crate) meaning: Box<[u8]>,
}

impl PartialEq for Guard {
    fn eq(&self, other: &Self) -> bool {
        self.meaning == other.meaning
    }
}

impl Eq for Guard {}

impl Figure {
    /// As policies write it.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Yes => "yes".into(),
            Self::Text(text) => format!("{text:?}"),
            Self::Words(words) => words.join(" "),
            Self::Number(number) => number.to_string(),
            Self::Tokens(tokens) => phrase::count(*tokens),
            Self::Time(time) => phrase::time(*time),
            Self::Share(share) => phrase::share(*share),
            Self::Money(money) => phrase::money(*money),
            Self::Price(money) => phrase::price(*money),
            Self::When(guard) => guard.words.to_string(),
            Self::Row(row) => row.iter().map(Self::words).collect::<Vec<_>>().join(" "),
        }
    }

    /// Behind the word it belongs to.
    pub(crate) fn said(&self, word: &str) -> String {
        match self {
            Self::Yes => word.to_owned(),
            other => format!("{word} {}", other.words()),
        }
    }
}
