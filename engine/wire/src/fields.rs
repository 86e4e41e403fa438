//! The fields of a JSON object as slices of its text, so that some of them can be changed and the rest is sent as it came.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The top-level fields of an object, in order, each with the text of its value.
///
/// # Errors
/// The text is no JSON object.
pub fn fields(object: &Bytes) -> Result<Vec<(String, Bytes)>, serde_json::Error> {
    let Pairs(pairs) = serde_json::from_slice(object)?;
    let slice = |(name, value): (Cow<'_, str>, &RawValue)| {
        (name.into_owned(), object.slice_ref(value.get().as_bytes()))
    };
    Ok(pairs.into_iter().map(slice).collect())
}

/// An object of these fields, in slices: the values are not copied.
#[must_use]
pub fn object(fields: &[(String, Bytes)]) -> Vec<Bytes> {
    let mut slices = Vec::with_capacity(fields.len() * 2 + 1);
    for (at, (name, value)) in fields.iter().enumerate() {
        let open = if at == 0 { "{" } else { "," };
        let name = serde_json::Value::from(name.as_str());
        slices.push(Bytes::from(format!("{open}{name}:")));
        slices.push(value.clone());
    }
    let close = if fields.is_empty() { "{}" } else { "}" };
    slices.push(Bytes::from_static(close.as_bytes()));
    slices
}

struct Pairs<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(Name(name)) = map.next_key()? {
                    pairs.push((name, map.next_value()?));
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn values_are_the_clients_own_memory_and_stay_as_they_were_written() {
        let text = Bytes::from_static(br#" { "a" : [1.50, "\u00e9"] , "b\n":null,"a":2 } "#);
        let found = fields(&text).unwrap();
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a", "b\n", "a"]);
        assert_eq!(found[0].1, br#"[1.50, "\u00e9"]"#.as_slice());
        assert_eq!(found[0].1.as_ptr(), text[9..].as_ptr());
        assert_eq!(
            object(&found).concat(),
            br#"{"a":[1.50, "\u00e9"],"b\n":null,"a":2}"#
        );
    }

    #[test]
    fn what_is_no_object_has_no_fields() {
        for text in ["[]", "1", "", "{", "{\"a\":1}x"] {
            assert!(fields(&Bytes::from(text.to_owned())).is_err(), "{text}");
        }
        assert_eq!(object(&[]).concat(), b"{}");
    }

    proptest! {
        #[test]
        fn an_object_of_its_fields_is_the_same(pairs in prop::collection::btree_map(".*", "[a-z\"\\\\é]*", 0..6)) {
            let value = Value::from_iter(pairs);
            let text = Bytes::from(value.to_string());
            let again = object(&fields(&text).unwrap()).concat();
            prop_assert_eq!(serde_json::from_slice::<Value>(&again).unwrap(), value);
        }
    }
}
