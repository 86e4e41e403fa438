//! A Messages request on its way to Anthropic itself: as it came, but for reasoning that was never Anthropic's.

use std::borrow::Cow;

use bytes::Bytes;
use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::fields::{fields, object};
use crate::seal::MARK;

/// The request without reasoning that Anthropic would refuse: what has no signature, and what another provider's model
/// thought. `None` where there is none of it, and the bytes may pass untouched.
#[must_use]
pub fn without_foreign_thoughts(body: &Bytes) -> Option<Bytes> {
    // So both kinds of it end, `thinking` and `redacted_thinking`.
    memmem::find(body, br#"thinking""#)?;
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
        let own: Vec<&RawValue> = self.content.iter().copied().filter(own).collect();
        if own.len() == self.content.len() {
            return Kept::All;
        }
        if own.is_empty() {
            return Kept::Nothing;
        }
        let blocks: Vec<&str> = own.iter().map(|block| block.get()).collect();
        let role = self.role.get();
        Kept::Some(format!(
            r#"{{"role":{role},"content":[{}]}}"#,
            blocks.join(",")
        ))
    }
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
