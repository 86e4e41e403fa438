//! Fields of a request that its form does not name. They are passed over, and whoever passes over them can say so.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::value::RawValue;

/// The gateway's own, told with the request.
const GATEWAYS: [&str; 2] = ["model", "stream"];
/// Values that ask for nothing.
const NOTHING: [&str; 5] = ["null", "false", "[]", "{}", "\"\""];
/// Fields, and the value that a provider takes without them.
const USUAL: [(&str, &str); 1] = [("detail", "\"auto\"")];

/// Reads JSON, as [`json::read`](crate::chat::json::read) does, and names the fields that `T` and the structs in it do not:
/// those that ask for something, once each, by the way to them from `place`.
///
/// # Errors
/// Those of the reader.
pub(crate) fn read<'a, T: Deserialize<'a>>(
    json: &'a str,
    place: &'static str,
    unread: &mut Vec<String>,
) -> serde_json::Result<T> {
    let mut json = serde_json::Deserializer::from_str(json);
    let read = T::deserialize(Noting {
        inner: &mut json,
        way: Way::Start(place),
        unread,
    })?;
    json.end()?;
    Ok(read)
}

/// Reads a field in which nothing is named.
///
/// # Errors
/// Those of the reader.
pub(crate) fn unnoted<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    /// `Noting` ends at a type of this kind.
    #[derive(Deserialize)]
    struct Unnoted<T>(T);
    Unnoted::deserialize(deserializer).map(|unnoted| unnoted.0)
}

/// Says of each of these fields that it was dropped, once.
pub(crate) fn warn(unread: Vec<String>, warnings: &mut Vec<String>) {
    for name in unread {
        let warning = format!("`{name}` was dropped");
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
}

/// The way to a value.
#[derive(Clone, Copy)]
enum Way<'w> {
    Start(&'static str),
    Field(&'w Way<'w>, &'w str),
    Items(&'w Way<'w>),
}

impl Way<'_> {
    /// Whether that value there is known to who answers, named or not.
    fn is_told(self, value: &str) -> bool {
        match self {
            Self::Field(Self::Start(""), name) => GATEWAYS.contains(&name),
            Self::Field(_, name) => USUAL.contains(&(name, value)),
            _ => false,
        }
    }
}

impl fmt::Display for Way<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(place) => f.write_str(place),
            Self::Field(Self::Start(""), name) => f.write_str(name),
            Self::Field(up, name) => write!(f, "{up}.{name}"),
            Self::Items(up) => write!(f, "{up}[]"),
        }
    }
}

/// What reads a value and notes the fields that nobody asked for. Structs, lists and what may be missing are followed; all
/// else is read as ever.
struct Noting<'n, D> {
    inner: D,
    way: Way<'n>,
    unread: &'n mut Vec<String>,
}

macro_rules! read_as_ever {
    ($($method:ident($($name:ident: $type:ty),*))*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(
            self,
            $($name: $type,)*
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            self.inner.$method($($name,)* visitor)
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Noting<'_, D> {
    type Error = D::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.inner.deserialize_map(Within {
            inner: visitor,
            way: self.way,
            unread: self.unread,
        })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.inner.deserialize_seq(Within {
            inner: visitor,
            way: self.way,
            unread: self.unread,
        })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.inner.deserialize_option(Within {
            inner: visitor,
            way: self.way,
            unread: self.unread,
        })
    }

    /// So is read what a form does not name.
    #[cold]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        let value = <&RawValue>::deserialize(self.inner)?.get();
        if !NOTHING.contains(&value) && !self.way.is_told(value) {
            let name = self.way.to_string();
            if !self.unread.contains(&name) {
                self.unread.push(name);
            }
        }
        visitor.visit_unit()
    }

    read_as_ever! {
        deserialize_any() deserialize_bool() deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_f32() deserialize_f64()
        deserialize_char() deserialize_str() deserialize_string() deserialize_bytes() deserialize_byte_buf()
        deserialize_unit() deserialize_map() deserialize_identifier()
        deserialize_unit_struct(name: &'static str) deserialize_newtype_struct(name: &'static str)
        deserialize_tuple(len: usize) deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }
}

/// What goes into a value, item by item and field by field.
struct Within<'n, T> {
    inner: T,
    way: Way<'n>,
    unread: &'n mut Vec<String>,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Within<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(Noting {
            inner,
            way: self.way,
            unread: self.unread,
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.inner.visit_seq(Within {
            inner,
            way: Way::Items(&self.way),
            unread: self.unread,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.inner.visit_map(Fields {
            map,
            way: self.way,
            name: Cow::Borrowed(""),
            unread: self.unread,
        })
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Within<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        inner: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.inner.next_element_seed(Within {
            inner,
            way: self.way,
            unread: self.unread,
        })
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Within<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(Noting {
            inner,
            way: self.way,
            unread: self.unread,
        })
    }
}

/// The fields of a struct.
struct Fields<'n, 'de, A> {
    map: A,
    way: Way<'n>,
    /// The one whose name was read last.
    name: Cow<'de, str>,
    unread: &'n mut Vec<String>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Fields<'_, 'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        self.map.next_key_seed(Name {
            inner: seed,
            name: &mut self.name,
        })
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, inner: S) -> Result<S::Value, A::Error> {
        self.map.next_value_seed(Within {
            inner,
            way: Way::Field(&self.way, &self.name),
            unread: self.unread,
        })
    }
}

/// What reads the name of a field, and keeps it.
struct Name<'n, 'de, T> {
    inner: T,
    name: &'n mut Cow<'de, str>,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Name<'_, 'de, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        let name = self.name;
        self.inner.deserialize(Name { inner, name })
    }
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Name<'_, 'de, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, inner: V) -> Result<V::Value, D::Error> {
        let name = self.name;
        self.inner.deserialize_str(Name { inner, name })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Name<'_, 'de, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<V::Value, E> {
        *self.name = Cow::Borrowed(name);
        self.inner.visit_borrowed_str(name)
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<V::Value, E> {
        *self.name = Cow::Owned(name.to_owned());
        self.inner.visit_str(name)
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
        #[serde(borrow, default)]
        list: Vec<Form<'a>>,
        #[serde(default, deserialize_with = "unnoted")]
        whole: Option<Box<Form<'a>>>,
    }

    fn form(json: &str) -> serde_json::Result<(Form<'_>, Vec<String>)> {
        let mut unread = Vec::new();
        read(json, "", &mut unread).map(|form| (form, unread))
    }

    #[test]
    fn fields_that_ask_for_something_are_named_once() {
        let json = r#"{"model": "m", "min_p": 0.1, "kept": {"a" : 1}, "store": false, "mi\u006e_p": 2, "none": null, "stream": true, "other": 3}"#;
        let (form, unread) = form(json).expect("an object");
        assert_eq!((form.kept.get(), form.other), (r#"{"a" : 1}"#, Some(3)));
        assert_eq!(unread, ["min_p"]);
    }

    #[test]
    fn fields_within_are_named_by_the_way_to_them_and_those_of_a_whole_are_not() {
        let json = r#"{"kept": {"a": 1}, "list": [{"kept": 1, "a": 1, "model": "m"}, {"kept": 2, "a": 2, "b": [],
            "list": [{"kept": 3, "c": {"d": 1}}]}], "whole": {"kept": 4, "e": 1}}"#;
        let (form, unread) = form(json).expect("an object");
        assert_eq!(form.list.len(), 2);
        assert_eq!(form.whole.expect("a whole").kept.get(), "4");
        assert_eq!(unread, ["list[].a", "list[].model", "list[].list[].c"]);
        let mut warnings = Vec::new();
        warn(unread.clone(), &mut warnings);
        warn(unread, &mut warnings);
        assert_eq!(warnings.len(), 3);
        assert_eq!(warnings[0], "`list[].a` was dropped");
    }

    #[test]
    fn what_is_wrong_with_a_form_is_said_as_ever() {
        let fault = |json: &str| match form(json) {
            Ok(_) => panic!("it is wrong"),
            Err(error) => error.to_string(),
        };
        assert!(fault("{}").starts_with("missing field `kept`"));
        assert!(fault(r#"{"kept":1,"kept":2}"#).starts_with("duplicate field `kept`"));
        assert!(fault(r#"{"kept":1,"x":tru}"#).starts_with("expected ident"));
        assert!(fault(r#"{"kept":1} x"#).starts_with("trailing characters"));
        assert!(fault("[]").starts_with("invalid type: sequence"));
        assert!(fault(r#"{"kept":1,"list":[{}]}"#).starts_with("missing field `kept`"));
        assert!(fault(r#"{"kept":1,"list":["a"]}"#).starts_with("invalid type: string"));
    }
}
