//! Where fields find their values.

use crate::atom::{Number, Text};
use crate::fact::Fact;
use crate::image::{BudgetId, Features, Fleet, TargetId};

/// Where a field finds its value in a request; by field.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Text(Text),
    Need(Features),
    Streaming,
    Number(Number),
    Health(Box<[TargetId]>),
    BreakerOpen(TargetId),
    Time,
}

/// Where a fact is found, for requests of the bundle with this fleet.
pub(super) fn source(fact: &Fact, fleet: &Fleet) -> Source {
    let target = |name: &str| {
        let found = (0..)
            .map(TargetId)
            .zip(&fleet.targets)
            .find(|(_, t)| &*t.name == name);
        found.map_or(TargetId(u32::MAX), |(id, _)| id)
    };
    match fact {
        Fact::Model => Source::Text(Text::Model),
        Fact::Operation => Source::Text(Text::Operation),
        Fact::Dialect => Source::Text(Text::Dialect),
        Fact::Key => Source::Text(Text::Key),
        Fact::Team => Source::Text(Text::Team),
        Fact::Tag(name) => Source::Text(Text::Tag(name.clone())),
        Fact::Header(name) => Source::Text(Text::Header(name.clone())),
        Fact::EndUser => Source::Text(Text::EndUser),
        Fact::Conversation => Source::Text(Text::Conversation),
        Fact::Streaming => Source::Streaming,
        Fact::Need(bit) => Source::Need(Features(*bit)),
        Fact::Tokens => Source::Number(Number::Tokens),
        Fact::OutputLimit => Source::Number(Number::OutputLimit),
        Fact::Time => Source::Time,
        Fact::Used(name) => {
            let found = (0..)
                .map(BudgetId)
                .zip(&fleet.budgets)
                .find(|(_, b)| b.name == *name);
            Source::Number(Number::Used(found.map_or(BudgetId(u32::MAX), |(id, _)| id)))
        }
        Fact::Health(names) => Source::Health(names.iter().map(|n| target(n)).collect()),
        Fact::BreakerOpen(name) => Source::BreakerOpen(target(name)),
        Fact::Inflight(name) => Source::Number(Number::Inflight(target(name))),
        Fact::Headroom(name) => Source::Number(Number::Headroom(target(name))),
        Fact::ErrorRate(name) => Source::Number(Number::ErrorRate(target(name))),
        Fact::P50(name) => Source::Number(Number::P50(target(name))),
        Fact::P95(name) => Source::Number(Number::P95(target(name))),
        Fact::P99(name) => Source::Number(Number::P99(target(name))),
    }
}
