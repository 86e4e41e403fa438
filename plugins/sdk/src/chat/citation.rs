//! Where pieces of an answer come from, as OpenAI's clients are told: annotations of a message.

use std::ops::Range;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

/// Most bytes of citations that wait for the end of their block: states have little room.
const ROOM: usize = 8 * 1024;

/// A source of a piece of the text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Citation {
    /// Its address in the web. Without one it is a document.
    pub url: Option<String>,
    /// The provider's name of the document.
    pub file: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// What it says.
    pub content: Option<String>,
    /// The characters of the message's content that it stands for, where they are known.
    pub span: Option<Range<u64>>,
    /// What only its provider understands, by the provider's name.
    pub extra: Option<Value>,
}

#[derive(Serialize)]
struct Annotation<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url_citation: Option<Source<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_citation: Option<Source<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<&'a Value>,
}

#[derive(Default, Serialize)]
struct Source<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
}

impl Serialize for Citation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let title = self.title.as_deref().unwrap_or_default();
        let source = Source {
            start_index: self.span.as_ref().map(|span| span.start),
            end_index: self.span.as_ref().map(|span| span.end),
            content: self.content.as_deref(),
            ..Source::default()
        };
        let extra_content = self.extra.as_ref();
        let annotation = match self.url.as_deref() {
            Some(url) => Annotation {
                kind: "url_citation",
                url_citation: Some(Source {
                    url: Some(url),
                    title: Some(title),
                    ..source
                }),
                file_citation: None,
                extra_content,
            },
            None => Annotation {
                kind: "file_citation",
                url_citation: None,
                file_citation: Some(Source {
                    file_id: Some(self.file.as_deref().unwrap_or_default()),
                    filename: Some(title),
                    ..source
                }),
                extra_content,
            },
        };
        annotation.serialize(serializer)
    }
}

/// Citations of a block of text that goes on: what they stand for is known once it ends. Part of a state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Where the block begins, in characters of the message's content.
    from: u64,
    /// Citations as the provider wrote them.
    held: Vec<String>,
}

impl Pending {
    /// A block begins where `told` characters have been said. What an earlier one left is forgotten.
    pub fn begin(&mut self, told: u64) {
        self.from = told;
        self.held.clear();
    }

    /// Keeps a citation of the open block; whether there was room for it.
    #[must_use]
    pub fn keep(&mut self, citation: &str) -> bool {
        let held: usize = self.held.iter().map(String::len).sum();
        let room = held + citation.len() <= ROOM;
        if room {
            self.held.push(citation.to_owned());
        }
        room
    }

    /// The block ends where `told` characters have been said: what it stands on, and its characters where it has any.
    pub fn end(&mut self, told: u64) -> (Vec<String>, Option<Range<u64>>) {
        let span = (told > self.from).then_some(self.from..told);
        self.from = told;
        (std::mem::take(&mut self.held), span)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_source_in_the_web_and_a_document_are_named_as_openai_names_them() {
        let said = |citation: Citation| serde_json::to_value(citation).expect("json");
        let web = Citation {
            url: Some(String::from("https://a.example/")),
            span: Some(3..7),
            ..Citation::default()
        };
        assert_eq!(
            said(web),
            json!({"type": "url_citation", "url_citation": {"url": "https://a.example/", "title": "", "start_index": 3, "end_index": 7}})
        );
        let document = Citation {
            file: Some(String::from("doc:0")),
            title: Some(String::from("facts.txt")),
            content: Some(String::from("It is so.")),
            extra: Some(json!({"cohere": 1})),
            ..Citation::default()
        };
        assert_eq!(
            said(document),
            json!({"type": "file_citation", "file_citation": {"file_id": "doc:0", "filename": "facts.txt", "content": "It is so."}, "extra_content": {"cohere": 1}})
        );
    }

    #[test]
    fn a_block_without_room_for_more_says_so() {
        let mut pending = Pending::default();
        pending.begin(5);
        assert!(pending.keep("a"));
        assert!(!pending.keep(&"b".repeat(ROOM)));
        assert_eq!(pending.end(9), (vec![String::from("a")], Some(5..9)));
        assert_eq!(pending.end(9), (Vec::new(), None));
    }
}
