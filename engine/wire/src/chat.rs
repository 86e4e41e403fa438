//! OpenAI's chat completions as a client dialect: the request read once, replies watched but never altered,
//! and what mux itself says in a reply.

mod answer;
pub(crate) mod asked;
mod body;
mod carried;
mod complete;
pub(crate) mod content;
pub(crate) mod counts;
pub(crate) mod estimate;
mod message;
mod mould;
mod name;
mod options;
pub mod question;
mod reply;
mod request;
pub(crate) mod sealed;
pub(crate) mod spoken;
pub(crate) mod tap;
mod walk;
pub(crate) mod weight;

pub use crate::chat::asked::{Audience, Refused, Translated};
pub use crate::chat::body::{messages, scan};
pub use crate::chat::carried::carried_on;
pub use crate::chat::complete::{Complete, ToolCall};
pub use crate::chat::reply::{AttemptLine, DONE, ErrorBody, chunk, stream_error};
pub use crate::chat::request::{BadRequest, ChatRequest, MAX_DEPTH};
pub use crate::chat::tap::Tap;
pub use crate::seen::Seen;
