//! Client dialects and framing: bytes to typed facts and back.
//!
//! Pure code. It may not know sockets, clocks, policies or an async runtime: whoever calls it brings the
//! bytes and, where one is needed, the time.
//!
//! Reading order: [`frame`] cuts a body into frames whatever way it was split on the network; [`usage`] and
//! [`fault`] are the facts any provider's answer can hold; [`fields`] takes an object apart and puts it together;
//! [`wait`] reads how long an upstream asks to be left alone. [`dialect`] names the dialects of clients: [`chat`], which is
//! also the form that the others are turned into, [`messages`], [`responses`] and [`embeddings`]. [`tap`] watches answers that pass through, [`voice`]
//! says chat answers in the client's dialect.

mod arguments;
pub mod chat;
pub mod dialect;
pub mod embeddings;
mod event;
pub mod fault;
pub mod fields;
pub mod frame;
pub mod messages;
pub mod responses;
mod seal;
pub mod seen;
pub mod speaker;
pub mod tap;
pub mod usage;
pub mod voice;
pub mod wait;

pub use dialect::Dialect;
pub use fault::{ErrorKind, RetryAdvice, UpstreamError, classify};
pub use frame::{Cut, Frame, FrameError, Framer, Framing};
pub use usage::Usage;
