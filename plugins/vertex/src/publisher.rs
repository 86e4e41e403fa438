//! Whose model it is, and so whose dialect it speaks.

use mux_plugin_sdk::Fault;

/// A publisher of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Publisher {
    Google,
    Anthropic,
}

impl Publisher {
    pub(crate) fn of(model: &str) -> Result<Self, Fault> {
        if model.starts_with("claude-") {
            Ok(Self::Anthropic)
        } else if model.contains('/') {
            Err(Fault::unsupported(
                "of the models at Vertex only Gemini and Claude are spoken to here",
                "model",
            ))
        } else {
            Ok(Self::Google)
        }
    }

    /// Puts the publisher before a stream's state.
    pub(crate) fn mark(self, mut state: Vec<u8>) -> Vec<u8> {
        let mark = match self {
            Self::Google => b'g',
            Self::Anthropic => b'a',
        };
        state.insert(0, mark);
        state
    }

    /// Takes it off again.
    pub(crate) fn split(state: &[u8]) -> Result<(Self, &[u8]), Fault> {
        match state.split_first() {
            Some((b'g', rest)) => Ok((Self::Google, rest)),
            Some((b'a', rest)) => Ok((Self::Anthropic, rest)),
            _ => Err(Fault::Internal(String::from(
                "the stream's state is damaged",
            ))),
        }
    }
}
