//! One pass over a JSON text without building a tree: shapes say what they want of the value they meet, and
//! everything else is checked and skipped.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::chat::estimate::Tally;
use crate::chat::request::MAX_DEPTH;

/// Where the walk is: what it counted so far and how deep it stands.
#[derive(Debug)]
pub(crate) struct Place<'t> {
    pub(crate) tally: &'t mut Tally,
    pub(crate) too_deep: &'t mut bool,
    pub(crate) depth: u8,
}

impl Place<'_> {
    /// The walk into a value of which `shape` is expected.
    pub(crate) fn inside<S>(&mut self, shape: S) -> Walk<'_, S> {
        let place = Place {
            tally: self.tally,
            too_deep: self.too_deep,
            depth: self.depth,
        };
        Walk { shape, place }
    }

    fn descend<E: Error>(&mut self) -> Result<(), E> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            *self.too_deep = true;
            return Err(E::custom("nested too deeply"));
        }
        Ok(())
    }
}

/// What is wanted of one value. A kind of value that a shape says nothing about is skipped.
pub(crate) trait Shape<'de>: Sized {
    fn null(&mut self) {}
    fn flag(&mut self, _: bool) {}
    fn number(&mut self, _: f64) {}
    fn text(&mut self, _: &mut Place<'_>, _: &str) {}

    fn seq<A: SeqAccess<'de>>(
        &mut self,
        place: &mut Place<'_>,
        seq: &mut A,
    ) -> Result<(), A::Error> {
        while seq.next_element_seed(place.inside(Skip))?.is_some() {}
        Ok(())
    }

    fn map<A: MapAccess<'de>>(
        &mut self,
        place: &mut Place<'_>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        while map.next_key_seed(place.inside(Skip))?.is_some() {
            map.next_value_seed(place.inside(Skip))?;
        }
        Ok(())
    }
}

/// Wants nothing.
#[derive(Debug, Default)]
pub(crate) struct Skip;

impl Shape<'_> for Skip {}

/// Counts every text in a value, keys of objects included.
#[derive(Debug)]
pub(crate) struct Text;

impl<'de> Shape<'de> for Text {
    fn text(&mut self, place: &mut Place<'_>, text: &str) {
        place.tally.text += text.len() as u64;
    }

    fn seq<A: SeqAccess<'de>>(
        &mut self,
        place: &mut Place<'_>,
        seq: &mut A,
    ) -> Result<(), A::Error> {
        while seq.next_element_seed(place.inside(Self))?.is_some() {}
        Ok(())
    }

    fn map<A: MapAccess<'de>>(
        &mut self,
        place: &mut Place<'_>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        while map.next_key_seed(place.inside(Self))?.is_some() {
            map.next_value_seed(place.inside(Self))?;
        }
        Ok(())
    }
}

/// A value without parts, kept.
#[derive(Debug, Default, PartialEq)]
pub(crate) enum Plain {
    #[default]
    Null,
    Flag(bool),
    Number(f64),
    Text(String),
    /// An array or an object.
    Other,
}

impl<'de> Shape<'de> for Plain {
    fn null(&mut self) {
        *self = Self::Null;
    }

    fn flag(&mut self, flag: bool) {
        *self = Self::Flag(flag);
    }

    fn number(&mut self, number: f64) {
        *self = Self::Number(number);
    }

    fn text(&mut self, _: &mut Place<'_>, text: &str) {
        *self = Self::Text(text.to_owned());
    }

    fn seq<A: SeqAccess<'de>>(
        &mut self,
        place: &mut Place<'_>,
        seq: &mut A,
    ) -> Result<(), A::Error> {
        *self = Self::Other;
        Skip.seq(place, seq)
    }

    fn map<A: MapAccess<'de>>(
        &mut self,
        place: &mut Place<'_>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        *self = Self::Other;
        Skip.map(place, map)
    }
}

impl Plain {
    /// The value, if it is a text.
    pub(crate) fn into_string(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value as text, where it has one.
    pub(crate) fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(number) => Some(number.to_string()),
            Self::Flag(flag) => Some(flag.to_string()),
            Self::Null | Self::Other => None,
        }
    }

    /// The value as a count of something: a number of at least one, fractions dropped.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "casts of floats saturate, which is what is wanted"
    )]
    pub(crate) fn as_count(&self) -> Option<u32> {
        match self {
            Self::Number(number) if *number >= 1.0 => Some(*number as u32),
            _ => None,
        }
    }
}

/// The way into one value.
#[derive(Debug)]
pub(crate) struct Walk<'t, S> {
    shape: S,
    place: Place<'t>,
}

impl<'de, S: Shape<'de>> DeserializeSeed<'de> for Walk<'_, S> {
    type Value = S;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: Shape<'de>> Visitor<'de> for Walk<'_, S> {
    type Value = S;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(mut self) -> Result<S, E> {
        self.shape.null();
        Ok(self.shape)
    }

    fn visit_bool<E>(mut self, flag: bool) -> Result<S, E> {
        self.shape.flag(flag);
        Ok(self.shape)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "numbers are limits and counts, far below 2^53"
    )]
    fn visit_u64<E>(mut self, number: u64) -> Result<S, E> {
        self.shape.number(number as f64);
        Ok(self.shape)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "numbers are limits and counts, far below 2^53"
    )]
    fn visit_i64<E>(mut self, number: i64) -> Result<S, E> {
        self.shape.number(number as f64);
        Ok(self.shape)
    }

    fn visit_f64<E>(mut self, number: f64) -> Result<S, E> {
        self.shape.number(number);
        Ok(self.shape)
    }

    fn visit_str<E>(mut self, text: &str) -> Result<S, E> {
        self.shape.text(&mut self.place, text);
        Ok(self.shape)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<S, A::Error> {
        self.place.descend()?;
        self.shape.seq(&mut self.place, &mut seq)?;
        Ok(self.shape)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<S, A::Error> {
        self.place.descend()?;
        self.shape.map(&mut self.place, &mut map)?;
        Ok(self.shape)
    }
}
