//! The unified chat form, for adapters that translate it: requests are read here, and answers are written.
//!
//! Nothing in here knows a provider. A translating adapter reads a [`Chat`], turns it into its provider's request,
//! and tells an [`Answer`] what the provider says, in whatever pieces it comes.

pub mod address;
pub mod answer;
pub mod chunk;
pub mod citation;
pub mod content;
pub mod failure;
pub mod format;
pub mod json;
pub mod place;
pub mod progress;
pub mod request;
pub mod scan;
pub mod shape;
pub mod state;
pub mod stretch;
pub mod tools;
mod unread;

mod wire;

pub use address::{Address, BadAddress};
pub use answer::{Answer, Call, Thought};
pub use citation::{Citation, Pending};
pub use content::{Piece, Placed, lone_text, pieces};
pub use failure::{Told, retry_after, strange};
pub use format::Format;
pub use json::{Json, object, quoted};
pub use place::Place;
pub use progress::{Progress, Watched};
pub use request::{Chat, Message, ReasoningDetail, ToolCall, warn_of_echoes};
pub use scan::Scan;
pub use shape::{More, Reading, Shape};
pub use stretch::Stretch;
pub use tools::{Choice, Tool, unmarked};
