//! Messages to turns: system texts apart, user and assistant in turn, all results of one answer in one turn.

use std::borrow::Cow;
use std::collections::BTreeMap;

use mux_plugin_sdk::Fault;
use mux_plugin_sdk::chat::content::plain;
use mux_plugin_sdk::chat::{
    Message, Piece, Place, Placed, ReasoningDetail, ToolCall, lone_text, pieces, quoted,
};
use serde_json::value::RawValue;

use crate::attachment::{Names, document, image, video};
use crate::block::{Block, CachePoint, Reasoning, Role, ToolResult, ToolUse, Turn};

/// What stands for a result without a word: Bedrock refuses an empty one.
const SILENT: &str = "(no output)";

/// A conversation as Converse has it.
#[derive(Debug, Default)]
pub(crate) struct Conversation<'a> {
    pub(crate) system: Vec<Block<'a>>,
    pub(crate) turns: Vec<Turn<'a>>,
    names: Names,
}

impl<'a> Conversation<'a> {
    /// Reads all messages. Without tools in the request, calls and results become text: blocks of them are refused then.
    pub(crate) fn read(
        messages: Vec<Message<'a>>,
        tools: bool,
        warnings: &mut Vec<String>,
    ) -> Result<Self, Fault> {
        let mut read = Self::default();
        let mut late_system = false;
        for (index, message) in messages.into_iter().enumerate() {
            let system = matches!(message.role.as_ref(), "system" | "developer");
            late_system |= system && !read.turns.is_empty();
            read.add(message, Place::message(index), warnings)?;
        }
        if late_system {
            warnings.push(String::from(
                "system messages inside the conversation were moved to its start",
            ));
        }
        if !tools {
            read.flatten(warnings)?;
        }
        if read.turns.is_empty() {
            return Err(Fault::invalid(
                "bedrock needs at least one message that is not a system message",
                "messages",
            ));
        }
        Ok(read)
    }

    fn add(
        &mut self,
        message: Message<'a>,
        at: Place,
        warnings: &mut Vec<String>,
    ) -> Result<(), Fault> {
        let here = at.field("content");
        let mut content = self.blocks(&message, here, warnings)?;
        if message.cache_control.is_some() && !content.is_empty() {
            content.push(Block::CachePoint(CachePoint::DEFAULT));
        }
        match message.role.as_ref() {
            "system" | "developer" => {
                let text =
                    |block: &Block<'_>| matches!(block, Block::Text(_) | Block::CachePoint(_));
                if !content.iter().all(text) {
                    return Err(Fault::unsupported(
                        "bedrock's system prompt is text only",
                        here,
                    ));
                }
                self.system.extend(content);
            }
            "user" => self.extend(Role::User, content),
            "assistant" => {
                let mut blocks = thoughts(message.reasoning_details.unwrap_or_default());
                blocks.append(&mut content);
                let calls = message.tool_calls.unwrap_or_default();
                for (index, given) in calls.into_iter().enumerate() {
                    blocks.push(call(given, at.field("tool_calls").item(index), warnings)?);
                }
                self.extend(Role::Assistant, blocks);
            }
            "tool" => {
                let id = message
                    .tool_call_id
                    .ok_or_else(|| Fault::invalid("a tool message needs `tool_call_id`", at))?;
                if content.is_empty() {
                    content.push(Block::Text(quoted(SILENT)?));
                }
                self.add_result(Block::ToolResult(ToolResult {
                    id: call_id(&id),
                    content,
                }));
            }
            other => {
                return Err(Fault::unsupported(
                    format!("bedrock knows no role `{other}`"),
                    at.field("role"),
                ));
            }
        }
        Ok(())
    }

    fn blocks(
        &mut self,
        message: &Message<'a>,
        at: Place,
        warnings: &mut Vec<String>,
    ) -> Result<Vec<Block<'a>>, Fault> {
        if let Some(text) = lone_text(message.content).filter(|text| begins(text)) {
            return Ok(vec![Block::Text(Cow::Borrowed(text))]);
        }
        let mut blocks = Vec::new();
        for placed in pieces(message.content, at, "bedrock", warnings)? {
            let Placed {
                piece,
                at,
                cache_control,
            } = placed;
            blocks.push(match piece {
                // Text of white space alone is refused.
                Piece::Text(raw) if !begins(raw) && plain(raw, at)?.trim().is_empty() => continue,
                Piece::Text(raw) => Block::Text(Cow::Borrowed(raw)),
                Piece::Image(url) => image(url, at)?,
                Piece::Video(url) => video(url, at)?,
                Piece::File { data, name } => document(data, name.as_deref(), &mut self.names, at)?,
                Piece::Audio { .. } => {
                    return Err(Fault::unsupported("bedrock takes no sound here", at));
                }
            });
            if cache_control.is_some() {
                blocks.push(Block::CachePoint(CachePoint::DEFAULT));
            }
        }
        Ok(blocks)
    }

    /// Messages of one role in a row become one turn.
    fn extend(&mut self, role: Role, blocks: Vec<Block<'a>>) {
        if blocks.is_empty() {
            return;
        }
        match self.turns.last_mut().filter(|turn| turn.role == role) {
            Some(turn) => turn.content.extend(blocks),
            None => self.turns.push(Turn {
                role,
                content: blocks,
            }),
        }
    }

    /// All results of one answer go into one turn, before anything else in it.
    fn add_result(&mut self, result: Block<'a>) {
        match self.turns.last_mut().filter(|turn| turn.role == Role::User) {
            Some(turn) => {
                let place = turn
                    .content
                    .iter()
                    .take_while(|block| matches!(block, Block::ToolResult(_)))
                    .count();
                turn.content.insert(place, result);
            }
            None => self.extend(Role::User, vec![result]),
        }
    }

    fn flatten(&mut self, warnings: &mut Vec<String>) -> Result<(), Fault> {
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        let mut flat = false;
        for turn in &mut self.turns {
            let mut content = Vec::with_capacity(turn.content.len());
            for block in turn.content.drain(..) {
                match block {
                    Block::ToolUse(call) => {
                        flat = true;
                        let text = format!("[called {} with {}]", call.name, call.input.get());
                        names.insert(call.id, call.name.into_owned());
                        content.push(Block::Text(quoted(&text)?));
                    }
                    Block::ToolResult(result) => {
                        flat = true;
                        let name = names.get(&result.id).map_or("a tool", String::as_str);
                        content.push(Block::Text(quoted(&format!("[result of {name}]"))?));
                        content.extend(result.content);
                    }
                    // Reasoning is read only where the calls after it are.
                    other => content.push(other),
                }
            }
            turn.content = content;
        }
        if flat {
            warnings.push(String::from(
                "calls and results in `messages` were sent as text: bedrock takes them only with `tools`",
            ));
        }
        Ok(())
    }
}

/// Whether the first character of a text is one to be seen, so that the rest need not be read.
fn begins(text: &RawValue) -> bool {
    let first = text.get().as_bytes().get(1);
    first.is_some_and(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
}

/// The reasoning that came with its seal. Other reasoning would be refused and is left out.
fn thoughts<'a>(details: Vec<ReasoningDetail>) -> Vec<Block<'a>> {
    let block = |detail: ReasoningDetail| {
        let made = match (detail.kind.as_str(), detail.signature, detail.data) {
            ("reasoning.encrypted", _, Some(data)) => Reasoning::RedactedContent(data),
            ("reasoning.text", Some(signature), _) if !signature.is_empty() => {
                Reasoning::ReasoningText {
                    text: detail.text.unwrap_or_default(),
                    signature,
                }
            }
            _ => return None,
        };
        Some(Block::ReasoningContent(made))
    };
    let ours = details
        .into_iter()
        .filter(|detail| detail.provider.as_deref() == Some("bedrock"));
    ours.filter_map(block).collect()
}

fn call<'a>(call: ToolCall<'a>, at: Place, warnings: &mut Vec<String>) -> Result<Block<'a>, Fault> {
    let function = call
        .function
        .ok_or_else(|| Fault::unsupported("bedrock knows function calls only", at))?;
    Ok(Block::ToolUse(ToolUse {
        id: call_id(&call.id),
        input: function.object(at, warnings)?,
        name: function.name,
    }))
}

/// An id Bedrock accepts: letters, digits, `_` and `-`, no more than 64. Equal ids stay equal.
fn call_id(id: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if id.is_empty() {
        return String::from("call");
    }
    let mapped: String = id.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    // The end tells ids apart more often than the beginning.
    let surplus = mapped.len().saturating_sub(64);
    mapped.get(surplus..).unwrap_or(&mapped).to_owned()
}
