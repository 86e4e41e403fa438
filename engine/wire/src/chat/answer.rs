//! The fields of a chat completion, whole or chunk, that mux looks at.

use std::fmt;

use serde::de::{Error, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::chat::counts::Counts;
use crate::chat::name::Name;
use crate::chat::weight::Weight;

/// A chat completion or one chunk of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Answer<'a> {
    pub(crate) object: Object,
    #[serde(borrow)]
    pub(crate) model: Name<'a>,
    pub(crate) choices: Option<Choices>,
    pub(crate) usage: Option<Counts>,
    pub(crate) x_groq: Option<Groq>,
    pub(crate) error: Option<IgnoredAny>,
}

/// Where Groq puts the usage besides.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Groq {
    pub(crate) usage: Option<Counts>,
}

/// What `object` says the answer is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Object {
    #[default]
    Usual,
    /// Perplexity's last event, which repeats the whole message.
    Done,
    /// An error spelled out flat, as vLLM and Mistral have it.
    Error,
}

/// All choices taken together.
#[derive(Debug, Default)]
pub(crate) struct Choices {
    pub(crate) delta: Written,
    pub(crate) message: Written,
    pub(crate) finish: Option<String>,
    /// There is one at all.
    pub(crate) any: bool,
}

/// What one message or delta adds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Written {
    pub(crate) bytes: u64,
    pub(crate) content: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice {
    delta: Option<Message>,
    message: Option<Message>,
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    content: Weight,
    refusal: Weight,
    reasoning_content: Weight,
    reasoning: Weight,
    reasoning_details: Weight,
    tool_calls: Option<Calls>,
    function_call: Option<Weight>,
    audio: Weight,
}

/// Tool calls: that there is one is content, even before its first argument.
#[derive(Debug, Clone, Copy, Default)]
struct Calls(Written);

impl Message {
    fn written(&self) -> Written {
        let calls = self.tool_calls.unwrap_or_default().0;
        let call = self.function_call.map_or(0, |call| call.0);
        let text = self.content.0
            + self.refusal.0
            + self
                .reasoning_content
                .0
                .max(self.reasoning.0)
                .max(self.reasoning_details.0)
            + self.audio.0;
        let content = text > 0 || calls.content || self.function_call.is_some();
        Written {
            bytes: text + call + calls.bytes,
            content,
        }
    }
}

impl Written {
    fn add(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.content |= other.content;
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the kind of an answer")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Object, E> {
                Ok(match name {
                    "error" => Object::Error,
                    "chat.completion.done" => Object::Done,
                    _ => Object::Usual,
                })
            }

            fn visit_unit<E: Error>(self) -> Result<Object, E> {
                Ok(Object::Usual)
            }
        }
        deserializer.deserialize_any(Name)
    }
}

impl<'de> Deserialize<'de> for Choices {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Choices;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of choices")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Choices, A::Error> {
                let mut all = Choices::default();
                while let Some(choice) = seq.next_element::<Choice>()? {
                    all.delta.add(choice.delta.unwrap_or_default().written());
                    all.message
                        .add(choice.message.unwrap_or_default().written());
                    all.finish = choice.finish_reason.or(all.finish);
                    all.any = true;
                }
                Ok(all)
            }
        }
        deserializer.deserialize_seq(All)
    }
}

impl<'de> Deserialize<'de> for Calls {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Calls;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of tool calls")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Calls, A::Error> {
                let mut written = Written::default();
                while let Some(Weight(bytes)) = seq.next_element()? {
                    written.add(Written {
                        bytes,
                        content: true,
                    });
                }
                Ok(Calls(written))
            }
        }
        deserializer.deserialize_seq(All)
    }
}
