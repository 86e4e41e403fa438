//! What a client asks, in its own dialect and in the chat form that all strategies work on.

use bytes::Bytes;
use hyper::HeaderMap;
use mux_routing::refusal::Refusal;
use mux_wire::Dialect;
use mux_wire::chat::{Audience, BadRequest, ChatRequest, Refused, Translated, scan};
use mux_wire::{embeddings, fields, messages, responses};
use std::borrow::Cow;
use std::ops::Range;

/// Headers of Anthropic's clients that say how their request is to be understood.
const ANTHROPIC: [&str; 2] = ["anthropic-version", "anthropic-beta"];

/// A request that was read and understood.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The client's dialect.
    pub dialect: Dialect,
    /// What it says about itself.
    pub facts: ChatRequest,
    /// The chat form; as the client sent it where that is its dialect, and of what is no chat the client's own.
    pub body: Bytes,
    /// As the client sent it, where that is another form.
    pub own: Option<Box<Own>>,
}

/// A request in a dialect that is not the chat form.
#[derive(Clone, Debug)]
pub struct Own {
    /// As it came.
    pub body: Bytes,
    /// Headers that belong to it.
    pub headers: HeaderMap,
    /// What the chat form of it lacks.
    dropped: Vec<String>,
    /// Why the chat form must not be sent.
    refused: Option<Refused>,
}

/// A request as somebody is sent it.
#[derive(Debug)]
pub struct Sent<'a> {
    /// The dialect of the body.
    pub dialect: Dialect,
    /// The body.
    pub body: Cow<'a, Bytes>,
    /// Where its model stands.
    pub model_span: Range<usize>,
    /// Headers that belong to it.
    pub headers: Option<&'a HeaderMap>,
    /// What it lacks of what the client said.
    pub dropped: Vec<String>,
}

impl Asked {
    /// A request of mux itself, or of a client that speaks the chat form.
    ///
    /// # Errors
    /// It is no chat request.
    pub fn chat(body: Bytes) -> Result<Self, BadRequest> {
        Ok(Self {
            facts: scan(&body)?,
            body,
            ..Self::default()
        })
    }

    /// Reads a client's request.
    ///
    /// # Errors
    /// What is wrong with it, for the client.
    pub(crate) fn read(
        dialect: Dialect,
        body: Bytes,
        headers: &HeaderMap,
    ) -> Result<Self, Refusal> {
        match dialect {
            Dialect::Chat => Self::chat(body).map_err(|bad| refusal(&bad)),
            Dialect::Embeddings => Ok(Self {
                dialect,
                facts: embeddings::scan(&body).map_err(|bad| refusal(&bad))?,
                body,
                own: None,
            }),
            Dialect::Messages | Dialect::Responses | Dialect::Count => {
                Self::translated(dialect, body, headers)
            }
        }
    }

    fn translated(dialect: Dialect, body: Bytes, headers: &HeaderMap) -> Result<Self, Refusal> {
        let made = to_chat(dialect, &body, Audience::Adapter)
            .map_err(|error| Refusal::new(400, "invalid_request", bad(dialect, &error)))?;
        let facts = scan(&made.body).map_err(|bad| refusal(&bad))?;
        let of = |name: &&str| Some((name.parse().ok()?, headers.get(*name)?.clone()));
        let own = Own {
            body,
            headers: ANTHROPIC.iter().filter_map(of).collect(),
            dropped: made.dropped,
            refused: made.refused,
        };
        Ok(Self {
            dialect,
            facts,
            body: made.body,
            own: Some(Box::new(own)),
        })
    }

    /// The dialect of [`Asked::body`].
    pub(crate) fn form(&self) -> Dialect {
        match self.dialect {
            Dialect::Messages | Dialect::Responses => Dialect::Chat,
            other => other,
        }
    }

    /// What is sent to a provider that speaks the client's dialect; `None` where that is the chat form anyway.
    pub(crate) fn untouched(&self) -> Option<Sent<'_>> {
        let own = self.own.as_deref()?;
        let changed = match self.dialect {
            Dialect::Messages | Dialect::Count => messages::without_foreign_thoughts(&own.body),
            Dialect::Responses => responses::without_foreign_thoughts(&own.body),
            Dialect::Chat | Dialect::Embeddings => None,
        };
        let body = changed.map_or(Cow::Borrowed(&own.body), Cow::Owned);
        Some(Sent {
            dialect: self.dialect,
            model_span: model_span(&body)?,
            body,
            headers: Some(&own.headers),
            dropped: Vec::new(),
        })
    }

    /// What is sent to anybody else.
    ///
    /// # Errors
    /// Why the chat form cannot say it.
    pub(crate) fn sent(&self, to: Audience<'_>) -> Result<Sent<'_>, Refused> {
        let as_it_is = |dropped| Sent {
            dialect: self.form(),
            body: Cow::Borrowed(&self.body),
            model_span: self.facts.model_span.clone(),
            headers: None,
            dropped,
        };
        let Some(own) = &self.own else {
            return Ok(as_it_is(Vec::new()));
        };
        if let Some(refused) = &own.refused {
            return Err(refused.clone());
        }
        if matches!(to, Audience::Adapter) {
            return Ok(as_it_is(own.dropped.clone()));
        }
        // It could be read once, and is the same.
        let made = to_chat(self.dialect, &own.body, to).unwrap_or_default();
        match made.refused {
            Some(refused) => Err(refused),
            None => Ok(Sent {
                dialect: self.form(),
                model_span: model_span(&made.body).unwrap_or_default(),
                body: Cow::Owned(made.body),
                headers: None,
                dropped: made.dropped,
            }),
        }
    }
}

fn to_chat(
    dialect: Dialect,
    body: &Bytes,
    audience: Audience<'_>,
) -> Result<Translated, serde_json::Error> {
    match dialect {
        Dialect::Messages | Dialect::Count => messages::to_chat(body, audience),
        Dialect::Responses => responses::to_chat(body, audience),
        Dialect::Chat | Dialect::Embeddings => Ok(Translated {
            body: body.clone(),
            ..Translated::default()
        }),
    }
}

/// Where the model of a request stands in it, quotes included.
fn model_span(body: &Bytes) -> Option<Range<usize>> {
    let fields = fields::fields(body).ok()?;
    let (_, model) = fields.iter().find(|(name, _)| name == "model")?;
    let start = model.as_ptr().addr() - body.as_ptr().addr();
    Some(start..start + model.len())
}

fn refusal(bad: &BadRequest) -> Refusal {
    let refusal = Refusal::new(400, "invalid_request", bad.to_string());
    match bad.param() {
        Some(param) => refusal.about(param),
        None => refusal,
    }
}

fn bad(dialect: Dialect, error: &serde_json::Error) -> String {
    let what = match dialect {
        Dialect::Messages | Dialect::Count => "request of Anthropic's Messages",
        Dialect::Responses => "request of OpenAI's Responses",
        Dialect::Embeddings => "request for embeddings",
        Dialect::Chat => "chat request",
    };
    format!("the body is no {what}: {error}")
}
