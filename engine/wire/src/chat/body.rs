//! Reads a chat request's body in one pass, keeping facts and skipping the rest.

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{DeserializeSeed, MapAccess};
use serde_json::value::RawValue;

use crate::chat::estimate::Tally;
use crate::chat::message::Messages;
use crate::chat::options::{Format, Metadata, Modalities, StreamOptions, Tools};
use crate::chat::request::{BadRequest, ChatRequest};
use crate::chat::walk::{Place, Plain, Shape, Skip};

/// Reads the facts of a chat request.
///
/// # Errors
/// When the body is not JSON, is not an object, lacks `model` or `messages`, has one of the fields mux steers by
/// with the wrong type or twice, or is nested too deeply.
pub fn scan(body: &Bytes) -> Result<ChatRequest, BadRequest> {
    if body.trim_ascii().is_empty() {
        return Err(BadRequest::Empty);
    }
    let text = std::str::from_utf8(body).map_err(|error| BadRequest::NotUtf8 {
        offset: error.valid_up_to(),
    })?;
    let (mut tally, mut too_deep) = (Tally::default(), false);
    let mut place = Place {
        tally: &mut tally,
        too_deep: &mut too_deep,
        depth: 0,
    };
    let mut json = serde_json::Deserializer::from_str(text);
    let read = place
        .inside(Draft::default())
        .deserialize(&mut json)
        .and_then(|draft| json.end().map(|()| draft));
    match read {
        Ok(draft) => draft.settle(text, &tally),
        Err(_) if too_deep => Err(BadRequest::TooDeep),
        Err(error) => Err(not_json(&error)),
    }
}

/// The `messages` of a request as they were written; `None` where there are none that can be read.
#[must_use]
pub fn messages(body: &[u8]) -> Option<&str> {
    #[derive(Deserialize)]
    struct Prompt<'a> {
        #[serde(borrow)]
        messages: &'a RawValue,
    }
    let prompt: Prompt<'_> = serde_json::from_slice(body).ok()?;
    Some(prompt.messages.get())
}

fn not_json(error: &serde_json::Error) -> BadRequest {
    let text = error.to_string();
    let reason = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(reason, _)| reason)
        .to_owned();
    BadRequest::NotJson {
        reason,
        line: error.line(),
        column: error.column(),
    }
}

/// The request as read so far; judged only when the whole body turned out to be JSON.
#[derive(Debug, Default)]
struct Draft<'de> {
    is_object: bool,
    seen: u32,
    duplicate: Option<&'static str>,
    model: Option<&'de str>,
    messages: Option<Messages>,
    stream: Plain,
    max_tokens: Option<u32>,
    max_completion_tokens: Option<u32>,
    copies: Option<u32>,
    facts: ChatRequest,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    Model,
    Messages,
    Stream,
    StreamOptions,
    MaxTokens,
    MaxCompletionTokens,
    N,
    User,
    Metadata,
    Tools,
    Functions,
    ResponseFormat,
    Modalities,
    #[serde(other)]
    Other,
}

impl Field {
    /// The name of a field that mux steers by, which may stand there once only.
    fn steering(self) -> Option<&'static str> {
        match self {
            Self::Model => Some("model"),
            Self::Messages => Some("messages"),
            Self::Stream => Some("stream"),
            Self::StreamOptions => Some("stream_options"),
            Self::MaxTokens => Some("max_tokens"),
            Self::MaxCompletionTokens => Some("max_completion_tokens"),
            Self::N => Some("n"),
            _ => None,
        }
    }
}

impl<'de> Shape<'de> for Draft<'de> {
    fn map<A: MapAccess<'de>>(
        &mut self,
        place: &mut Place<'_>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        self.is_object = true;
        while let Some(field) = map.next_key()? {
            self.note(field);
            self.read(field, place, map)?;
        }
        Ok(())
    }
}

impl<'de> Draft<'de> {
    fn note(&mut self, field: Field) {
        let bit = 1 << field as u32;
        if self.seen & bit != 0 {
            self.duplicate = self.duplicate.or(field.steering());
        }
        self.seen |= bit;
    }

    fn read<A: MapAccess<'de>>(
        &mut self,
        field: Field,
        place: &mut Place<'_>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let facts = &mut self.facts;
        match field {
            Field::Model => self.model = Some(map.next_value::<&RawValue>()?.get()),
            Field::Messages => self.messages = Some(value(place, map)?),
            Field::Stream => self.stream = value(place, map)?,
            Field::StreamOptions => {
                facts.include_usage = value::<StreamOptions, A>(place, map)?.include_usage;
            }
            Field::MaxTokens => self.max_tokens = value::<Plain, A>(place, map)?.as_count(),
            Field::MaxCompletionTokens => {
                self.max_completion_tokens = value::<Plain, A>(place, map)?.as_count();
            }
            Field::N => self.copies = value::<Plain, A>(place, map)?.as_count(),
            Field::User => facts.user = value::<Plain, A>(place, map)?.into_string(),
            Field::Metadata => facts.metadata = value::<Metadata, A>(place, map)?.0,
            Field::Tools | Field::Functions => facts.tools |= value::<Tools, A>(place, map)?.any,
            Field::ResponseFormat => {
                facts.json_schema = value::<Format, A>(place, map)?.json_schema;
            }
            Field::Modalities => facts.audio |= value::<Modalities, A>(place, map)?.audio,
            Field::Other => {
                value::<Skip, A>(place, map)?;
            }
        }
        Ok(())
    }

    fn settle(self, text: &str, tally: &Tally) -> Result<ChatRequest, BadRequest> {
        if !self.is_object {
            return Err(BadRequest::NotAnObject);
        }
        if let Some(field) = self.duplicate {
            return Err(BadRequest::Duplicate { field });
        }
        let raw_model = self.model.ok_or(BadRequest::Missing { field: "model" })?;
        let messages = self
            .messages
            .ok_or(BadRequest::Missing { field: "messages" })?;
        if !messages.is_array {
            return Err(BadRequest::WrongType {
                field: "messages",
                wants: "an array",
            });
        }
        let limit = self.max_completion_tokens.or(self.max_tokens);
        let start = raw_model.as_ptr().addr() - text.as_ptr().addr();
        Ok(ChatRequest {
            model: model(raw_model)?,
            model_span: start..start + raw_model.len(),
            stream: flag(&self.stream, "stream")?,
            tokens: tally.tokens(),
            output_limit: limit.map(|limit| limit.saturating_mul(self.copies.unwrap_or(1))),
            images: tally.images > 0,
            audio: self.facts.audio || tally.audio > 0,
            ..self.facts
        })
    }
}

fn model(raw: &str) -> Result<String, BadRequest> {
    if !raw.starts_with('"') {
        return Err(BadRequest::WrongType {
            field: "model",
            wants: "a string",
        });
    }
    serde_json::from_str(raw).map_err(|error| not_json(&error))
}

fn flag(value: &Plain, field: &'static str) -> Result<bool, BadRequest> {
    match value {
        Plain::Null => Ok(false),
        Plain::Flag(flag) => Ok(*flag),
        _ => Err(BadRequest::WrongType {
            field,
            wants: "true or false",
        }),
    }
}

/// The next value of a map, read as a shape.
fn value<'de, S, A>(place: &mut Place<'_>, map: &mut A) -> Result<S, A::Error>
where
    S: Shape<'de> + Default,
    A: MapAccess<'de>,
{
    map.next_value_seed(place.inside(S::default()))
}
