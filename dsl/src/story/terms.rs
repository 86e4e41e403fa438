//! What a strategy, a target or a policy is bound to, in words.

use super::account::Fact;
use crate::decide::Image;
use crate::image::{
    Affinity, Attempt, BasisPoints, Budget, Compare, Limit, Outcomes, Pico, Policy, Rate, RateUnit,
    Retry, Scope, Sticky, Target, Terms, Tier, Timeouts, Window,
};
use crate::phrase::{count, money, price, share, time};

/// `timeout 20s`, `retry 1 on 429 5xx`.
pub(super) fn attempt(attempt: &Attempt) -> Vec<String> {
    let mut words = timeouts(&attempt.timeouts);
    words.extend(attempt.retry.as_ref().map(retry));
    words
}

fn timeouts(timeouts: &Timeouts) -> Vec<String> {
    let all = [
        ("timeout", timeouts.first),
        ("connect", timeouts.connect),
        ("idle", timeouts.idle),
        ("content-idle", timeouts.content_idle),
        ("total", timeouts.total),
    ];
    let set = all.into_iter().filter_map(|(word, t)| Some((word, t?)));
    set.map(|(word, t)| format!("{word} {}", time(t))).collect()
}

fn retry(retry: &Retry) -> String {
    match &retry.on {
        Some(on) => format!("retry {} on {}", retry.times, outcomes(on)),
        None => format!("retry {}", retry.times),
    }
}

fn outcomes(on: &Outcomes) -> String {
    let mut words: Vec<String> = on.statuses.iter().map(ToString::to_string).collect();
    let set = on.flags().into_iter().filter(|(set, _)| *set);
    words.extend(set.map(|(_, word)| word.to_owned()));
    words.join(" ")
}

/// What holds for a strategy as a whole.
pub(super) fn terms(terms: &Terms, image: &Image) -> Vec<String> {
    let breaker = terms
        .breaker
        .and_then(|id| image.fleet.breakers.get(id.index()));
    let words = [
        terms.within.map(|t| format!("within {}", time(t))),
        terms.on.as_ref().map(|on| format!("on {}", outcomes(on))),
        breaker.map(|b| format!("breaker {}", b.name)),
        terms.affinity.map(|a| format!("affinity {}", affinity(a))),
        terms.resume.then(|| "continue once".to_owned()),
    ];
    words.into_iter().flatten().collect()
}

fn affinity(affinity: Affinity) -> String {
    match affinity {
        Affinity::Conversation => "conversation".into(),
        Affinity::EndUser => "end_user".into(),
        Affinity::Key => "key".into(),
        Affinity::Prefix(tokens) => format!("prefix {}", count(tokens.into())),
    }
}

/// By what a request is recognised.
pub(super) fn sticky(by: &[Sticky]) -> String {
    let word = |sticky: &Sticky| match sticky {
        Sticky::EndUser => "end_user".to_owned(),
        Sticky::Key => "key".to_owned(),
        Sticky::Team => "team".to_owned(),
        Sticky::Conversation => "conversation".to_owned(),
        Sticky::Tag(name) => format!("tag.{name}"),
        Sticky::Header(name) => format!("header.{name}"),
    };
    by.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// What a target is, as far as readers of a plan care.
pub(super) fn target(target: &Target, image: &Image) -> String {
    let mut words: Vec<String> = Vec::new();
    words.extend(target.tier.map(|t| tier(t).to_owned()));
    words.extend(target.price.map(|p| prices(p.input, p.output)));
    words.extend(
        target
            .context
            .map(|c| format!("{} context", count(c.into()))),
    );
    let provider = image.fleet.providers.get(target.provider.index());
    let regions = provider.map(|p| p.regions.join(" "));
    words.extend(regions.filter(|r| !r.is_empty()));
    words.join(", ")
}

fn prices(input: Pico, output: Pico) -> String {
    let input = price(input);
    let input = input.trim_end_matches("/Mtok");
    format!("{input} in and {} out", price(output))
}

pub(super) fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Economy => "economy",
        Tier::Standard => "standard",
        Tier::Frontier => "frontier",
    }
}

/// What holds for all requests of a policy.
pub(super) fn policy(policy: &Policy, image: &Image) -> Vec<Fact> {
    let fact = |fact: &str, value: String| Fact {
        fact: fact.to_owned(),
        value,
    };
    let limits = policy.limits.iter();
    let limits = limits.filter_map(|id| image.fleet.limits.get(id.index()));
    let budgets = policy.charges.iter();
    let budgets = budgets.filter_map(|id| image.fleet.budgets.get(id.index()));
    let mut facts: Vec<Fact> = limits.map(|l| fact("limit", limit(l))).collect();
    facts.extend(budgets.map(|b| fact("charge", budget(b))));
    facts.extend(policy.within.map(|t| fact("within", time(t))));
    if policy.priority != 5 {
        facts.push(fact("priority", policy.priority.to_string()));
    }
    facts
}

fn limit(limit: &Limit) -> String {
    let rates: Vec<String> = limit.rates.iter().map(rate).collect();
    format!("{}: {}", limit.name, rates.join(", "))
}

fn rate(rate: &Rate) -> String {
    let unit = match rate.unit {
        RateUnit::Requests => "requests",
        RateUnit::Tokens => "tokens",
        RateUnit::Concurrent => return format!("{} concurrent{}", rate.amount, per(&rate.scope)),
    };
    let window = match time(rate.per).as_str() {
        "1s" => "s".to_owned(),
        "60s" => "min".to_owned(),
        "1h" => "hour".to_owned(),
        "1d" => "day".to_owned(),
        other => other.to_owned(),
    };
    format!("{} {unit}/{window}{}", count(rate.amount), per(&rate.scope))
}

fn budget(budget: &Budget) -> String {
    let window = match budget.per {
        Window::Hour => "hour",
        Window::Day => "day",
        Window::Week => "week",
        Window::Month => "month",
    };
    let warn: Option<BasisPoints> = budget.warn;
    let warn = warn.map_or_else(String::new, |w| format!(", warns from {}", share(w)));
    let hard = if budget.hard { ", never passed" } else { "" };
    let (cap, per) = (money(budget.cap), per(&budget.scope));
    format!("{}: {cap}/{window}{per}{warn}{hard}", budget.name)
}

fn per(scope: &[Scope]) -> String {
    let word = |scope: &Scope| match scope {
        Scope::Key => "key".to_owned(),
        Scope::Team => "team".to_owned(),
        Scope::EndUser => "end_user".to_owned(),
        Scope::Tag(name) => format!("tag.{name}"),
        Scope::Model => "model".to_owned(),
    };
    if scope.is_empty() {
        return String::new();
    }
    format!(
        " per {}",
        scope.iter().map(word).collect::<Vec<_>>().join(" ")
    )
}

/// Whether a number stands so to another, where both are known.
pub(super) fn stands<T: PartialOrd>(left: Option<T>, compare: Compare, right: &T) -> bool {
    left.is_some_and(|left| compare.holds(&left, right))
}
