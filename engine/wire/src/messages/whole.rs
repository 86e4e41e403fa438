//! A complete chat answer to a Messages answer.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::chat::spoken::{Piece, Spoken};
use crate::messages::answer::{
    Block, Counts, Input, Message, beside, data, signature, stop_reason,
};
use crate::messages::citation::cite;
use crate::seal::Detail;
use crate::speaker::{Speaker, Whole};

/// A complete answer.
///
/// # Errors
/// The answer is no chat completion.
pub(crate) fn whole(speaker: &Speaker, body: &[u8]) -> Result<Whole, serde_json::Error> {
    let spoken = Spoken::read(body)?;
    let mut pieces = Vec::new();
    let mut ending = spoken.tell(|piece| pieces.push(piece));
    let by = speaker.by.as_deref();
    let mut content: Vec<Block<'_>> = Vec::with_capacity(pieces.len());
    let mut citations = ending.take_sources();
    let mut called = 0;
    for piece in pieces {
        match piece {
            Piece::Reasoning(words) => content.push(Block::Thinking {
                thinking: text(words)?,
                signature: Cow::Owned(signature(Detail::default(), by)),
            }),
            Piece::Detail(detail) => content.push(thought(detail, by)),
            Piece::Text(said) | Piece::Refusal(said) => {
                let said = text(said)?;
                match content.last_mut() {
                    Some(Block::Text { text, .. }) => text.to_mut().push_str(&said),
                    _ => content.push(Block::Text {
                        text: said,
                        citations: Vec::new(),
                    }),
                }
            }
            Piece::Citation(citation) => citations.push(citation),
            Piece::Picture(_) => ending.lose("images"),
            // Anthropic's clients cannot ask for them.
            Piece::Odds(_) => {}
            Piece::Call(call) => {
                let id = call.id(speaker, called);
                called += 1;
                if let Some(extra) = call.extra_content {
                    let data = Cow::Owned(beside(&id, extra, by));
                    content.push(Block::RedactedThinking { data });
                }
                let arguments = call.arguments().map(text).transpose()?;
                content.push(Block::ToolUse {
                    id: Cow::Owned(id),
                    name: Cow::Owned(call.name().unwrap_or_default().to_owned()),
                    input: Input::of(arguments.as_deref().unwrap_or("{}")),
                });
            }
        }
    }
    if !cite(&mut content, &citations) {
        ending.lose("citations");
    }
    let model = ending.model.take();
    let message = Message {
        id: &speaker.message_id("msg_"),
        kind: "message",
        role: "assistant",
        model: model.as_deref().unwrap_or(&speaker.model),
        content,
        stop_reason: Some(stop_reason(&ending, called > 0)),
        stop_sequence: ending.met.as_deref(),
        usage: Counts::from(ending.usage.or(speaker.usage).unwrap_or_default()),
    };
    Ok(Whole {
        body: Bytes::from(serde_json::to_vec(&message)?),
        lost: ending.lost().to_vec(),
    })
}

fn thought<'a>(mut detail: Detail<'a>, by: Option<&str>) -> Block<'a> {
    match detail.take_words() {
        Some(thinking) => Block::Thinking {
            thinking,
            signature: Cow::Owned(signature(detail, by)),
        },
        None if detail.data.is_none() => Block::Thinking {
            thinking: Cow::Borrowed(""),
            signature: Cow::Owned(signature(detail, by)),
        },
        None => Block::RedactedThinking {
            data: Cow::Owned(data(detail, by)),
        },
    }
}

fn text(raw: &RawValue) -> Result<Cow<'_, str>, serde_json::Error> {
    serde_json::from_str::<String>(raw.get()).map(Cow::Owned)
}
