//! A canary: a version that a share of the requests is decided by, beside the live one, and what ends it.

use serde::{Deserialize, Serialize};

/// A version that is tried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// Its id.
    pub version: String,
    /// When it began, unix milliseconds.
    pub since_unix_ms: i64,
    /// How it is run.
    pub terms: Terms,
}

/// How a canary is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Its share, basis points.
    pub share_bp: u32,
    /// Who stays with one version.
    #[serde(default)]
    pub by: Unit,
    /// After so many milliseconds it is promoted; absent where somebody decides that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span_ms: Option<u64>,
    /// Answers of either version that this takes at least.
    pub answers: u64,
    /// What ends it before.
    pub bounds: Bounds,
}

/// By how much a canary may be worse than the live version, basis points; a measure that is absent is not held against it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// Its share of failed requests: so many points above that of the live version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors_bp: Option<u32>,
    /// Its 95th percentile of the time to the answer: so much above that of the live version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_bp: Option<u32>,
    /// Its mean cost of a request: so much above that of the live version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_bp: Option<u32>,
}

/// Who stays with one version for as long as a canary lasts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// A conversation; where a request tells none its user, else its key, else nobody.
    #[default]
    Client,
    /// Nobody: each request is drawn for itself.
    Request,
}
