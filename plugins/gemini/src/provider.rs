//! Gemini's answers: a whole one and an event of a stream have the same shape.

use std::borrow::Cow;

use mux_plugin_sdk::Usage;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::grounding::{Grounding, Recited};

/// An answer, or a piece of one.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Response<'a> {
    #[serde(borrow)]
    pub(crate) candidates: Option<Vec<Candidate<'a>>>,
    #[serde(borrow)]
    pub(crate) prompt_feedback: Option<Feedback<'a>>,
    #[serde(borrow)]
    pub(crate) usage_metadata: Option<Counts<'a>>,
    #[serde(borrow, default)]
    pub(crate) model_version: Cow<'a, str>,
    #[serde(rename = "responseId", borrow, default)]
    pub(crate) id: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) error: Option<&'a RawValue>,
}

/// Why a prompt was refused.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Feedback<'a> {
    #[serde(borrow)]
    pub(crate) block_reason: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) block_reason_message: Cow<'a, str>,
}

/// One of the answers asked for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Candidate<'a> {
    #[serde(default)]
    pub(crate) index: u32,
    #[serde(borrow)]
    pub(crate) content: Option<Content<'a>>,
    /// A word, or its number where the client asked for numbers.
    pub(crate) finish_reason: Option<Value>,
    #[serde(borrow, default)]
    pub(crate) finish_message: Cow<'a, str>,
    /// What it stands on, read where there is something of it.
    #[serde(borrow)]
    grounding_metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    citation_metadata: Option<&'a RawValue>,
    pub(crate) logprobs_result: Option<Odds>,
}

/// How likely the tokens of a candidate were, each beside those that stood in its place.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Odds {
    #[serde(default)]
    pub(crate) chosen_candidates: Vec<Token>,
    #[serde(default)]
    pub(crate) top_candidates: Vec<Rivals>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Rivals {
    #[serde(default)]
    pub(crate) candidates: Vec<Token>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Token {
    #[serde(default)]
    pub(crate) token: String,
    pub(crate) log_probability: Option<f64>,
}

impl<'a> Candidate<'a> {
    /// What it stands on. What cannot be read says nothing.
    pub(crate) fn grounding(&self) -> Option<Grounding<'a>> {
        serde_json::from_str(self.grounding_metadata?.get()).ok()
    }

    /// What it repeats. What cannot be read says nothing.
    pub(crate) fn recited(&self) -> Option<Recited<'a>> {
        serde_json::from_str(self.citation_metadata?.get()).ok()
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Content<'a> {
    #[serde(borrow)]
    pub(crate) parts: Option<Vec<Part<'a>>>,
}

/// A part; which fields it has depends on its kind.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Part<'a> {
    #[serde(borrow)]
    pub(crate) text: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(crate) thought: bool,
    #[serde(borrow)]
    pub(crate) thought_signature: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) function_call: Option<FunctionCall<'a>>,
    #[serde(borrow)]
    pub(crate) inline_data: Option<Inline<'a>>,
}

/// A picture, or something else that is no text.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Inline<'a> {
    #[serde(borrow, default)]
    pub(crate) mime_type: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) data: Cow<'a, str>,
}

/// A call, or a piece of one.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FunctionCall<'a> {
    #[serde(borrow)]
    pub(crate) id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) args: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) partial_args: Option<Vec<PartialArg<'a>>>,
    #[serde(default)]
    pub(crate) will_continue: bool,
}

/// One value of a call's arguments, or a piece of one.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PartialArg<'a> {
    #[serde(borrow)]
    pub(crate) json_path: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) string_value: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) number_value: Option<&'a RawValue>,
    pub(crate) bool_value: Option<bool>,
    #[serde(default)]
    pub(crate) will_continue: bool,
}

/// Counts so far.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Counts<'a> {
    #[serde(rename = "promptTokenCount")]
    pub(crate) prompt: Option<u64>,
    #[serde(rename = "toolUsePromptTokenCount")]
    pub(crate) tools: Option<u64>,
    #[serde(rename = "cachedContentTokenCount")]
    pub(crate) cached: Option<u64>,
    #[serde(rename = "candidatesTokenCount")]
    pub(crate) answer: Option<u64>,
    #[serde(rename = "thoughtsTokenCount")]
    pub(crate) thoughts: Option<u64>,
    #[serde(rename = "totalTokenCount")]
    pub(crate) total: Option<u64>,
    #[serde(rename = "promptTokensDetails", borrow)]
    prompt_is: Option<&'a RawValue>,
    #[serde(rename = "cacheTokensDetails", borrow)]
    cached_is: Option<&'a RawValue>,
    #[serde(rename = "candidatesTokensDetails", borrow)]
    answer_is: Option<&'a RawValue>,
}

/// How much of a count is text, sound, images.
#[derive(Debug, Deserialize)]
struct Modal {
    /// A word, or its number where the client asked for numbers.
    #[serde(rename = "modality")]
    of: Value,
    #[serde(rename = "tokenCount", default)]
    tokens: u64,
}

/// How many tokens of a count are sound; what cannot be read says nothing.
fn sound(counts: Option<&RawValue>) -> u64 {
    let said = |text: &&str| text.contains("AUDIO") || text.contains('4');
    let counts = counts.map(RawValue::get).filter(said);
    let counts: Vec<Modal> = counts
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let sound = counts
        .iter()
        .filter(|modal| modal.of == "AUDIO" || modal.of == 4);
    sound.fold(0, |sum, modal| sum.saturating_add(modal.tokens))
}

impl Counts<'_> {
    /// Those of an answer that is text alone: prompt, tools, what was cached, answer, thoughts, and all together.
    pub(crate) fn of_text(counts: [Option<u32>; 6]) -> Self {
        let [prompt, tools, cached, answer, thoughts, total] =
            counts.map(|count| count.map(u64::from));
        Self {
            prompt,
            tools,
            cached,
            answer,
            thoughts,
            total,
            ..Self::default()
        }
    }

    /// Whether anything is counted yet, in the order of [`Self::of_text`].
    pub(crate) fn are_there([prompt, .., total]: &[Option<u32>; 6]) -> bool {
        prompt.is_some() || total.is_some()
    }

    /// The same in the interface's terms; nothing where nothing is counted yet.
    pub(crate) fn usage(&self) -> Option<Usage> {
        self.prompt.or(self.total)?;
        let reasoning = self.thoughts.unwrap_or(0);
        let answer = self.answer.unwrap_or(0);
        let prompt = self.prompt.unwrap_or(0);
        let usage = Usage {
            input: prompt.saturating_add(self.tools.unwrap_or(0)),
            output: answer.saturating_add(reasoning),
            cache_read: self.cached.unwrap_or(0),
            cache_write: 0,
            reasoning,
            other: Vec::new(),
        };
        let heard = sound(self.prompt_is).saturating_sub(sound(self.cached_is));
        let usage = usage.with(Usage::AUDIO_INPUT, heard);
        Some(usage.with(Usage::AUDIO_OUTPUT, sound(self.answer_is)))
    }
}
