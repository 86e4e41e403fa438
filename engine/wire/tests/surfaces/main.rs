//! Client dialects other than chat completions: what is asked in them, and how answers sound in them.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a failed expectation is the test's answer, and a skip is said aloud"
)]

mod chat;
mod cited;
mod heard;
mod messages_asked;
mod messages_said;
mod passing;
mod recorded;
mod responses_asked;
mod responses_said;
