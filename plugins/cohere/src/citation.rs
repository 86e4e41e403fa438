//! Where pieces of a text come from, in the words that OpenAI's clients know.

use std::borrow::Cow;
use std::ops::Range;

use mux_plugin_sdk::chat::Citation;
use serde::Deserialize;
use serde_json::Value;

/// Some characters of a text, and the documents and results of tools that they come from.
#[derive(Deserialize)]
pub(crate) struct Cited<'a> {
    /// The number of the text among the parts of the answer.
    #[serde(rename = "content_index")]
    pub(crate) part: Option<u32>,
    start: Option<u64>,
    end: Option<u64>,
    #[serde(borrow)]
    sources: Option<Vec<Source<'a>>>,
}

#[derive(Deserialize)]
struct Source<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    document: Option<Value>,
    tool_output: Option<Value>,
}

impl Cited<'_> {
    /// A citation a source; the text begins where `before` characters have been said, where that is known.
    pub(crate) fn citations(&self, before: Option<u64>) -> impl Iterator<Item = Citation> {
        let place = |at: Option<u64>| Some(at?.saturating_add(before?));
        let span = place(self.start)
            .zip(place(self.end))
            .map(|(start, end)| start..end);
        let sources = self.sources.iter().flatten();
        sources.map(move |source| source.citation(span.clone()))
    }
}

impl Source<'_> {
    fn citation(&self, span: Option<Range<u64>>) -> Citation {
        let held = self.document.as_ref().or(self.tool_output.as_ref());
        let field = |name: &str| Some(held?.get(name)?.as_str()?.to_owned());
        // Documents are what the client made of them: of one without a text, all of it.
        let words = field("text")
            .or_else(|| field("snippet"))
            .or_else(|| field("content"));
        Citation {
            url: field("url"),
            file: self.id.as_deref().map(str::to_owned),
            title: field("title"),
            content: words.or_else(|| held.map(Value::to_string)),
            span,
            extra: None,
        }
    }
}
