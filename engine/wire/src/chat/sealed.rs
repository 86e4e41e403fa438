//! Opaque state that a client sends back, put where it came from.

use std::borrow::Cow;

use crate::chat::asked::Message;
use crate::seal::Sealed;

/// Puts earlier reasoning into the answer that it led to: what an adapter made goes to adapters, who know whose it is;
/// what came from a provider as it was goes back to that provider, and to nobody else. `words` are what was shown of it,
/// `provider` is whom the request goes to, `None` for an adapter. Returns what belongs to a call.
pub(crate) fn put_back(
    mut sealed: Sealed<'static>,
    words: Option<String>,
    provider: Option<&str>,
    answer: &mut Message<'_>,
) -> Option<Sealed<'static>> {
    if sealed.by.as_deref() != provider {
        return None;
    }
    if let Some(mut detail) = sealed.detail.take() {
        if detail.kind.is_empty() {
            let known = answer.reasoning_content.get_or_insert_default();
            known.push_str(&words.unwrap_or_default());
        } else {
            detail.say(words.map(Cow::Owned));
            answer.reasoning_details.push(detail);
        }
    }
    sealed.call.is_some().then_some(sealed)
}

impl Message<'_> {
    /// Whether there is anything in it: one that held nothing but what others thought is none.
    pub(crate) fn says(&self) -> bool {
        self.content.is_some()
            || !self.tool_calls.is_empty()
            || !self.reasoning_details.is_empty()
            || self.reasoning_content.is_some()
    }

    /// Gives calls back what only their provider understands of them.
    pub(crate) fn give_back(&mut self, sealed: Vec<Sealed<'static>>) {
        for Sealed { call, extra, .. } in sealed {
            let mut calls = self.tool_calls.iter_mut();
            if let Some(called) = calls.find(|known| Some(&known.id) == call.as_ref()) {
                called.extra_content = extra;
            }
        }
    }

    /// Reasoning without a seal goes back with the calls it led to, until the user speaks again: providers differ on
    /// whether they take it elsewhere.
    pub(crate) fn forget_unsealed(messages: &mut [Self]) {
        let asked = messages.iter().rposition(|message| message.role == "user");
        for (at, message) in messages.iter_mut().enumerate() {
            if message.tool_calls.is_empty() || asked.is_some_and(|asked| at < asked) {
                message.reasoning_content = None;
            }
        }
    }
}
