//! Whatever comes is read or refused: a plugin does not crash, run on, or say what the interface does not allow.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::chance::Chance;
use super::report::Check;
use super::trial::{Case, Trial, clip, read};
use crate::fault::Fault;

/// Mutated requests and mutated answers of each exchange.
const MUTATIONS: u64 = 60;
/// Places at which an answer breaks off.
const TRUNCATIONS: usize = 16;
/// The longest text in a request and in an answer, in bytes.
const LONG: usize = 1 << 20;
/// How deep a request may be nested before the gateway refuses it.
const DEEP: usize = 56;

/// Mutated, truncated, huge and senseless requests and answers.
pub(super) fn check(trial: &Trial) -> Check {
    let mut check = Check::new("hostile input");
    for (number, case) in (0..).zip(trial.cases()) {
        for chat in requests(case, number) {
            if check.is_settled() {
                return check;
            }
            let outcome = case.exchange.plan(&case.warm, &chat).map(drop);
            check.tried(&case.name, blamed(&outcome, "a request", &chat));
        }
        for body in answers(case, number) {
            if check.is_settled() {
                return check;
            }
            check.tried(&case.name, answered(case, &body));
        }
    }
    check
}

fn answered(case: &Case, body: &Bytes) -> Option<String> {
    let error = case.error(&case.warm, body).map(drop);
    let told = blamed(&error, "an error answer", body);
    if told.is_some() || case.is_error() {
        return told;
    }
    let plan = case.exchange.plan(&case.warm, &case.exchange.client());
    let heard = plan.and_then(|plan| read(&case.warm, &plan, [body.clone()]));
    blamed(&heard.map(drop), "an answer", body)
}

/// What is wrong where the plugin is to blame.
fn blamed(outcome: &Result<(), Fault>, what: &str, bytes: &[u8]) -> Option<String> {
    let fault = outcome.as_ref().err().filter(|fault| fault.is_plugins())?;
    let bytes = clip(&String::from_utf8_lossy(bytes));
    Some(format!("{what} that begins `{bytes}`: {fault}"))
}

fn requests(case: &Case, number: u64) -> Vec<Bytes> {
    let chat: Value = serde_json::from_slice(&case.exchange.client()).unwrap_or_default();
    let mut requests: Vec<Bytes> = (0..MUTATIONS)
        .map(|seed| {
            let mut chance = Chance::new(number * 1_000 + seed);
            let mut chat = chat.clone();
            for _ in 0..=chance.below(3) {
                mutate(&mut chat, &mut chance);
            }
            Bytes::from(chat.to_string())
        })
        .collect();
    let long = "ä\"\n ".repeat(LONG / 5);
    let said = |content: Value| {
        let chat = json!({"model": "m", "messages": [{"role": "user", "content": content}]});
        Bytes::from(chat.to_string())
    };
    requests.push(said(Value::from(long)));
    let deep = (0..DEEP).fold(Value::Null, |inner, _| json!([inner]));
    requests.push(said(deep));
    requests.push(Bytes::from(
        json!({"model": "m", "messages": vec![json!({"role": "user", "content": "x"}); 5_000]})
            .to_string(),
    ));
    requests
}

fn answers(case: &Case, number: u64) -> Vec<Bytes> {
    let body = &case.exchange.body;
    let mut answers: Vec<Bytes> = Vec::new();
    for place in 0..TRUNCATIONS {
        answers.push(body.slice(..body.len() * place / TRUNCATIONS));
    }
    for seed in 0..MUTATIONS {
        let mut chance = Chance::new(number * 1_000 + 500 + seed);
        answers.push(if seed % 2 == 0 {
            torn(body, &mut chance)
        } else {
            changed(body, &mut chance)
        });
    }
    let frame = |text: &str| {
        if case.exchange.stream {
            Bytes::from(format!("data: {text}\n\n{text}\n"))
        } else {
            Bytes::from(text.to_owned())
        }
    };
    answers.push(frame(&"[".repeat(100_000)));
    answers.push(frame(&"{\"a\":".repeat(100_000)));
    answers.push(frame(&json!({"text": "x".repeat(LONG)}).to_string()));
    answers.push(frame("<html><body>502 Bad Gateway</body></html>"));
    answers.push(frame("null"));
    answers.push(frame("1e999"));
    answers.push(Bytes::from_static(b"\xff\xfe\x00data: \xc3\x28\n\n"));
    answers
}

/// Bytes changed, cut out, doubled or put in.
fn torn(body: &Bytes, chance: &mut Chance) -> Bytes {
    let mut bytes = body.to_vec();
    for _ in 0..=chance.below(6) {
        let at = chance.below(bytes.len());
        let end = (at + 1 + chance.below(24)).min(bytes.len());
        match chance.below(4) {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = u8::try_from(chance.below(256)).unwrap_or(0);
                }
            }
            1 => drop(bytes.drain(at..end)),
            2 => {
                let doubled = bytes.get(at..end).unwrap_or_default().to_vec();
                drop(bytes.splice(at..at, doubled));
            }
            _ => drop(bytes.splice(at..at, *b"\xf0\x9f\"}\n")),
        }
    }
    Bytes::from(bytes)
}

/// One of its JSON texts changed, so that it is one still: deeper code sees it.
fn changed(body: &Bytes, chance: &mut Chance) -> Bytes {
    let text = String::from_utf8_lossy(body);
    let lines: Vec<&str> = text.split('\n').collect();
    let payload = |line: &str| {
        let json = line.strip_prefix("data:").unwrap_or(line).trim();
        serde_json::from_str::<Value>(json).ok()
    };
    let places: Vec<(usize, Value)> = (0..)
        .zip(&lines)
        .filter_map(|(at, line)| Some((at, payload(line)?)))
        .collect();
    let Some((at, json)) = places.get(chance.below(places.len())) else {
        return torn(body, chance);
    };
    let mut json = json.clone();
    for _ in 0..=chance.below(2) {
        mutate(&mut json, chance);
    }
    let mut lines: Vec<String> = lines.into_iter().map(str::to_owned).collect();
    if let Some(line) = lines.get_mut(*at) {
        let data = if line.starts_with("data:") {
            "data: "
        } else {
            ""
        };
        *line = format!("{data}{json}");
    }
    Bytes::from(lines.join("\n"))
}

/// Puts something else in one place of a value.
fn mutate(value: &mut Value, chance: &mut Chance) {
    let inner = match value {
        Value::Object(fields) => field(fields, chance),
        Value::Array(items) if !items.is_empty() => {
            let at = chance.below(items.len());
            items.get_mut(at)
        }
        _ => None,
    };
    match inner {
        Some(inner) if chance.below(4) > 0 => mutate(inner, chance),
        Some(inner) => *inner = specimen(chance),
        None => *value = specimen(chance),
    }
}

/// A field, after one may have been dropped.
fn field<'a>(fields: &'a mut Map<String, Value>, chance: &mut Chance) -> Option<&'a mut Value> {
    let names: Vec<String> = fields.keys().cloned().collect();
    let name = names.get(chance.below(names.len()))?;
    if chance.below(8) == 0 {
        fields.remove(name);
        return None;
    }
    fields.get_mut(name)
}

fn specimen(chance: &mut Chance) -> Value {
    let specimens = [
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!("ä☀\u{1f600}\u{0}"),
        json!("x".repeat(5_000)),
        json!([]),
        json!({}),
        json!([[[{"type": "text", "text": 1}]]]),
        json!({"type": "function", "function": {"name": null, "arguments": "{"}}),
        json!("data:image/png;base64,////"),
    ];
    let at = chance.below(specimens.len());
    specimens.into_iter().nth(at).unwrap_or_default()
}
