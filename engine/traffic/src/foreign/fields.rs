//! Fields of entries that others wrote: found by several names, and told when they are not what they should be.

use crate::dates::{moment, since_1970};
use serde_json::Value;

/// What is at a way such as `usage.prompt_tokens`; null is not there.
pub(crate) fn at<'v>(value: &'v Value, way: &str) -> Option<&'v Value> {
    let found = way
        .split('.')
        .try_fold(value, |value, name| value.get(name))?;
    (!found.is_null()).then_some(found)
}

fn first<'v, 'w>(value: &'v Value, ways: &[&'w str]) -> Option<(&'w str, &'v Value)> {
    ways.iter().find_map(|way| Some((*way, at(value, way)?)))
}

/// Text that is not empty.
pub(crate) fn text<'v>(value: &'v Value, ways: &[&str]) -> Option<&'v str> {
    let found = ways.iter().filter_map(|way| at(value, way)?.as_str());
    found.map(str::trim).find(|text| !text.is_empty())
}

/// A count: a whole number that is not negative, also as text.
pub(crate) fn count(value: &Value, ways: &[&str]) -> Result<Option<u64>, String> {
    let Some((way, found)) = first(value, ways) else {
        return Ok(None);
    };
    let of_text = |text: &str| text.trim().parse().ok();
    let read = match found {
        Value::String(text) if text.trim().is_empty() => return Ok(None),
        Value::String(text) => of_text(text),
        // As some writers have it: `12.0`.
        number @ Value::Number(_) => number.as_u64().or_else(|| {
            let text = number.to_string();
            of_text(text.strip_suffix(".0")?)
        }),
        _ => None,
    };
    read.map(Some)
        .ok_or_else(|| format!("`{way}` is no count: `{}`", brief(found)))
}

/// A number that is not negative, also as text.
pub(crate) fn number(value: &Value, ways: &[&str]) -> Result<Option<f64>, String> {
    let Some((way, found)) = first(value, ways) else {
        return Ok(None);
    };
    let read = match found {
        Value::String(text) if text.trim().is_empty() => return Ok(None),
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    let good = read.filter(|n: &f64| n.is_finite() && *n >= 0.0);
    good.map(Some)
        .ok_or_else(|| format!("`{way}` is no number of zero or more: `{}`", brief(found)))
}

/// Microseconds from a number of milliseconds (`_ms`) or seconds.
pub(crate) fn duration(
    value: &Value,
    millis: &[&str],
    seconds: &[&str],
) -> Result<Option<u64>, String> {
    if let Some(ms) = number(value, millis)? {
        return Ok(Some(whole(ms * 1e3)));
    }
    Ok(number(value, seconds)?.map(|s| whole(s * 1e6)))
}

/// Unix milliseconds.
pub(crate) fn time(value: &Value, ways: &[&str]) -> Result<Option<i64>, String> {
    let Some((way, found)) = first(value, ways) else {
        return Ok(None);
    };
    let read = match found {
        Value::String(text) => moment(text),
        Value::Number(number) => number.as_f64().and_then(since_1970),
        _ => None,
    };
    read.map(Some)
        .ok_or_else(|| format!("`{way}` is no time: `{}`", brief(found)))
}

/// Pico-dollars from dollars.
pub(crate) fn money(value: &Value, ways: &[&str]) -> Result<Option<i64>, String> {
    let dollars = number(value, ways)?;
    let pico = dollars.map(|d| i64::try_from(whole(d * 1e12)).unwrap_or(i64::MAX));
    Ok(pico)
}

/// The nearest whole number; the largest there is where it is larger.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "no number that is negative or none comes here, and too large a one stops at the largest"
)]
fn whole(number: f64) -> u64 {
    number.round() as u64
}

/// A value as it is shown in an error; never much of it, which might be a prompt.
fn brief(value: &Value) -> String {
    let kind = match value {
        Value::Object(_) => "an object",
        Value::Array(_) => "a list",
        Value::String(text) if text.chars().count() > 32 => "a long text",
        short => return short.to_string(),
    };
    kind.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_is_read_by_any_of_its_names_as_number_or_text() {
        let entry = json!({"usage": {"in": "12", "out": 7.0}, "spend": 0.000_012_5, "took": 1.5, "when": 1_700_000_000, "no": null});
        assert_eq!(count(&entry, &["tokens", "usage.in"]), Ok(Some(12)));
        assert_eq!(count(&entry, &["usage.out"]), Ok(Some(7)));
        assert_eq!(count(&entry, &["no"]), Ok(None));
        assert_eq!(money(&entry, &["spend"]), Ok(Some(12_500_000)));
        assert_eq!(
            duration(&entry, &["took_ms"], &["took"]),
            Ok(Some(1_500_000))
        );
        assert_eq!(time(&entry, &["when"]), Ok(Some(1_700_000_000_000)));
    }

    #[test]
    fn a_field_of_the_wrong_kind_is_named_without_telling_much_of_it() {
        let prompt = "a prompt that went where a number belongs";
        let entry = json!({"a": prompt, "b": [1], "c": -3, "d": "NaN", "e": 1.5, "f": {}});
        for way in ["a", "b", "c", "e", "f"] {
            let why = count(&entry, &[way]).unwrap_err();
            assert!(why.contains(way) && !why.contains(prompt), "{why}");
        }
        for way in ["a", "c", "d"] {
            assert!(number(&entry, &[way]).is_err(), "{way}");
        }
        assert!(time(&entry, &["a"]).is_err());
        assert_eq!(money(&json!({"a": 1e300}), &["a"]), Ok(Some(i64::MAX)));
    }
}
