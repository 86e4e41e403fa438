//! The form of `models.dev`: an object of providers, each with an object of models.

use crate::decimal::per_mtok;
use crate::kinds::asks_for;
use crate::row::{Class, Edition, Listed, Row, Tiers};
use crate::taken::{Refused, Taken};
use mux_dsl::image::Pico;
use serde_json::{Map, Value};

/// What the source calls each class.
const CLASSES: [(&str, Class); 9] = [
    ("input", Class::Input),
    ("cache_read", Class::Cached),
    ("cached_input", Class::Cached),
    ("cache_write", Class::CacheWrite),
    ("cached_write", Class::CacheWrite),
    ("input_audio", Class::AudioInput),
    ("output", Class::Output),
    ("reasoning", Class::Reasoning),
    ("output_audio", Class::AudioOutput),
];

/// Reads the rows of providers that mux knows.
pub(crate) fn read(
    providers: &Map<String, Value>,
    version: &str,
    date: &str,
) -> Result<Taken, Refused> {
    let (mut rows, mut left_out, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for (provider, of) in providers {
        let Some(models) = of.get("models").and_then(Value::as_object) else {
            wrong.push(format!("{provider}: it has no `models`"));
            continue;
        };
        if !asks_for(provider) {
            continue;
        }
        for (model, of) in models {
            let place = format!("{provider}/{model}");
            match row(provider, model, of) {
                Ok(Ok(row)) => rows.push(row),
                Ok(Err(why)) => left_out.push(format!("{place}: {why}")),
                Err(troubles) => {
                    wrong.extend(troubles.into_iter().map(|why| format!("{place}: {why}")));
                }
            }
        }
    }
    let edition = Edition {
        source: "models.dev".to_owned(),
        version: version.to_owned(),
        date: date.to_owned(),
        notice: "MIT, (c) 2025 models.dev".to_owned(),
        rows,
    };
    if wrong.is_empty() {
        Ok(Taken { edition, left_out })
    } else {
        Err(Refused(wrong))
    }
}

/// A row, or why there is none; or what is wrong with it.
fn row(provider: &str, model: &str, of: &Value) -> Result<Result<Row, &'static str>, Vec<String>> {
    let Some(cost) = of.get("cost").filter(|c| !c.is_null()) else {
        return Ok(Err("it has no `cost`"));
    };
    let Some(cost) = cost.as_object() else {
        return Err(vec![format!("`{cost}` is no `cost`")]);
    };
    let (mut listed, mut wrong) = (Listed::default(), Vec::new());
    for (name, class) in CLASSES {
        let base = match cost.get(name).filter(|v| !v.is_null()).map(amount) {
            None => continue,
            Some(Ok(_)) if listed.of(class).is_some() => continue,
            Some(Ok(base)) => base,
            Some(Err(why)) => {
                wrong.push(format!("{name}: {why}"));
                continue;
            }
        };
        match above(cost, name) {
            Ok(above) => listed.classes.push((class, Tiers { base, above })),
            Err(why) => wrong.push(format!("{name}: {why}")),
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let free = |class| listed.of(class).is_some_and(|tiers| tiers.base == 0);
    if listed.of(Class::Input).is_none() || listed.of(Class::Output).is_none() {
        return Ok(Err("it has no price by tokens"));
    }
    // Nothing for both is how the source writes that something is part of a plan, or not known.
    if free(Class::Input) && free(Class::Output) && !model.ends_with(":free") {
        return Ok(Err("it is listed at nothing, which may mean unknown"));
    }
    Ok(Ok(Row {
        provider: provider.to_owned(),
        model: model.to_lowercase(),
        names: Vec::new(),
        rates: vec![listed],
    }))
}

/// What a class costs above sizes of the prompt.
fn above(cost: &Map<String, Value>, class: &str) -> Result<Vec<(u32, Pico)>, String> {
    let tiers = match cost.get("tiers") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(tiers)) => tiers,
        Some(_) => return Err("`tiers` is no list".to_owned()),
    };
    let mut found = Vec::new();
    for tier in tiers {
        let Some(price) = tier.get(class).filter(|v| !v.is_null()) else {
            continue;
        };
        let of = tier.get("tier");
        let kind = of.and_then(|of| of.get("type")).and_then(Value::as_str);
        if kind.is_some_and(|kind| kind != "context") {
            return Err("a tier is not by the size of the prompt".to_owned());
        }
        let size = of.and_then(|of| of.get("size")).and_then(Value::as_u64);
        let size = size.and_then(|size| u32::try_from(size).ok());
        let size = size.ok_or("a tier has no `size` in tokens")?;
        found.push((size, amount(price)?));
    }
    Ok(found)
}

fn amount(value: &Value) -> Result<Pico, String> {
    match value {
        Value::Number(number) => per_mtok(&number.to_string()),
        other => Err(format!("`{other}` is no price")),
    }
}
