//! The form of `genai-prices`: a list of providers, each with models that say by clauses which names they go by.

use crate::clause::{Clause, of_regex};
use crate::decimal::per_mtok;
use crate::kinds::asks_for;
use crate::row::{Class, Edition, Listed, Row, Tiers};
use crate::taken::{Refused, Taken};
use serde_json::{Map, Value};

/// What the source calls each class.
const CLASSES: [(&str, Class); 8] = [
    ("input_mtok", Class::Input),
    ("cache_read_mtok", Class::Cached),
    ("cache_write_mtok", Class::CacheWrite),
    ("cache_write_1h_mtok", Class::CacheWrite1h),
    ("input_audio_mtok", Class::AudioInput),
    ("output_mtok", Class::Output),
    ("output_reasoning_mtok", Class::Reasoning),
    ("output_audio_mtok", Class::AudioOutput),
];

/// Reads the rows of providers that mux knows.
pub(crate) fn read(providers: &[Value], version: &str, date: &str) -> Result<Taken, Refused> {
    let mut reading = Reading::default();
    for (at, provider) in providers.iter().enumerate() {
        let (Some(id), Some(models)) = (text(provider, "id"), list(provider, "models")) else {
            let place = format!("provider number {}", at + 1);
            reading.wrong(&place, "has no `id` or no `models`");
            continue;
        };
        if asks_for(id) {
            for model in models {
                reading.model(id, model);
            }
        }
    }
    let edition = Edition {
        source: "genai-prices".to_owned(),
        version: version.to_owned(),
        date: date.to_owned(),
        notice: "MIT, (c) Pydantic Services Inc. 2025 to present".to_owned(),
        rows: reading.rows,
    };
    let left_out = reading.left_out;
    if reading.wrong.is_empty() {
        Ok(Taken { edition, left_out })
    } else {
        Err(Refused(reading.wrong))
    }
}

#[derive(Default)]
struct Reading {
    rows: Vec<Row>,
    left_out: Vec<String>,
    wrong: Vec<String>,
}

impl Reading {
    fn wrong(&mut self, place: &str, what: &str) {
        self.wrong.push(format!("{place}: {what}"));
    }

    fn model(&mut self, provider: &str, model: &Value) {
        let Some(id) = text(model, "id").filter(|id| !id.is_empty()) else {
            self.wrong(provider, "has a model without `id`");
            return;
        };
        let place = format!("{provider}/{id}");
        let rates = match model.get("prices") {
            Some(Value::Array(listed)) => {
                listed.iter().map(|l| self.conditional(&place, l)).collect()
            }
            Some(Value::Object(price)) => vec![self.classes(&place, price)],
            _ => {
                self.wrong(&place, "has no `prices`");
                return;
            }
        };
        // By the hour, the page or the search: nothing that tokens are paid with.
        if !rates.iter().all(|listed| listed.of(Class::Input).is_some()) {
            self.left_out
                .push(format!("{place}: it has no price by tokens of the prompt"));
            return;
        }
        let names = model.get("match").map(|clause| self.clause(&place, clause));
        let mut names = match names.flatten() {
            Some(Clause::Any { any }) => any,
            names => names.into_iter().collect(),
        };
        let model = id.to_lowercase();
        // Every row goes by its own name.
        names.retain(|clause| *clause != Clause::Like(model.clone()));
        self.rows.push(Row {
            provider: provider.to_owned(),
            model,
            names,
            rates,
        });
    }

    fn conditional(&mut self, place: &str, listed: &Value) -> Listed {
        let empty = Map::new();
        let price = listed.get("prices").and_then(Value::as_object);
        if price.is_none() {
            self.wrong(place, "has a price without `prices`");
        }
        let mut rates = self.classes(place, price.unwrap_or(&empty));
        let Some(constraint) = listed.get("constraint").filter(|c| !c.is_null()) else {
            return rates;
        };
        let of = |name| text(constraint, name);
        match (of("start_date"), of("start_time"), of("end_time")) {
            (Some(date), None, None) => rates.from = Some(date.to_owned()),
            (None, Some(start), Some(end)) => match (utc(start), utc(end)) {
                (Some(start), Some(end)) => rates.daily = Some((start, end)),
                _ => self.wrong(place, "has times of day that are not in UTC"),
            },
            _ => self.wrong(
                place,
                "has a condition that is neither a `start_date` nor times of day",
            ),
        }
        rates
    }

    fn classes(&mut self, place: &str, price: &Map<String, Value>) -> Listed {
        let mut rates = Listed::default();
        for (name, class) in CLASSES {
            let Some(value) = price.get(name).filter(|v| !v.is_null()) else {
                continue;
            };
            match tiers(value) {
                Ok(tiers) => rates.classes.push((class, tiers)),
                Err(why) => self.wrong(place, &format!("{name}: {why}")),
            }
        }
        rates
    }

    /// A clause; where it says what cannot be said here, it is left out, and so holds for nothing.
    fn clause(&mut self, place: &str, clause: &Value) -> Option<Clause> {
        for (name, before, after) in [
            ("equals", "", ""),
            ("starts_with", "", "*"),
            ("ends_with", "*", ""),
            ("contains", "*", "*"),
        ] {
            let Some(text) = text(clause, name) else {
                continue;
            };
            if text.contains(['*', '#']) {
                self.left_out
                    .push(format!("{place}: names like `{text}` are not known by it"));
                return None;
            }
            let text = text.to_lowercase();
            return Some(Clause::Like(format!("{before}{text}{after}")));
        }
        if let Some(regex) = text(clause, "regex") {
            let known = of_regex(regex);
            if known.is_none() {
                let why = format!("{place}: names like `{regex}` are not known by it");
                self.left_out.push(why);
            }
            return known;
        }
        if let Some(clauses) = list(clause, "or_").or_else(|| list(clause, "or")) {
            let each = clauses.iter().filter_map(|c| self.clause(place, c));
            return Some(Clause::Any {
                any: each.collect(),
            });
        }
        if let Some(clauses) = list(clause, "and_").or_else(|| list(clause, "and")) {
            let each = clauses.iter().map(|c| self.clause(place, c));
            // One part that is not known makes the whole unknown.
            let all: Option<Vec<_>> = each.collect();
            return all.map(|all| Clause::All { all });
        }
        self.wrong(place, "has a `match` of a kind that is not known");
        None
    }
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name)?.as_str()
}

fn list<'v>(value: &'v Value, name: &str) -> Option<&'v Vec<Value>> {
    value.get(name)?.as_array()
}

/// `00:30:00+00:00` without its zone; `None` where that is another one.
fn utc(time: &str) -> Option<String> {
    let ends = ["+00:00", "-00:00", "Z"];
    let plain = ends.iter().find_map(|end| time.strip_suffix(end));
    let plain = plain.unwrap_or(time);
    (!plain.contains(['+', '-'])).then(|| plain.to_owned())
}

fn tiers(value: &Value) -> Result<Tiers, String> {
    match value {
        Value::Object(tiered) => {
            let base = tiered.get("base").ok_or("it has tiers, and no `base`")?;
            let each = tiered.get("tiers").and_then(Value::as_array);
            let each = each.ok_or("it has a `base`, and no `tiers`")?;
            let tier = |tier: &Value| {
                let start = tier.get("start").and_then(Value::as_u64);
                let start = start.and_then(|start| u32::try_from(start).ok());
                let start = start.ok_or("a tier has no `start` in tokens")?;
                let price = tier.get("price").ok_or("a tier has no `price`")?;
                Ok((start, amount(price)?))
            };
            Ok(Tiers {
                base: amount(base)?,
                above: each.iter().map(tier).collect::<Result<_, String>>()?,
            })
        }
        plain => Ok(Tiers::flat(amount(plain)?)),
    }
}

fn amount(value: &Value) -> Result<i64, String> {
    match value {
        Value::String(text) => per_mtok(text),
        Value::Number(number) => per_mtok(&number.to_string()),
        other => Err(format!("`{other}` is no price")),
    }
}
