//! Policies, their rules, and what they say.

use super::attempt::Attempt;
use super::{BasisPoints, BudgetId, LimitId, Millis, PlanId};

/// One `policy @name`.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Without the `@`.
    pub name: Box<str>,
    /// Limits it names.
    pub limits: Vec<LimitId>,
    /// Budgets it charges.
    pub charges: Vec<BudgetId>,
    /// In textual order, `else` last.
    pub rules: Vec<Rule>,
    /// What is shed first under overload: `0` first, `9` last, `5` where not written.
    pub priority: u8,
    /// Most time one request may take.
    pub within: Option<Millis>,
}

/// Where a rule stands, for traces.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// `rule NAME`, where given.
    pub name: Option<Box<str>>,
    /// File it stands in.
    pub file: Box<str>,
    /// Line, from 1.
    pub line: u32,
    /// Copies that are sent besides.
    pub shadows: Vec<Shadow>,
    /// Nobody wrote it: it refuses what is charged to this budget once that is spent.
    pub spent: Option<BudgetId>,
}

/// What a policy says to do with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Carry it out.
    Use(PlanId),
    /// Refuse it.
    Deny {
        /// HTTP status.
        status: u16,
        /// For the client.
        message: Box<str>,
    },
}

/// `shadow SHARE TARGET`: a copy whose answer is dropped.
#[derive(Clone, Debug, PartialEq)]
pub struct Shadow {
    /// Of the requests of its rule.
    pub share: BasisPoints,
    /// Who gets it.
    pub attempt: Attempt,
}
