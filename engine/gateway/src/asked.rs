//! What a client asks, in its own dialect and in the chat form that all strategies work on.

use bytes::Bytes;
use hyper::HeaderMap;
use mux_routing::refusal::Refusal;
use mux_wire::Dialect;
use mux_wire::chat::{Audience, BadRequest, ChatRequest, Refused, Translated, scan};
use mux_wire::{embeddings, fields, messages, responses};
use std::ops::Range;
use std::sync::OnceLock;

/// Headers of Anthropic's clients that say how their request is to be understood.
const ANTHROPIC: [&str; 2] = ["anthropic-version", "anthropic-beta"];

/// A request that was read and understood.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// The client's dialect.
    pub(crate) dialect: Dialect,
    /// What it says about itself.
    pub(crate) facts: ChatRequest,
    /// The chat form; as the client sent it where that is its dialect, and of what is no chat the client's own.
    pub(crate) body: Bytes,
    /// As the client sent it, where that is another form.
    pub(crate) own: Option<Box<Own>>,
}

/// A request in a dialect that is not the chat form.
#[derive(Clone, Debug, Default)]
pub(crate) struct Own {
    /// As it came.
    pub(crate) body: Bytes,
    /// Headers that belong to it.
    pub(crate) headers: HeaderMap,
    /// What the chat form of it lacks.
    dropped: Vec<String>,
    /// Why the chat form must not be sent.
    refused: Option<Refused>,
    /// As a provider that speaks the dialect is sent it, and where its model stands there.
    native: OnceLock<Option<(Bytes, Range<usize>)>>,
    /// Chat forms for providers that get them as they are: made once for each, however often it is tried.
    made: Vec<Made>,
}

/// The chat form for one provider.
#[derive(Clone, Debug)]
struct Made {
    name: Box<str>,
    reasons: bool,
    newest: bool,
    form: Result<Form, Refused>,
}

#[derive(Clone, Debug)]
struct Form {
    body: Bytes,
    model_span: Range<usize>,
    dropped: Vec<String>,
}

/// A request as somebody is sent it.
#[derive(Debug)]
pub(crate) struct Sent {
    /// The dialect of the body.
    pub(crate) dialect: Dialect,
    /// The body.
    pub(crate) body: Bytes,
    /// Where its model stands.
    pub(crate) model_span: Range<usize>,
    /// Headers of the client's belong to it.
    pub(crate) native: bool,
    /// What it lacks of what the client said.
    pub(crate) dropped: Vec<String>,
}

impl Asked {
    /// A request of mux itself, or of a client that speaks the chat form.
    ///
    /// # Errors
    /// It is no chat request.
    pub(crate) fn chat(body: Bytes) -> Result<Self, BadRequest> {
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
        let mut facts = scan(&made.body).map_err(|bad| refusal(&bad))?;
        // A count is no answer that could be streamed.
        facts.stream &= dialect != Dialect::Count;
        let of = |name: &&str| Some((name.parse().ok()?, headers.get(*name)?.clone()));
        let own = Own {
            body,
            headers: ANTHROPIC.iter().filter_map(of).collect(),
            dropped: made.dropped,
            refused: made.refused,
            ..Own::default()
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
            Dialect::Messages | Dialect::Responses | Dialect::Count => Dialect::Chat,
            other => other,
        }
    }

    /// The body as the client sent it.
    pub(crate) fn written(&self) -> &Bytes {
        self.own.as_ref().map_or(&self.body, |own| &own.body)
    }

    /// What is sent to a provider that speaks the client's dialect; `None` where that is the chat form anyway.
    pub(crate) fn untouched(&self) -> Option<Sent> {
        let own = self.own.as_deref()?;
        let native = own.native.get_or_init(|| {
            let changed = match self.dialect {
                Dialect::Messages | Dialect::Count => messages::without_foreign_thoughts(&own.body),
                Dialect::Responses => responses::without_foreign_thoughts(&own.body),
                Dialect::Chat | Dialect::Embeddings => None,
            };
            let body = changed.unwrap_or_else(|| own.body.clone());
            let span = model_span(&body)?;
            Some((body, span))
        });
        let (body, model_span) = native.clone()?;
        Some(Sent {
            dialect: self.dialect,
            body,
            model_span,
            native: true,
            dropped: Vec::new(),
        })
    }

    /// What is sent to anybody else.
    ///
    /// # Errors
    /// Why the chat form cannot say it, or is none.
    pub(crate) fn sent(&mut self, to: Audience<'_>) -> Result<Sent, Refused> {
        if self.dialect == Dialect::Count {
            return Err(Refused {
                message: "only a provider of Anthropic's Messages counts tokens".to_owned(),
                param: "messages".to_owned(),
            });
        }
        let dialect = self.form();
        let sent = |form: Form| Sent {
            dialect,
            body: form.body,
            model_span: form.model_span,
            native: false,
            dropped: form.dropped,
        };
        let as_it_is = |dropped| Form {
            body: self.body.clone(),
            model_span: self.facts.model_span.clone(),
            dropped,
        };
        let Some(own) = &mut self.own else {
            return Ok(sent(as_it_is(Vec::new())));
        };
        if let Some(refused) = &own.refused {
            return Err(refused.clone());
        }
        let Audience::Provider {
            name,
            reasons,
            newest,
        } = to
        else {
            return Ok(sent(as_it_is(own.dropped.clone())));
        };
        let same =
            |made: &&Made| *made.name == *name && (made.reasons, made.newest) == (reasons, newest);
        if let Some(known) = own.made.iter().find(same) {
            return known.form.clone().map(sent);
        }
        let form = form(self.dialect, &own.body, to);
        own.made.push(Made {
            name: name.into(),
            reasons,
            newest,
            form: form.clone(),
        });
        form.map(sent)
    }
}

/// The chat form of a client's request, for a provider that gets it as it is.
///
/// # Errors
/// It cannot be said in it, or what came out is no request: better none is sent than an empty one.
fn form(dialect: Dialect, body: &Bytes, to: Audience<'_>) -> Result<Form, Refused> {
    let senseless = |why: String| Refused {
        message: format!("this request cannot be put into the chat form: {why}"),
        param: "body".to_owned(),
    };
    let made = to_chat(dialect, body, to).map_err(|error| senseless(error.to_string()))?;
    if let Some(refused) = made.refused {
        return Err(refused);
    }
    let model_span = model_span(&made.body);
    Ok(Form {
        model_span: model_span.ok_or_else(|| senseless("it names no model".to_owned()))?,
        body: made.body,
        dropped: made.dropped,
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(name: &str) -> Audience<'_> {
        Audience::Provider {
            name,
            reasons: false,
            newest: true,
        }
    }

    fn asked(dialect: Dialect, body: &'static str) -> Asked {
        Asked::read(
            dialect,
            Bytes::from_static(body.as_bytes()),
            &HeaderMap::new(),
        )
        .unwrap()
    }

    const MESSAGE: &str = r#"{"model":"@x","max_tokens":5,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;

    #[test]
    fn a_request_is_translated_once_for_a_provider_however_often_that_is_tried() {
        let mut asked = asked(Dialect::Messages, MESSAGE);
        let first = asked.sent(provider("a")).unwrap();
        let again = asked.sent(provider("a")).unwrap();
        assert_eq!(first.body.as_ptr(), again.body.as_ptr(), "the same bytes");
        assert!(first.body.windows(4).any(|w| w == b"\"@x\""));
        let other = asked.sent(provider("b")).unwrap();
        assert_ne!(first.body.as_ptr(), other.body.as_ptr());
        assert_eq!(
            asked.untouched().unwrap().body.as_ptr(),
            asked.untouched().unwrap().body.as_ptr()
        );
    }

    #[test]
    fn what_cannot_be_translated_is_an_error_and_never_an_empty_request() {
        let mut asked = asked(Dialect::Messages, MESSAGE);
        for broken in ["{", r#"{"max_tokens":5,"messages":[]}"#] {
            asked.own.as_mut().unwrap().body = Bytes::from_static(broken.as_bytes());
            let name = broken.to_owned();
            let refused = asked.sent(provider(&name)).unwrap_err();
            assert!(refused.message.contains("chat form"), "{refused:?}");
        }
    }

    #[test]
    fn a_count_of_tokens_is_never_streamed_and_never_sent_as_a_chat() {
        let mut asked = asked(Dialect::Count, MESSAGE);
        assert!(!asked.facts.stream);
        assert!(asked.sent(Audience::Adapter).is_err());
        assert!(asked.sent(provider("a")).is_err());
        assert_eq!(asked.untouched().unwrap().dialect, Dialect::Count);
    }

    #[test]
    fn what_a_client_wrote_is_kept_beside_its_translation() {
        let asked = asked(Dialect::Messages, MESSAGE);
        assert_eq!(asked.written(), MESSAGE.as_bytes());
        assert_ne!(asked.written(), &asked.body);
    }
}
