//! What a checked bundle becomes: names are ids, quantities are base units, text is gone.
//!
//! Money is pico-dollars (10⁻¹² $) in `i64`, shares are basis points, durations are milliseconds.

pub mod answer_path;
mod attempt;
mod figure;
mod fleet;
mod plan;
mod policy;
mod price;

pub use attempt::{Attempt, Outcomes, Retry, Timeouts};
pub use figure::{Compare, HealthState, Quantile};
pub use fleet::{
    Abandon, Breaker, Budget, Credential, Defaults, Features, Fleet, Health, HealthRule, Limit,
    Probe, Provider, Quirk, Rate, RateUnit, Scope, Target, Tier, Window,
};
pub use plan::{
    Accept, Affinity, After, Arm, By, Canary, Cascade, Combine, Ensemble, Fallback, Filter, Finish,
    Hedge, Judge, Listed, Plan, Route, Split, Sticky, Terms,
};
pub use policy::{Policy, Rule, Shadow, Verdict};
pub use price::{Price, PriceList, Rates};

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub u32);

        impl $name {
            /// Position in the list of the image that holds these.
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// A provider of [`Fleet::providers`].
    ProviderId,
    /// A deployment of [`Fleet::targets`].
    TargetId,
    /// A breaker of [`Fleet::breakers`].
    BreakerId,
    /// A budget of [`Fleet::budgets`].
    BudgetId,
    /// A limit of [`Fleet::limits`].
    LimitId,
    /// A plan of the image's plans.
    PlanId,
    /// A policy of the image's policies.
    PolicyId,
    /// A rule of [`Policy::rules`].
    RuleId,
    /// A condition that a plan asks while it is carried out; see [`crate::Image::holds`].
    GuardId,
}

/// Milliseconds.
pub type Millis = u64;
/// Pico-dollars.
pub type Pico = i64;
/// Basis points: 10 000 is all of it.
pub type BasisPoints = u32;
