//! Exchanges come out as their files say.

use serde_json::{Map, Value};

use super::report::Check;
use super::trial::{Case, NOWHERE, Trial, clip};
use crate::exchange::{Reading, Sent};
use crate::plan::Plan;

/// What is sent, and what is read.
pub(super) fn check(trial: &Trial) -> Check {
    let mut check = Check::new("golden");
    for case in trial.cases() {
        let exchange = &case.exchange;
        if let Some(sent) = &exchange.sent {
            check.tried(&case.name, request(case, sent));
        }
        if let Some(expected) = &exchange.expected {
            check.tried(&case.name, reading(case, expected));
        }
    }
    if check.tried > 0 {
        return check;
    }
    check
        .skipped("no exchange says what must become of it, by `chat` and `request` or by `reading`")
}

fn request(case: &Case, sent: &Sent) -> Option<String> {
    match case.exchange.plan(&case.warm, &case.exchange.client()) {
        Ok(plan) => planned(&plan, sent),
        Err(fault) => Some(format!("the request is refused: {fault}")),
    }
}

fn planned(plan: &Plan, sent: &Sent) -> Option<String> {
    let path = plan.url.strip_prefix(NOWHERE).unwrap_or(&plan.url);
    if let Some(expected) = sent.path.as_deref().filter(|expected| *expected != path) {
        return Some(format!("the path is `{path}`, not `{expected}`"));
    }
    let method = plan.method.as_str();
    if let Some(expected) = sent
        .method
        .as_deref()
        .filter(|expected| *expected != method)
    {
        return Some(format!("the method is `{method}`, not `{expected}`"));
    }
    if plan.warnings != sent.warnings {
        let (said, expected) = (plan.warnings.join("; "), sent.warnings.join("; "));
        return Some(format!("the warnings are `{said}`, not `{expected}`"));
    }
    let body: Value = serde_json::from_slice(&plan.body.concat()).unwrap_or_default();
    let expected = sent.body.as_ref()?;
    apart("", expected, &body).map(|what| format!("the body sent has {what}"))
}

fn reading(case: &Case, expected: &Value) -> Option<String> {
    let read = match case.exchange.reading(&case.warm) {
        Ok(read) => read,
        Err(fault) => return Some(format!("the answer is not read: {fault}")),
    };
    let value = |reading: &Reading| serde_json::to_value(reading).unwrap_or_default();
    let mut whole = value(&Reading::default());
    if let (Some(whole), Some(expected)) = (whole.as_object_mut(), expected.as_object()) {
        whole.extend(expected.clone());
    }
    apart("", &whole, &value(&read)).map(|what| format!("the reading has {what}"))
}

/// The first place where two values differ.
fn apart(at: &str, expected: &Value, found: &Value) -> Option<String> {
    match (expected, found) {
        (Value::Object(a), Value::Object(b)) => within(at, a, b),
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let mut pairs = a.iter().zip(b).enumerate();
            pairs.find_map(|(index, (a, b))| apart(&format!("{at}[{index}]"), a, b))
        }
        (a, b) if a == b => None,
        (a, b) => Some(format!(
            "`{}` at `{at}`, not `{}`",
            clip(&b.to_string()),
            clip(&a.to_string())
        )),
    }
}

fn within(at: &str, expected: &Map<String, Value>, found: &Map<String, Value>) -> Option<String> {
    let place = |name: &str| match at {
        "" => name.to_owned(),
        at => format!("{at}.{name}"),
    };
    let extra = found.keys().find(|name| !expected.contains_key(*name));
    if let Some(name) = extra {
        return Some(format!("`{}`, which it must not have", place(name)));
    }
    expected
        .iter()
        .find_map(|(name, value)| match found.get(name) {
            Some(found) => apart(&place(name), value, found),
            None => Some(format!("no `{}`", place(name))),
        })
}
