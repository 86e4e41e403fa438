//! Where a block of text comes from, in the words that OpenAI's clients know.

use std::borrow::Cow;
use std::ops::Range;

use mux_plugin_sdk::chat::Citation;
use serde::Deserialize;
use serde_json::{Value, json};

/// A citation of any kind: of a page in the web, of a document of the request, of a search result.
#[derive(Deserialize)]
struct Cited<'a> {
    #[serde(borrow)]
    url: Option<Cow<'a, str>>,
    #[serde(borrow)]
    source: Option<Cow<'a, str>>,
    #[serde(borrow)]
    title: Option<Cow<'a, str>>,
    #[serde(borrow)]
    document_title: Option<Cow<'a, str>>,
    document_index: Option<u64>,
    #[serde(borrow)]
    file_id: Option<Cow<'a, str>>,
    #[serde(rename = "cited_text", borrow)]
    words: Option<Cow<'a, str>>,
}

/// A citation; `None` where it cannot be read. What only Anthropic says of it goes along.
pub(crate) fn citation(raw: &str, span: Option<Range<u64>>) -> Option<Citation> {
    let cited: Cited<'_> = serde_json::from_str(raw).ok()?;
    let own: Value = serde_json::from_str(raw).ok()?;
    let source = cited.source.as_deref();
    let web = |address: &&str| address.starts_with("https://") || address.starts_with("http://");
    let url = cited.url.as_deref().or(source.filter(web));
    let number = cited
        .document_index
        .map(|index| format!("document_{index}"));
    let file = cited.file_id.as_deref().or(source).map(str::to_owned);
    Some(Citation {
        url: url.map(str::to_owned),
        file: file.or(number),
        title: cited.title.or(cited.document_title).map(Cow::into_owned),
        content: cited.words.map(Cow::into_owned),
        span,
        extra: Some(json!({ "anthropic": own })),
    })
}
