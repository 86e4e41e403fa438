//! Facts by their names, and what a test says of one: atoms without the ids of one bundle, so that two bundles can be compared.
//!
//! The order of [`Fact`] is the fixed order of fields in every decision graph: what tells requests apart first, what is
//! cheap next, what moves last, so that live figures are read only where a decision hangs on them.

use crate::atom::{Atom, Number, Tables, Text, Window, Zone};
use crate::glob::Glob;
use crate::image::{BudgetId, Compare, Features, Fleet, HealthState, TargetId};
use std::collections::HashSet;
use std::sync::Arc;

/// What can be asked about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Fact {
    Model,
    Operation,
    Dialect,
    Key,
    Team,
    Tag(Box<str>),
    Header(Box<str>),
    EndUser,
    Conversation,
    Streaming,
    /// One capability, by its bit.
    Need(u16),
    Tokens,
    OutputLimit,
    Time,
    Used(Box<str>),
    /// The best of these targets, sorted.
    Health(Box<[Box<str>]>),
    BreakerOpen(Box<str>),
    Inflight(Box<str>),
    Headroom(Box<str>),
    ErrorRate(Box<str>),
    P50(Box<str>),
    P95(Box<str>),
    P99(Box<str>),
}

/// What one test says of its fact.
#[derive(Clone, Debug)]
pub(crate) enum Sense {
    /// It is there; for flags, it is true.
    Has,
    Is(Box<str>),
    In(Arc<HashSet<Box<str>>>),
    /// It fits a pattern: `*` is any run of characters, `?` is one.
    Fits(Glob),
    StartsWith(Box<str>),
    Number(Compare, u64),
    State(HealthState),
    During(Window, Arc<Zone>),
}

impl Fact {
    /// Whether every request has it.
    pub(crate) fn always(&self) -> bool {
        matches!(
            self,
            Self::Model
                | Self::Operation
                | Self::Dialect
                | Self::Tokens
                | Self::Used(_)
                | Self::Inflight(_)
        )
    }

    /// Whether it is a figure of the moment, as opposed to something the request says.
    pub(crate) fn live(&self) -> bool {
        *self >= Self::Used("".into())
    }

    /// Whether it is the moment itself.
    pub(crate) fn is_time(&self) -> bool {
        *self == Self::Time
    }

    /// As policies write it.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Model => "model".into(),
            Self::Operation => "operation".into(),
            Self::Dialect => "dialect".into(),
            Self::Key => "key".into(),
            Self::Team => "team".into(),
            Self::Tag(name) => format!("tag.{name}"),
            Self::Header(name) => format!("header.{name}"),
            Self::EndUser => "end_user".into(),
            Self::Conversation => "conversation".into(),
            Self::Streaming => "streaming".into(),
            Self::Need(bit) => {
                let word = Features(*bit).words().next().unwrap_or("?");
                format!("has {word}")
            }
            Self::Tokens => "tokens".into(),
            Self::OutputLimit => "output_limit".into(),
            Self::Time => "time".into(),
            Self::Used(budget) => format!("used of budget {budget}"),
            Self::Health(targets) => format!("health of {}", common(targets)),
            Self::BreakerOpen(target) => format!("breaker of {target}"),
            Self::Inflight(target) => format!("inflight of {target}"),
            Self::Headroom(target) => format!("headroom of {target}"),
            Self::ErrorRate(target) => format!("error_rate of {target}"),
            Self::P50(target) => format!("p50 of {target}"),
            Self::P95(target) => format!("p95 of {target}"),
            Self::P99(target) => format!("p99 of {target}"),
        }
    }
}

/// The one target, or the provider that all have in common.
fn common(targets: &[Box<str>]) -> &str {
    match targets {
        [one] => one,
        [first, ..] => first.split('/').next().unwrap_or(first),
        [] => "?",
    }
}

/// What an atom says: of one fact, or of several that must all hold.
pub(crate) fn senses(atom: &Atom, fleet: &Fleet, tables: &Tables) -> Vec<(Fact, Sense)> {
    let one = match atom {
        Atom::Has(text) => (of_text(text), Sense::Has),
        Atom::Is(text, value) => (of_text(text), Sense::Is(value.clone())),
        Atom::In(text, set) => {
            let set = tables.sets.get(*set).cloned().unwrap_or_default();
            (of_text(text), Sense::In(set))
        }
        Atom::Matches(text, pattern) => (of_text(text), Sense::Fits(pattern.clone())),
        Atom::StartsWith(text, start) => (of_text(text), Sense::StartsWith(start.clone())),
        Atom::HasOutputLimit => (Fact::OutputLimit, Sense::Has),
        Atom::Needs(features) => {
            let bits = (0..16).map(|bit| 1 << bit).filter(|b| features.0 & b != 0);
            return bits.map(|bit| (Fact::Need(bit), Sense::Has)).collect();
        }
        Atom::Streaming => (Fact::Streaming, Sense::Has),
        Atom::Number(number, compare, value) => {
            (of_number(number, fleet), Sense::Number(*compare, *value))
        }
        Atom::Health(targets, state) => {
            let mut names: Vec<Box<str>> = targets.iter().map(|t| target(*t, fleet)).collect();
            names.sort_unstable();
            (Fact::Health(names.into()), Sense::State(*state))
        }
        Atom::BreakerOpen(of) => (Fact::BreakerOpen(target(*of, fleet)), Sense::Has),
        Atom::During(window) => match tables.zones.get(window.zone) {
            Some(zone) => (Fact::Time, Sense::During(window.clone(), Arc::clone(zone))),
            None => return Vec::new(),
        },
    };
    vec![one]
}

/// The fact that is text.
pub(crate) fn of_text(text: &Text) -> Fact {
    match text {
        Text::Tag(name) => Fact::Tag(name.clone()),
        Text::Header(name) => Fact::Header(name.clone()),
        Text::EndUser => Fact::EndUser,
        Text::Key => Fact::Key,
        Text::Team => Fact::Team,
        Text::Model => Fact::Model,
        Text::Conversation => Fact::Conversation,
        Text::Operation => Fact::Operation,
        Text::Dialect => Fact::Dialect,
    }
}

fn of_number(number: &Number, fleet: &Fleet) -> Fact {
    match number {
        Number::Tokens => Fact::Tokens,
        Number::OutputLimit => Fact::OutputLimit,
        Number::P50(of) => Fact::P50(target(*of, fleet)),
        Number::P95(of) => Fact::P95(target(*of, fleet)),
        Number::P99(of) => Fact::P99(target(*of, fleet)),
        Number::ErrorRate(of) => Fact::ErrorRate(target(*of, fleet)),
        Number::Inflight(of) => Fact::Inflight(target(*of, fleet)),
        Number::Headroom(of) => Fact::Headroom(target(*of, fleet)),
        Number::Used(budget) => Fact::Used(budget_name(*budget, fleet)),
    }
}

fn target(id: TargetId, fleet: &Fleet) -> Box<str> {
    fleet
        .targets
        .get(id.index())
        .map(|t| t.name.clone())
        .unwrap_or_default()
}

fn budget_name(id: BudgetId, fleet: &Fleet) -> Box<str> {
    fleet
        .budgets
        .get(id.index())
        .map(|b| b.name.clone())
        .unwrap_or_default()
}
