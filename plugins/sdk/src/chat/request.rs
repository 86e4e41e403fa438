//! The unified chat request, borrowed from the client's bytes.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::chat::content::EMPTY;
use crate::chat::json::{Json, object, quoted, text};
use crate::chat::place::Place;
use crate::chat::unread::{self, unnoted};
use crate::error::Fault;

/// The name of the mark that the prefix up to here may be cached, as it is written.
pub(crate) const MARK: &str = r#""cache_control""#;

/// A chat completions request.
#[derive(Debug, Deserialize)]
#[expect(
    missing_docs,
    reason = "the fields are the form's own, named in UNIFIED.md"
)]
pub struct Chat<'a> {
    #[serde(borrow)]
    pub messages: Vec<Message<'a>>,
    pub max_tokens: Option<u64>,
    pub max_completion_tokens: Option<u64>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u64>,
    #[serde(borrow)]
    pub stop: Option<&'a RawValue>,
    pub n: Option<u64>,
    pub stream_options: Option<StreamOptions>,
    #[serde(borrow)]
    pub tools: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    pub tool_choice: Option<&'a RawValue>,
    pub parallel_tool_calls: Option<bool>,
    #[serde(borrow)]
    pub response_format: Option<&'a RawValue>,
    pub reasoning_effort: Option<String>,
    #[serde(borrow)]
    pub thinking: Option<&'a RawValue>,
    pub user: Option<String>,
    pub safety_identifier: Option<String>,
    pub service_tier: Option<String>,
    pub modalities: Option<Vec<String>>,
    #[serde(borrow)]
    pub functions: Option<&'a RawValue>,
    #[serde(borrow)]
    pub function_call: Option<&'a RawValue>,
    pub seed: Option<i64>,
    #[serde(borrow)]
    pub logit_bias: Option<&'a RawValue>,
    pub logprobs: Option<bool>,
    pub top_logprobs: Option<u64>,
    pub frequency_penalty: Option<f64>,
    pub presence_penalty: Option<f64>,
    #[serde(borrow)]
    pub prediction: Option<&'a RawValue>,
    #[serde(borrow)]
    pub verbosity: Option<&'a RawValue>,
    #[serde(borrow)]
    pub web_search_options: Option<&'a RawValue>,
    #[serde(borrow)]
    pub metadata: Option<&'a RawValue>,
    /// Fields that the form does not name, where they ask for something: by the way to them, as in `messages[].name`.
    /// Those of parts and tools are told by whoever reads these.
    #[serde(skip)]
    pub unread: Vec<String>,
}

/// What the client wants of a stream beside the answer.
#[derive(Debug, Deserialize)]
pub struct StreamOptions {
    /// A chunk with the usage.
    #[serde(default)]
    pub include_usage: bool,
}

/// One message of any role.
#[derive(Debug, Deserialize)]
#[expect(
    missing_docs,
    reason = "the fields are the form's own, named in UNIFIED.md"
)]
pub struct Message<'a> {
    #[serde(borrow)]
    pub role: Cow<'a, str>,
    #[serde(borrow)]
    pub content: Option<&'a RawValue>,
    #[serde(borrow)]
    pub tool_calls: Option<Vec<ToolCall<'a>>>,
    pub tool_call_id: Option<String>,
    /// Reasoning comes back with whatever its provider wrote of it.
    #[serde(default, deserialize_with = "unnoted")]
    pub reasoning_details: Option<Vec<ReasoningDetail>>,
    #[serde(borrow)]
    pub cache_control: Option<&'a RawValue>,
    #[serde(borrow)]
    pub extra_content: Option<&'a RawValue>,
    #[serde(borrow)]
    pub name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub annotations: Option<&'a RawValue>,
    #[serde(borrow)]
    pub audio: Option<&'a RawValue>,
    #[serde(borrow)]
    pub refusal: Option<&'a RawValue>,
}

/// A call the model made earlier.
#[derive(Debug, Deserialize)]
pub struct ToolCall<'a> {
    /// Its id, empty where the client lost it.
    #[serde(default)]
    pub id: String,
    /// `function`: a call of anything else has none.
    #[serde(rename = "type", borrow)]
    pub kind: Option<&'a RawValue>,
    /// Its number, where it came in a stream.
    #[serde(borrow)]
    pub index: Option<&'a RawValue>,
    /// What was called.
    #[serde(borrow)]
    pub function: Option<Called<'a>>,
    /// Facts only one provider has.
    #[serde(borrow)]
    pub extra_content: Option<&'a RawValue>,
}

/// What it called.
#[derive(Debug, Deserialize)]
pub struct Called<'a> {
    /// The function.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// A string of JSON.
    #[serde(borrow)]
    pub arguments: Option<&'a RawValue>,
}

/// A piece of earlier reasoning, as the unified form keeps it.
#[derive(Debug, Clone, Deserialize)]
#[expect(
    missing_docs,
    reason = "the fields are the form's own, named in UNIFIED.md"
)]
pub struct ReasoningDetail {
    #[serde(rename = "type", default)]
    pub kind: String,
    pub text: Option<String>,
    pub data: Option<String>,
    pub signature: Option<String>,
    pub provider: Option<String>,
}

impl<'a> Chat<'a> {
    /// Reads the body.
    ///
    /// # Errors
    /// When it is no chat completions request.
    pub fn read(body: &'a [u8]) -> Result<Self, Fault> {
        let mut unread = Vec::new();
        let read = text(body).and_then(|body| unread::read(body, "", &mut unread));
        let mut chat: Self = read.map_err(|error| {
            Fault::invalid(
                format!("the body is no chat completions request: {error}"),
                "",
            )
        })?;
        chat.unread = unread;
        for message in &mut chat.messages {
            // An earlier answer that refused has its words there, and no other.
            let silent = message.content.is_none_or(|content| content.get() == EMPTY);
            if let Some(refusal) = message.refusal.filter(|_| silent) {
                message.content = Some(refusal);
            }
        }
        Ok(chat)
    }

    /// Whether the client wants a chunk with the usage.
    #[must_use]
    pub fn include_usage(&self) -> bool {
        self.stream_options
            .as_ref()
            .is_some_and(|options| options.include_usage)
    }

    /// The most tokens to write, by either of its names.
    #[must_use]
    pub fn most_tokens(&self) -> Option<u64> {
        self.max_completion_tokens.or(self.max_tokens)
    }

    /// Stop sequences. Empty ones are left out.
    ///
    /// # Errors
    /// When `stop` is neither a string nor a list of strings.
    pub fn stops(&self) -> Result<Vec<String>, Fault> {
        let Some(raw) = self.stop else {
            return Ok(Vec::new());
        };
        let given = if raw.get().starts_with('"') {
            serde_json::from_str(raw.get()).map(|one: String| vec![one])
        } else {
            serde_json::from_str(raw.get())
        };
        let mut given: Vec<String> =
            given.map_err(|_| Fault::invalid("`stop` is a string or a list of strings", "stop"))?;
        given.retain(|stop| !stop.is_empty());
        Ok(given)
    }

    /// Refuses the old `functions`, which no adapter translates, and answers that are no text.
    ///
    /// # Errors
    /// When the request has one of them.
    pub fn refuse_old_and_loud(&self, provider: &str) -> Result<(), Fault> {
        if self.functions.is_some() || self.function_call.is_some() {
            return Err(Fault::unsupported(
                "the old `functions` are not translated: use `tools`",
                "functions",
            ));
        }
        if self.modalities.iter().flatten().any(|kind| kind != "text") {
            return Err(Fault::unsupported(
                format!("{provider} is asked for text only"),
                "modalities",
            ));
        }
        Ok(())
    }

    /// Refuses more than one answer.
    ///
    /// # Errors
    /// When more than one is asked for.
    pub fn refuse_several(&self, provider: &str) -> Result<(), Fault> {
        if self.n.is_some_and(|n| n > 1) {
            return Err(Fault::unsupported(
                format!("{provider} writes one answer a request"),
                "n",
            ));
        }
        Ok(())
    }

    /// Warns of each parameter among `without` that the client set to something that matters, and of each that the form
    /// does not name.
    pub fn warn_of(&self, provider: &str, without: &[&str], warnings: &mut Vec<String>) {
        let weighs = |penalty: Option<f64>| penalty.is_some_and(|penalty| penalty.abs() > 0.0);
        let given = |name: &str| match name {
            "seed" => self.seed.is_some(),
            "logit_bias" => self.logit_bias.is_some(),
            "logprobs" => self.logprobs == Some(true),
            "frequency_penalty" => weighs(self.frequency_penalty),
            "presence_penalty" => weighs(self.presence_penalty),
            "prediction" => self.prediction.is_some(),
            "verbosity" => self.verbosity.is_some(),
            "web_search_options" => self.web_search_options.is_some(),
            "metadata" => self.metadata.is_some(),
            "user" => self.user.is_some() || self.safety_identifier.is_some(),
            "service_tier" => self
                .service_tier
                .as_deref()
                .is_some_and(|tier| tier != "auto"),
            "parallel_tool_calls" => self.parallel_tool_calls == Some(false),
            "top_k" => self.top_k.is_some(),
            "thinking" => self.thinking.is_some(),
            "reasoning_effort" => self
                .reasoning_effort
                .as_deref()
                .is_some_and(|effort| effort != "none"),
            _ => false,
        };
        let without = without.iter().copied().filter(|name| given(name));
        for name in without.chain(self.unread.iter().map(String::as_str)) {
            warnings.push(if name.contains('.') {
                format!("`{name}` was dropped")
            } else {
                format!("`{name}` was dropped: {provider} has no such parameter")
            });
        }
    }

    /// Warns where the client marked what may be cached, for providers that take no such mark.
    pub fn warn_of_marks(&self, provider: &str, warnings: &mut Vec<String>) {
        let holds = |raw: &RawValue| raw.get().contains(MARK);
        let parts = |content: &RawValue| content.get().starts_with('[') && holds(content);
        let marked = |message: &Message<'_>| {
            message.cache_control.is_some() || message.content.is_some_and(parts)
        };
        let mut tools = self.tools.iter().flatten();
        if self.messages.iter().any(marked) || tools.any(|tool| holds(tool)) {
            warnings.push(format!(
                "`cache_control` was dropped: {provider} takes no such mark"
            ));
        }
    }

    /// Warns where messages have names, for providers that know none, and of what no provider is told again.
    pub fn warn_of_messages(&self, warnings: &mut Vec<String>) {
        warn_of_echoes(&self.messages, warnings);
        let named = |message: &Message<'_>| message.name.is_some() && message.role != "tool";
        if self.messages.iter().any(named) {
            warnings.push(String::from("`messages[].name` was dropped"));
        }
    }
}

/// Warns where earlier answers come back with their sources or their sound: adapters send what was said, and no more.
pub fn warn_of_echoes(messages: &[Message<'_>], warnings: &mut Vec<String>) {
    let (mut sources, mut sound) = (false, false);
    for message in messages {
        let given = message.annotations;
        sources |= given.is_some_and(|given| given.get() != "[]");
        sound |= message.audio.is_some();
    }
    if sources {
        warnings.push(String::from("`messages[].annotations` was dropped"));
    }
    if sound {
        warnings.push(String::from("`messages[].audio` was dropped"));
    }
}

impl<'a> Called<'a> {
    /// The arguments as an object, for providers that want one. Text that is no object is kept as one, with a warning:
    /// an answer cut short leaves half an object in the history, and without it the conversation is stuck.
    ///
    /// # Errors
    /// When `arguments` is neither a string nor an object.
    pub fn object(&self, at: Place, warnings: &mut Vec<String>) -> Result<Json<'a>, Fault> {
        let Some(raw) = self.arguments else {
            return object("{}");
        };
        if raw.get().starts_with('{') {
            return Ok(Cow::Borrowed(raw));
        }
        let text: String = serde_json::from_str(raw.get())
            .map_err(|_| Fault::invalid("`arguments` is a string of JSON", at))?;
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return object("{}");
        }
        if let Ok(json) = object(trimmed)
            && trimmed.starts_with('{')
        {
            return Ok(json);
        }
        warnings.push(format!(
            "`{at}` holds no JSON object; its text was sent as `arguments`"
        ));
        object(&format!(r#"{{"arguments":{}}}"#, quoted(trimmed)?.get()))
    }
}

impl ReasoningDetail {
    /// Whether it is of that provider, or of nobody in particular.
    #[must_use]
    pub fn is_of(&self, provider: &str) -> bool {
        self.provider
            .as_deref()
            .is_none_or(|named| named == provider)
    }
}

/// What `extra_content` holds for one provider.
#[must_use]
pub fn extra<T: DeserializeOwned>(content: Option<&RawValue>, provider: &str) -> Option<T> {
    let mut all: std::collections::BTreeMap<Cow<'_, str>, &RawValue> =
        serde_json::from_str(content?.get()).ok()?;
    serde_json::from_str(all.remove(provider)?.get()).ok()
}
