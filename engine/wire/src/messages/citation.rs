//! Citations in a Messages answer: each stands in the block of text that it is for.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::chat::citation::Citation;
use crate::messages::answer::Block;
use crate::seal::MARK;

/// A citation in Anthropic's words: its own, or words that are marked, so that nobody takes them for Anthropic's when the
/// client sends them back.
pub(crate) fn location(citation: &Citation) -> Value {
    let own = citation.own.as_ref();
    if let Some(own) = own.and_then(|raw| serde_json::from_str(raw.get()).ok()) {
        return own;
    }
    let words = citation.content.as_deref().unwrap_or_default();
    if let Some(url) = &citation.url {
        return json!({
            "type": "web_search_result_location",
            "url": url,
            "title": citation.title,
            "cited_text": words,
            "encrypted_index": MARK,
        });
    }
    let file = citation.file.as_deref().unwrap_or_default();
    json!({
        "type": "char_location",
        "cited_text": words,
        "document_index": 0,
        "document_title": citation.title,
        "start_char_index": 0,
        "end_char_index": words.chars().count(),
        "file_id": format!("{MARK}{file}"),
    })
}

/// Puts citations to the first block of text, cut where what they stand for ends and begins. One that stands for nothing
/// told is put to the last of them. Whether all have a place: where there is no text, they have none.
pub(crate) fn cite(content: &mut Vec<Block<'_>>, citations: &[Citation]) -> bool {
    if citations.is_empty() {
        return true;
    }
    let text = content.iter_mut().enumerate().find_map(|(at, block)| {
        let Block::Text { text, .. } = block else {
            return None;
        };
        Some((at, std::mem::take(text).into_owned()))
    });
    let Some((at, whole)) = text else {
        return false;
    };
    let mut ends: Vec<usize> = citations
        .iter()
        .filter_map(|citation| citation.span.as_ref())
        .flat_map(|span| [byte(&whole, span.start), byte(&whole, span.end)])
        .chain([whole.len()])
        .filter(|end| *end > 0 || whole.is_empty())
        .collect();
    ends.sort_unstable();
    ends.dedup();
    let mut blocks: Vec<(usize, String, Vec<Value>)> = Vec::with_capacity(ends.len());
    let mut begun = 0;
    for end in ends {
        let text = whole.get(begun..end).unwrap_or_default().to_owned();
        blocks.push((end, text, Vec::new()));
        begun = end;
    }
    for citation in citations {
        let end = citation.span.as_ref().map(|span| byte(&whole, span.end));
        let place = blocks.iter().position(|(at, ..)| Some(*at) == end);
        let place = place.unwrap_or(blocks.len() - 1);
        if let Some((_, _, cited)) = blocks.get_mut(place) {
            cited.push(location(citation));
        }
    }
    let blocks = blocks.into_iter().map(|(_, text, citations)| Block::Text {
        text: Cow::Owned(text),
        citations,
    });
    content.splice(at..=at, blocks);
    true
}

/// Where the character of that number begins; the end, where there are fewer.
fn byte(text: &str, character: u64) -> usize {
    let number = usize::try_from(character).unwrap_or(usize::MAX);
    text.char_indices()
        .nth(number)
        .map_or(text.len(), |(at, _)| at)
}
