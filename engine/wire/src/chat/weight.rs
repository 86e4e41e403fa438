//! How much a model wrote, whatever shape it came in: text, parts, tool calls.

use std::fmt;

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The bytes of text in a value and all its parts; names of fields and kinds, ids, signatures and whose they are count nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weight(pub(crate) u64);

#[derive(Debug, Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    Type,
    Id,
    Index,
    Signature,
    Provider,
    #[serde(other)]
    Other,
}

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WeightVisitor)
    }
}

struct WeightVisitor;

impl<'de> Visitor<'de> for WeightVisitor {
    type Value = Weight;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Weight, E> {
        Ok(Weight(text.len() as u64))
    }

    fn visit_unit<E: Error>(self) -> Result<Weight, E> {
        Ok(Weight(0))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Weight, E> {
        Ok(Weight(0))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Weight, E> {
        Ok(Weight(0))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Weight, E> {
        Ok(Weight(0))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Weight, E> {
        Ok(Weight(0))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Weight, A::Error> {
        let mut sum = 0;
        while let Some(Weight(bytes)) = seq.next_element()? {
            sum += bytes;
        }
        Ok(Weight(sum))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Weight, A::Error> {
        let mut sum = 0;
        while let Some(field) = map.next_key()? {
            match field {
                Field::Other => sum += map.next_value::<Weight>()?.0,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Weight(sum))
    }
}
