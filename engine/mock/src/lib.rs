//! Simulated providers over real sockets, with faults and books.
//!
//! A tool for users and for tests: it answers OpenAI's chat completions and embeddings and Anthropic's messages with made-up text at
//! a set pace, fails on request, and remembers what it was asked. It may not know the gateway.
//!
//! Reading order: [`fault`] and [`options`] say how a provider behaves, `answer` is what it says in no dialect yet,
//! `openai` and `anthropic` put it into words, `play` sends it in time, [`server`] is the socket.

mod answer;
mod anthropic;
pub mod books;
mod console;
pub mod control;
mod data;
mod dice;
pub mod fault;
pub mod manner;
mod openai;
pub mod options;
mod play;
mod provider;
pub mod reply;
mod request;
pub mod server;
mod speech;
mod state;
mod visit;

pub use books::{Books, LastRequest};
pub use control::Control;
pub use fault::Fault;
pub use manner::{Manner, Manners};
pub use options::{Dialect, Options};
pub use reply::{Reply, ToolCall};
pub use server::Mock;
