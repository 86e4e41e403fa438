//! A Responses request on its way to a provider that speaks Responses: as it came, but for what mux sealed.

use std::borrow::Cow;

use bytes::Bytes;
use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::fields::{fields, object};
use crate::seal::MARK;

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    encrypted_content: Option<Cow<'a, str>>,
}

/// The request without reasoning that another provider's model thought. `None` where there is none of it, and the bytes
/// may pass untouched.
#[must_use]
pub fn without_foreign_thoughts(body: &Bytes) -> Option<Bytes> {
    memmem::find(body, MARK.as_bytes())?;
    let mut fields = fields(body).ok()?;
    let (_, input) = fields.iter_mut().find(|(name, _)| name == "input")?;
    let items: Vec<&RawValue> = serde_json::from_slice(input).ok()?;
    let before = items.len();
    let own: Vec<&str> = items.into_iter().filter(own).map(RawValue::get).collect();
    if own.len() == before {
        return None;
    }
    *input = Bytes::from(format!("[{}]", own.join(",")));
    Some(Bytes::from(object(&fields).concat()))
}

fn own(item: &&RawValue) -> bool {
    let sealed = Item::deserialize(*item)
        .ok()
        .and_then(|item| item.encrypted_content);
    sealed.is_none_or(|word| !word.starts_with(MARK))
}
