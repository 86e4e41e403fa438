//! A Messages request on its way to Anthropic itself: as it came, but for reasoning and citations that were never
//! Anthropic's.

use std::borrow::Cow;

use bytes::Bytes;
use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::fields::{fields, object};
use crate::seal::MARK;

/// The request without what Anthropic would refuse: reasoning that has no signature, or that another provider's model
/// thought, and another provider's citations. `None` where there is none of it, and the bytes may pass untouched.
#[must_use]
pub fn without_foreign_thoughts(body: &Bytes) -> Option<Bytes> {
    // So both kinds of it end, `thinking` and `redacted_thinking`.
    let thoughts = memmem::find(body, br#"thinking""#);
    thoughts.or_else(|| memmem::find(body, MARK.as_bytes()))?;
    let mut fields = fields(body).ok()?;
    let (_, messages) = fields.iter_mut().find(|(name, _)| name == "messages")?;
    let turns: Vec<&RawValue> = serde_json::from_slice(messages).ok()?;
    let mut written = Vec::with_capacity(messages.len());
    let mut changed = false;
    for turn in turns {
        let kept = Turn::deserialize(turn).map_or(Kept::All, Turn::kept);
        let mark = if written.is_empty() { b'[' } else { b',' };
        changed |= !matches!(kept, Kept::All);
        match kept {
            Kept::All => {
                written.push(mark);
                written.extend_from_slice(turn.get().as_bytes());
            }
            Kept::Some(kept) => {
                written.push(mark);
                written.extend_from_slice(kept.as_bytes());
            }
            Kept::Nothing => {}
        }
    }
    if written.is_empty() {
        written.push(b'[');
    }
    written.push(b']');
    *messages = Bytes::from(written);
    changed.then(|| Bytes::from(object(&fields).concat()))
}

#[derive(Deserialize)]
struct Turn<'a> {
    #[serde(borrow)]
    role: &'a RawValue,
    content: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    signature: Option<Cow<'a, str>>,
    data: Option<Cow<'a, str>>,
}

/// What is left of a turn without what is foreign.
enum Kept {
    All,
    Some(String),
    /// It had nothing else to say.
    Nothing,
}

impl Turn<'_> {
    fn kept(self) -> Kept {
        let mut changed = false;
        let mut blocks: Vec<Cow<'_, str>> = Vec::with_capacity(self.content.len());
        for block in self.content {
            let uncited = without_foreign_citations(block);
            let kept = own(&block);
            changed |= !kept || uncited.is_some();
            if kept {
                blocks.push(uncited.map_or(Cow::Borrowed(block.get()), Cow::Owned));
            }
        }
        if !changed {
            return Kept::All;
        }
        if blocks.is_empty() {
            return Kept::Nothing;
        }
        let role = self.role.get();
        Kept::Some(format!(
            r#"{{"role":{role},"content":[{}]}}"#,
            blocks.join(",")
        ))
    }
}

/// A block of text without the citations that mux wrote; `None` where it has none.
fn without_foreign_citations(block: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Cited<'a> {
        #[serde(borrow)]
        encrypted_index: Option<Cow<'a, str>>,
        #[serde(borrow)]
        file_id: Option<Cow<'a, str>>,
    }
    memmem::find(block.get().as_bytes(), MARK.as_bytes())?;
    let mut fields = fields(&Bytes::copy_from_slice(block.get().as_bytes())).ok()?;
    let (_, citations) = fields.iter_mut().find(|(name, _)| name == "citations")?;
    let listed: Vec<&RawValue> = serde_json::from_slice(citations).ok()?;
    let before = listed.len();
    let foreign = |raw: &&RawValue| {
        let cited = Cited::deserialize(*raw).ok();
        let mark = cited.and_then(|cited| cited.encrypted_index.or(cited.file_id));
        mark.is_some_and(|mark| mark.starts_with(MARK))
    };
    let own: Vec<&str> = listed
        .into_iter()
        .filter(|raw| !foreign(raw))
        .map(RawValue::get)
        .collect();
    if own.len() == before {
        return None;
    }
    if own.is_empty() {
        fields.retain(|(name, _)| name != "citations");
    } else {
        *citations = Bytes::from(format!("[{}]", own.join(",")));
    }
    String::from_utf8(object(&fields).concat()).ok()
}

fn own(block: &&RawValue) -> bool {
    let Ok(block) = Block::deserialize(*block) else {
        return true;
    };
    let word = match block.kind.as_ref() {
        "thinking" => block.signature,
        "redacted_thinking" => block.data,
        _ => return true,
    };
    word.is_some_and(|word| !word.is_empty() && !word.starts_with(MARK))
}
