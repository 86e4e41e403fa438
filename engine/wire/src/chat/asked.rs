//! A chat request as it is written for a client of another dialect.
//!
//! Texts stay the JSON they came in: nothing long is unescaped on the way.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::seal::Detail;

/// Who reads a chat request that was made of another dialect's.
#[derive(Debug, Clone, Copy)]
pub enum Audience<'a> {
    /// An adapter, which knows all of the unified form and says what its provider has no use for.
    Adapter,
    /// A provider that gets it as it is: nothing may stand in it that OpenAI does not know.
    Provider {
        /// Its name, by which opaque state that came from it is known.
        name: &'a str,
        /// Whether its model thinks and can be told how hard.
        reasons: bool,
        /// Whether it knows `max_completion_tokens`, as OpenAI does, and not only the older `max_tokens`.
        newest: bool,
    },
}

impl<'a> Audience<'a> {
    /// The provider that gets it as it is.
    pub(crate) fn provider(self) -> Option<&'a str> {
        match self {
            Self::Adapter => None,
            Self::Provider { name, .. } => Some(name),
        }
    }

    /// Whether it knows what UNIFIED.md adds to OpenAI's form.
    pub(crate) fn knows_more(self) -> bool {
        matches!(self, Self::Adapter)
    }
}

/// A chat request that was made of another dialect's.
#[derive(Debug, Clone, Default)]
pub struct Translated {
    /// The request.
    pub body: bytes::Bytes,
    /// What is not in it, in words for the client.
    pub dropped: Vec<String>,
    /// Why it must not be sent in the place of the client's own; the body is good for a look at it alone.
    pub refused: Option<Refused>,
}

/// What cannot be said in the chat form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What, and what to do.
    pub message: String,
    /// The field at fault.
    pub param: String,
}

/// Most things that are said to be left out.
const MOST: usize = 32;
/// Longest name of one of them, in characters.
const LONGEST: usize = 64;

/// What a translation says besides its result.
#[derive(Debug)]
pub(crate) struct Notes<'a> {
    pub(crate) audience: Audience<'a>,
    dropped: Vec<String>,
    refused: Option<Refused>,
}

impl<'a> Notes<'a> {
    pub(crate) fn new(audience: Audience<'a>) -> Self {
        Self {
            audience,
            dropped: Vec::new(),
            refused: None,
        }
    }

    /// Says that something is left out; once, however often it is.
    pub(crate) fn drop(&mut self, what: &str) {
        if self.dropped.len() < MOST && self.dropped.iter().all(|known| known != what) {
            self.dropped.push(what.to_owned());
        }
    }

    /// Says that a field of the client's own naming is left out.
    pub(crate) fn drop_field(&mut self, name: &str) {
        // It may stand in a header.
        let plain = name.escape_default();
        let plain: String = plain.take(LONGEST).collect();
        self.drop(&format!("`{plain}`"));
    }

    /// Says that something cannot be left out and cannot be sent. The first such thing is told.
    pub(crate) fn refuse(&mut self, message: impl Into<String>, param: impl Into<String>) {
        let refused = || Refused {
            message: message.into(),
            param: param.into(),
        };
        self.refused.get_or_insert_with(refused);
    }

    /// The mark of a cached prefix, for those who know it. Others cache by themselves or not at all.
    pub(crate) fn mark<'r>(&mut self, mark: Option<&'r RawValue>) -> Option<&'r RawValue> {
        let mark = mark?;
        if self.audience.knows_more() {
            return Some(mark);
        }
        self.drop("`cache_control`");
        None
    }

    /// All of it together.
    pub(crate) fn told(self, body: Vec<u8>) -> Translated {
        Translated {
            body: bytes::Bytes::from(body),
            dropped: self.dropped,
            refused: self.refused,
        }
    }
}

/// A chat request.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Request<'a> {
    pub(crate) model: Option<&'a RawValue>,
    pub(crate) messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_completion_tokens: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_tokens: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) temperature: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) top_p: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) top_k: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stop: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool_choice: Option<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) response_format: Option<Format<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) logprobs: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) top_logprobs: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verbosity: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning_effort: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) thinking: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) safety_identifier: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prompt_cache_key: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) service_tier: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stream_options: Option<StreamOptions>,
}

/// What is wanted of a stream beside the answer.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct StreamOptions {
    include_usage: bool,
}

impl<'a> Request<'a> {
    /// The most tokens of the answer, by the name that its reader knows.
    pub(crate) fn limit(&mut self, tokens: Option<&'a RawValue>, audience: Audience<'_>) {
        if matches!(audience, Audience::Provider { newest: false, .. }) {
            self.max_tokens = tokens;
        } else {
            self.max_completion_tokens = tokens;
        }
    }

    /// A stream that tells its usage: other dialects always do.
    pub(crate) fn streamed(&mut self, stream: bool) {
        self.stream = stream;
        self.stream_options = stream.then_some(StreamOptions {
            include_usage: true,
        });
    }
}

/// One message.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Message<'a> {
    pub(crate) role: &'static str,
    pub(crate) content: Option<Content<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) reasoning_details: Vec<Detail<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tool_calls: Vec<ToolCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool_call_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cache_control: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) extra_content: Option<Extra>,
}

/// What only Anthropic knows about a message.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Extra {
    anthropic: Failed,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Failed {
    is_error: bool,
}

impl Extra {
    /// Of the result of a tool that failed.
    pub(crate) const FAILED: Self = Self {
        anthropic: Failed { is_error: true },
    };
}

/// What a message says.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Content<'a> {
    /// One text, a JSON string.
    Text(&'a RawValue),
    /// Nothing, where something has to stand.
    Empty(&'static str),
    Parts(Vec<Part<'a>>),
}

impl<'a> Content<'a> {
    /// No words.
    pub(crate) const EMPTY: Self = Self::Empty("");

    /// Of parts; a lone text without a mark is a string, which more providers take.
    pub(crate) fn of(parts: Vec<Part<'a>>) -> Option<Self> {
        match parts.as_slice() {
            [] => None,
            [
                Part {
                    text: Some(Text::Raw(text)),
                    cache_control: None,
                    ..
                },
            ] => Some(Self::Text(text)),
            _ => Some(Self::Parts(parts)),
        }
    }
}

/// A JSON string: the client's own text of it, or one made here.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Text<'a> {
    Raw(&'a RawValue),
    Made(String),
}

/// One part of what a message says.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Part<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) image_url: Option<Image<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<Document<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) input_audio: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cache_control: Option<&'a RawValue>,
}

/// An image by its address.
#[derive(Debug, Serialize)]
pub(crate) struct Image<'a> {
    pub(crate) url: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<&'a RawValue>,
}

/// A document.
#[derive(Debug, Serialize)]
pub(crate) struct Document<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file_data: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) filename: Option<Cow<'a, str>>,
}

impl<'a> Part<'a> {
    /// A text.
    pub(crate) fn text(text: Text<'a>) -> Self {
        Self {
            kind: "text",
            text: Some(text),
            ..Self::default()
        }
    }

    /// An image.
    pub(crate) fn image(url: Cow<'a, str>, detail: Option<&'a RawValue>) -> Self {
        Self {
            kind: "image_url",
            image_url: Some(Image { url, detail }),
            ..Self::default()
        }
    }

    /// A document.
    pub(crate) fn file(file: Document<'a>) -> Self {
        Self {
            kind: "file",
            file: Some(file),
            ..Self::default()
        }
    }
}

/// A call that was made.
#[derive(Debug, Serialize)]
pub(crate) struct ToolCall<'a> {
    pub(crate) id: Cow<'a, str>,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) function: Called<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) extra_content: Option<Box<RawValue>>,
}

/// What was called, with its arguments as text.
#[derive(Debug, Serialize)]
pub(crate) struct Called<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) arguments: Cow<'a, str>,
}

/// A tool on offer.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Tool<'a> {
    Function {
        #[serde(rename = "type")]
        kind: &'static str,
        function: Function<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<&'a RawValue>,
    },
    /// One that runs at the provider, as the client wrote it.
    Server(&'a RawValue),
}

/// A function on offer.
#[derive(Debug, Serialize)]
pub(crate) struct Function<'a> {
    pub(crate) name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parameters: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) strict: Option<bool>,
}

impl<'a> Tool<'a> {
    /// A function.
    pub(crate) fn function(function: Function<'a>, cache_control: Option<&'a RawValue>) -> Self {
        Self::Function {
            kind: "function",
            function,
            cache_control,
        }
    }
}

/// Which tools may or must be called.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Choice<'a> {
    /// `auto`, `none` or `required`.
    Word(&'static str),
    Named {
        #[serde(rename = "type")]
        kind: &'static str,
        function: Named<'a>,
    },
    /// Some of the tools.
    Among {
        #[serde(rename = "type")]
        kind: &'static str,
        allowed_tools: Allowed<'a>,
    },
}

/// Tools that may be called.
#[derive(Debug, Serialize)]
pub(crate) struct Allowed<'a> {
    pub(crate) mode: Cow<'a, str>,
    pub(crate) tools: Vec<AllowedTool<'a>>,
}

/// One of them.
#[derive(Debug, Serialize)]
pub(crate) struct AllowedTool<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) function: Named<'a>,
}

/// A function by its name.
#[derive(Debug, Serialize)]
pub(crate) struct Named<'a> {
    pub(crate) name: Cow<'a, str>,
}

impl<'a> Choice<'a> {
    /// This function.
    pub(crate) fn named(name: Cow<'a, str>) -> Self {
        Self::Named {
            kind: "function",
            function: Named { name },
        }
    }
}

/// The shape asked of the answer.
#[derive(Debug, Serialize)]
pub(crate) struct Format<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) json_schema: Option<Bound<'a>>,
}

/// A schema to keep to.
#[derive(Debug, Serialize)]
pub(crate) struct Bound<'a> {
    pub(crate) name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) schema: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) strict: Option<bool>,
}
