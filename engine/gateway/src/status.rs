//! What is served and what is kept, as operators see it.

use crate::branch::Following;
use crate::canary;
use crate::plugins::State;
use mux_dsl::Diagnostic;
use mux_store::{HistoryEntry, Refs, Standing, VersionHead};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Versions and where the refs stand.
#[derive(Clone, Debug, Serialize)]
pub struct Listing {
    /// Newest first.
    pub versions: Vec<VersionHead>,
    /// Where they stand.
    pub refs: Refs,
    /// Who did what, oldest first.
    pub history: Vec<HistoryEntry>,
    /// How a canary does, where one is tried out and a gateway runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<canary::Standing>,
    /// Why the end of a canary is not written down yet, so that `refs` still has it, where one holds and is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unwritten: Option<String>,
    /// The branch that is followed, where one is and a gateway runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<Following>,
    /// Why what the folder or the branch has is not served, as a person reads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// What is served and what is not, for operators.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Status {
    /// The version that is served.
    pub live: String,
    /// What it does, as a hash: the same for versions that treat every request alike.
    pub semantic: String,
    /// The newest version the folder gave.
    pub folder: Option<String>,
    /// Why an older version is held, where one is.
    pub held: Option<String>,
    /// The branch that is followed, where one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<Following>,
    /// Why the end of a canary, which holds, is not written down yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unwritten: Option<String>,
    /// Whether the folder as it stands is good.
    pub ok: bool,
    /// Why it is not, as a person reads it.
    pub error: Option<String>,
    /// Errors and warnings of the folder as it stands.
    pub diagnostics: Vec<Diagnostic>,
    /// Unix milliseconds of the last look at the folder.
    pub checked_at: i64,
    /// How many times the folder was looked at.
    pub checks: u64,
    /// Whether versions can be saved, and how much room there is.
    pub store: Standing,
    /// Targets that cannot be called, with the reason.
    pub unavailable: BTreeMap<String, String>,
    /// Targets of which nobody knows what they cost.
    pub unpriced: Vec<String>,
    /// Adapters in use: id, version and hash.
    pub plugins: Vec<(String, String, String)>,
    /// How each adapter is; told by itself.
    #[serde(skip)]
    pub states: Vec<State>,
    /// Plugin files whose content is not served, with the reason.
    pub broken_plugins: BTreeMap<String, String>,
}

/// Shared with the admin API.
pub type SharedStatus = Arc<Mutex<Status>>;
