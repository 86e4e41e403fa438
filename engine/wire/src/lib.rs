//! Client dialects and framing: bytes to typed facts and back.
//!
//! Pure code. It may not know sockets, clocks, policies or an async runtime: whoever calls it brings the
//! bytes and, where one is needed, the time.
//!
//! Reading order: [`frame`] cuts a body into frames whatever way it was split on the network; [`usage`] and
//! [`fault`] are the facts any provider's answer can hold; [`wait`] reads how long an upstream asks to be left
//! alone; [`chat`] is the one client dialect so far, OpenAI's chat completions.

pub mod chat;
pub mod fault;
pub mod frame;
pub mod usage;
pub mod wait;

pub use fault::{ErrorKind, RetryAdvice, UpstreamError, classify};
pub use frame::{Frame, FrameError, Framer, Framing};
pub use usage::Usage;
