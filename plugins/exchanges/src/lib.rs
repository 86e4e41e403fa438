//! Exchanges that every adapter is held to, and what it takes to hold them: nothing of this is shipped.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "it serves tests"
)]

pub mod ask;
pub mod expected;
pub mod frames;
pub mod guest;
pub mod hear;
pub mod recording;
pub mod told;
