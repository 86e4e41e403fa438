//! The token estimate of a request: a rule of thumb that needs no tokenizer and no second look at the body.

/// Bytes of text taken for one token.
const BYTES_PER_TOKEN: u64 = 4;
/// What a message costs besides its text.
const PER_MESSAGE: u64 = 4;
/// What opening the reply costs.
const PER_REPLY: u64 = 3;
/// What a tool costs besides the text of its definition.
const PER_TOOL: u64 = 8;
/// An image, whatever its size: a 1024 px square in high detail.
const PER_IMAGE: u64 = 765;
/// A sound clip, whatever its length.
const PER_AUDIO: u64 = 500;
/// An attached file, whatever its length.
const PER_FILE: u64 = 1_500;

/// What a request holds, as far as the estimate goes. Base64 data is never part of `text`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Bytes of text after JSON escapes are resolved.
    pub(crate) text: u64,
    pub(crate) messages: u64,
    pub(crate) tools: u64,
    pub(crate) images: u64,
    pub(crate) audio: u64,
    pub(crate) files: u64,
}

impl Tally {
    /// Estimated tokens of the text alone.
    pub(crate) fn text_tokens(&self) -> u64 {
        self.text.div_ceil(BYTES_PER_TOKEN)
    }

    /// Estimated input tokens.
    pub(crate) fn tokens(&self) -> u32 {
        let tokens = self.text_tokens()
            + self.messages * PER_MESSAGE
            + self.tools * PER_TOOL
            + self.images * PER_IMAGE
            + self.audio * PER_AUDIO
            + self.files * PER_FILE
            + PER_REPLY;
        u32::try_from(tokens).unwrap_or(u32::MAX)
    }
}
