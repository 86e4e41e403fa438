//! Takes out of a recorded exchange what nobody else may see: keys, cookies, accounts, and on demand what was said.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use std::mem;

/// Stands where something was.
const REDACTED: &str = "REDACTED";
/// The shortest text that is taken for a secret because it came in a header: shorter ones occur by chance.
const SHORTEST: usize = 8;
/// What keys begin with, wherever they are, and how long they are at least.
const KEYS: [&str; 10] = [
    "sk-", "sk_", "gsk_", "xai-", "AIza", "AKIA", "ASIA", "ghp_", "hf_", "eyJ",
];
const KEY_LENGTH: usize = 20;
/// Headers that are kept; the rest goes, whatever it is.
const KEPT_HEADERS: [&str; 5] = [
    "accept",
    "content-type",
    "retry-after",
    "request-id",
    "x-request-id",
];
/// Parameters of an address that are kept.
const KEPT_PARAMETERS: [&str; 4] = ["alt", "api-version", "stream", "beta"];
/// Fields whose texts are words of a protocol, and no words of people.
const KEPT_FIELDS: [&str; 22] = [
    "by",
    "code",
    "created_at",
    "detail",
    "done_reason",
    "effort",
    "end",
    "event",
    "finishReason",
    "finish_reason",
    "format",
    "id",
    "kind",
    "media_type",
    "model",
    "modelVersion",
    "name",
    "object",
    "role",
    "status",
    "stop_reason",
    "type",
];

/// Fields that hold what a client or a model made itself, whose names are no protocol's.
const OWN_FIELDS: [&str; 9] = [
    "args",
    "arguments",
    "document",
    "documents",
    "functionResponse",
    "json",
    "metadata",
    "tool_output",
    "variables",
];
/// Fields that do where they hold one object: several are the items of a protocol.
const OWN_OBJECTS: [&str; 2] = ["data", "input"];
/// Fields whose number stands for a text. Those in lists may always do: tokens, bytes, vectors.
const TOKENS: [&str; 3] = ["token", "tokenId", "token_id"];
/// Fields of maps, or of lists of maps, from tokens to something.
const BY_TOKEN: [&str; 3] = ["logit_bias", "prompt_logprobs", "top_logprobs"];
/// What an object holds that tells of a token, whose `id` is that of a text.
const LIKELIHOODS: [&str; 3] = ["logProbability", "logprob", "prob"];
/// The longest text that passes for a word of a protocol.
const LONGEST_WORD: usize = 64;

/// How much is taken out.
#[derive(Debug, Default)]
pub(super) struct Redaction {
    /// Whether what was said goes, too.
    pub(super) text: bool,
    /// Further fields whose texts are kept then.
    pub(super) keep: Vec<String>,
}

impl Redaction {
    /// The exchange without them.
    ///
    /// # Errors
    /// When something of it cannot be looked through.
    pub(super) fn of(&self, mut exchange: Value) -> Result<Value, String> {
        let secrets = secrets(&exchange);
        for side in ["request", "response"] {
            if let Some(Value::Object(side)) = exchange.get_mut(side) {
                self.side(side, &secrets)?;
            }
        }
        if self.text
            && let Some(whole) = exchange.as_object_mut()
        {
            // It repeats what was said.
            whole.remove("reading");
            if let Some(chat) = whole.get_mut("chat") {
                self.hide(chat);
            }
        }
        scrub(&mut exchange, &secrets);
        Ok(exchange)
    }

    fn side(&self, side: &mut Map<String, Value>, secrets: &[String]) -> Result<(), String> {
        if let Some(Value::Object(headers)) = side.get_mut("headers") {
            headers.retain(|name, _| is_kept(name));
        }
        for name in ["url", "path"] {
            if let Some(Value::String(address)) = side.get_mut(name) {
                *address = parameters(address);
            }
        }
        if let Some(Value::String(packed)) = side.get("body_base64") {
            let bytes = STANDARD.decode(packed).map_err(|error| error.to_string())?;
            let text = String::from_utf8_lossy(&bytes);
            if self.text || secrets.iter().any(|secret| text.contains(secret.as_str())) {
                return Err("its body is no text, so nothing can be taken out of it".to_owned());
            }
        }
        if !self.text {
            return Ok(());
        }
        for name in ["body", "events"] {
            if let Some(body) = side.get_mut(name) {
                self.hide(body);
            }
        }
        if let Some(Value::String(text)) = side.get_mut("body_text") {
            let lines: Vec<String> = text.split('\n').map(|line| self.line(line)).collect();
            *text = lines.join("\n");
        }
        Ok(())
    }

    /// A line of a stream without what was said.
    fn line(&self, line: &str) -> String {
        let (head, data) = match line.strip_prefix("data:") {
            Some(data) => ("data: ", data.trim()),
            None => ("", line),
        };
        let framing = ["event:", "id:", "retry:", ":"];
        if data.is_empty() || data == "[DONE]" || framing.iter().any(|mark| data.starts_with(mark))
        {
            return line.to_owned();
        }
        match serde_json::from_str::<Value>(data) {
            Ok(mut json) => {
                self.hide(&mut json);
                format!("{head}{json}")
            }
            Err(_) => format!("{head}{}", blank(data)),
        }
    }

    fn hide(&self, value: &mut Value) {
        self.hide_but(&KEPT_FIELDS, value);
    }

    fn hide_but(&self, kept: &[&str], value: &mut Value) {
        match value {
            Value::String(text) => *text = self.hidden(text),
            Value::Array(items) => {
                for item in items {
                    nullify(item);
                    self.hide_but(kept, item);
                }
            }
            Value::Object(fields) => {
                let likely = LIKELIHOODS.iter().any(|name| fields.contains_key(*name));
                for (name, value) in fields.iter_mut() {
                    // An error may say in any field what was wrong with the words it was given.
                    let is_word = value.as_str().is_some_and(|text| match name.as_str() {
                        // Models write programs into it, and errors a word.
                        "code" => is_name(text),
                        _ => is_word(text),
                    });
                    let protocol = kept.contains(&name.as_str()) && is_word;
                    if protocol || self.keep.contains(name) && is_plain(value) {
                        continue;
                    }
                    let name = name.as_str();
                    let own = OWN_FIELDS.contains(&name)
                        || value.is_object() && OWN_OBJECTS.contains(&name);
                    let stands = TOKENS.contains(&name) || likely && name == "id";
                    if kept.is_empty() || stands {
                        nullify(value);
                    }
                    if BY_TOKEN.contains(&name) {
                        unname(value);
                    }
                    self.hide_but(if own { &[] } else { kept }, value);
                }
                if kept.is_empty() && fields.keys().any(|name| !is_name(name)) {
                    let named = mem::take(fields).into_iter();
                    let hidden = |name: String| {
                        if is_name(&name) { name } else { blank(&name) }
                    };
                    *fields = named.map(|(name, value)| (hidden(name), value)).collect();
                }
            }
            _ => {}
        }
    }

    /// A text without its words. One that is JSON itself, as arguments of tools are, stays that.
    fn hidden(&self, text: &str) -> String {
        match serde_json::from_str::<Value>(text) {
            Ok(mut json) if json.is_object() || json.is_array() => {
                self.hide_but(&[], &mut json);
                json.to_string()
            }
            _ if text == "[DONE]" => text.to_owned(),
            _ => blank(text),
        }
    }
}

/// A map from tokens without these; one whose fields have names of a protocol stays.
fn unname(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(unname),
        Value::Object(fields) if !fields.contains_key("token") => {
            let named = mem::take(fields).into_iter();
            *fields = named.map(|(name, value)| (blank(&name), value)).collect();
        }
        _ => {}
    }
}

/// Nothing in the place of a number.
fn nullify(value: &mut Value) {
    if let Value::Number(number) = value {
        *value = if number.is_f64() {
            Value::from(0.0)
        } else {
            Value::from(0)
        };
    }
}

/// Whether it is a text, a number, or a list of these.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(is_plain),
        value => value.is_string() || value.is_number(),
    }
}

/// Whether a text may be a word of a protocol: no sentence, and no quotation.
fn is_word(text: &str) -> bool {
    text.len() <= LONGEST_WORD
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'"')
}

/// Whether a text may be the name of something in a program or a protocol.
fn is_name(text: &str) -> bool {
    text.len() <= LONGEST_WORD
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

/// As long as before, and nothing to read.
fn blank(text: &str) -> String {
    let letter = |c: char| match c {
        c if c.is_ascii_digit() => '0',
        c if c.is_alphanumeric() => 'x',
        c => c,
    };
    text.chars().map(letter).collect()
}

fn is_kept(header: &str) -> bool {
    let name = header.to_ascii_lowercase();
    KEPT_HEADERS.contains(&name.as_str())
        || name.contains("ratelimit")
        || name.contains("rate-limit")
        || name.ends_with("-version")
        || name.ends_with("-beta")
}

/// What came in headers that are not kept, and in parameters that are not.
fn secrets(exchange: &Value) -> Vec<String> {
    let mut secrets = Vec::new();
    for side in ["request", "response"] {
        let headers = exchange.pointer(&format!("/{side}/headers"));
        let headers = headers.and_then(Value::as_object).into_iter().flatten();
        for (_, value) in headers.filter(|(name, _)| !is_kept(name)) {
            let values = match value {
                Value::Array(values) => values.iter().collect(),
                one => vec![one],
            };
            // `Bearer KEY` is a scheme and a secret; a cookie is several.
            let words = values.into_iter().filter_map(Value::as_str);
            secrets.extend(
                words
                    .flat_map(|text| text.split([' ', ';', ',']))
                    .map(str::to_owned),
            );
        }
        for name in ["url", "path"] {
            let address = exchange.pointer(&format!("/{side}/{name}"));
            let query = address
                .and_then(Value::as_str)
                .and_then(|it| it.split_once('?'));
            let pairs = query.into_iter().flat_map(|(_, query)| query.split('&'));
            let pairs = pairs.filter_map(|pair| pair.split_once('='));
            let pairs = pairs.filter(|(name, _)| !KEPT_PARAMETERS.contains(name));
            secrets.extend(pairs.map(|(_, value)| value.to_owned()));
        }
    }
    secrets.retain(|secret| secret.len() >= SHORTEST);
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
}

/// The address without values of parameters that are not kept.
fn parameters(address: &str) -> String {
    let Some((path, query)) = address.split_once('?') else {
        return address.to_owned();
    };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if !KEPT_PARAMETERS.contains(&name) => format!("{name}={REDACTED}"),
        _ => pair.to_owned(),
    });
    format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
}

/// Takes secrets, and what looks like one, out of every text.
fn scrub(value: &mut Value, secrets: &[String]) {
    match value {
        Value::String(text) => *text = clean(text, secrets),
        Value::Array(items) => items.iter_mut().for_each(|item| scrub(item, secrets)),
        Value::Object(fields) => {
            for (name, mut value) in mem::take(fields) {
                scrub(&mut value, secrets);
                fields.insert(clean(&name, secrets), value);
            }
        }
        _ => {}
    }
}

fn clean(text: &str, secrets: &[String]) -> String {
    let mut text = text.to_owned();
    for secret in secrets {
        if text.contains(secret.as_str()) {
            text = text.replace(secret.as_str(), REDACTED);
        }
    }
    let of_a_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.find(|c| !of_a_word(c)).unwrap_or(rest.len()));
        let is_key = word.len() >= KEY_LENGTH && KEYS.iter().any(|key| word.starts_with(key));
        clean.push_str(if is_key { REDACTED } else { word });
        let (between, next) = after.split_at(after.find(of_a_word).unwrap_or(after.len()));
        clean.push_str(between);
        rest = next;
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const KEY: &str = "very-secret-key-0123456789";

    fn exchange() -> Value {
        json!({
            "request": {
                "method": "POST",
                "path": format!("/talk?alt=sse&key={KEY}"),
                "headers": {"Authorization": format!("Bearer {KEY}"), "content-type": "application/json", "openai-organization": "org-my-company-1"},
                "body": {"model": "m-1", "messages": [{"role": "user", "content": "My name is Ada."}], "user": "org-my-company-1"},
            },
            "response": {
                "status": 401,
                "headers": {"set-cookie": "session=abcdefghijkl; path=/", "x-ratelimit-remaining-tokens": "7", "retry-after": "2"},
                "body_text": format!("data: {{\"type\":\"error\",\"message\":\"Ada, {KEY} is no key, nor is sk-abcdefghijklmnopqrstuv\"}}\n\ndata: [DONE]\n\n"),
            },
        })
    }

    #[test]
    fn keys_cookies_and_accounts_are_gone_wherever_they_were() {
        let clean = Redaction::default().of(exchange()).expect("redacted");
        let text = clean.to_string();
        for secret in [
            KEY,
            "sk-abc",
            "abcdefghijkl",
            "org-my-company-1",
            "Authorization",
        ] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
        assert_eq!(clean["request"]["path"], "/talk?alt=sse&key=REDACTED");
        assert_eq!(
            clean["response"]["headers"],
            json!({"x-ratelimit-remaining-tokens": "7", "retry-after": "2"})
        );
        assert!(text.contains("My name is Ada."), "{text}");
    }

    #[test]
    fn what_was_said_goes_on_demand_and_the_protocol_stays() {
        let redaction = Redaction {
            text: true,
            keep: Vec::new(),
        };
        let clean = redaction.of(exchange()).expect("redacted");
        assert!(!clean.to_string().contains("Ada"), "{clean}");
        assert_eq!(clean["request"]["body"]["model"], "m-1");
        assert_eq!(
            clean["request"]["body"]["messages"][0],
            json!({"role": "user", "content": "xx xxxx xx xxx."})
        );
        let body = clean["response"]["body_text"].as_str().expect("text");
        assert!(
            body.starts_with("data: {") && body.ends_with("data: [DONE]\n\n"),
            "{body}"
        );
        assert!(body.contains(r#""type":"error""#), "{body}");
    }

    #[test]
    fn an_error_that_repeats_what_was_said_hides_it_in_whichever_field_it_does() {
        let redaction = Redaction {
            text: true,
            keep: Vec::new(),
        };
        let said = "Ada is not a valid user";
        let mut exchange = exchange();
        exchange["response"]["body_text"] = Value::Null;
        exchange["response"]["body"] = json!({
            "detail": said, "code": said, "status": "INVALID_ARGUMENT",
            "error": {"message": said, "type": "invalid_request_error", "name": said, "code": "bad_user"},
            "choices": [{"tool_calls": [{"id": "c1", "name": "find", "arguments": "{\"name\":\"Ada\"}"}]}],
            "content": [{"type": "tool_use", "name": "find", "input": {"name": "Ada", "id": "Ada"}}],
        });
        let clean = redaction.of(exchange).expect("redacted");
        assert!(!clean.to_string().contains("Ada"), "{clean}");
        let body = &clean["response"]["body"];
        assert_eq!(body["status"], "INVALID_ARGUMENT");
        assert_eq!(body["error"]["type"], "invalid_request_error");
        assert_eq!(body["error"]["code"], "bad_user");
        assert_eq!(body["content"][0]["name"], "find");
    }

    #[test]
    fn numbers_that_stand_for_texts_are_hidden() {
        let redaction = Redaction {
            text: true,
            keep: Vec::new(),
        };
        let mut body = json!({
            "input": [[791, 9906], [42]], "prompt": [791, 9906], "context": [791, 9906],
            "choices": [{ "index": 3, "logprobs": { "content": [{
                "token": "Ada", "logprob": -0.25, "bytes": [65, 100, 97],
                "top_logprobs": [{ "token": "Ada", "logprob": -0.25, "bytes": [65, 100, 97] }],
            }] } }],
            "logprobsResult": { "chosenCandidates": [{
                "token": "Ada", "tokenId": 791, "logProbability": -0.25,
            }] },
            "completion_probabilities": [{ "id": 791, "token": "Ada", "logprob": -0.25 }],
            "tokens": [791, 9906], "token_id": 791, "logit_bias": { "791": -100 },
            "logprobs": { "top_logprobs": [{ "Ada": -0.25 }], "token_logprobs": [-0.25] },
            "prompt_logprobs": [null, { "791": { "logprob": -0.25, "decoded_token": "Ada" } }],
            "data": [{ "object": "embedding", "index": 1, "embedding": [0.125, -0.5] }],
            "usage": { "tokens": { "input_tokens": 12 }, "total_tokens": 34, "tokens_per_second": 5.5 },
        });
        redaction.hide(&mut body);
        assert_eq!(
            body,
            json!({
                "input": [[0, 0], [0]], "prompt": [0, 0], "context": [0, 0],
                "choices": [{ "index": 3, "logprobs": { "content": [{
                    "token": "xxx", "logprob": -0.25, "bytes": [0, 0, 0],
                    "top_logprobs": [{ "token": "xxx", "logprob": -0.25, "bytes": [0, 0, 0] }],
                }] } }],
                "logprobsResult": { "chosenCandidates": [{
                    "token": "xxx", "tokenId": 0, "logProbability": -0.25,
                }] },
                "completion_probabilities": [{ "id": 0, "token": "xxx", "logprob": -0.25 }],
                "tokens": [0, 0], "token_id": 0, "logit_bias": { "000": -100 },
                "logprobs": { "top_logprobs": [{ "xxx": -0.25 }], "token_logprobs": [0.0] },
                "prompt_logprobs": [null, { "000": { "logprob": -0.25, "decoded_token": "xxx" } }],
                "data": [{ "object": "embedding", "index": 1, "embedding": [0.0, 0.0] }],
                "usage": { "tokens": { "input_tokens": 12 }, "total_tokens": 34, "tokens_per_second": 5.5 },
            })
        );
    }

    #[test]
    fn what_documents_and_tools_hold_is_hidden_word_by_word() {
        let redaction = Redaction {
            text: true,
            keep: Vec::new(),
        };
        let own = json!({ "name": "Ada", "id": "Ada", "type": "Ada", "age": 36, "in": [{ "name": "Ada" }] });
        let mut body = json!({
            "documents": [{ "id": "Ada", "data": own }, own],
            "citations": [{ "type": "TEXT_CONTENT", "sources": [
                { "type": "document", "document": own }, { "type": "tool", "tool_output": own },
            ] }],
            "toolResult": { "content": [{ "json": own }, { "json": [own] }], "status": "success" },
            "prompt": { "variables": own },
            "content": { "type": "object", "data": own },
            "tool_calls": [{ "type": "function", "function": { "name": "find", "arguments": own.to_string() } }],
        });
        redaction.hide(&mut body);
        let told = body.to_string();
        assert!(!told.contains("Ada") && !told.contains("36"), "{told}");
        assert_eq!(body["citations"][0]["sources"][1]["type"], "tool");
        assert_eq!(body["toolResult"]["status"], "success");
        assert_eq!(body["tool_calls"][0]["function"]["name"], "find");
        let mut listed = json!({ "object": "list", "data": [{ "object": "model", "id": "m-1" }] });
        redaction.hide(&mut listed);
        assert_eq!(listed["data"][0]["id"], "m-1");
    }

    #[test]
    fn arguments_of_tools_stay_json() {
        let redaction = Redaction {
            text: true,
            keep: vec!["unit".to_owned()],
        };
        assert_eq!(
            redaction.hidden(r#"{"age":36,"city":"Oslo 7","unit":"C"}"#),
            r#"{"age":0,"city":"xxxx 0","unit":"C"}"#
        );
    }

    #[test]
    fn programs_and_names_that_a_model_or_a_tool_wrote_are_hidden() {
        let redaction = Redaction {
            text: true,
            ..Redaction::default()
        };
        let mut told = serde_json::json!({
            "executableCode": { "code": "print('Ada')" }, "error": { "code": "rate_limited" },
            "tool_output": { "Ada Lovelace": 36, "born": 1815 },
        });
        redaction.hide(&mut told);
        assert_eq!(
            told,
            serde_json::json!({
                "executableCode": { "code": "xxxxx('xxx')" }, "error": { "code": "rate_limited" },
                "tool_output": { "xxx xxxxxxxx": 0, "born": 0 },
            })
        );
    }

    #[test]
    fn a_body_that_cannot_be_looked_through_is_refused() {
        let mut exchange = exchange();
        exchange["response"]["body_base64"] = Value::from(STANDARD.encode(KEY));
        assert!(Redaction::default().of(exchange).is_err());
    }
}
