//! Where a block of text comes from, in the words that OpenAI's clients know.

use std::borrow::Cow;
use std::ops::Range;

use mux_plugin_sdk::chat::Citation;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cited<'a> {
    #[serde(borrow)]
    title: Option<Cow<'a, str>>,
    #[serde(borrow)]
    source: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    source_content: Vec<Words<'a>>,
    #[serde(borrow)]
    location: Option<Location<'a>>,
}

#[derive(Deserialize)]
struct Words<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
}

/// A page in the web, a place in a document of the request, or a search result.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Location<'a> {
    #[serde(borrow)]
    web: Option<Web<'a>>,
    document_char: Option<Document>,
    document_page: Option<Document>,
    document_chunk: Option<Document>,
}

#[derive(Deserialize)]
struct Web<'a> {
    #[serde(borrow)]
    url: Option<Cow<'a, str>>,
    #[serde(borrow)]
    domain: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    document_index: Option<u64>,
}

/// A citation; `None` where it cannot be read. What only Bedrock says of it goes along.
pub(crate) fn citation(raw: &str, span: Option<Range<u64>>) -> Option<Citation> {
    let cited: Cited<'_> = serde_json::from_str(raw).ok()?;
    let own: Value = serde_json::from_str(raw).ok()?;
    let (web, document) = cited.location.map_or((None, None), |place| {
        let document = place.document_char.or(place.document_page);
        (place.web, document.or(place.document_chunk))
    });
    let number = document.and_then(|document| document.document_index);
    let (url, domain) = web.map_or((None, None), |web| (web.url, web.domain));
    let content: String = cited
        .source_content
        .into_iter()
        .filter_map(|words| words.text)
        .collect();
    Some(Citation {
        url: url.map(Cow::into_owned),
        file: cited
            .source
            .map(Cow::into_owned)
            .or_else(|| number.map(|index| format!("document_{index}"))),
        title: cited.title.or(domain).map(Cow::into_owned),
        content: (!content.is_empty()).then_some(content),
        span,
        extra: Some(json!({ "bedrock": own })),
    })
}
