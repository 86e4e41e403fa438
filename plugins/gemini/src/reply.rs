//! Gemini's answers to unified ones: a fold over events, of which a whole answer has one.

use std::borrow::Cow;

use mux_plugin_sdk::chat::scan::same;
use mux_plugin_sdk::chat::{Answer, Call, More, Reading, Shape, Stretch, Thought, json};
use mux_plugin_sdk::{Batch, Decoded, ErrorKind, Fault, Finish, RetryAdvice, UpstreamError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure;
use crate::grounding::{Grounding, Heard};
use crate::partial::Open;
use crate::provider::{Candidate, Counts, FunctionCall, Odds, Part, Response, Token};

/// What the next event needs.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The call whose arguments are still coming.
    open: Option<Open>,
    heard: Heard,
}

impl Kept {
    /// For an answer to a request whose tools may find sources.
    pub(crate) fn listening() -> Self {
        Self {
            heard: Heard::listening(),
            ..Self::default()
        }
    }
}

type Told = Answer<Kept>;

thread_local! {
    static SHAPE: Shape = const { Shape::new() };
}

/// The chunks of a batch of events, or the whole response.
pub(crate) fn decode(state: &[u8], batch: &Batch) -> Result<Decoded, Fault> {
    if let Some(decoded) = more_text(state, batch) {
        return Ok(decoded);
    }
    let mut answer = Told::resume("google", state)?;
    answer.fold(batch, |answer, frame| event(answer, frame.data))?;
    // There is no last event: the stream ends, and has said why before.
    if answer.ends_with(batch) && !answer.is_over() {
        end_open(&mut answer)?;
        answer.close()?;
        answer.extra().heard = Heard::Nothing;
    }
    answer.finish()
}

/// The same where the events add text and counts, and nothing else.
fn more_text(state: &[u8], batch: &Batch) -> Option<Decoded> {
    let mut stretch = Stretch::begin(state, batch)?;
    let mut last = [None; COUNTED.len()];
    for event in batch.payloads() {
        let told = |more: &More<'_>| {
            if Counts::are_there(&more.counts) {
                last = more.counts;
            }
            stretch.add_plain(more)
        };
        SHAPE.with(|shape| shape.tell(event, text_of, told))?;
    }
    if let Some(usage) = Counts::of_text(last).usage() {
        stretch.count(usage);
    }
    Some(stretch.finish())
}

fn text_of(event: &mut Reading<'_>) -> Option<()> {
    event.object()?;
    while let Some(field) = event.field()? {
        match field {
            _ if same(field, b"responseId") => event.id()?,
            _ if same(field, b"modelVersion") => event.model()?,
            _ if same(field, b"candidates") => only(event)?,
            _ if same(field, b"usageMetadata") => counted(event)?,
            _ if same(field, b"promptFeedback") || same(field, b"error") => return None,
            _ => event.other()?,
        }
    }
    Some(())
}

/// The only candidate, which adds text.
fn only(event: &mut Reading<'_>) -> Option<()> {
    event.scan.array()?;
    event.scan.item()?.then_some(())?;
    event.object()?;
    while let Some(field) = event.field()? {
        match field {
            _ if same(field, b"index") => {
                let index = event.scan.count()?;
                event.choice(index);
            }
            _ if same(field, b"content") => content_of(event)?,
            _ if same(field, b"finishReason") => event.scan.null()?,
            b"finishMessage" | b"groundingMetadata" | b"citationMetadata" | b"logprobsResult" => {
                return None;
            }
            _ => event.other()?,
        }
    }
    (!event.scan.item()?).then_some(())
}

/// A content that has one part, which is text.
fn content_of(event: &mut Reading<'_>) -> Option<()> {
    event.object()?;
    while let Some(field) = event.field()? {
        if !same(field, b"parts") {
            event.other()?;
            continue;
        }
        event.scan.array()?;
        event.scan.item()?.then_some(())?;
        event.object()?;
        same(event.field()??, b"text").then_some(())?;
        event.text()?;
        if event.field()?.is_some() || event.scan.item()? {
            return None;
        }
    }
    Some(())
}

/// The names of the counts, in the order in which [`Counts::of_text`] takes them.
const COUNTED: [&[u8]; 6] = [
    b"promptTokenCount",
    b"toolUsePromptTokenCount",
    b"cachedContentTokenCount",
    b"candidatesTokenCount",
    b"thoughtsTokenCount",
    b"totalTokenCount",
];

/// Counts by kind.
const DETAILS: [&[u8]; 3] = [
    b"promptTokensDetails",
    b"cacheTokensDetails",
    b"candidatesTokensDetails",
];

/// Reads the counts, where they tell of text alone.
fn counted(event: &mut Reading<'_>) -> Option<()> {
    event.object()?;
    while let Some(field) = event.field()? {
        if let Some(which) = COUNTED.iter().position(|name| same(field, name)) {
            event.count(which)?;
        } else if DETAILS.iter().any(|name| same(field, name)) {
            silent(event)?;
        } else {
            event.other()?;
        }
    }
    Some(())
}

/// Reads over counts by kind, where none of them is of sound.
fn silent(event: &mut Reading<'_>) -> Option<()> {
    event.scan.array()?;
    while event.scan.item()? {
        event.object()?;
        while let Some(field) = event.field()? {
            // Where a client asks for numbers instead of words, they are looked up elsewhere.
            match field {
                _ if same(field, b"modality") => {
                    (!same(event.scan.word()?, b"AUDIO")).then_some(())?;
                }
                _ => event.other()?,
            }
        }
    }
    Some(())
}

fn event(answer: &mut Told, data: &[u8]) -> Result<(), Fault> {
    // Google sends no such mark; those who stand in between do.
    if data == b"[DONE]" {
        return Ok(());
    }
    let response: Response<'_> = json::read(data)
        .map_err(|error| Fault::BadResponse(format!("gemini's answer is malformed: {error}")))?;
    if response.error.is_some() {
        answer.fail(failure::in_stream(data));
        return Ok(());
    }
    answer.name(&response.id, &response.model_version);
    if let Some(usage) = response.usage_metadata.and_then(|counts| counts.usage()) {
        answer.count(usage);
    }
    let blocked = response
        .prompt_feedback
        .and_then(|feedback| Some((feedback.block_reason?, feedback.block_reason_message)));
    if let Some((reason, words)) = blocked {
        answer.refuse(0, &words)?;
        return answer.stop(0, Finish::ContentFilter, &reason);
    }
    let candidates = response.candidates.unwrap_or_default();
    if candidates.is_empty() && !answer.is_stream() {
        return Err(Fault::BadResponse(String::from(
            "gemini answered without a candidate and without a reason",
        )));
    }
    for candidate in candidates {
        tell(answer, candidate)?;
    }
    Ok(())
}

fn tell(answer: &mut Told, candidate: Candidate<'_>) -> Result<(), Fault> {
    let choice = candidate.index;
    answer.begin(choice)?;
    let (grounding, recited) = (candidate.grounding(), candidate.recited());
    let odds = candidate.logprobs_result.as_ref().map(weighed);
    let parts = candidate.content.and_then(|content| content.parts);
    let parts = parts.unwrap_or_default();
    // What seals a text ends it: odds and sources of the text come before.
    let mut seal = None;
    for part in &parts {
        sealed(answer, choice, seal)?;
        seal = said(answer, choice, part)?;
    }
    answer.weigh(choice, odds.unwrap_or_default())?;
    // Of further candidates the text is not kept.
    let heard = match choice {
        0 => &answer.extra().heard,
        _ => &Heard::Nothing,
    };
    let mut citations = recited.map_or_else(Vec::new, |recited| recited.citations(heard));
    let found = grounding.as_ref().map(|found| found.citations(heard));
    citations.extend(found.unwrap_or_default());
    for citation in citations {
        answer.cite(choice, citation)?;
    }
    sealed(answer, choice, seal)?;
    if let Some(rest) = grounding.and_then(Grounding::rest) {
        answer.add_extra(choice, rest)?;
    }
    let Some(native) = candidate.finish_reason.as_ref().and_then(word) else {
        return Ok(());
    };
    let finish = finish(&native);
    if matches!(finish, Finish::ContentFilter) {
        answer.refuse(choice, &candidate.finish_message)?;
    }
    if native == "MALFORMED_FUNCTION_CALL" && !answer.has_spoken(choice) {
        answer.fail(malformed(&candidate.finish_message));
        return Ok(());
    }
    answer.stop(choice, finish, &native)
}

/// The seal of a text is a piece by itself: the chat form has no place for it beside the text.
fn sealed(answer: &mut Told, choice: u32, data: Option<&str>) -> Result<(), Fault> {
    answer.think(
        choice,
        Thought {
            data,
            ..Thought::default()
        },
    )
}

/// Tells a part; what seals its text is handed back.
fn said<'a>(answer: &mut Told, choice: u32, part: &'a Part<'_>) -> Result<Option<&'a str>, Fault> {
    let signature = part.thought_signature.as_deref();
    if let Some(call) = &part.function_call {
        called(answer, choice, call, signature)?;
        return Ok(None);
    }
    if let Some(picture) = part.inline_data.as_ref().filter(|_| !part.thought) {
        answer.show(choice, &picture.mime_type, &picture.data)?;
        return Ok(None);
    }
    let Some(text) = &part.text else {
        // Tools that run at Google, their results, and kinds yet unknown.
        return Ok(None);
    };
    if part.thought {
        let thought = Thought {
            text,
            signature,
            data: None,
        };
        answer.think(choice, thought)?;
        return Ok(None);
    }
    answer.text(choice, text)?;
    if choice == 0 {
        let stream = answer.is_stream();
        answer.extra().heard.add(text, stream);
    }
    Ok(signature)
}

/// Tokens as OpenAI has them.
fn weighed(odds: &Odds) -> Vec<Value> {
    let token = |token: &Token| json!({ "token": token.token, "logprob": token.log_probability, "bytes": token.token.as_bytes() });
    let rivals = odds.top_candidates.iter().map(|rivals| &rivals.candidates);
    let rivals = rivals.map(Some).chain(std::iter::repeat(None));
    let chosen = odds.chosen_candidates.iter().zip(rivals);
    let one = |(chosen, rivals): (&Token, Option<&Vec<Token>>)| {
        let mut one = token(chosen);
        let rivals: Vec<Value> = rivals.into_iter().flatten().map(token).collect();
        if let Some(one) = one.as_object_mut() {
            one.insert(String::from("top_logprobs"), Value::from(rivals));
        }
        one
    };
    chosen.map(one).collect()
}

fn called(
    answer: &mut Told,
    choice: u32,
    call: &FunctionCall<'_>,
    signature: Option<&str>,
) -> Result<(), Fault> {
    if let Some(name) = &call.name {
        end_open(answer)?;
        let arguments = match call.args {
            Some(args) => Cow::Borrowed(args.get()),
            None => Cow::Borrowed(""),
        };
        let whole = !call.will_continue;
        let index = answer.call(
            choice,
            Call {
                id: call.id.as_deref(),
                name,
                arguments,
                extra: signature.map(|seal| json!({"google": {"thought_signature": seal}})),
            },
        )?;
        if whole {
            return answer.end_call(choice, index);
        }
        answer.extra().open = Some(Open::new(choice, index));
    }
    let Some(mut open) = answer.extra().open.take() else {
        return Ok(());
    };
    let mut text = String::new();
    for arg in call.partial_args.iter().flatten() {
        text.push_str(&open.add(arg)?);
    }
    answer.argue(open.choice, open.call, &text)?;
    answer.extra().open = Some(open);
    if call.will_continue {
        return Ok(());
    }
    end_open(answer)
}

/// Ends the call whose arguments were coming; some streams never say that they are over.
fn end_open(answer: &mut Told) -> Result<(), Fault> {
    let Some(open) = answer.extra().open.take() else {
        return Ok(());
    };
    let (choice, call) = (open.choice, open.call);
    answer.argue(choice, call, &open.close())?;
    answer.end_call(choice, call)
}

/// The reason in words.
fn word(reason: &Value) -> Option<String> {
    const WORDS: [&str; 11] = [
        "FINISH_REASON_UNSPECIFIED",
        "STOP",
        "MAX_TOKENS",
        "SAFETY",
        "RECITATION",
        "OTHER",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "MALFORMED_FUNCTION_CALL",
        "MODEL_ARMOR",
    ];
    match reason {
        Value::String(word) => Some(word.clone()),
        Value::Number(number) => {
            let place = usize::try_from(number.as_u64()?).ok()?;
            let word = WORDS.get(place).copied();
            Some(word.map_or_else(|| number.to_string(), str::to_owned))
        }
        _ => None,
    }
}

fn finish(native: &str) -> Finish {
    match native {
        "STOP" | "FINISH_REASON_UNSPECIFIED" => Finish::Stop,
        "MAX_TOKENS" => Finish::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "MODEL_ARMOR"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => Finish::ContentFilter,
        other => Finish::Other(other.to_owned()),
    }
}

/// The model tried to call and failed: the same again may do.
fn malformed(words: &str) -> UpstreamError {
    let words = if words.is_empty() {
        "the model's function call was malformed"
    } else {
        words
    };
    let mut error = UpstreamError::new(ErrorKind::BadResponse, words);
    error.provider_code = Some(String::from("MALFORMED_FUNCTION_CALL"));
    error.retry = RetryAdvice::SameKey;
    error
}
