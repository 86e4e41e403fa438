//! Embeddings, for adapters that translate them: requests are read here, and answers are written, both as OpenAI has them.
//! Whether a client wants vectors packed is the gateway's affair: an adapter writes numbers.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::chat::json::{self, Json};
use crate::error::Fault;
use crate::reply::{Batch, Decoded, Finish, Usage};
use crate::request::RequestCtx;

/// The operation.
pub const OPERATION: &str = "embeddings";

/// A request for embeddings.
#[derive(Debug)]
pub struct Embeddings<'a> {
    /// The texts, each a JSON string.
    pub texts: Vec<&'a RawValue>,
    /// Numbers of a vector, where the client says how many.
    pub dimensions: Option<u64>,
    /// What the vectors are for, in the provider's word. OpenAI's clients send it as an extra field.
    pub input_type: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Asked<'a> {
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(borrow)]
    dimensions: Option<&'a RawValue>,
    #[serde(borrow)]
    input_type: Option<&'a RawValue>,
}

impl<'a> Embeddings<'a> {
    /// Reads the body.
    ///
    /// # Errors
    /// When it is no request for embeddings, or has tokens for input, which only their own model understands.
    pub fn read(body: &'a [u8], provider: &str) -> Result<Self, Fault> {
        let asked: Asked<'a> = json::read(body)
            .map_err(|error| Fault::invalid(format!("not understood: {error}"), ""))?;
        let input = asked.input.ok_or_else(wrong)?;
        let texts = match input.get().as_bytes().first() {
            Some(b'"') => vec![input],
            _ => Vec::deserialize(input).map_err(|_| wrong())?,
        };
        if let Some(other) = texts.iter().find(|text| !text.get().starts_with('"')) {
            let token = other
                .get()
                .starts_with(|first: char| first == '[' || first.is_ascii_digit());
            return Err(if token {
                Fault::unsupported(format!("{provider} embeds texts, not tokens"), "input")
            } else {
                wrong()
            });
        }
        Ok(Self {
            texts,
            dimensions: field(asked.dimensions, "dimensions", "a whole number")?,
            input_type: field::<String>(asked.input_type, "input_type", "a word")?.map(Cow::Owned),
        })
    }
}

fn field<'a, T: Deserialize<'a>>(
    value: Option<&'a RawValue>,
    name: &str,
    wants: &str,
) -> Result<Option<T>, Fault> {
    value
        .map(|value| T::deserialize(value).map_err(|_| Fault::invalid(wants, name)))
        .transpose()
}

fn wrong() -> Fault {
    Fault::invalid("a text or an array of texts", "input")
}

/// What an answer needs to know of its request; the state of its one decode.
///
/// # Errors
/// Those of the writer.
pub fn opened(ctx: &RequestCtx) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(&ctx.model).map_err(|error| Fault::Internal(error.to_string()))
}

#[derive(Serialize)]
struct Answer<'a> {
    object: &'static str,
    data: Vec<Entry<'a>>,
    model: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Counts>,
}

#[derive(Serialize)]
struct Entry<'a> {
    object: &'static str,
    index: usize,
    embedding: Json<'a>,
}

#[derive(Serialize)]
struct Counts {
    prompt_tokens: u64,
    total_tokens: u64,
}

/// The one document of an answer; `None` where it is not there yet.
#[must_use]
pub fn document(batch: &Batch) -> Option<&[u8]> {
    batch.frames().next().map(|frame| frame.data)
}

/// An answer of these vectors, JSON arrays of numbers, and of so many input tokens where the provider tells.
///
/// # Errors
/// When the state is not that of [`opened`].
pub fn answer(
    state: &[u8],
    vectors: Vec<&RawValue>,
    tokens: Option<u64>,
) -> Result<Decoded, Fault> {
    let internal = |error: serde_json::Error| Fault::Internal(error.to_string());
    let model: String = json::read(state).map_err(internal)?;
    let entry = |(index, vector)| Entry {
        object: "embedding",
        index,
        embedding: on_one_line(vector),
    };
    let answer = Answer {
        object: "list",
        data: vectors.into_iter().enumerate().map(entry).collect(),
        model: Cow::Owned(model),
        usage: tokens.map(|count| Counts {
            prompt_tokens: count,
            total_tokens: count,
        }),
    };
    Ok(Decoded {
        chunks: serde_json::to_vec(&answer).map_err(internal)?,
        usage: tokens.map(|input| Usage {
            input,
            ..Usage::default()
        }),
        finish: Some(Finish::Stop),
        ..Decoded::default()
    })
}

/// Some providers write a number a line.
fn on_one_line(vector: &RawValue) -> Json<'_> {
    if !vector.get().contains(|c: char| c.is_ascii_whitespace()) {
        return Cow::Borrowed(vector);
    }
    let text: String = vector.get().split_ascii_whitespace().collect();
    // Numbers hold no white space, so that it is the same array.
    RawValue::from_string(text).map_or(Cow::Borrowed(vector), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_and_several_are_read_and_tokens_are_refused() {
        let read = |body: &'static str| Embeddings::read(body.as_bytes(), "here");
        assert_eq!(read(r#"{"input":"a"}"#).expect("one").texts.len(), 1);
        let several = read(r#"{"input":["a","b"],"dimensions":3,"input_type":"search_query"}"#);
        let several = several.expect("two");
        assert_eq!((several.texts.len(), several.dimensions), (2, Some(3)));
        assert_eq!(several.input_type.as_deref(), Some("search_query"));
        for tokens in [r#"{"input":[1,2]}"#, r#"{"input":[[1],[2]]}"#] {
            assert!(
                matches!(read(tokens), Err(Fault::Unsupported(_))),
                "{tokens}"
            );
        }
        for bad in [r#"{"input":{}}"#, r#"{"input":[null]}"#, r#"{"model":"m"}"#] {
            assert!(matches!(read(bad), Err(Fault::InvalidRequest(_))), "{bad}");
        }
    }

    #[test]
    fn the_field_that_is_wrong_is_the_one_to_blame() {
        for (bad, field) in [
            (r#"{"input":"a","dimensions":-1}"#, Some("dimensions")),
            (r#"{"input":"a","input_type":5}"#, Some("input_type")),
            (r#"{"dimensions":3}"#, Some("input")),
            ("[", None),
        ] {
            let blamed = match Embeddings::read(bad.as_bytes(), "here") {
                Err(Fault::InvalidRequest(wrong)) => Some(wrong.param),
                _ => None,
            };
            assert_eq!(blamed, Some(field.map(String::from)), "{bad}");
        }
    }

    #[test]
    fn an_answer_is_one_line_and_its_numbers_stay_as_they_were_written() {
        let vector = RawValue::from_string("[\n  0.50,\n  -1e-7\n]".to_owned()).expect("json");
        let decoded = answer(br#""m""#, vec![&vector], Some(3)).expect("an answer");
        let text = String::from_utf8(decoded.chunks).expect("text");
        assert_eq!(
            text,
            r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.50,-1e-7]}],"model":"m","usage":{"prompt_tokens":3,"total_tokens":3}}"#
        );
        assert_eq!(decoded.usage.map(|usage| usage.input), Some(3));
        let untold = answer(br#""m""#, vec![&vector], None).expect("an answer");
        let text = String::from_utf8(untold.chunks).expect("text");
        assert!(untold.usage.is_none() && !text.contains("usage"), "{text}");
    }
}
