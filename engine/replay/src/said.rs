//! What was decided about a request, in words that what was recorded and every version of the policies share.

use mux_traffic::record::Record;
use std::fmt;

/// What was decided about a request: a plan or a refusal, and by which rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said<'s> {
    /// What.
    pub what: What<'s>,
    /// The rule, as `file:line NAME`; empty where none did.
    pub rule: &'s str,
}

/// What was decided, in words that all sides share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What<'s> {
    /// A plan by its name or its targets, or a target that was asked for itself.
    Plan(&'s str),
    /// A rule refuses it.
    Deny(u16),
    /// Something else did.
    Refused(u16),
}

impl fmt::Display for What<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plan(plan) => f.write_str(plan),
            Self::Deny(status) => write!(f, "deny {status}"),
            Self::Refused(status) => write!(f, "refused {status}"),
        }
    }
}

impl<'s> Said<'s> {
    /// As a record holds it.
    #[must_use]
    pub fn of(record: &'s Record) -> Self {
        let status = record.outcome.status;
        let (what, rule) = match &record.decision {
            Some(d) if d.verdict == "deny" => (What::Deny(status), d.rule.as_str()),
            Some(d) => (
                What::Plan(d.plan.as_deref().unwrap_or_default()),
                d.rule.as_str(),
            ),
            None if record.attempts.is_empty() => (What::Refused(status), ""),
            None => (What::Plan(&record.request.model), ""),
        };
        Self { what, rule }
    }
}
