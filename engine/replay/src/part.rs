//! A part of the traffic: requests that came one after the other, counted on every side.

use crate::side::Side;
use serde::{Deserialize, Serialize};

/// Requests that came one after the other.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Part {
    /// When the first of them came, Unix milliseconds.
    pub from: i64,
    /// When the last one did.
    pub until: i64,
    /// Requests.
    pub requests: u64,
    /// Of them, those that are decided differently.
    pub changed: u64,
    /// As it was recorded.
    pub was: Side,
    /// As the policies would have it.
    pub now: Side,
    /// As another version would have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<Side>,
}

impl Part {
    /// Takes all of another.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.from = self.from.min(other.from);
        self.until = self.until.max(other.until);
        self.requests += other.requests;
        self.changed += other.changed;
        self.was.merge(&other.was);
        self.now.merge(&other.now);
        if let Some(against) = &other.against {
            self.against.get_or_insert_default().merge(against);
        }
    }

    /// As another version would have it; as the policies would where there is no other.
    pub(crate) fn against(&self) -> &Side {
        self.against.as_ref().unwrap_or(&self.now)
    }
}
