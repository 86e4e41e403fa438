//! OpenAI's chat completions as a client dialect: the request read once, replies watched but never altered,
//! and what mux itself says in a reply.

mod answer;
mod body;
mod counts;
mod estimate;
mod message;
mod options;
mod reply;
mod request;
mod tap;
mod walk;
mod weight;

pub use crate::chat::body::{messages, scan};
pub use crate::chat::reply::{AttemptLine, DONE, ErrorBody, chunk, stream_error};
pub use crate::chat::request::{BadRequest, ChatRequest, MAX_DEPTH};
pub use crate::chat::tap::{Seen, Tap};
