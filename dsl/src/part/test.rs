//! Conditions on targets and on answers, as parts.

use super::attempt::tier_word;
use super::{Figure, Part};
use crate::image::{Accept, Compare, Filter, Finish, Fleet, HealthState};
use crate::phrase::sign;

fn test(word: &'static str, compare: Compare, figure: Figure) -> Part {
    Part::new("test", word)
        .with("sign", Figure::Words(vec![sign(compare).into()]))
        .with("value", figure)
}

/// A condition on targets.
pub(super) fn filter(condition: &Filter, fleet: &Fleet) -> Part {
    let is =
        |word: &'static str, text: &str| test(word, Compare::Is, Figure::Words(vec![text.into()]));
    let several = |kind, parts: &[Filter]| Part {
        parts: parts.iter().map(|p| filter(p, fleet)).collect(),
        ..Part::new(kind, "")
    };
    match condition {
        Filter::All(parts) => several("all", parts),
        Filter::Any(parts) => several("any", parts),
        Filter::Not(inner) => Part::new("not", "").holding(filter(inner, fleet)),
        Filter::Tier(compare, tier) => test(
            "tier",
            *compare,
            Figure::Words(vec![tier_word(*tier).into()]),
        ),
        Filter::Provider(id) => {
            let provider = fleet.providers.get(id.index());
            is("provider", provider.map_or("?", |p| &p.name))
        }
        Filter::Region(region) => is("region", region),
        Filter::Context(compare, tokens) => {
            test("context", *compare, Figure::Tokens((*tokens).into()))
        }
        Filter::Price(compare, price) => test("price", *compare, Figure::Price(*price)),
        Filter::Can(features) => {
            Part::new("can", "").with("can", super::fleet::features(*features))
        }
        Filter::Latency(quantile, compare, time) => {
            test(quantile.word(), *compare, Figure::Time(*time))
        }
        Filter::ErrorRate(compare, share) => test("error_rate", *compare, Figure::Share(*share)),
        Filter::Health(state) => is("health", state_word(*state)),
    }
}

/// A condition on answers.
pub(super) fn accept(good: &Accept) -> Part {
    let several = |kind, parts: &[Accept]| Part {
        parts: parts.iter().map(accept).collect(),
        ..Part::new(kind, "")
    };
    match good {
        Accept::All(parts) => several("all", parts),
        Accept::Any(parts) => several("any", parts),
        Accept::Not(inner) => Part::new("not", "").holding(accept(inner)),
        Accept::Finish(finish) => {
            let word = match finish {
                Finish::Stop => "stop",
                Finish::Length => "length",
                Finish::ToolCalls => "tool_calls",
                Finish::ContentFilter => "content_filter",
            };
            test("finish", Compare::Is, Figure::Words(vec![word.into()]))
        }
        Accept::Score(compare, share) => test("score of judge", *compare, Figure::Share(*share)),
        Accept::Schema => Part::new("schema is valid", ""),
        Accept::Output(compare, tokens) => {
            test("output", *compare, Figure::Tokens((*tokens).into()))
        }
    }
}

fn state_word(state: HealthState) -> &'static str {
    match state {
        HealthState::Ok => "ok",
        HealthState::Degraded => "degraded",
        HealthState::Down => "down",
    }
}
