//! Fields of a request that its form does not name. They are passed over, and whoever passes over them can say so.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{BorrowedStrDeserializer, UnitDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::value::RawValue;

use crate::chat::json::text;

/// The gateway's own, told with the request.
const GATEWAYS: [&str; 2] = ["model", "stream"];
/// Values that ask for nothing.
const NOTHING: [&str; 5] = ["null", "false", "[]", "{}", "\"\""];

/// Reads an object, as [`json::read`](crate::chat::json::read) does, and names the fields that `T` does not: those that
/// ask for something, once each.
///
/// # Errors
/// Those of the reader.
pub(crate) fn read<'a, T: Deserialize<'a>>(json: &'a [u8]) -> serde_json::Result<(T, Vec<String>)> {
    let mut json = serde_json::Deserializer::from_str(text(json)?);
    let mut unread = Vec::new();
    let inner = &mut json;
    let read = T::deserialize(Noting {
        inner,
        unread: &mut unread,
    })?;
    json.end()?;
    Ok((read, unread))
}

/// What reads an object and notes the fields that nobody asked for.
struct Noting<'n, D> {
    inner: D,
    unread: &'n mut Vec<String>,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Noting<'_, D> {
    type Error = D::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.inner.deserialize_map(Fields {
            visitor,
            known: fields,
            unread: self.unread,
        })
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.inner.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct
        seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct Fields<'n, V> {
    visitor: V,
    known: &'static [&'static str],
    unread: &'n mut Vec<String>,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Fields<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(Noted {
            map,
            known: self.known,
            unread: self.unread,
            unknown: None,
        })
    }
}

struct Noted<'n, 'de, A> {
    map: A,
    known: &'static [&'static str],
    unread: &'n mut Vec<String>,
    /// The name just read, where the form has none such.
    unknown: Option<Cow<'de, str>>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Noted<'_, 'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let Some(name) = self.map.next_key_seed(Name(PhantomData))? else {
            return Ok(None);
        };
        let key = match &name {
            Cow::Borrowed(name) => seed.deserialize(BorrowedStrDeserializer::new(name)),
            Cow::Owned(name) => seed.deserialize(name.as_str().into_deserializer()),
        }?;
        self.unknown = (!self.known.contains(&name.as_ref())).then_some(name);
        Ok(Some(key))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let Some(name) = self.unknown.take() else {
            return self.map.next_value_seed(seed);
        };
        let value: &RawValue = self.map.next_value()?;
        let told =
            GATEWAYS.contains(&name.as_ref()) || self.unread.iter().any(|unread| *unread == name);
        if !told && !NOTHING.contains(&value.get()) {
            self.unread.push(name.into_owned());
        }
        // Whoever reads the form passes over it.
        seed.deserialize(UnitDeserializer::new())
    }
}

struct Name<'de>(PhantomData<&'de str>);

impl<'de> DeserializeSeed<'de> for Name<'de> {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name<'de> {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Form<'a> {
        #[serde(borrow)]
        kept: &'a RawValue,
        other: Option<u32>,
    }

    #[test]
    fn fields_that_ask_for_something_are_named_once() {
        let json = br#"{"model": "m", "min_p": 0.1, "kept": {"a" : 1}, "store": false, "mi\u006e_p": 2, "none": null, "stream": true, "other": 3}"#;
        let (form, unread): (Form<'_>, _) = read(json).expect("an object");
        assert_eq!((form.kept.get(), form.other), (r#"{"a" : 1}"#, Some(3)));
        assert_eq!(unread, ["min_p"]);
    }

    #[test]
    fn what_is_wrong_with_a_form_is_said_as_ever() {
        let fault = |json: &[u8]| match read::<Form<'_>>(json) {
            Ok(_) => panic!("it is wrong"),
            Err(error) => error.to_string(),
        };
        assert!(fault(b"{}").starts_with("missing field `kept`"));
        assert!(fault(br#"{"kept":1,"kept":2}"#).starts_with("duplicate field `kept`"));
        assert!(fault(br#"{"kept":1,"x":tru}"#).starts_with("expected ident"));
        assert!(fault(br#"{"kept":1} x"#).starts_with("trailing characters"));
        assert!(fault(b"[]").starts_with("invalid type: sequence"));
        assert!(fault(b"{\"\xff\":1}").starts_with("invalid UTF-8"));
    }
}
