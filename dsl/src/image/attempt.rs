//! Calls to one deployment: deadlines, retries, outcomes.

use super::{Millis, TargetId};

/// Calls to one deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// Whom to call.
    pub target: TargetId,
    /// Deadlines.
    pub timeouts: Timeouts,
    /// Retries before moving on; the defaults of routing where absent.
    pub retry: Option<Retry>,
}

/// Deadlines of one attempt; absent ones take routing's defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// `timeout`: until first content when streaming, the whole answer otherwise.
    pub first: Option<Millis>,
    /// Until the connection stands.
    pub connect: Option<Millis>,
    /// Between two events of a stream.
    pub idle: Option<Millis>,
    /// Between two pieces of content, whatever else is sent.
    pub content_idle: Option<Millis>,
    /// Until the last byte, from the start of the attempt.
    pub total: Option<Millis>,
}

/// `retry N on …`.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// Further attempts at the same target.
    pub times: u8,
    /// After which outcomes; the defaults where absent.
    pub on: Option<Outcomes>,
}

/// A set of attempt outcomes, as written after `on`.
#[expect(
    clippy::struct_excessive_bools,
    reason = "a set of words that may each be written or not"
)]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Single statuses such as 429.
    pub statuses: Vec<u16>,
    /// `5xx`.
    pub server_errors: bool,
    /// `network`: the connection failed or broke.
    pub network: bool,
    /// `timed-out`: a deadline of the attempt passed.
    pub timed_out: bool,
    /// `auth`: the provider refused our credential.
    pub auth: bool,
    /// `overloaded`: the provider has no room.
    pub overloaded: bool,
    /// `context-length`: the prompt does not fit.
    pub context_length: bool,
    /// `content-filter`: the provider refused the content.
    pub content_filter: bool,
    /// `cut`: a stream broke off.
    pub cut: bool,
    /// `malformed`: what came back cannot be read.
    pub malformed: bool,
}

impl Outcomes {
    /// Every word that is no status, with whether it is written.
    #[must_use]
    pub fn flags(&self) -> [(bool, &'static str); 9] {
        let Self {
            statuses: _,
            server_errors,
            network,
            timed_out,
            auth,
            overloaded,
            context_length,
            content_filter,
            cut,
            malformed,
        } = self;
        [
            (*server_errors, "5xx"),
            (*network, "network"),
            (*timed_out, "timed-out"),
            (*auth, "auth"),
            (*overloaded, "overloaded"),
            (*context_length, "context-length"),
            (*content_filter, "content-filter"),
            (*cut, "cut"),
            (*malformed, "malformed"),
        ]
    }
}
