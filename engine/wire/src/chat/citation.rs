//! Where pieces of an answer come from: annotations as OpenAI has them, and lists of sources as Perplexity has them.

use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

/// A source of a piece of the text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Citation {
    /// Its address in the web. Without one it is a document.
    pub(crate) url: Option<String>,
    /// The provider's name of the document.
    pub(crate) file: Option<String>,
    pub(crate) title: Option<String>,
    /// What it says.
    pub(crate) content: Option<String>,
    /// The characters of the answer's text that it stands for, where they are told.
    pub(crate) span: Option<Range<u64>>,
    /// The citation as Anthropic wrote it, where Anthropic did.
    pub(crate) own: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Annotation {
    url_citation: Option<Source>,
    file_citation: Option<Source>,
    extra_content: Option<Extra>,
}

#[derive(Deserialize)]
struct Source {
    url: Option<String>,
    title: Option<String>,
    file_id: Option<String>,
    filename: Option<String>,
    content: Option<String>,
    start_index: Option<u64>,
    end_index: Option<u64>,
}

#[derive(Deserialize)]
struct Extra {
    anthropic: Option<Box<RawValue>>,
}

/// One of the sources of a whole answer.
#[derive(Deserialize)]
struct Found {
    url: String,
    title: Option<String>,
    snippet: Option<String>,
}

impl Citation {
    /// Reads an annotation; `None` where it is of a kind unknown.
    pub(crate) fn read(annotation: &RawValue) -> Option<Self> {
        let told = Annotation::deserialize(annotation).ok()?;
        let source = told.url_citation.or(told.file_citation)?;
        let span = source.start_index.zip(source.end_index);
        Some(Self {
            url: source.url,
            file: source.file_id,
            title: source.title.or(source.filename),
            content: source.content,
            // Some providers send zeros where they know no place.
            span: span
                .filter(|(_, end)| *end > 0)
                .map(|(start, end)| start..end),
            own: told.extra_content.and_then(|extra| extra.anthropic),
        })
    }

    /// The sources of an answer that says of none what it stands for: addresses, or what a search found.
    pub(crate) fn sources(list: &RawValue) -> Vec<Self> {
        let listed = Vec::<&RawValue>::deserialize(list).unwrap_or_default();
        let source = |raw: &RawValue| {
            let found = Found::deserialize(raw).ok();
            let found = found.or_else(|| {
                Some(Found {
                    url: String::deserialize(raw).ok()?,
                    title: None,
                    snippet: None,
                })
            })?;
            Some(Self {
                url: Some(found.url),
                title: found.title,
                content: found.snippet,
                ..Self::default()
            })
        };
        listed.into_iter().filter_map(source).collect()
    }
}
