//! OpenAI's embeddings: what a request says about itself, and vectors as numbers or as base64, as the client asked.

mod input;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use memchr::memmem;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::chat::{BadRequest, ChatRequest};
use crate::embeddings::input::Input;
use crate::fields::{fields, object};

/// Reads the facts of a request for embeddings.
///
/// # Errors
/// When the body is none.
pub fn scan(body: &Bytes) -> Result<ChatRequest, BadRequest> {
    if body.trim_ascii().is_empty() {
        return Err(BadRequest::Empty);
    }
    std::str::from_utf8(body).map_err(|error| BadRequest::NotUtf8 {
        offset: error.valid_up_to(),
    })?;
    let named = Named(fields(body).map_err(|error| unreadable(&error))?);
    let model = named.required("model")?;
    let input = named.required("input")?;
    let Input(tokens) = read(
        input,
        "input",
        "a text, an array of texts, or tokens as numbers in one array or several",
    )?;
    let packed = match named.one("encoding_format")? {
        Some(form) => match read::<String>(form, "encoding_format", FORMS)?.as_str() {
            "base64" => true,
            "float" => false,
            _ => return Err(wrong("encoding_format", FORMS)),
        },
        None => false,
    };
    if let Some(dimensions) = named.one("dimensions")? {
        read::<u32>(dimensions, "dimensions", "a whole number")?;
    }
    let user = named.one("user")?;
    let start = model.as_ptr().addr() - body.as_ptr().addr();
    Ok(ChatRequest {
        model: read(model, "model", "a string")?,
        model_span: start..start + model.len(),
        tokens: u32::try_from(tokens).unwrap_or(u32::MAX),
        user: user
            .map(|user| read(user, "user", "a string"))
            .transpose()?,
        packed,
        ..ChatRequest::default()
    })
}

const FORMS: &str = "`float` or `base64`";

/// The fields of a request.
struct Named(Vec<(String, Bytes)>);

impl Named {
    /// A field, where it is there and not null.
    fn one(&self, field: &'static str) -> Result<Option<&Bytes>, BadRequest> {
        let mut values = self.0.iter().filter(|(name, _)| name == field);
        let value = values.next().map(|(_, value)| value);
        if values.next().is_some() {
            return Err(BadRequest::Duplicate { field });
        }
        Ok(value.filter(|value| **value != b"null".as_slice()))
    }

    fn required(&self, field: &'static str) -> Result<&Bytes, BadRequest> {
        self.one(field)?.ok_or(BadRequest::Missing { field })
    }
}

fn read<'a, T: Deserialize<'a>>(
    value: &'a Bytes,
    field: &'static str,
    wants: &'static str,
) -> Result<T, BadRequest> {
    serde_json::from_slice(value).map_err(|_| wrong(field, wants))
}

fn wrong(field: &'static str, wants: &'static str) -> BadRequest {
    BadRequest::WrongType { field, wants }
}

fn unreadable(error: &serde_json::Error) -> BadRequest {
    if error.is_data() {
        return BadRequest::NotAnObject;
    }
    BadRequest::NotJson {
        reason: "it cannot be read".to_owned(),
        line: error.line(),
        column: error.column(),
    }
}

/// An answer with its vectors packed or as numbers, as its request asks; `None` where they are so already, or where the
/// answer is none that could be changed. Providers differ on whether they know base64.
#[must_use]
pub fn in_form(packed: bool, answer: &Bytes) -> Option<Bytes> {
    // Vectors are long: whether there is anything to do is seen at the first one.
    let is_packed = match first(answer)? {
        b'"' => true,
        b'[' => false,
        _ => return None,
    };
    if packed == is_packed {
        return None;
    }
    let mut fields = fields(answer).ok()?;
    let (_, data) = fields.iter_mut().find(|(name, _)| name == "data")?;
    let entries: Vec<&RawValue> = serde_json::from_slice(data).ok()?;
    let entries: Option<Vec<Vec<u8>>> = entries.into_iter().map(|e| entry(e, packed)).collect();
    *data = Bytes::from([b"[", entries?.join(&b","[..]).as_slice(), b"]"].concat());
    Some(Bytes::from(object(&fields).concat()))
}

/// What the first vector of an answer begins with. The word is also the name of the object it stands in.
fn first(answer: &[u8]) -> Option<u8> {
    const NAME: &[u8] = br#""embedding""#;
    memmem::find_iter(answer, NAME).find_map(|at| {
        let rest = answer.get(at + NAME.len()..)?.trim_ascii_start();
        let value = rest.strip_prefix(b":")?.trim_ascii_start();
        value.first().copied()
    })
}

/// An entry with its vector in the other form.
fn entry(entry: &RawValue, packed: bool) -> Option<Vec<u8>> {
    let mut fields = fields(&Bytes::copy_from_slice(entry.get().as_bytes())).ok()?;
    let (_, vector) = fields.iter_mut().find(|(name, _)| name == "embedding")?;
    let made = if packed {
        let numbers: Vec<f32> = serde_json::from_slice(vector).ok()?;
        let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        serde_json::to_vec(&STANDARD.encode(bytes)).ok()?
    } else {
        let text: String = serde_json::from_slice(vector).ok()?;
        let bytes = STANDARD.decode(text).ok()?;
        let (numbers, left) = bytes.as_chunks::<4>();
        if !left.is_empty() {
            return None;
        }
        let numbers: Vec<f32> = numbers.iter().map(|n| f32::from_le_bytes(*n)).collect();
        serde_json::to_vec(&numbers).ok()?
    };
    *vector = Bytes::from(made);
    Some(object(&fields).concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn read(body: &Value) -> Result<ChatRequest, BadRequest> {
        scan(&Bytes::from(body.to_string()))
    }

    #[test]
    fn every_kind_of_input_is_taken_and_counted() {
        for (input, tokens) in [
            (json!("hello there"), 3),
            (json!(["hello", "there!"]), 4),
            (json!([1, 2, 3]), 3),
            (json!([[1, 2], [3]]), 3),
            (json!([]), 0),
        ] {
            let read = read(&json!({ "input": input, "model": "m", "user": "u" })).unwrap();
            assert_eq!((read.tokens, read.model.as_str()), (tokens, "m"), "{input}");
            assert_eq!((read.stream, read.user.as_deref()), (false, Some("u")));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let param = |body: Value| read(&body).unwrap_err().param();
        assert_eq!(param(json!({ "input": "x" })), Some("model"));
        assert_eq!(param(json!({ "model": "m" })), Some("input"));
        assert_eq!(
            param(json!({ "model": "m", "input": { "a": 1 } })),
            Some("input")
        );
        for input in [
            json!(5),
            json!(["a", 1]),
            json!([[1], 2]),
            json!([[[1]]]),
            json!([-1]),
            json!([null]),
        ] {
            let body = json!({ "model": "m", "input": input });
            assert_eq!(param(body), Some("input"), "{input}");
        }
        assert_eq!(param(json!({ "model": 1, "input": "x" })), Some("model"));
        assert_eq!(
            param(json!({ "model": "m", "input": "x", "user": 5 })),
            Some("user")
        );
        assert_eq!(
            param(json!({ "model": "m", "input": "x", "encoding_format": 5 })),
            Some("encoding_format")
        );
        assert_eq!(
            param(json!({ "model": "m", "input": "x", "encoding_format": "hex" })),
            Some("encoding_format")
        );
        assert_eq!(
            param(json!({ "model": "m", "input": "x", "dimensions": -1 })),
            Some("dimensions")
        );
        assert!(
            scan(&Bytes::from_static(
                br#"{"model":"a","model":"b","input":"x"}"#
            ))
            .is_err()
        );
        assert!(scan(&Bytes::from_static(b"[]")).is_err() && scan(&Bytes::new()).is_err());
    }

    #[test]
    fn the_model_is_found_where_it_stands() {
        let body = Bytes::from_static(br#"{ "input":"x", "model" : "@e" }"#);
        assert_eq!(&body[scan(&body).unwrap().model_span], br#""@e""#);
    }

    fn answer(vector: &Value) -> Bytes {
        Bytes::from(format!(
            r#"{{"object":"list","data":[{{"object":"embedding","embedding" : {vector},"index":0}}],"model":"m","usage":{{"prompt_tokens":1,"total_tokens":1}}}}"#
        ))
    }

    #[test]
    fn vectors_are_little_endian_as_openais_client_reads_them() {
        let asked = |form: Value| {
            read(&json!({ "model": "m", "input": "x", "encoding_format": form }))
                .unwrap()
                .packed
        };
        assert!(asked(json!("base64")) && !asked(json!("float")) && !asked(Value::Null));
        let packed = in_form(true, &answer(&json!([1.0, -2.5]))).unwrap();
        let packed: Value = serde_json::from_slice(&packed).unwrap();
        assert_eq!(packed["data"][0]["embedding"], "AACAPwAAIMA=");
        assert_eq!(
            (
                &packed["usage"]["prompt_tokens"],
                &packed["data"][0]["index"]
            ),
            (&json!(1), &json!(0))
        );
        assert_eq!(in_form(true, &answer(&json!("AACAPwAAIMA="))), None);
        assert_eq!(in_form(false, &answer(&json!([1.0]))), None);
        let unpacked = in_form(false, &answer(&json!("AACAPwAAIMA="))).unwrap();
        let unpacked: Value = serde_json::from_slice(&unpacked).unwrap();
        assert_eq!(unpacked["data"][0]["embedding"], json!([1.0, -2.5]));
        assert_eq!(
            in_form(false, &answer(&json!("AAA"))),
            None,
            "what cannot be read stays"
        );
    }

    proptest! {
        #[test]
        fn a_vector_packed_and_unpacked_is_the_same(numbers in prop::collection::vec(-1.0_f32..1.0, 1..20)) {
            let packed = in_form(true, &answer(&json!(numbers))).unwrap();
            let unpacked = in_form(false, &packed).unwrap();
            let unpacked: Value = serde_json::from_slice(&unpacked).unwrap();
            let again: Vec<f32> = serde_json::from_value(unpacked["data"][0]["embedding"].clone()).unwrap();
            prop_assert_eq!(again, numbers);
        }
    }
}
