//! A chat answer, whole or in chunks, as the pieces that other dialects say in their own way.
//!
//! Texts stay the JSON they came in.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::arguments::Arguments;
use crate::chat::answer::Groq;
use crate::chat::citation::Citation;
use crate::chat::counts::Counts;
use crate::chat::name::Name;
use crate::seal::Detail;
use crate::speaker::Speaker;
use crate::usage::Usage;

/// What is lost where a chunk cannot be read.
pub(crate) const UNREAD: &str = "chunks";

/// A chat completion or one chunk of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Spoken<'a> {
    #[serde(borrow)]
    model: Name<'a>,
    choices: Option<Vec<Choice<'a>>>,
    usage: Option<Counts>,
    x_groq: Option<Groq>,
    object: Option<Cow<'a, str>>,
    search_results: Option<&'a RawValue>,
    citations: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice<'a> {
    index: Option<u32>,
    #[serde(borrow)]
    delta: Option<Said<'a>>,
    message: Option<Said<'a>>,
    finish_reason: Option<String>,
    native_finish_reason: Option<String>,
    stop_sequence: Option<&'a RawValue>,
    /// Providers write them in several forms.
    logprobs: Option<&'a RawValue>,
}

/// How likely the tokens of a text were, as OpenAI writes it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Odds<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

impl<'a> Odds<'a> {
    fn listed(told: Option<&'a RawValue>) -> Option<&'a RawValue> {
        let odds = Self::deserialize(told?).ok()?;
        listed(odds.content)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    refusal: Option<&'a RawValue>,
    reasoning_content: Option<&'a RawValue>,
    reasoning: Option<&'a RawValue>,
    reasoning_details: Option<Vec<&'a RawValue>>,
    annotations: Option<&'a RawValue>,
    images: Option<&'a RawValue>,
    audio: Option<&'a RawValue>,
    extra_content: Option<&'a RawValue>,
    tool_calls: Option<Vec<Call<'a>>>,
}

/// A call, or a piece of one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Call<'a> {
    index: Option<u32>,
    pub(crate) id: Option<String>,
    #[serde(borrow)]
    function: Function<'a>,
    pub(crate) extra_content: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Function<'a> {
    name: Option<String>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

impl<'a> Call<'a> {
    /// The number of the call it is, where `called` calls came before: without one of its own, a named call is a further
    /// one, and a piece belongs to the last.
    pub(crate) fn number(&self, called: u32) -> u32 {
        self.index.unwrap_or_else(|| match self.name() {
            Some(_) => called,
            None => called.saturating_sub(1),
        })
    }

    /// Whether it may be more of a call of the same number: some providers number all calls alike, and a name after
    /// complete arguments begins the next one.
    pub(crate) fn goes_on(&self, arguments: Arguments) -> bool {
        self.name().is_none() || !arguments.complete()
    }

    /// Its id: the provider's, or one made here for the `number`th call of the answer.
    pub(crate) fn id(&self, speaker: &Speaker, number: u32) -> String {
        match &self.id {
            Some(id) if !id.is_empty() => id.clone(),
            _ => speaker.call_id(number),
        }
    }

    /// What is called, where this piece says it.
    pub(crate) fn name(&self) -> Option<&str> {
        self.function
            .name
            .as_deref()
            .filter(|name| !name.is_empty())
    }

    /// Arguments, a JSON string that is not empty.
    pub(crate) fn arguments(&self) -> Option<&'a RawValue> {
        filled(self.function.arguments)
    }
}

/// One thing an answer says.
#[derive(Debug)]
pub(crate) enum Piece<'a> {
    /// Reasoning without a seal, a JSON string that is not empty.
    Reasoning(&'a RawValue),
    /// Reasoning that is to be kept.
    Detail(Detail<'a>),
    /// Text, a JSON string that is not empty.
    Text(&'a RawValue),
    /// What the model says when it refuses, a JSON string that is not empty.
    Refusal(&'a RawValue),
    /// How likely the tokens of the text before were, a JSON array.
    Odds(&'a RawValue),
    /// The address of a picture.
    Picture(String),
    /// Where the text before comes from.
    Citation(Citation),
    /// A call.
    Call(Call<'a>),
}

/// What an answer or a chunk holds beside its pieces.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    pub(crate) model: Option<String>,
    /// Why it ended: `stop`, `length` …
    pub(crate) finish: Option<String>,
    /// The same in the provider's word.
    pub(crate) native: Option<String>,
    /// The stop sequence that was met, where that is told.
    pub(crate) met: Option<String>,
    pub(crate) usage: Option<Usage>,
    /// What it stands on, where the answer has one list of that; repeated in every chunk.
    sources: Option<Box<RawValue>>,
    /// Some text had a citation of its own.
    cited: bool,
    /// What it has and the client's dialect has no place for.
    lost: Vec<&'static str>,
}

impl Ending {
    /// Takes what a later chunk tells; the model is the one that began.
    pub(crate) fn add(&mut self, later: Self) {
        self.model = self.model.take().or(later.model);
        self.finish = later.finish.or(self.finish.take());
        self.native = later.native.or(self.native.take());
        self.met = later.met.or(self.met.take());
        self.usage = later.usage.or(self.usage);
        self.sources = later.sources.or(self.sources.take());
        self.cited |= later.cited;
        later.lost.into_iter().for_each(|what| self.lose(what));
    }

    /// Something has no place in the client's dialect.
    pub(crate) fn lose(&mut self, what: &'static str) {
        if !self.lost.contains(&what) {
            self.lost.push(what);
        }
    }

    /// What had no place in the client's dialect, each once.
    pub(crate) fn lost(&self) -> &[&'static str] {
        &self.lost
    }

    /// What the whole answer stands on, where nothing was said of its parts; told once.
    pub(crate) fn take_sources(&mut self) -> Vec<Citation> {
        let list = self.sources.take().filter(|_| !self.cited);
        let sources = list.as_deref().map(Citation::sources).unwrap_or_default();
        self.cited |= !sources.is_empty();
        sources
    }
}

impl<'a> Spoken<'a> {
    /// Reads a whole answer, or a chunk.
    pub(crate) fn read(json: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }

    /// Hands the pieces over in their order, and tells the rest. Of several choices the first counts.
    pub(crate) fn tell(self, mut piece: impl FnMut(Piece<'a>)) -> Ending {
        // What Perplexity repeats at the end was said already.
        let repeated = self.object.as_deref() == Some("chat.completion.done");
        let mut ending = Ending {
            model: self.model.0.map(Cow::into_owned),
            usage: self
                .usage
                .or_else(|| self.x_groq.and_then(|groq| groq.usage))
                .map(Usage::from),
            sources: listed(self.search_results)
                .or(listed(self.citations))
                .map(RawValue::to_owned),
            ..Ending::default()
        };
        let choices = self.choices.into_iter().flatten();
        for choice in choices.filter(|choice| choice.index.unwrap_or(0) == 0) {
            ending.finish = choice
                .finish_reason
                .filter(|f| !f.is_empty())
                .or(ending.finish);
            ending.native = choice.native_finish_reason.or(ending.native);
            let met = choice.stop_sequence.map(String::deserialize);
            ending.met = met.and_then(Result::ok).or(ending.met);
            let odds = Odds::listed(choice.logprobs);
            let said = if repeated {
                None
            } else {
                choice.delta.or(choice.message)
            };
            if let Some(said) = said {
                ending.cited |= listed(said.annotations).is_some();
                if said.audio.is_some() {
                    ending.lose("audio");
                }
                if said.extra_content.is_some() {
                    ending.lose("extra_content");
                }
                said.tell(odds, &mut piece);
            } else if let Some(odds) = odds.filter(|_| !repeated) {
                piece(Piece::Odds(odds));
            }
        }
        ending
    }
}

impl<'a> Said<'a> {
    /// What belongs to the text comes before whatever may end it.
    fn tell(self, odds: Option<&'a RawValue>, piece: &mut impl FnMut(Piece<'a>)) {
        let details = self.reasoning_details.unwrap_or_default();
        let plain = filled(self.reasoning_content).or(filled(self.reasoning));
        if let Some(text) = plain.filter(|_| details.is_empty()) {
            piece(Piece::Reasoning(text));
        }
        for detail in details {
            // One that cannot be read belongs to nobody.
            if let Ok(detail) = Detail::read(detail) {
                piece(Piece::Detail(detail));
            }
        }
        if let Some(content) = self.content {
            texts(content, piece);
        }
        if let Some(odds) = odds {
            piece(Piece::Odds(odds));
        }
        let annotations = listed(self.annotations).map(Vec::<&RawValue>::deserialize);
        let annotations = annotations.and_then(Result::ok).unwrap_or_default();
        for citation in annotations.into_iter().filter_map(Citation::read) {
            piece(Piece::Citation(citation));
        }
        for url in listed(self.images).map(pictures).unwrap_or_default() {
            piece(Piece::Picture(url));
        }
        if let Some(refusal) = filled(self.refusal) {
            piece(Piece::Refusal(refusal));
        }
        for call in self.tool_calls.into_iter().flatten() {
            piece(Piece::Call(call));
        }
    }
}

/// A text, or the texts of a list of parts.
fn texts<'a>(content: &'a RawValue, piece: &mut impl FnMut(Piece<'a>)) {
    #[derive(Deserialize)]
    struct Part<'a> {
        #[serde(borrow)]
        text: Option<&'a RawValue>,
    }
    if let Some(text) = filled(Some(content)) {
        piece(Piece::Text(text));
    } else if let Ok(parts) = Vec::<Part<'a>>::deserialize(content) {
        for text in parts.into_iter().filter_map(|part| filled(part.text)) {
            piece(Piece::Text(text));
        }
    }
}

/// The addresses of pictures, as parts of a content have them.
fn pictures(images: &RawValue) -> Vec<String> {
    #[derive(Deserialize)]
    struct Image {
        image_url: Linked,
    }
    #[derive(Deserialize)]
    struct Linked {
        url: String,
    }
    let images = Vec::<Image>::deserialize(images).unwrap_or_default();
    images
        .into_iter()
        .map(|image| image.image_url.url)
        .collect()
}

/// An array that is not empty.
fn listed(list: Option<&RawValue>) -> Option<&RawValue> {
    list.filter(|list| list.get().starts_with('[') && list.get() != "[]")
}

/// A JSON string that is not empty.
fn filled(text: Option<&RawValue>) -> Option<&RawValue> {
    text.filter(|text| text.get().starts_with('"') && text.get().len() > 2)
}
