//! What mux wants to know of a chat request, and how a body can fail to be one.

use std::fmt;
use std::ops::Range;

/// The deepest nesting of arrays and objects accepted.
pub const MAX_DEPTH: u8 = 64;

/// The facts of one chat request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent fact a policy can ask for"
)]
pub struct ChatRequest {
    /// The model as the client wrote it.
    pub model: String,
    /// Where the model's JSON string lies in the body, quotes included.
    pub model_span: Range<usize>,
    /// Whether the client wants a stream.
    pub stream: bool,
    /// Whether the client wants the usage chunk at the end of a stream.
    pub include_usage: bool,
    /// Estimated input tokens: a token per 4 bytes of text (after JSON escapes), 4 per message, 8 per tool, 765 per
    /// image, 500 per sound clip, 1500 per file, 3 for the reply. Base64 data is never counted.
    pub tokens: u32,
    /// The most output tokens asked for: `max_completion_tokens`, else `max_tokens`, times `n`.
    pub output_limit: Option<u32>,
    /// The client's own name for its end user.
    pub user: Option<String>,
    /// The plain values of `metadata`, in the order written.
    pub metadata: Vec<(String, String)>,
    /// Whether tools or functions are offered.
    pub tools: bool,
    /// Whether a message holds an image.
    pub images: bool,
    /// Whether sound goes in or is wanted back.
    pub audio: bool,
    /// Whether the answer must follow a JSON schema.
    pub json_schema: bool,
    /// Whether vectors are wanted as base64, of a request for embeddings.
    pub packed: bool,
}

/// Why a body is no chat request. The fault is the client's; the text says what to mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadRequest {
    /// Nothing was sent.
    Empty,
    /// The body is not UTF-8.
    NotUtf8 {
        /// The offset of the first bad byte.
        offset: usize,
    },
    /// The body is not JSON.
    NotJson {
        /// What the parser stumbled over.
        reason: String,
        /// The line, from 1.
        line: usize,
        /// The byte in the line, from 1.
        column: usize,
    },
    /// The body is JSON, but no object.
    NotAnObject,
    /// A field that must be there is not.
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A field has the wrong type.
    WrongType {
        /// The field.
        field: &'static str,
        /// What it must be.
        wants: &'static str,
    },
    /// A field that steers mux stands there twice; the upstream may heed the other one.
    Duplicate {
        /// The field.
        field: &'static str,
    },
    /// Arrays and objects are nested more than [`MAX_DEPTH`] deep.
    TooDeep,
}

impl BadRequest {
    /// The field to blame, as OpenAI's `param`.
    #[must_use]
    pub fn param(&self) -> Option<&'static str> {
        match self {
            Self::Missing { field } | Self::WrongType { field, .. } | Self::Duplicate { field } => {
                Some(field)
            }
            _ => None,
        }
    }
}

impl fmt::Display for BadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str(
                "the request body is empty; send a JSON object with `model` and `messages`",
            ),
            Self::NotUtf8 { offset } => write!(f, "the request body is not UTF-8 at byte {offset}"),
            Self::NotJson {
                reason,
                line,
                column,
            } => {
                write!(
                    f,
                    "the request body is not JSON: {reason} at line {line}, column {column}"
                )
            }
            Self::NotAnObject => {
                f.write_str("the request body must be a JSON object with `model` and `messages`")
            }
            Self::Missing { field } => write!(f, "the request has no `{field}`; add it"),
            Self::WrongType { field, wants } => {
                write!(f, "`{field}` in the request must be {wants}")
            }
            Self::Duplicate { field } => write!(f, "the request has `{field}` twice; keep one"),
            Self::TooDeep => write!(f, "the request is nested more than {MAX_DEPTH} levels deep"),
        }
    }
}

impl std::error::Error for BadRequest {}
