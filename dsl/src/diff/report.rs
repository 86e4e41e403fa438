//! The result of a comparison, as programs read it.

use serde::Serialize;

/// Version of the JSON form; fields are only ever added.
pub(super) const VERSION: u32 = 1;

/// What two bundles do differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// 1.
    pub v: u32,
    /// Whether nothing differs: every request is treated alike.
    pub same: bool,
    /// Policies of both that treat some request differently, by name.
    pub policies: Vec<PolicyDiff>,
    /// Plans of both that are carried out otherwise, where requests get them before and after.
    pub plans: Vec<PlanDiff>,
    /// Policies that only the newer one has, without the `@`.
    pub added: Vec<String>,
    /// Policies that only the older one has.
    pub removed: Vec<String>,
    /// What differs besides policies: providers, models, budgets, limits, health, defaults.
    pub fleet: Vec<Parted>,
    /// Recorded requests that are treated differently.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub differing: Option<u64>,
    /// Recorded requests that were looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
}

/// What differs about one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parted {
    /// `model openai/gpt-4.1`, `budget team-spend`.
    pub what: String,
    /// In words: `input $2/Mtok -> $3/Mtok`; `added` or `removed` where it is there only once.
    pub changes: Vec<String>,
}

/// How one plan differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanDiff {
    /// Its name.
    pub plan: String,
    /// In words: `try openai/gpt-4.1: timeout 20s -> 8s`.
    pub changes: Vec<String>,
    /// Policies whose requests get it, without the `@`.
    pub policies: Vec<String>,
    /// Recorded requests that get it before and after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
}

/// How one policy differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyDiff {
    /// Without the `@`.
    pub policy: String,
    /// Whether only pairs of rules were compared, because the graphs would be too large: what is told differs, but there
    /// may be more.
    pub bounded: bool,
    /// Regions that differ as well and are not told, because they are too many.
    pub more: usize,
    /// The most important first.
    pub changes: Vec<Change>,
    /// Recorded requests that are treated differently.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
}

/// What was done, what is done now, and with which requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `use plan quality`, `deny 429 "budget exhausted"`.
    pub was: String,
    /// The same, now.
    pub now: String,
    /// What changed inside of it, where it is the same thing: `try openai/gpt-4.1: timeout 20s -> 8s`.
    pub inside: Vec<String>,
    /// Together, everything with which it is done.
    pub regions: Vec<RegionDiff>,
}

/// Requests that are treated alike, and differently than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RegionDiff {
    /// A condition that holds for these requests and no other.
    pub when: String,
    /// The rule that decided about the request of `tests`.
    pub was: Place,
    /// The rule that decides now.
    pub now: Place,
    /// Recorded requests in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// A `test` block that held before, and the one that holds now.
    pub tests: [String; 2],
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The policy it stands in, without the `@`.
    pub policy: String,
    /// Its name, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// File it stands in.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
}
