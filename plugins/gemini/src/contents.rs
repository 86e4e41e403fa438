//! Messages to turns: system texts apart, one turn after the other, all results of one answer in one turn.

use std::borrow::Cow;
use std::collections::BTreeMap;

use mux_plugin_sdk::Fault;
use mux_plugin_sdk::chat::content::plain;
use mux_plugin_sdk::chat::request::extra;
use mux_plugin_sdk::chat::{
    Address, Json, Message, Piece, Place, Placed, ReasoningDetail, ToolCall, lone_text, object,
    pieces, quoted,
};
use serde::Deserialize;

use crate::family::Family;
use crate::part::{Answered, Called, Inline, Linked, Part, Role, Said, System, Turn};

/// Google's documented stand-in for the signature of a call that another model made.
const FOREIGN_SIGNATURE: &str = "skip_thought_signature_validator";

/// A conversation as Gemini has it.
#[derive(Debug)]
pub(crate) struct Contents<'a> {
    pub(crate) system: Option<System<'a>>,
    pub(crate) turns: Vec<Turn<'a>>,
}

/// What only Gemini knows about a call.
#[derive(Deserialize)]
struct CallExtra {
    thought_signature: Option<String>,
}

struct Reader<'a, 'w> {
    family: Family,
    system: Vec<Part<'a>>,
    turns: Vec<Turn<'a>>,
    /// The name of each call so far, by its id: results have to say it and clients do not.
    names: BTreeMap<String, Cow<'a, str>>,
    /// A call had to do with the stand-in.
    foreign: bool,
    /// A file had a name.
    named: bool,
    warnings: &'w mut Vec<String>,
}

impl<'a> Contents<'a> {
    /// Reads all messages.
    pub(crate) fn read(
        messages: Vec<Message<'a>>,
        family: Family,
        warnings: &mut Vec<String>,
    ) -> Result<Self, Fault> {
        let mut reader = Reader {
            family,
            system: Vec::new(),
            turns: Vec::new(),
            names: BTreeMap::new(),
            foreign: false,
            named: false,
            warnings,
        };
        let mut late_system = false;
        for (index, message) in messages.into_iter().enumerate() {
            let system = matches!(message.role.as_ref(), "system" | "developer");
            late_system |= system && !reader.turns.is_empty();
            reader.add(message, Place::message(index))?;
        }
        reader.finish(late_system)
    }
}

impl<'a> Reader<'a, '_> {
    fn finish(self, late_system: bool) -> Result<Contents<'a>, Fault> {
        if late_system {
            self.warnings.push(String::from(
                "system messages inside the conversation were moved to its start",
            ));
        }
        if self.foreign {
            self.warnings.push(String::from(
                "a call of `messages[].tool_calls` came without gemini's signature: a stand-in was sent",
            ));
        }
        if self.named {
            self.warnings.push(String::from(
                "`messages[].content[].file.filename` was dropped",
            ));
        }
        if self.turns.is_empty() {
            return Err(Fault::invalid(
                "gemini needs at least one message that is not a system message",
                "messages",
            ));
        }
        Ok(Contents {
            system: (!self.system.is_empty()).then_some(System { parts: self.system }),
            turns: self.turns,
        })
    }

    fn add(&mut self, message: Message<'a>, at: Place) -> Result<(), Fault> {
        match message.role.as_ref() {
            "system" | "developer" => {
                let parts = self.parts(&message, at)?;
                if parts.iter().any(|part| !matches!(part.said, Said::Text(_))) {
                    return Err(Fault::unsupported(
                        "gemini's system prompt is text only",
                        at.field("content"),
                    ));
                }
                self.system.extend(parts);
            }
            "user" => {
                let parts = self.parts(&message, at)?;
                self.extend(Role::User, parts);
            }
            "assistant" => {
                let parts = self.answer(message, at)?;
                self.extend(Role::Model, parts);
            }
            "tool" => self.result(&message, at)?,
            other => {
                return Err(Fault::unsupported(
                    format!("gemini knows no role `{other}`"),
                    at.field("role"),
                ));
            }
        }
        Ok(())
    }

    fn pieces(&mut self, message: &Message<'a>, at: Place) -> Result<Vec<Placed<'a>>, Fault> {
        pieces(
            message.content,
            at.field("content"),
            "gemini",
            self.warnings,
        )
    }

    fn parts(&mut self, message: &Message<'a>, at: Place) -> Result<Vec<Part<'a>>, Fault> {
        if let Some(text) = lone_text(message.content) {
            return Ok(vec![Said::Text(Cow::Borrowed(text)).into()]);
        }
        let pieces = self.pieces(message, at)?;
        pieces
            .into_iter()
            .map(|Placed { piece, at, .. }| self.part(piece, at))
            .collect()
    }

    fn part(&mut self, piece: Piece<'a>, at: Place) -> Result<Part<'a>, Fault> {
        let said = match piece {
            Piece::Text(raw) => Said::Text(Cow::Borrowed(raw)),
            Piece::Image(url) | Piece::Video(url) => addressed(url, at)?,
            Piece::File { data, name } => {
                self.named |= name.is_some();
                addressed(data, at)?
            }
            Piece::Audio { data, format } => Said::InlineData(Inline {
                mime_type: Cow::Owned(format!("audio/{format}")),
                data,
            }),
        };
        Ok(said.into())
    }

    /// Messages of one role in a row become one turn.
    fn extend(&mut self, role: Role, parts: Vec<Part<'a>>) {
        if parts.is_empty() {
            return;
        }
        match self.turns.last_mut().filter(|turn| turn.role == role) {
            Some(turn) => turn.parts.extend(parts),
            None => self.turns.push(Turn { role, parts }),
        }
    }

    fn answer(&mut self, message: Message<'a>, at: Place) -> Result<Vec<Part<'a>>, Fault> {
        let mut said = self.parts(&message, at)?;
        let (mut all, seal) = thoughts(message.reasoning_details.unwrap_or_default())?;
        if let Some(seal) = seal {
            let last = said
                .iter_mut()
                .rev()
                .find(|part| matches!(part.said, Said::Text(_)));
            match last {
                Some(text) => text.thought_signature = Some(Cow::Owned(seal)),
                None => said.push(Part {
                    thought_signature: Some(Cow::Owned(seal)),
                    ..Said::Text(quoted("")?).into()
                }),
            }
        }
        all.append(&mut said);
        let calls = message.tool_calls.unwrap_or_default();
        for (index, call) in calls.into_iter().enumerate() {
            let at = at.field("tool_calls").item(index);
            all.push(self.call(call, index == 0, at)?);
        }
        Ok(all)
    }

    fn call(&mut self, call: ToolCall<'a>, first: bool, at: Place) -> Result<Part<'a>, Fault> {
        let function = call
            .function
            .ok_or_else(|| Fault::unsupported("gemini knows function calls only", at))?;
        let args = function.object(at, self.warnings)?;
        self.names.insert(call.id.clone(), function.name.clone());
        let kept = extra::<CallExtra>(call.extra_content, "google");
        let mut signature = kept.and_then(|kept| kept.thought_signature).map(Cow::Owned);
        // Of the calls of one answer only the first has to be signed.
        if signature.is_none() && first && self.family.third {
            self.foreign = true;
            signature = Some(Cow::Borrowed(FOREIGN_SIGNATURE));
        }
        Ok(Part {
            thought_signature: signature,
            ..Said::FunctionCall(Called {
                id: call.id,
                name: function.name,
                args,
            })
            .into()
        })
    }

    fn result(&mut self, message: &Message<'a>, at: Place) -> Result<(), Fault> {
        let id = message
            .tool_call_id
            .clone()
            .ok_or_else(|| Fault::invalid("a tool message needs `tool_call_id`", at))?;
        let name = self.names.get(&id).or(message.name.as_ref()).cloned();
        let name = name.ok_or_else(|| {
            Fault::invalid(
                "gemini wants the name of the function, and no earlier message calls one by this id",
                at.field("tool_call_id"),
            )
        })?;
        let mut text = String::new();
        let mut parts = Vec::new();
        for Placed { piece, at, .. } in self.pieces(message, at)? {
            match piece {
                Piece::Text(raw) => text.push_str(&plain(raw, at)?),
                _ if !self.family.third => {
                    return Err(Fault::unsupported(
                        "this model takes text only as the result of a call",
                        at,
                    ));
                }
                other => parts.push(self.part(other, at)?),
            }
        }
        self.add_result(Answered {
            id,
            name,
            response: response(&text)?,
            parts,
        });
        Ok(())
    }

    /// All results of one answer go into one turn, before anything else in it.
    fn add_result(&mut self, answered: Answered<'a>) {
        let result = Part::from(Said::FunctionResponse(answered));
        match self.turns.last_mut().filter(|turn| turn.role == Role::User) {
            Some(turn) => {
                let place = turn
                    .parts
                    .iter()
                    .take_while(|part| matches!(part.said, Said::FunctionResponse(_)))
                    .count();
                turn.parts.insert(place, result);
            }
            None => self.extend(Role::User, vec![result]),
        }
    }
}

/// A result as the object Gemini wants: itself, or text under a name.
fn response(text: &str) -> Result<Json<'static>, Fault> {
    let trimmed = text.trim();
    if trimmed.starts_with('{')
        && let Ok(json) = object(trimmed)
    {
        return Ok(json);
    }
    object(&format!(r#"{{"output":{}}}"#, quoted(text)?.get()))
}

/// Reasoning that Gemini sealed: parts of their own, and the seal of the text.
fn thoughts<'a>(details: Vec<ReasoningDetail>) -> Result<(Vec<Part<'a>>, Option<String>), Fault> {
    let mut parts = Vec::new();
    let mut seal = None;
    for detail in details.into_iter().filter(|detail| detail.is_of("google")) {
        match (detail.kind.as_str(), detail.signature, detail.data) {
            ("reasoning.encrypted", _, Some(data)) if detail.provider.is_some() => {
                seal = Some(data);
            }
            ("reasoning.text", Some(signature), _)
                if !signature.is_empty() && detail.provider.is_some() =>
            {
                parts.push(Part {
                    thought: true,
                    thought_signature: Some(Cow::Owned(signature)),
                    ..Said::Text(quoted(detail.text.as_deref().unwrap_or_default())?).into()
                });
            }
            _ => {}
        }
    }
    Ok((parts, seal))
}

fn addressed(url: Cow<'_, str>, at: Place) -> Result<Said<'_>, Fault> {
    let address = Address::read(url, &["https://", "http://", "gs://"])
        .map_err(|bad| Fault::invalid(format!("the address {}", bad.0), at))?;
    Ok(match address {
        Address::Data { media_type, data } => Said::InlineData(Inline {
            mime_type: media_type,
            data,
        }),
        Address::Url(url) => Said::FileData(Linked {
            mime_type: media_type(&url),
            file_uri: url,
        }),
    })
}

/// What lies at an address, by its ending.
fn media_type(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let ending = path.rsplit('.').next()?.to_ascii_lowercase();
    Some(match ending.as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "pdf" => "application/pdf",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "txt" => "text/plain",
        _ => return None,
    })
}
