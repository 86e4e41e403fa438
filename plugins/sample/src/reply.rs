//! The way back: Sample's answer, whole or in pieces, told to the SDK, which writes it as clients want it.

use std::borrow::Cow;

use mux_plugin_sdk::chat::{Answer, Told, json, strange};
use mux_plugin_sdk::{Batch, Decoded, ErrorKind, Fault, Finish, UpstreamError, Usage};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A whole answer; an event of a stream has some of it.
#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow, default)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    model: Cow<'a, str>,
    #[serde(borrow, default)]
    says: Cow<'a, str>,
    #[serde(borrow)]
    end: Option<Cow<'a, str>>,
    tokens: Option<Tokens>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Tokens {
    #[serde(rename = "in")]
    input: u64,
    #[serde(rename = "out")]
    output: u64,
}

/// The chunks of a batch of events, or the whole response. The same frames in other batches give the same.
pub(crate) fn decode(state: &[u8], batch: &Batch) -> Result<Decoded, Fault> {
    let mut answer = Answer::<()>::resume("sample", state)?;
    answer.fold(batch, |answer, frame| hear(answer, frame.data))?;
    if answer.ends_with(batch) {
        answer.close()?;
    }
    answer.finish()
}

fn hear(answer: &mut Answer<()>, data: &[u8]) -> Result<(), Fault> {
    let said: Said<'_> = json::read(data)
        .map_err(|error| Fault::BadResponse(format!("sample's answer is malformed: {error}")))?;
    if said.error.is_some() {
        answer.fail(broken(data));
        return Ok(());
    }
    answer.name(&said.id, &said.model);
    answer.text(0, &said.says)?;
    if let Some(tokens) = said.tokens {
        answer.count(Usage {
            input: tokens.input,
            output: tokens.output,
            ..Usage::default()
        });
    }
    match said.end {
        Some(end) => {
            answer.stop(0, finish(&end), &end)?;
            answer.close()
        }
        None => Ok(()),
    }
}

/// An error inside a stream that began well.
fn broken(data: &[u8]) -> UpstreamError {
    match Told::read(data) {
        Some(told) => {
            let kind = told.usual(200);
            told.into_error(kind)
        }
        None => UpstreamError::new(ErrorKind::BadResponse, strange(data, "sample")),
    }
}

fn finish(end: &str) -> Finish {
    match end {
        "done" => Finish::Stop,
        "tired" => Finish::Length,
        "hushed" => Finish::ContentFilter,
        other => Finish::Other(other.to_owned()),
    }
}
