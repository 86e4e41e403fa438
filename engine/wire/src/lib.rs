//! Client dialects and framing: bytes to typed facts and back.
//!
//! Pure code. It may not know sockets, clocks, policies or an async runtime: whoever calls it brings the
//! bytes and, where one is needed, the time.
//!
//! Reading order: [`frame`] cuts a body into frames whatever way it was split on the network, [`usage`] and
//! [`fault`] are the facts any provider's answer can hold.

mod array;
mod event;
pub mod fault;
pub mod frame;
mod kind;
mod lines;
mod refusal;
mod rules;
mod sse;
pub mod usage;

pub use fault::{ErrorKind, RetryAdvice, UpstreamError, classify};
pub use frame::{Frame, FrameError, Framer, Framing};
pub use usage::Usage;
