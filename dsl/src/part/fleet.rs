//! What can be called, what it may cost and what protects it, as parts.

use super::attempt::{rules, tier_word};
use super::protect::{abandoned, probe};
use super::{Figure, Part};
use crate::image::{
    Budget, Credential, Features, Health, Limit, Price, Provider, Quirk, Rate, RateUnit, Scope,
    Target, Window,
};
use serde_json::Value;

/// One account, without its models.
pub(crate) fn provider(provider: &Provider) -> Part {
    let Provider {
        name,
        kind,
        url,
        private,
        key,
        regions,
        settings,
        concurrency,
        probe: asked,
        warm,
        abandon,
        quirks,
    } = provider;
    let mut regions = regions.clone();
    regions.sort_unstable();
    let part = Part::new("provider", name)
        .with("kind", Figure::Words(vec![kind.clone()]))
        .maybe("url", url.clone().map(Figure::Text))
        .flag("private", *private)
        .maybe("key", key.as_ref().map(credential))
        .maybe(
            "regions",
            (!regions.is_empty()).then_some(Figure::Words(regions)),
        )
        .maybe("concurrency", concurrency.map(|n| Figure::Number(n.into())))
        .maybe("probe", asked.map(probe))
        .maybe("warm", warm.map(Figure::Time))
        .maybe("on-disconnect", abandon.map(abandoned));
    let part = match serde_json::from_str(settings) {
        Ok(Value::Object(object)) => object.iter().fold(part, |part, (name, value)| {
            part.holding(setting(name, value).at("setting"))
        }),
        _ => part.with("settings", Figure::Text(settings.clone())),
    };
    quirks.iter().fold(part, |part, q| part.holding(quirk(q)))
}

/// One deployment.
pub(crate) fn target(target: &Target) -> Part {
    let Target {
        name,
        provider: _,
        model,
        context,
        output,
        price: costs,
        listed,
        tier,
        can,
        concurrency,
    } = target;
    let part = Part::new("model", name)
        .with("id", Figure::Text(model.clone()))
        .maybe("context", context.map(|n| Figure::Tokens(n.into())))
        .maybe("output", output.map(|n| Figure::Tokens(n.into())))
        .maybe(
            "tier",
            tier.map(|t| Figure::Words(vec![tier_word(t).into()])),
        )
        .with("can", features(*can))
        .maybe("concurrency", concurrency.map(|n| Figure::Number(n.into())));
    match (costs, listed) {
        // What a catalogue lists is no part of what a policy says, and changes without it.
        (Some(costs), None) => part.holding(price(*costs)),
        _ => part,
    }
}

fn price(price: Price) -> Part {
    let Price {
        input,
        output,
        cached,
        cache_write,
        cache_write_1h,
        reasoning,
        audio_input,
        audio_output,
    } = price;
    Part::new("price", "")
        .with("input", Figure::Price(input))
        .with("output", Figure::Price(output))
        .maybe("cached", cached.map(Figure::Price))
        .maybe("cache-write", cache_write.map(Figure::Price))
        .maybe("cache-write-1h", cache_write_1h.map(Figure::Price))
        .maybe("reasoning", reasoning.map(Figure::Price))
        .maybe("audio-input", audio_input.map(Figure::Price))
        .maybe("audio-output", audio_output.map(Figure::Price))
}

/// Capabilities by their words.
pub(crate) fn features(features: Features) -> Figure {
    Figure::Words(features.words().map(Into::into).collect())
}

/// A budget; its name is what its counters are kept under.
pub(crate) fn budget(budget: &Budget) -> Part {
    let Budget {
        name,
        cap,
        per,
        scope,
        warn,
        hard,
    } = budget;
    let per = match per {
        Window::Hour => "hour",
        Window::Day => "day",
        Window::Week => "week",
        Window::Month => "month",
    };
    Part::new("budget", name)
        .with("cap", Figure::Money(*cap))
        .with("each", Figure::Words(vec![per.into()]))
        .with("per", scopes(scope))
        .maybe("warn", warn.map(Figure::Share))
        .flag("mode hard", *hard)
}

/// A limit; its name is what its buckets are kept under.
pub(crate) fn limit(limit: &Limit) -> Part {
    let Limit { name, rates } = limit;
    rates.iter().fold(Part::new("limit", name), |part, rate| {
        let Rate {
            amount,
            unit,
            per,
            scope,
        } = rate;
        let amount = i64::try_from(*amount).unwrap_or(i64::MAX);
        let rate = Part::new("rate", unit_word(*unit)).with("amount", Figure::Number(amount));
        let rate = match unit {
            RateUnit::Concurrent => rate,
            RateUnit::Requests | RateUnit::Tokens => rate.with("in", Figure::Time(*per)),
        };
        part.holding(rate.with("per", scopes(scope)))
    })
}

fn unit_word(unit: RateUnit) -> &'static str {
    match unit {
        RateUnit::Requests => "requests",
        RateUnit::Tokens => "tokens",
        RateUnit::Concurrent => "concurrent",
    }
}

fn scopes(scope: &[Scope]) -> Figure {
    let word = |scope: &Scope| match scope {
        Scope::Key => "key".into(),
        Scope::Team => "team".into(),
        Scope::EndUser => "end_user".into(),
        Scope::Tag(name) => format!("tag.{name}").into(),
        Scope::Model => "model".into(),
    };
    Figure::Words(scope.iter().map(word).collect())
}

/// The thresholds behind `health of`.
pub(crate) fn health(health: &Health) -> Part {
    let Health { degraded, down } = health;
    let part = rules(Part::new("health", ""), "degraded when", degraded);
    rules(part, "down when", down)
}

fn credential(key: &Credential) -> Figure {
    let (word, place) = match key {
        Credential::Env(place) => ("env", place),
        Credential::File(place) => ("file", place),
        Credential::Secret(place) => ("secret", place),
        Credential::Role(place) => ("role", place),
    };
    Figure::Words(vec![word.into(), place.clone()])
}

/// A value of a configuration, by its parts.
fn setting(name: &str, value: &Value) -> Part {
    let part = Part::new("setting", name);
    match value {
        Value::Object(object) => object.iter().fold(part, |part, (name, value)| {
            part.holding(setting(name, value))
        }),
        Value::Array(values) => values.iter().fold(part, |part, value| {
            part.holding(setting("", value).at("item"))
        }),
        Value::String(text) => part.with("is", Figure::Text(text.as_str().into())),
        other => part.with("is", Figure::Words(vec![other.to_string().into()])),
    }
}

fn quirk(quirk: &Quirk) -> Part {
    let part = |word: &'static str, name: &str, values: &[&str]| {
        let values = values.iter().map(|v| (*v).into()).collect();
        Part::new(word, name)
            .at("quirk")
            .with("is", Figure::Words(values))
    };
    match quirk {
        Quirk::Rename(from, to) => part("rename", from, &[to]),
        Quirk::Drop(field) => part("drop", field, &[]),
        Quirk::Force(field, value) => part("force", field, &[value]),
        Quirk::Header(name, value) => part("header", name, &[value]),
        Quirk::Path(operation, path) => part("path", operation, &[path]),
        Quirk::Error(own, class) => part("error", own, &[class]),
        Quirk::Limits(unit, headers) => {
            let [limit, remaining, reset] = headers.each_ref().map(|h| h.as_deref().unwrap_or(""));
            part("limits", unit_word(*unit), &[limit, remaining, reset])
        }
    }
}
