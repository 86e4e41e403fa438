//! What a complete chat answer says, as whoever has to judge it needs it: its text, its calls and why it ended.

use bytes::Bytes;
use serde::Deserialize;

use crate::arguments::Arguments;
use crate::chat::name::Name;
use crate::chat::spoken::Call;
use crate::frame::{Framer, Framing};

/// A complete answer; its first choice, where there are several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Complete {
    /// What was said. Empty where only tools are called.
    pub text: String,
    /// What it thought before, where the provider tells.
    pub reasoning: String,
    /// Why it ended, in the provider's word.
    pub finish: Option<String>,
    /// Tools it calls.
    pub calls: Vec<ToolCall>,
    /// The model that says it answered.
    pub model: Option<String>,
}

/// One call of a tool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolCall {
    /// What its result is told apart by.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments, JSON as the model wrote it.
    pub arguments: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body<'a> {
    #[serde(borrow)]
    model: Name<'a>,
    choices: Vec<Choice<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice<'a> {
    index: u32,
    #[serde(borrow)]
    message: Option<Message<'a>>,
    delta: Option<Message<'a>>,
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    content: Option<Content>,
    /// Two names for the same, and what carries more than text; some providers send two of them.
    reasoning_content: Option<String>,
    reasoning: Option<String>,
    reasoning_details: Option<Vec<Thought>>,
    #[serde(borrow)]
    tool_calls: Option<Vec<Call<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Thought {
    text: Option<String>,
    summary: Option<String>,
}

impl Message<'_> {
    fn reasoning(&mut self) -> Option<String> {
        let said = self.reasoning_content.take();
        let said = said.or_else(|| self.reasoning.take());
        said.or_else(|| {
            let thoughts = self.reasoning_details.take()?.into_iter();
            Some(thoughts.filter_map(|t| t.text.or(t.summary)).collect())
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Part {
    text: String,
}

impl Complete {
    /// Of an answer in one piece; `None` where it is no chat completion.
    #[must_use]
    pub fn whole(body: &[u8]) -> Option<Self> {
        let mut draft = Draft::default();
        draft.add(serde_json::from_slice(body).ok()?, |c| c.message);
        Some(draft.answer)
    }

    /// Of all the bytes of a stream; `None` where an event of it cannot be read.
    #[must_use]
    pub fn streamed<'a>(chunks: impl IntoIterator<Item = &'a Bytes>) -> Option<Self> {
        let mut framer = Framer::new(Framing::Sse);
        for chunk in chunks {
            framer.push(chunk.clone()).ok()?;
        }
        framer.finish().ok()?;
        let mut draft = Draft::default();
        for frame in framer {
            let data = frame.data.trim_ascii();
            if !data.is_empty() && data != b"[DONE]" {
                draft.add(serde_json::from_slice(data).ok()?, |c| c.delta);
            }
        }
        Some(draft.answer)
    }

    /// What it says to somebody who reads it: its text, and the calls it makes.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = self.text.clone();
        for call in &self.calls {
            if !words.is_empty() {
                words.push('\n');
            }
            words.push_str("calls ");
            words.push_str(&call.name);
            words.push(' ');
            words.push_str(&call.arguments);
        }
        words
    }
}

/// An answer as far as it was read.
#[derive(Default)]
struct Draft {
    answer: Complete,
    /// The number of each call, and how far it is.
    progress: Vec<(u32, Arguments)>,
}

impl Draft {
    fn add<'a>(&mut self, body: Body<'a>, said: impl Fn(Choice<'a>) -> Option<Message<'a>>) {
        let answer = &mut self.answer;
        if let Some(model) = body.model.0 {
            answer.model = Some(model.into_owned());
        }
        for choice in body.choices.into_iter().filter(|choice| choice.index == 0) {
            if let Some(finish) = choice.finish_reason.clone() {
                answer.finish = Some(finish);
            }
            let Some(mut message) = said(choice) else {
                continue;
            };
            let reasoning = message.reasoning().unwrap_or_default();
            answer.reasoning.push_str(&reasoning);
            match message.content {
                Some(Content::Text(text)) => answer.text.push_str(&text),
                Some(Content::Parts(parts)) => {
                    let texts = parts.iter().map(|part| part.text.as_str());
                    answer.text.extend(texts);
                }
                None => {}
            }
            for call in message.tool_calls.into_iter().flatten() {
                add(call, &mut answer.calls, &mut self.progress);
            }
        }
    }
}

/// Adds to a call, or begins one.
fn add(call: Call<'_>, calls: &mut Vec<ToolCall>, progress: &mut Vec<(u32, Arguments)>) {
    let number = call.number(u32::try_from(calls.len()).unwrap_or(u32::MAX));
    let same = |(n, arguments): &(u32, Arguments)| *n == number && call.goes_on(*arguments);
    let at = progress.iter().rposition(same).unwrap_or(calls.len());
    if at == calls.len() {
        calls.push(ToolCall::default());
        progress.push((number, Arguments::default()));
    }
    let (Some(known), Some((_, read))) = (calls.get_mut(at), progress.get_mut(at)) else {
        return;
    };
    known.name.push_str(call.name().unwrap_or_default());
    if let Some(piece) = call.arguments() {
        let plain: String = serde_json::from_str(piece.get()).unwrap_or_default();
        read.read(&plain);
        known.arguments.push_str(&plain);
    }
    if known.id.is_empty() {
        known.id = call.id.unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_says_what_the_whole_answer_says() {
        let whole = br#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hello there","tool_calls":[{"function":{"name":"f","arguments":"{\"a\":1}"}}]},"finish_reason":"tool_calls"},{"index":1,"message":{"content":"not me"}}]}"#;
        let events = [
            r#"data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"}}]}"#,
            r#"data: {"choices":[{"index":1,"delta":{"content":"not me"}},{"index":0,"delta":{"content":"lo there"}}]}"#,
            r#"data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{\"a\""}}]}}]}"#,
            r#"data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}}]}"#,
            r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
            r#"data: {"choices":[],"usage":{"prompt_tokens":1}}"#,
            "data: [DONE]",
        ];
        let stream = Bytes::from(events.join("\n\n") + "\n\n");
        let whole = Complete::whole(whole).unwrap();
        assert_eq!(whole.words(), "Hello there\ncalls f {\"a\":1}");
        for cut in 0..stream.len() {
            let parts = [stream.slice(..cut), stream.slice(cut..)];
            assert_eq!(Complete::streamed(&parts), Some(whole.clone()));
        }
    }

    #[test]
    fn parts_of_a_content_are_one_text() {
        let body = br#"{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},"finish_reason":"stop"}]}"#;
        let answer = Complete::whole(body).unwrap();
        assert_eq!(
            (&*answer.text, answer.finish.as_deref()),
            ("ab", Some("stop"))
        );
        assert_eq!(Complete::whole(b"<html>"), None);
    }
}
