//! Answers that are no words: embeddings, and how many tokens a request has.

use serde_json::{Value, json};

use crate::dice::Dice;
use crate::options::Dialect;
use crate::request::Asked;

/// Numbers of a vector, unless the request says otherwise.
const DIMENSIONS: u64 = 8;

/// What is asked besides chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Data {
    /// OpenAI's embeddings, as numbers whatever form is asked for: so do some providers.
    Embeddings,
    /// Anthropic's count of tokens.
    Count,
}

impl Data {
    /// What stands at a path.
    pub(crate) fn at(path: &str) -> Option<(Self, Dialect)> {
        match path.trim_end_matches('/') {
            "/v1/embeddings" | "/embeddings" => Some((Self::Embeddings, Dialect::OpenAi)),
            "/v1/messages/count_tokens" | "/messages/count_tokens" => {
                Some((Self::Count, Dialect::Anthropic))
            }
            _ => None,
        }
    }

    /// The answer, and the input tokens that are billed for it; or what the provider would complain about.
    pub(crate) fn answer(self, body: &[u8]) -> Result<(Value, u64), String> {
        match self {
            Self::Embeddings => embeddings(body),
            Self::Count => {
                let mut asked: Value = serde_json::from_slice(body).unwrap_or_default();
                if let Some(fields) = asked.as_object_mut() {
                    // It is asked without one, and needs none.
                    fields.insert(String::from("max_tokens"), Value::from(1));
                }
                let asked = Asked::read(Dialect::Anthropic, asked.to_string().as_bytes())?;
                Ok((json!({ "input_tokens": asked.input_tokens }), 0))
            }
        }
    }
}

fn embeddings(body: &[u8]) -> Result<(Value, u64), String> {
    let body: Value =
        serde_json::from_slice(body).map_err(|error| format!("the body is not JSON: {error}"))?;
    let model = body.get("model").and_then(Value::as_str);
    let model = model.ok_or("you must provide a model parameter")?;
    let inputs: Vec<&Value> = match body.get("input") {
        Some(Value::Array(list)) if list.first().is_some_and(|first| !first.is_number()) => {
            list.iter().collect()
        }
        Some(one) => vec![one],
        None => return Err(String::from("you must provide an input parameter")),
    };
    let length = body.get("dimensions").and_then(Value::as_u64);
    let length = length.unwrap_or(DIMENSIONS).min(4_096);
    let data: Vec<Value> = (0_u64..)
        .zip(&inputs)
        .map(|(index, input)| {
            let embedding = vector(&input.to_string(), length);
            json!({ "object": "embedding", "index": index, "embedding": embedding })
        })
        .collect();
    let tokens = inputs.iter().map(|input| match input {
        Value::Array(tokens) => tokens.len() as u64,
        text => (text.as_str().map_or(0, str::len) as u64).div_ceil(4),
    });
    let tokens = tokens.sum();
    let usage = json!({ "prompt_tokens": tokens, "total_tokens": tokens });
    Ok((
        json!({ "object": "list", "data": data, "model": model, "usage": usage }),
        tokens,
    ))
}

/// The same text has the same vector, of sixteenths, which are the same in every form.
fn vector(text: &str, length: u64) -> Vec<f64> {
    let seed = text.bytes().fold(7_u64, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u64::from(byte))
    });
    let mut dice = Dice::new(seed, 0);
    (0..length).map(|_| dice.pick(STEPS)).collect()
}

const STEPS: &[f64] = &[-0.75, -0.5, -0.25, -0.0625, 0.0625, 0.25, 0.5, 0.75];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_input_has_a_vector_of_its_own_and_tokens_are_billed() {
        let body = br#"{"model":"m","input":["one","two"],"dimensions":3}"#;
        let (answer, tokens) = Data::Embeddings.answer(body).unwrap();
        assert_eq!((answer["data"].as_array().unwrap().len(), tokens), (2, 2));
        assert_ne!(
            answer["data"][0]["embedding"],
            answer["data"][1]["embedding"]
        );
        let again = Data::Embeddings.answer(br#"{"model":"m","input":"one","dimensions":3}"#);
        assert_eq!(
            again.unwrap().0["data"][0]["embedding"],
            answer["data"][0]["embedding"]
        );
        let tokens = Data::Embeddings
            .answer(br#"{"model":"m","input":[1,2,3]}"#)
            .unwrap()
            .1;
        assert_eq!(tokens, 3);
    }

    #[test]
    fn tokens_are_counted_as_the_answer_would_bill_them() {
        let body = br#"{"model":"m","messages":[{"role":"user","content":"12345678"}]}"#;
        assert_eq!(
            Data::Count.answer(body).unwrap().0,
            json!({ "input_tokens": 6 })
        );
        assert!(Data::Count.answer(b"{}").is_err());
    }
}
