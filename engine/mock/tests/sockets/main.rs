//! Simulated providers asked over real sockets.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a failed expectation in a test is the test's answer"
)]

mod client;
mod control;
mod dialects;
mod faults;
