//! Values as policies write them, or in words where they have none.

use super::account::Fact;
use crate::atom::{Atom, Number, Tables, Text, Window};
use crate::condition::{Cond, Test};
use crate::decide::Image;
use crate::fact::senses;
use crate::image::TargetId;
use crate::phrase::count;
use crate::request::{HealthState, Live, Request};
use crate::space::amount;
use jiff::Timestamp;

/// What a test says, the right way round: one that stands behind a `not` is still told as what it asks.
pub(super) fn said(test: &Test) -> String {
    match test.atom {
        Atom::In(..) => test.text.replacen(" not in ", " in ", 1),
        Atom::Is(..) => test.text.replacen(" is not ", " is ", 1),
        _ => test.text.to_string(),
    }
}

/// A condition in one line.
pub(super) fn line(cond: &Cond) -> String {
    match cond {
        Cond::All(parts) => joined(parts, " and ", "true"),
        Cond::Any(parts) => joined(parts, " or ", "not true"),
        Cond::Not(inner) => match &**inner {
            Cond::All(parts) | Cond::Any(parts) if parts.len() > 1 => {
                format!("not ({})", line(inner))
            }
            one => format!("not {}", line(one)),
        },
        Cond::Named(named, _) => named.name.to_string(),
        Cond::Test(test) => said(test),
    }
}

fn joined(parts: &[Cond], word: &str, none: &str) -> String {
    let mut words = Vec::new();
    let mut rest = parts;
    while let Some((first, more)) = rest.split_first() {
        if let Some(text) = more.first().and_then(|next| absent_too(first, next)) {
            words.push(text);
            rest = more.get(1..).unwrap_or_default();
            continue;
        }
        let nested = matches!(first, Cond::All(inner) | Cond::Any(inner) if inner.len() > 1);
        let text = line(first);
        let whole = parts.len() == 1 || !nested || simple(first);
        words.push(if whole { text } else { format!("({text})") });
        rest = more;
    }
    if words.is_empty() {
        none.to_owned()
    } else {
        words.join(word)
    }
}

/// Whether a list of conditions is written as one test.
fn simple(cond: &Cond) -> bool {
    matches!(cond, Cond::All(parts) if matches!(parts.as_slice(), [a, b] if absent_too(a, b).is_some()))
}

/// `is not` and `not in` are two tests, since both are false of a fact that is absent.
fn absent_too(has: &Cond, not: &Cond) -> Option<String> {
    let (Cond::Test(has), Cond::Not(inner)) = (has, not) else {
        return None;
    };
    let (Atom::Has(fact), Cond::Test(test)) = (&has.atom, &**inner) else {
        return None;
    };
    let positive = said(test);
    match &test.atom {
        Atom::Is(same, _) if same == fact => Some(positive.replacen(" is ", " is not ", 1)),
        Atom::In(same, _) if same == fact => Some(positive.replacen(" in ", " not in ", 1)),
        _ => None,
    }
}

/// The value that an atom asks about; empty where its outcome says it all.
pub(super) fn of(atom: &Atom, image: &Image, request: &Request<'_>, live: &dyn Live) -> String {
    let tables = &image.code.tables;
    match atom {
        Atom::Has(fact)
        | Atom::Is(fact, _)
        | Atom::In(fact, _)
        | Atom::Matches(fact, _)
        | Atom::StartsWith(fact, _) => text(fact, image, request, live),
        Atom::HasOutputLimit => request
            .output_limit
            .map_or_else(|| "none asked for".into(), |n| count(n.into())),
        Atom::Needs(_) | Atom::Streaming | Atom::BreakerOpen(_) => String::new(),
        Atom::Number(number, ..) => figure(atom, number, image, request, live),
        Atom::Health(targets, _) => {
            let best = targets.iter().map(|t| live.health(*t)).min();
            let word = health(best.unwrap_or(HealthState::Down));
            match targets.as_ref() {
                [_] => word.to_owned(),
                _ => format!("the best of its targets is {word}"),
            }
        }
        Atom::During(window) => clock(window, tables, request.now),
    }
}

fn text(fact: &Text, image: &Image, request: &Request<'_>, live: &dyn Live) -> String {
    let Some(value) = fact.of(request) else {
        return "absent".into();
    };
    let known = Atom::Has(fact.clone()).holds(&image.code.tables, request, &live);
    match fact {
        Text::Model if image.policy(value).is_some() => format!("@{value}"),
        Text::Model => value.to_owned(),
        _ if !known => format!("{value:?}, which is not declared and so counts as absent"),
        _ => format!("{value:?}"),
    }
}

fn figure(
    atom: &Atom,
    number: &Number,
    image: &Image,
    request: &Request<'_>,
    live: &dyn Live,
) -> String {
    let fact = senses(atom, &image.fleet, &image.code.tables);
    match (number.of(request, &live), fact.first()) {
        (Some(value), Some((fact, _))) => amount(fact, value),
        (None, _) if *number == Number::OutputLimit => "none asked for".into(),
        _ => "unknown, too few samples".into(),
    }
}

pub(super) fn health(state: HealthState) -> &'static str {
    match state {
        HealthState::Ok => "ok",
        HealthState::Degraded => "degraded",
        HealthState::Down => "down",
    }
}

fn clock(window: &Window, tables: &Tables, now: i64) -> String {
    let zone = tables.zones.get(window.zone);
    match (Timestamp::from_millisecond(now), zone) {
        (Ok(moment), Some(zone)) => {
            let local = moment.to_zoned(zone.clock.clone());
            format!(
                "{} {}",
                local.strftime("%a %H:%M").to_string().to_lowercase(),
                zone.name
            )
        }
        _ => "a moment that no calendar has".into(),
    }
}

/// The facts that a request has, as `given` lines say them.
pub(super) fn given(image: &Image, request: &Request<'_>) -> Vec<Fact> {
    let fact = |fact: &str, value: String| Fact {
        fact: fact.to_owned(),
        value,
    };
    let quoted = |name: &str, value: Option<&str>| value.map(|v| fact(name, format!("{v:?}")));
    let bare = request.model.strip_prefix('@').unwrap_or(request.model);
    let model = if image.policy(bare).is_some() {
        format!("@{bare}")
    } else {
        bare.to_owned()
    };
    let mut facts = vec![
        fact("model", model),
        fact("tokens", count(request.tokens.into())),
    ];
    let limit = request.output_limit.map(u64::from);
    facts.extend(limit.map(|n| fact("output_limit", count(n))));
    if request.streaming {
        facts.push(fact("streaming", "yes".into()));
    }
    facts.extend(request.needs.words().map(|w| fact("has", w.to_owned())));
    for (name, value) in [
        ("operation", request.operation),
        ("dialect", request.dialect),
    ] {
        let usual = value.is_empty() || matches!(value, "chat" | "openai-chat");
        facts.extend((!usual).then(|| fact(name, value.to_owned())));
    }
    facts.extend(quoted("key", request.key));
    facts.extend(quoted("team", request.team));
    facts.extend(quoted("end_user", request.end_user));
    facts.extend(quoted("conversation", request.conversation));
    for (prefix, list) in [("tag", request.tags), ("header", request.headers)] {
        for (name, value) in list {
            facts.push(fact(&format!("{prefix}.{name}"), format!("{value:?}")));
        }
    }
    facts
}

/// A target by its name.
pub(super) fn target(image: &Image, id: TargetId) -> String {
    let target = image.fleet.targets.get(id.index());
    target.map_or_else(String::new, |t| t.name.to_string())
}
