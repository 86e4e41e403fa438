//! Opaque state of a provider in the one opaque field that another dialect has for it.
//!
//! Anthropic's clients send back a `signature`, OpenAI's an `encrypted_content`, and nobody looks into either. What the
//! chat form knows of a piece of reasoning (whose it is, its own seal) and of a call (what only its provider understands)
//! travels in there, and is a chat request's again when the client goes on. Anthropic's own signatures stay what they are.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What a seal of mux begins with.
pub(crate) const MARK: &str = "mux1.";

/// A piece of reasoning, as UNIFIED.md has it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Detail<'a> {
    #[serde(rename = "type", default)]
    pub(crate) kind: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) summary: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signature: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provider: Option<Cow<'a, str>>,
    /// How a provider that speaks as OpenAI does names the kind of its state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) index: Option<u32>,
}

impl<'a> Detail<'a> {
    /// Reads one of a chat answer.
    pub(crate) fn read(detail: &'a RawValue) -> Result<Self, serde_json::Error> {
        Self::deserialize(detail)
    }

    /// What it says in words.
    pub(crate) fn take_words(&mut self) -> Option<Cow<'a, str>> {
        let words = self.text.take().or_else(|| self.summary.take());
        words.filter(|words| !words.is_empty())
    }

    /// Gives it its words back, where it has them outside.
    pub(crate) fn say(&mut self, words: Option<Cow<'a, str>>) {
        if self.kind == "reasoning.summary" {
            self.summary = words.or_else(|| self.summary.take());
        } else {
            self.text = words.or_else(|| self.text.take());
        }
    }

    /// Takes in a further piece of the same.
    pub(crate) fn add(&mut self, more: Detail<'_>) {
        for (known, more) in [
            (&mut self.data, more.data),
            (&mut self.signature, more.signature),
        ] {
            if let Some(more) = more {
                known.get_or_insert_default().to_mut().push_str(&more);
            }
        }
        for (known, more) in [
            (&mut self.provider, more.provider),
            (&mut self.format, more.format),
            (&mut self.id, more.id),
        ] {
            if known.is_none() {
                *known = more.map(|more| Cow::Owned(more.into_owned()));
            }
        }
    }

    /// The same, with memory of its own, and without its text.
    #[must_use]
    pub(crate) fn kept(self) -> Detail<'static> {
        let own = |word: Option<Cow<'_, str>>| word.map(|word| Cow::Owned(word.into_owned()));
        Detail {
            kind: Cow::Owned(self.kind.into_owned()),
            text: None,
            summary: None,
            data: own(self.data),
            signature: own(self.signature),
            provider: own(self.provider),
            format: own(self.format),
            id: own(self.id),
            index: self.index,
        }
    }
}

/// What is sealed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sealed<'a> {
    /// The provider's name in the policy, where its answer was not made by an adapter: nobody else gets it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<Cow<'a, str>>,
    /// A piece of reasoning; its text may stand outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<Detail<'a>>,
    /// The id of a call, and its `extra_content`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) call: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) extra: Option<Box<RawValue>>,
}

impl Sealed<'_> {
    /// As one word.
    pub(crate) fn write(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        let mut word = String::from(MARK);
        URL_SAFE_NO_PAD.encode_string(json, &mut word);
        word
    }

    /// What a word seals; `None` where it is a provider's own.
    pub(crate) fn read(word: &str) -> Option<Sealed<'static>> {
        let json = URL_SAFE_NO_PAD.decode(word.strip_prefix(MARK)?).ok()?;
        // Owned: the text that it was read from does not stay.
        serde_json::from_slice(&json).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_comes_out_again_and_foreign_words_do_not() {
        let sealed = Sealed {
            by: Some("router".into()),
            detail: Some(Detail {
                kind: "reasoning.text".into(),
                signature: Some("s\u{e9}al/+=".into()),
                index: Some(2),
                ..Detail::default()
            }),
            call: Some("call_1".into()),
            extra: RawValue::from_string(r#"{"google":{"thought_signature":"x"}}"#.to_owned()).ok(),
        };
        let word = sealed.write();
        assert!(
            word.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        );
        let read = Sealed::read(&word).unwrap();
        assert_eq!(read.write(), word);
        assert_eq!(
            read.extra.unwrap().get(),
            r#"{"google":{"thought_signature":"x"}}"#
        );
        for foreign in ["", "EqQBCgIYAhIM", "mux1.", "mux1.%%", "mux1.e30x"] {
            assert!(Sealed::read(foreign).is_none(), "{foreign}");
        }
    }
}
