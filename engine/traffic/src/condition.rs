//! Picking records by what is in them: `class!=ok`, `tag.team=red`, `outcome.total_us>2000000`.
//!
//! A condition names a field by its way through the JSON of a record, or by one of a few short names. Where the way leads
//! through a list, one element that fits is enough; a list of pairs, such as tags, is entered by the first of the pair.

use serde_json::Value;
use std::cmp::Ordering;
use std::str::FromStr;

/// Short names of fields.
const SHORT: [(&str, &str); 17] = [
    ("model", "request.model"),
    ("operation", "request.operation"),
    ("dialect", "request.dialect"),
    ("key", "request.key"),
    ("team", "request.team"),
    ("user", "request.end_user"),
    ("conversation", "request.conversation"),
    ("tokens", "request.tokens"),
    ("tag", "request.tags"),
    ("policy", "decision.policies"),
    ("rule", "decision.rule"),
    ("plan", "decision.plan"),
    ("class", "outcome.class"),
    ("status", "outcome.status"),
    ("target", "outcome.served"),
    ("total_us", "outcome.total_us"),
    ("attempted", "attempts.target"),
];

/// How a field is compared, longest signs first.
const SIGNS: [(&str, Sign); 7] = [
    ("!=", Sign::Not),
    (">=", Sign::AtLeast),
    ("<=", Sign::AtMost),
    ("=", Sign::Is),
    (">", Sign::Above),
    ("<", Sign::Below),
    ("~", Sign::Has),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Is,
    Not,
    AtLeast,
    AtMost,
    Above,
    Below,
    Has,
    /// The same text, also of what could be a number.
    Exactly,
}

/// A condition on one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    way: Vec<String>,
    sign: Sign,
    wanted: String,
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The first sign there is, and of those that begin there the longest.
        let found = text.char_indices().find_map(|(at, _)| {
            let (name, rest) = text.split_at(at);
            let fits = |(sign, meant): &(&str, Sign)| Some((*meant, rest.strip_prefix(sign)?));
            SIGNS
                .iter()
                .find_map(fits)
                .map(|(sign, wanted)| (name, sign, wanted))
        });
        let Some((name, sign, wanted)) = found.filter(|(name, ..)| !name.trim().is_empty()) else {
            return Err(format!(
                "`{text}` is no condition; write `FIELD=VALUE`, with `=`, `!=`, `>`, `>=`, `<`, `<=`, or `~` for text within; \
                 such as `class!=ok` or `tag.team=red`"
            ));
        };
        let mut parts = name.trim().split('.');
        let first = parts.next().unwrap_or_default();
        let long = SHORT.iter().find(|(short, _)| *short == first);
        let way = long.map_or(first, |(_, way)| way).split('.').chain(parts);
        Ok(Self {
            way: way.map(str::to_owned).collect(),
            sign,
            wanted: wanted.trim().to_owned(),
        })
    }
}

impl Condition {
    /// The request of this id.
    #[must_use]
    pub fn id(id: String) -> Self {
        Self {
            way: vec!["id".to_owned()],
            sign: Sign::Exactly,
            wanted: id,
        }
    }

    /// Whether a record, as JSON, fits.
    #[must_use]
    pub fn holds(&self, record: &Value) -> bool {
        let same = |value: &Value| self.fits(value);
        let reached = reach(record, &self.way, &same);
        // Of a field that is not there, nothing holds but that it is something else.
        reached != (self.sign == Sign::Not)
    }

    fn fits(&self, value: &Value) -> bool {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        // Beyond that, two numbers that differ may be one of these.
        let number = |text: &str| text.parse::<f64>().ok().filter(|n| n.abs() < 9e15);
        let whole = |text: &str| text.parse::<i128>().ok();
        let order = match (whole(&text), whole(&self.wanted)) {
            (Some(is), Some(wanted)) => Some(is.cmp(&wanted)),
            _ => match (number(&text), number(&self.wanted)) {
                (Some(is), Some(wanted)) => is.partial_cmp(&wanted),
                _ => Some(text.as_str().cmp(self.wanted.as_str())),
            },
        };
        match self.sign {
            Sign::Is | Sign::Not => text == self.wanted || order.is_some_and(Ordering::is_eq),
            Sign::AtLeast => order.is_some_and(Ordering::is_ge),
            Sign::AtMost => order.is_some_and(Ordering::is_le),
            Sign::Above => order.is_some_and(Ordering::is_gt),
            Sign::Below => order.is_some_and(Ordering::is_lt),
            Sign::Exactly => text == self.wanted,
            Sign::Has => text.contains(&self.wanted),
        }
    }
}

/// Whether anything that the way leads to fits.
fn reach(value: &Value, way: &[String], fits: &dyn Fn(&Value) -> bool) -> bool {
    match (value, way.split_first()) {
        (Value::Array(items), None) => items.iter().any(|item| reach(item, way, fits)),
        (Value::Array(items), Some((name, rest))) => items.iter().any(|item| match item {
            Value::Array(pair) => match pair.as_slice() {
                [Value::String(key), of] => key == name && reach(of, rest, fits),
                _ => false,
            },
            item => reach(item, way, fits),
        }),
        (Value::Object(fields), Some((name, rest))) => fields
            .get(name)
            .is_some_and(|field| reach(field, rest, fits)),
        (Value::Null | Value::Object(_), None) | (_, Some(_)) => false,
        (value, None) => fits(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_condition_finds_its_field_by_name_way_list_and_pair() {
        let record = json!({
            "id": "r1",
            "request": {"model": "@chat", "tokens": 90, "tags": [["team", "red"], ["tier", "1"]], "needs": ["tools"]},
            "attempts": [{"target": "a/m", "status": 503}, {"target": "b/m", "status": 200}],
            "outcome": {"class": "ok", "served": "b/m", "total_us": 2_000_000},
        });
        for (condition, holds) in [
            ("id=r1", true),
            ("model=@chat", true),
            ("model!=@chat", false),
            ("tokens>100", false),
            ("tokens>=90", true),
            ("tokens<1000", true),
            ("tag.team=red", true),
            ("tag.team=1", false),
            ("tag.tier=1.0", true),
            ("tag.region=eu", false),
            ("tag.region!=eu", true),
            ("request.needs=tools", true),
            ("attempted=a/m", true),
            ("attempts.status>=500", true),
            ("attempts.status>503", false),
            ("target~b/", true),
            ("target~a/", false),
            ("outcome.total_us<=2000000", true),
            ("outcome=ok", false),
            ("team=red", false),
        ] {
            let parsed: Condition = condition.parse().unwrap();
            assert_eq!(parsed.holds(&record), holds, "{condition}");
        }
    }

    #[test]
    fn large_numbers_and_ids_are_not_taken_for_others_near_them() {
        let record = json!({"id": "1e3", "seed": 9_007_199_254_740_993_u64});
        let holds = |text: &str| text.parse::<Condition>().unwrap().holds(&record);
        assert!(holds("seed=9007199254740993") && !holds("seed=9007199254740992"));
        assert!(holds("seed>9007199254740992") && holds("seed>10"));
        assert!(!holds("seed=9.007199254740993e15"));
        assert!(holds("id=1000"));
        assert!(!Condition::id("1000".to_owned()).holds(&record));
        assert!(Condition::id("1e3".to_owned()).holds(&record));
    }

    #[test]
    fn what_is_no_condition_is_told_how_one_is_written() {
        for text in ["class", "", "=ok", " =ok"] {
            let why = text.parse::<Condition>().unwrap_err();
            assert!(why.contains("class!=ok"), "{why}");
        }
        assert!(
            "id=a=b"
                .parse::<Condition>()
                .unwrap()
                .holds(&json!({"id": "a=b"}))
        );
    }
}
