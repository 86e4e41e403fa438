//! Items to chat messages: those of one answer become one message.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::chat::asked::{Called, Content, Document, Message, Notes, Part, Text, ToolCall};
use crate::chat::content::{self, Given};
use crate::chat::sealed::put_back;
use crate::responses::form::{self, Item};
use crate::seal::Sealed;

/// All messages of a conversation, the instructions first.
pub(crate) fn read<'a>(
    instructions: Option<&'a RawValue>,
    input: Option<&'a RawValue>,
    notes: &mut Notes<'_>,
) -> Result<Vec<Message<'a>>, serde_json::Error> {
    let mut items = Items {
        messages: Vec::new(),
        answer: None,
        sealed: Vec::new(),
    };
    if let Some(text) = instructions.filter(|text| text.get().starts_with('"')) {
        items.say("system", Content::Text(text));
    }
    match input {
        Some(input) if input.get().starts_with('"') => items.say("user", Content::Text(input)),
        Some(input) => {
            let list: Vec<&'a RawValue> = Vec::deserialize(input)?;
            for (at, raw) in list.into_iter().enumerate() {
                items.add(raw, &format!("input[{at}]"), notes)?;
            }
        }
        None => notes.refuse("the request has no `input`; add it", "input"),
    }
    items.close();
    let mut messages = items.messages;
    Message::forget_unsealed(&mut messages);
    Ok(messages)
}

struct Items<'a> {
    messages: Vec<Message<'a>>,
    /// The answer that items are gathered in.
    answer: Option<(Message<'a>, Vec<Part<'a>>)>,
    /// What belongs to calls of it.
    sealed: Vec<Sealed<'static>>,
}

impl<'a> Items<'a> {
    fn say(&mut self, role: &'static str, content: Content<'a>) {
        self.close();
        self.messages.push(Message {
            role,
            content: Some(content),
            ..Message::default()
        });
    }

    fn answer(&mut self) -> &mut (Message<'a>, Vec<Part<'a>>) {
        self.answer.get_or_insert_with(|| {
            let message = Message {
                role: "assistant",
                ..Message::default()
            };
            (message, Vec::new())
        })
    }

    /// The answer is complete.
    fn close(&mut self) {
        let Some((mut message, said)) = self.answer.take() else {
            return;
        };
        message.content = Content::of(said);
        message.give_back(std::mem::take(&mut self.sealed));
        self.messages.extend(Some(message).filter(Message::says));
    }

    fn add(
        &mut self,
        raw: &'a RawValue,
        at: &str,
        notes: &mut Notes<'_>,
    ) -> Result<(), serde_json::Error> {
        let item = Item::deserialize(raw)?;
        match (item.kind.as_deref().unwrap_or("message"), item.role.as_deref()) {
            ("message", Some("assistant")) => {
                let mut said = parts(item.content, at, notes)?;
                self.answer().1.append(&mut said);
            }
            ("message", Some(role)) => {
                let role = match role {
                    "user" => "user",
                    "developer" => "developer",
                    "system" => "system",
                    other => {
                        let message = format!("`{other}` is no role: user, assistant, system or developer");
                        notes.refuse(message, format!("{at}.role"));
                        return Ok(());
                    }
                };
                let content = Content::of(parts(item.content, at, notes)?);
                self.say(role, content.unwrap_or(Content::EMPTY));
            }
            ("function_call", _) => {
                let arguments = item.arguments.map(String::deserialize).transpose()?;
                self.answer().0.tool_calls.push(ToolCall {
                    id: item.call_id.unwrap_or_default(),
                    kind: "function",
                    function: Called {
                        name: item.name.unwrap_or_default(),
                        arguments: arguments.map_or(Cow::Borrowed("{}"), Cow::Owned),
                    },
                    extra_content: None,
                });
            }
            ("function_call_output", _) => self.result(item, at, notes)?,
            ("reasoning", _) => {
                let words = words(&item)?;
                let audience = notes.audience;
                let sealed = item.encrypted_content.and_then(|word| Sealed::read(&word));
                if let Some(sealed) = sealed {
                    let (message, _) = self.answer();
                    let call = put_back(sealed, words, audience.provider(), message);
                    self.sealed.extend(call);
                }
                // What OpenAI sealed is for OpenAI, and goes there untouched.
            }
            (kind, _) => notes.refuse(
                format!(
                    "items of type `{kind}` are known to OpenAI's Responses alone: route the request there, or leave it out"
                ),
                at,
            ),
        }
        Ok(())
    }

    /// The result of a tool, and what it cannot hold.
    fn result(
        &mut self,
        item: Item<'a>,
        at: &str,
        notes: &mut Notes<'_>,
    ) -> Result<(), serde_json::Error> {
        let content = parts(item.output, at, notes)?;
        let (content, shown) = content::result(content, notes);
        self.close();
        self.messages.push(Message {
            role: "tool",
            content: Content::of(content).or(Some(Content::EMPTY)),
            tool_call_id: Some(item.call_id.unwrap_or_default()),
            ..Message::default()
        });
        if let Some(content) = Content::of(shown) {
            self.say("user", content);
        }
        Ok(())
    }
}

/// What a piece of reasoning says: its own text where that is shown, else its summary.
fn words(item: &Item<'_>) -> Result<Option<String>, serde_json::Error> {
    let content = item
        .content
        .filter(|content| content.get().starts_with('['));
    let own: Vec<form::Summary> = content
        .map(Vec::deserialize)
        .transpose()?
        .unwrap_or_default();
    let summary = item.summary.iter().flatten();
    let parts: Vec<&str> = if own.is_empty() {
        summary.map(|part| part.text.as_str()).collect()
    } else {
        own.iter().map(|part| part.text.as_str()).collect()
    };
    let words = parts.join("\n\n");
    Ok((!words.is_empty()).then_some(words))
}

/// A content that is a string, or a list of parts.
fn parts<'a>(
    content: Option<&'a RawValue>,
    at: &str,
    notes: &mut Notes<'_>,
) -> Result<Vec<Part<'a>>, serde_json::Error> {
    Given::read(content)?.parts(at, notes, |given, at, parts, notes| {
        parts.extend(part(given, at, notes));
        Ok(())
    })
}

fn part<'a>(part: form::Part<'a>, at: &str, notes: &mut Notes<'_>) -> Option<Part<'a>> {
    match (part.kind.as_ref(), part.text.or(part.refusal)) {
        ("input_text" | "output_text" | "text" | "refusal", Some(text)) => {
            return Some(Part::text(Text::Raw(text)));
        }
        ("input_audio", _) if part.input_audio.is_some() => {
            return Some(Part {
                kind: "input_audio",
                input_audio: part.input_audio,
                ..Part::default()
            });
        }
        _ => {}
    }
    let knows_more = notes.audience.knows_more();
    match (
        part.kind.as_ref(),
        part.image_url,
        part.file_data,
        part.file_url,
    ) {
        ("input_image", Some(url), ..) => Some(Part::image(url, part.detail)),
        ("input_file", _, Some(data), _) => Some(Part::file(Document {
            file_data: Some(data),
            filename: part.filename,
        })),
        ("input_file", _, None, Some(url)) if knows_more => Some(Part::file(Document {
            file_data: Some(url),
            filename: part.filename,
        })),
        (kind, ..) => {
            let message = format!(
                "a part of type `{kind}` without its data cannot be sent elsewhere: send text, an `image_url` or `file_data`"
            );
            notes.refuse(message, at);
            None
        }
    }
}
