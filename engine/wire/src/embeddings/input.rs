//! What a request for embeddings embeds, measured without a copy of it.

use std::fmt;
use std::mem::discriminant;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::chat::estimate::Tally;

/// Estimated tokens of an input: tokens are counted, texts are taken for a token per four bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Input(pub(crate) u64);

/// One of an array, each of which is of the same kind.
#[derive(Debug, Clone, Copy)]
enum Part {
    /// A text of so many tokens.
    Text(u64),
    Token,
    /// So many tokens.
    Batch(u64),
}

impl Part {
    fn tokens(self) -> u64 {
        match self {
            Self::Text(tokens) | Self::Batch(tokens) => tokens,
            Self::Token => 1,
        }
    }
}

fn text_tokens(text: &str) -> u64 {
    let text = text.len() as u64;
    Tally {
        text,
        ..Tally::default()
    }
    .text_tokens()
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InputVisitor)
    }
}

struct InputVisitor;

impl<'de> Visitor<'de> for InputVisitor {
    type Value = Input;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or an array")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Input, E> {
        Ok(Input(text_tokens(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Input, A::Error> {
        let (mut sum, mut kind) = (0_u64, None);
        while let Some(part) = seq.next_element::<Part>()? {
            let own = discriminant(&part);
            if *kind.get_or_insert(own) != own {
                return Err(Error::custom("an array of several kinds"));
            }
            sum = sum.saturating_add(part.tokens());
        }
        Ok(Input(sum))
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PartVisitor)
    }
}

struct PartVisitor;

impl<'de> Visitor<'de> for PartVisitor {
    type Value = Part;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a token or an array of tokens")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Part, E> {
        Ok(Part::Text(text_tokens(text)))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Part, E> {
        Ok(Part::Token)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Part, A::Error> {
        let mut tokens = 0;
        while seq.next_element::<u64>()?.is_some() {
            tokens += 1;
        }
        Ok(Part::Batch(tokens))
    }
}
