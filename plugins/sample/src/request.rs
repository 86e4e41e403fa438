//! The way out: a chat request, as `UNIFIED.md` describes it, becomes one of Sample's.

use std::borrow::Cow;

use mux_plugin_sdk::chat::{
    Chat, Json, Message, Piece, Place, Progress, content, json, pieces, quoted,
};
use mux_plugin_sdk::{Fault, Framing, RequestCtx, RequestPlan};
use serde::Serialize;

/// The one upstream: plans name it.
pub(crate) const UPSTREAM: &str = "api";
/// The one path below its address.
pub(crate) const PATH: &str = "/talk";

/// What Sample has no parameter for: a client that sets one of these is told that it was dropped.
const WITHOUT: &[&str] = &[
    "seed",
    "logit_bias",
    "logprobs",
    "frequency_penalty",
    "presence_penalty",
    "reasoning_effort",
    "top_k",
];

#[derive(Serialize)]
struct Body<'a> {
    /// The provider's name of the model; the one in the client's body is the client's.
    model: &'a str,
    turns: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    most_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    heat: Option<f64>,
    stream: bool,
}

#[derive(Serialize)]
struct Turn<'a> {
    by: Cow<'a, str>,
    /// Text as the JSON it came in, so that nothing of it is unpacked and packed again.
    says: Json<'a>,
}

/// The plan for a chat request.
pub(crate) fn prepare(ctx: &RequestCtx, body: &[u8]) -> Result<RequestPlan, Fault> {
    let mut chat = Chat::read(body)?;
    chat.refuse_old_and_loud("sample")?;
    chat.refuse_several("sample")?;
    if chat.tools.as_ref().is_some_and(|tools| !tools.is_empty()) {
        return Err(Fault::unsupported("sample calls no tools", "tools"));
    }
    if chat.response_format.is_some() {
        return Err(Fault::unsupported(
            "sample promises no form of its answers",
            "response_format",
        ));
    }
    let mut warnings = Vec::new();
    chat.warn_of("sample", WITHOUT, &mut warnings);
    chat.warn_of_messages(&mut warnings);
    let messages = std::mem::take(&mut chat.messages);
    let mut turns = Vec::with_capacity(messages.len());
    for (index, message) in messages.into_iter().enumerate() {
        turns.push(turn(message, Place::message(index), &mut warnings)?);
    }
    let sent = Body {
        model: &ctx.model,
        turns,
        most_tokens: chat.most_tokens(),
        heat: chat.temperature,
        stream: ctx.stream,
    };
    let frames = ctx.stream.then_some(Framing::Sse);
    Ok(RequestPlan {
        // What `decode` will know of the request: an answer has no other memory.
        state: Progress::<()>::opened(ctx, chat.include_usage())?,
        warnings,
        ..RequestPlan::post(UPSTREAM, PATH, frames, json::body(&sent, body)?)
    })
}

fn turn<'a>(
    message: Message<'a>,
    at: Place,
    warnings: &mut Vec<String>,
) -> Result<Turn<'a>, Fault> {
    let by = match message.role.as_ref() {
        "developer" => Cow::Borrowed("system"),
        "system" | "user" | "assistant" => message.role,
        other => {
            return Err(Fault::unsupported(
                format!("sample knows no role `{other}`"),
                at.field("role"),
            ));
        }
    };
    let at = at.field("content");
    let mut texts = Vec::new();
    for placed in pieces(message.content, at, "sample", warnings)? {
        match placed.piece {
            Piece::Text(text) => texts.push(text),
            _ => return Err(Fault::unsupported("sample takes text only", placed.at)),
        }
    }
    let says = match texts.as_slice() {
        [one] => Cow::Borrowed(*one),
        several => {
            let words: Result<Vec<_>, Fault> = several
                .iter()
                .map(|text| content::plain(text, at))
                .collect();
            quoted(&words?.concat())?
        }
    };
    Ok(Turn { by, says })
}

#[cfg(test)]
mod tests {
    use mux_plugin_sdk::BodyPlan;

    use super::*;

    fn planned(body: &str) -> Result<RequestPlan, Fault> {
        let ctx = RequestCtx {
            model: String::from("talker-1"),
            ..RequestCtx::default()
        };
        prepare(&ctx, body.as_bytes())
    }

    #[test]
    fn parts_of_text_are_put_together_and_escapes_kept() -> Result<(), Fault> {
        let plan = planned(
            r#"{"model":"m","messages":[{"role":"developer","content":[{"type":"text","text":"a\n"},{"type":"text","text":"b"}]},{"role":"user","content":"\u2600"}]}"#,
        )?;
        let BodyPlan::Replace(sent) = plan.body else {
            return Err(Fault::Internal(String::from("not replaced")));
        };
        assert_eq!(
            String::from_utf8_lossy(&sent),
            r#"{"model":"talker-1","turns":[{"by":"system","says":"a\nb"},{"by":"user","says":"\u2600"}],"stream":false}"#
        );
        Ok(())
    }

    #[test]
    fn what_cannot_be_asked_is_refused_by_the_name_of_its_field() {
        let picture = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://a.example"}}]}]}"#;
        assert_eq!(
            planned(picture),
            Err(Fault::unsupported(
                "sample takes text only",
                "messages[0].content[0]"
            ))
        );
    }
}
