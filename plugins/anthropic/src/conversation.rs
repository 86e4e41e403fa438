//! Messages to turns: system texts apart, one turn after the other, tool results where the provider wants them.

use mux_plugin_sdk::Fault;
use mux_plugin_sdk::chat::request::extra;
use mux_plugin_sdk::chat::{Message, Place, ReasoningDetail, ToolCall, quoted, warn_of_echoes};
use serde::Deserialize;

use crate::block::{Block, Role, Turn};
use crate::content::{blocks, text};

/// What only Anthropic knows about a result.
#[derive(Deserialize)]
struct ResultExtra {
    #[serde(default)]
    is_error: bool,
}

/// A conversation as the Messages API has it.
#[derive(Debug, Default)]
pub(crate) struct Conversation<'a> {
    pub(crate) system: Vec<Block<'a>>,
    pub(crate) turns: Vec<Turn<'a>>,
}

impl<'a> Conversation<'a> {
    /// Reads all messages.
    pub(crate) fn read(
        messages: Vec<Message<'a>>,
        warnings: &mut Vec<String>,
    ) -> Result<Self, Fault> {
        let mut conversation = Self::default();
        warn_of_echoes(&messages, warnings);
        let mut late_system = false;
        let mut named = false;
        for (index, message) in messages.into_iter().enumerate() {
            let system = matches!(message.role.as_ref(), "system" | "developer");
            late_system |= system && !conversation.turns.is_empty();
            named |= message.name.is_some();
            conversation.add(message, Place::message(index), warnings)?;
        }
        if late_system {
            warnings.push(String::from(
                "system messages inside the conversation were moved to its start",
            ));
        }
        if named {
            warnings.push(String::from("`messages[].name` was dropped"));
        }
        if conversation.turns.is_empty() {
            return Err(Fault::invalid(
                "anthropic needs at least one message that is not a system message",
                "messages",
            ));
        }
        conversation.trim_last_answer()?;
        Ok(conversation)
    }

    fn add(
        &mut self,
        message: Message<'a>,
        at: Place,
        warnings: &mut Vec<String>,
    ) -> Result<(), Fault> {
        let mut content = match text(message.content) {
            Some(text) => vec![text],
            None => blocks(message.content, at.field("content"), warnings)?,
        };
        if let (Some(mark), Some(last)) = (message.cache_control, content.last_mut()) {
            last.cache(mark);
        }
        match message.role.as_ref() {
            "system" | "developer" => self.add_system(content, at)?,
            "user" => self.turn(Role::User).content.append(&mut content),
            "assistant" => {
                let thoughts = thoughts(message.reasoning_details.unwrap_or_default());
                let calls = match message.tool_calls {
                    Some(called) if !called.is_empty() => calls(called, at, warnings)?,
                    _ => Vec::new(),
                };
                let turn = &mut self.turn(Role::Assistant).content;
                turn.extend(thoughts);
                turn.append(&mut content);
                turn.extend(calls);
            }
            "tool" => {
                let extra = extra::<ResultExtra>(message.extra_content, "anthropic");
                self.add_result(Block::ToolResult {
                    tool_use_id: call_id(&message.tool_call_id.ok_or_else(|| {
                        Fault::invalid("a tool message needs `tool_call_id`", at)
                    })?),
                    content,
                    is_error: extra.is_some_and(|extra| extra.is_error),
                    cache_control: None,
                });
            }
            other => {
                return Err(Fault::unsupported(
                    format!("anthropic knows no role `{other}`"),
                    at.field("role"),
                ));
            }
        }
        // No other turn is empty: whatever a message brings goes into the last one.
        self.turns.pop_if(|turn| turn.content.is_empty());
        Ok(())
    }

    fn add_system(&mut self, content: Vec<Block<'a>>, at: Place) -> Result<(), Fault> {
        if content
            .iter()
            .any(|block| !matches!(block, Block::Text { .. }))
        {
            return Err(Fault::unsupported(
                "anthropic's system prompt is text only",
                at,
            ));
        }
        self.system.extend(content);
        Ok(())
    }

    /// The open turn of that role: messages of one role in a row become one turn.
    fn turn(&mut self, role: Role) -> &mut Turn<'a> {
        if self.turns.last().is_none_or(|turn| turn.role != role) {
            self.turns.push(Turn {
                role,
                content: Vec::new(),
            });
        }
        let last = self.turns.len() - 1;
        #[expect(
            clippy::indexing_slicing,
            reason = "a turn was pushed if there was none"
        )]
        &mut self.turns[last]
    }

    /// All results of one answer go into one turn, before anything else in it.
    fn add_result(&mut self, result: Block<'a>) {
        let turn = &mut self.turn(Role::User).content;
        let place = turn
            .iter()
            .take_while(|block| matches!(block, Block::ToolResult { .. }))
            .count();
        turn.insert(place, result);
    }

    /// The provider refuses white space at the end of an answer it is to go on with.
    fn trim_last_answer(&mut self) -> Result<(), Fault> {
        let Some(turn) = self
            .turns
            .last_mut()
            .filter(|turn| turn.role == Role::Assistant)
        else {
            return Ok(());
        };
        if let Some(Block::Text { text, .. }) = turn.content.last_mut() {
            let plain: String = serde_json::from_str(text.get())
                .map_err(|error| Fault::invalid(error.to_string(), "messages"))?;
            let trimmed = plain.trim_end();
            if trimmed.is_empty() {
                turn.content.pop();
            } else if trimmed.len() < plain.len() {
                *text = quoted(trimmed)?;
            }
        }
        self.turns.pop_if(|turn| turn.content.is_empty());
        Ok(())
    }

    /// Whether a turn that calls tools lacks the thinking it began with; then thinking cannot go on.
    pub(crate) fn lost_its_thinking(&self) -> bool {
        let answers = self.turns.iter().rev();
        answers
            .filter(|turn| turn.role == Role::Assistant)
            .take(1)
            .any(|turn| {
                let calls = turn
                    .content
                    .iter()
                    .any(|block| matches!(block, Block::ToolUse { .. }));
                let starts = matches!(
                    turn.content.first(),
                    Some(Block::Thinking { .. } | Block::RedactedThinking { .. })
                );
                calls && !starts
            })
    }
}

/// The reasoning that this provider signed. Other reasoning would be refused and is left out.
fn thoughts<'a>(details: Vec<ReasoningDetail>) -> Vec<Block<'a>> {
    let ours = |detail: &ReasoningDetail| detail.is_of("anthropic");
    let block =
        |detail: ReasoningDetail| match (detail.kind.as_str(), detail.signature, detail.data) {
            ("reasoning.encrypted", _, Some(data)) => Some(Block::RedactedThinking { data }),
            ("reasoning.text", Some(signature), _) if !signature.is_empty() => {
                Some(Block::Thinking {
                    thinking: detail.text.unwrap_or_default(),
                    signature,
                })
            }
            _ => None,
        };
    details.into_iter().filter(ours).filter_map(block).collect()
}

fn calls<'a>(
    calls: Vec<ToolCall<'a>>,
    at: Place,
    warnings: &mut Vec<String>,
) -> Result<Vec<Block<'a>>, Fault> {
    let mut blocks = Vec::with_capacity(calls.len());
    for (index, call) in calls.into_iter().enumerate() {
        let at = at.field("tool_calls").item(index);
        let function = call
            .function
            .ok_or_else(|| Fault::unsupported("anthropic knows function calls only", at))?;
        blocks.push(Block::ToolUse {
            id: call_id(&call.id),
            input: function.object(at, warnings)?,
            name: function.name,
            cache_control: None,
        });
    }
    Ok(blocks)
}

/// An id the provider accepts: letters, digits, `_` and `-`. Equal ids stay equal.
fn call_id(id: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if id.is_empty() {
        return String::from("call");
    }
    id.chars().map(|c| if fits(c) { c } else { '_' }).collect()
}
