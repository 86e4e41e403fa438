//! mux's own form of a catalogue: JSON lines, one for each edition and one for each row of it, whole pico-dollars a token.
//!
//! ```json
//! {"mux-prices":1,"source":"genai-prices","version":"0.2.3","date":"2026-11-27","notice":"MIT …"}
//! {"provider":"google","model":"gemini-2.5-pro","names":["gemini-2.5-pro*"],"rates":[{"input":[1250000,[200000,2500000]],"output":[10000000,[200000,15000000]]}]}
//! ```
//!
//! A class is a number, or a list of one and of pairs: above so many tokens of the prompt, every token of the class costs that.

use crate::catalogue::Catalogue;
use crate::clause::Clause;
use crate::decimal::MOST;
use crate::moment;
use crate::row::{Class, Edition, Listed, Row, Tiers};
use crate::taken::Refused;
use mux_dsl::image::Pico;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The version of the form.
const FORM: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Head {
    #[serde(rename = "mux-prices")]
    form: u32,
    source: String,
    version: String,
    date: String,
    notice: String,
}

#[derive(Serialize, Deserialize)]
struct Written {
    provider: String,
    model: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    names: Vec<Clause>,
    rates: Vec<Map<String, Value>>,
}

/// Writes a catalogue down.
#[must_use]
pub fn write(catalogue: &Catalogue) -> String {
    let mut text = String::new();
    for edition in catalogue.editions() {
        line(
            &mut text,
            &Head {
                form: FORM,
                source: edition.source.clone(),
                version: edition.version.clone(),
                date: edition.date.clone(),
                notice: edition.notice.clone(),
            },
        );
        for row in &edition.rows {
            line(
                &mut text,
                &Written {
                    provider: row.provider.clone(),
                    model: row.model.clone(),
                    names: row.names.clone(),
                    rates: row.rates.iter().map(rates).collect(),
                },
            );
        }
    }
    text
}

/// All that a row says of prices, in one line.
#[must_use]
pub fn rates_of(row: &Row) -> String {
    let mut text = String::new();
    line(&mut text, &row.rates.iter().map(rates).collect::<Vec<_>>());
    text.trim_end().to_owned()
}

fn line(text: &mut String, value: &impl Serialize) {
    // Maps with texts for keys can always be written.
    if let Ok(json) = serde_json::to_string(value) {
        text.push_str(&json);
        text.push('\n');
    }
}

fn rates(listed: &Listed) -> Map<String, Value> {
    let mut map = Map::new();
    if let Some(from) = &listed.from {
        map.insert("from".to_owned(), from.as_str().into());
    }
    if let Some((from, to)) = &listed.daily {
        map.insert("daily".to_owned(), vec![from.as_str(), to].into());
    }
    for class in Class::ALL {
        if let Some(tiers) = listed.of(class) {
            let above = tiers
                .above
                .iter()
                .map(|(above, each)| Value::from(vec![i64::from(*above), *each]));
            let value = if tiers.above.is_empty() {
                tiers.base.into()
            } else {
                [Value::from(tiers.base)]
                    .into_iter()
                    .chain(above)
                    .collect::<Value>()
            };
            map.insert(class.word().to_owned(), value);
        }
    }
    map
}

/// Reads what was written.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(text: &str) -> Result<Catalogue, Refused> {
    let mut editions: Vec<Edition> = Vec::new();
    let mut wrong = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        match of_line(line, &mut editions) {
            Ok(()) => {}
            Err(why) => wrong.push(format!("line {number}: {why}")),
        }
    }
    wrong.extend(editions.iter().flat_map(checked));
    if wrong.is_empty() {
        Ok(Catalogue::new(editions))
    } else {
        Err(Refused(wrong))
    }
}

fn of_line(line: &str, editions: &mut Vec<Edition>) -> Result<(), String> {
    if line.starts_with("{\"mux-prices\":") {
        let head: Head = serde_json::from_str(line).map_err(|e| e.to_string())?;
        if head.form != FORM {
            return Err(format!(
                "form {} is of another mux; this one reads {FORM}",
                head.form
            ));
        }
        editions.push(Edition {
            source: head.source,
            version: head.version,
            date: head.date,
            notice: head.notice,
            rows: Vec::new(),
        });
        return Ok(());
    }
    let written: Written = serde_json::from_str(line).map_err(|e| e.to_string())?;
    let edition = editions.last_mut().ok_or("no edition begins before it")?;
    let place = format!("{}/{}", written.provider, written.model);
    let rates = written.rates.into_iter().map(listed);
    let rates: Result<_, String> = rates.collect();
    edition.rows.push(Row {
        provider: written.provider,
        model: written.model,
        names: written.names,
        rates: rates.map_err(|why| format!("{place}: {why}"))?,
    });
    Ok(())
}

fn listed(map: Map<String, Value>) -> Result<Listed, String> {
    let mut listed = Listed::default();
    for (name, value) in map {
        match (name.as_str(), &value) {
            ("from", Value::String(day)) => listed.from = Some(day.clone()),
            ("daily", Value::Array(times)) => match times.as_slice() {
                [Value::String(from), Value::String(to)] => {
                    listed.daily = Some((from.clone(), to.clone()));
                }
                _ => return Err("`daily` is not two times of day".to_owned()),
            },
            _ => {
                let class = Class::ALL.into_iter().find(|class| class.word() == name);
                let class = class.ok_or_else(|| format!("there is no class `{name}`"))?;
                let tiers =
                    tiers(&value).ok_or_else(|| format!("`{value}` is no price of `{name}`"))?;
                listed.classes.push((class, tiers));
            }
        }
    }
    listed.classes.sort_by_key(|(class, _)| *class);
    Ok(listed)
}

fn tiers(value: &Value) -> Option<Tiers> {
    if let Some(base) = value.as_i64() {
        return Some(Tiers::flat(base));
    }
    let (base, above) = value.as_array()?.split_first()?;
    let pair = |pair: &Value| match pair.as_array()?.as_slice() {
        [above, each] => Some((u32::try_from(above.as_u64()?).ok()?, each.as_i64()?)),
        _ => None,
    };
    Some(Tiers {
        base: base.as_i64()?,
        above: above.iter().map(pair).collect::<Option<_>>()?,
    })
}

/// Everything that is wrong with an edition.
pub(crate) fn checked(edition: &Edition) -> Vec<String> {
    let mut wrong = Vec::new();
    if edition.rows.is_empty() {
        let of = &edition.source;
        wrong.push(format!(
            "there is no price in it of a provider that mux knows; is it a table of {of}?"
        ));
    }
    if let Err(why) = moment::day(&edition.date) {
        wrong.push(why);
    }
    let mut seen = BTreeSet::new();
    for row in &edition.rows {
        let place = format!("{}/{}", row.provider, row.model);
        wrong.extend(
            troubles(row)
                .into_iter()
                .map(|why| format!("{place}: {why}")),
        );
        if !seen.insert(place.clone()) {
            wrong.push(format!("{place}: it is listed twice"));
        }
    }
    wrong
}

fn troubles(row: &Row) -> Vec<String> {
    let mut wrong = Vec::new();
    if row.rates.is_empty() {
        wrong.push("it has no prices".to_owned());
    }
    for listed in &row.rates {
        if listed.of(Class::Input).is_none() {
            wrong.push("it does not say what a prompt costs".to_owned());
        }
        wrong.extend(
            listed
                .from
                .as_deref()
                .and_then(|day| moment::day(day).err()),
        );
        if let Some((from, to)) = &listed.daily {
            wrong.extend(
                [from, to]
                    .into_iter()
                    .filter_map(|time| moment::time(time).err()),
            );
            if from == to {
                wrong.push(format!(
                    "a price holds from `{from}` to `{to}`, which is never"
                ));
            }
        }
        for (class, tiers) in &listed.classes {
            let word = class.word();
            let amounts = tiers.above.iter().map(|(_, each)| *each);
            if amounts.chain([tiers.base]).any(|each| !sane(each)) {
                wrong.push(format!(
                    "{word}: a price is below nothing or above ${MOST} for a million tokens"
                ));
            }
            if !tiers
                .above
                .iter()
                .map(|(above, _)| above)
                .is_sorted_by(|a, b| a < b)
            {
                wrong.push(format!("{word}: its tiers do not ascend"));
            }
        }
    }
    wrong
}

fn sane(each: Pico) -> bool {
    let most = Pico::try_from(MOST * 1_000_000).unwrap_or(Pico::MAX);
    (0..=most).contains(&each)
}
