//! Where an answer comes from, in the words that OpenAI's clients know.
//!
//! Gemini tells it once the text is there, and counts bytes where OpenAI counts characters: of an answer that may have
//! sources, the text is kept.

use std::borrow::Cow;
use std::ops::Range;

use mux_plugin_sdk::chat::Citation;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Most bytes of text kept of a stream: states have little room. Of a longer text no places are told.
const ROOM: usize = 8 * 1024;

/// The text of the first candidate so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Heard {
    /// Nobody asked for sources.
    #[default]
    Nothing,
    Text(String),
}

impl Heard {
    /// For an answer that may have sources.
    pub(crate) fn listening() -> Self {
        Self::Text(String::new())
    }

    /// More text; of a stream, as long as there is room for it.
    pub(crate) fn add(&mut self, more: &str, stream: bool) {
        if let Self::Text(text) = self {
            if stream && text.len() + more.len() > ROOM {
                *self = Self::Nothing;
            } else {
                text.push_str(more);
            }
        }
    }

    /// The characters of a segment, where they are there: at its bytes, or else wherever its words are.
    fn span(&self, segment: &Segment<'_>) -> Option<Range<u64>> {
        let Self::Text(text) = self else {
            return None;
        };
        let words = segment.text.as_deref();
        let bytes = segment.start_index..segment.end_index?;
        let at = text
            .get(bytes.clone())
            .filter(|there| words.is_none_or(|words| words == *there))
            .map(|_| bytes.start)
            .or_else(|| text.find(words.filter(|words| !words.is_empty())?))?;
        let length = words.map_or(bytes.len(), str::len);
        let start = text.get(..at)?.chars().count() as u64;
        let said = text.get(at..at + length)?.chars().count() as u64;
        Some(start..start + said)
    }
}

/// What an answer stands on.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Grounding<'a> {
    #[serde(rename = "groundingChunks", borrow)]
    chunks: Option<Vec<Chunk<'a>>>,
    #[serde(rename = "groundingSupports", borrow)]
    supports: Option<Vec<Support<'a>>>,
    #[serde(flatten)]
    rest: serde_json::Map<String, Value>,
}

/// A source: of the web, of the operator's own documents, or a place on a map.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chunk<'a> {
    #[serde(borrow)]
    web: Option<Place<'a>>,
    #[serde(borrow)]
    retrieved_context: Option<Place<'a>>,
    #[serde(borrow)]
    maps: Option<Place<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place<'a> {
    #[serde(borrow)]
    uri: Option<Cow<'a, str>>,
    #[serde(borrow)]
    title: Option<Cow<'a, str>>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    file_search_store: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Support<'a> {
    #[serde(borrow)]
    segment: Option<Segment<'a>>,
    grounding_chunk_indices: Option<Vec<usize>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Segment<'a> {
    #[serde(default)]
    start_index: usize,
    end_index: Option<usize>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
}

/// Passages that repeat what stands elsewhere.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Recited<'a> {
    #[serde(borrow, alias = "citationSources")]
    citations: Option<Vec<Passage<'a>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Passage<'a> {
    #[serde(default)]
    start_index: usize,
    end_index: Option<usize>,
    #[serde(borrow)]
    uri: Option<Cow<'a, str>>,
    #[serde(borrow)]
    title: Option<Cow<'a, str>>,
}

impl Grounding<'_> {
    /// A citation a segment and source; sources that no segment names have no place.
    pub(crate) fn citations(&self, heard: &Heard) -> Vec<Citation> {
        let chunks = self.chunks.as_deref().unwrap_or_default();
        let mut named = vec![false; chunks.len()];
        let mut citations = Vec::new();
        for support in self.supports.iter().flatten() {
            let span = support.segment.as_ref().and_then(|s| heard.span(s));
            for index in support.grounding_chunk_indices.iter().flatten() {
                if let (Some(chunk), Some(known)) = (chunks.get(*index), named.get_mut(*index)) {
                    *known = true;
                    citations.extend(chunk.citation(span.clone()));
                }
            }
        }
        let unnamed = chunks.iter().zip(named).filter(|(_, named)| !named);
        citations.extend(unnamed.filter_map(|(chunk, _)| chunk.citation(None)));
        citations
    }

    /// What has no place in a citation: what was searched for, and what Google wants shown beside the answer.
    pub(crate) fn rest(self) -> Option<Value> {
        let rest = Value::Object(self.rest);
        let said = rest.as_object().is_some_and(|rest| !rest.is_empty());
        said.then(|| json!({ "google": { "grounding_metadata": rest } }))
    }
}

impl Chunk<'_> {
    fn citation(&self, span: Option<Range<u64>>) -> Option<Citation> {
        let kept = self.retrieved_context.as_ref();
        let place = self.web.as_ref().or(kept).or(self.maps.as_ref())?;
        let own = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
        let web = |uri: &String| uri.starts_with("https://") || uri.starts_with("http://");
        Some(Citation {
            url: own(&place.uri).filter(web),
            file: own(&place.uri).or_else(|| own(&place.file_search_store)),
            title: own(&place.title),
            content: own(&place.text),
            span,
            extra: None,
        })
    }
}

impl Recited<'_> {
    /// A citation a passage.
    pub(crate) fn citations(&self, heard: &Heard) -> Vec<Citation> {
        let passages = self.citations.iter().flatten();
        let citation = |passage: &Passage<'_>| {
            let segment = Segment {
                start_index: passage.start_index,
                end_index: passage.end_index,
                text: None,
            };
            Citation {
                url: passage.uri.as_deref().map(str::to_owned),
                title: passage.title.as_deref().map(str::to_owned),
                span: heard.span(&segment),
                ..Citation::default()
            }
        };
        passages.map(citation).collect()
    }
}
