//! Which recorded bodies may be asked again: those whose bytes bound what they can cost. Whatever is not known to be harmless
//! is not: a provider may look things up, run tools, take the prompt from where it keeps it, or charge another price.

use super::form::{Form, MORE, named};
use serde_json::{Map, Value};

/// Fields that name something a provider keeps, runs or charges for in other ways, are none of these.
const CHAT: &[&str] = &[
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "min_p",
    "model",
    "n",
    "parallel_tool_calls",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "random_seed",
    "reasoning",
    "reasoning_effort",
    "repetition_penalty",
    "response_format",
    "safe_prompt",
    "safety_identifier",
    "seed",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "thinking",
    "tool_choice",
    "top_k",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
];
const MESSAGES: &[&str] = &[
    "cache_control",
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "output_config",
    "output_format",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "top_k",
    "top_p",
];
const RESPONSES: &[&str] = &[
    "background",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "parallel_tool_calls",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];
/// What a message of a chat may hold.
const TURN: &[&str] = &[
    "annotations",
    "cache_control",
    "content",
    "extra_content",
    "function_call",
    "name",
    "partial",
    "prefix",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "refusal",
    "role",
    "tool_call_id",
    "tool_calls",
];
/// Kinds of content that are text and nothing else.
const TEXTS: &[&str] = &[
    "input_text",
    "output_text",
    "reasoning_text",
    "redacted_thinking",
    "refusal",
    "summary_text",
    "text",
    "thinking",
    "tool_use",
];
/// Kinds of items of Responses that are.
const ITEMS: &[&str] = &["custom_tool_call", "function_call"];
/// The price that is known is that of these.
const TIERS: &[&str] = &["default", "standard_only"];

/// Whether its bytes and its limit bound what a body costs; else why not.
pub(crate) fn bounded(form: Form, body: &Value) -> Result<(), String> {
    let Some(fields) = body.as_object() else {
        return Err("with a body that is none".to_owned());
    };
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        field(form, name, value)?;
    }
    Ok(())
}

/// Whether a field may be put into a body without leaving what its bytes bound; the value is JSON.
pub(crate) fn harmless(name: &str, value: &str) -> bool {
    // These are taken out where something is asked again, and make more of an answer or of its price.
    let many = ["background", "n"].contains(&name);
    let value: Value = serde_json::from_str(value).unwrap_or_default();
    let short = !value.is_array() && !value.is_object();
    let mut forms = [Form::Chat, Form::Messages, Form::Responses].into_iter();
    !many && short && forms.any(|form| field(form, name, &value).is_ok())
}

fn field(form: Form, name: &str, value: &Value) -> Result<(), String> {
    let known = match form {
        Form::Chat => CHAT,
        Form::Messages => MESSAGES,
        Form::Responses => RESPONSES,
    };
    let fits = match name {
        "tools" => return tools(form, value),
        "service_tier" => value.as_str().is_some_and(|tier| TIERS.contains(&tier)),
        "modalities" => all(value, |one| one == "text"),
        _ => known.contains(&name),
    };
    if !fits {
        return Err(format!(
            "with {}, whose cost its bytes do not bound",
            named(name)
        ));
    }
    let text = match (form, name) {
        (Form::Chat, "messages") => all(value, turn),
        (Form::Messages, "messages") => all(value, |turn| turn.get("content").is_some_and(texts)),
        (_, "system") => texts(value),
        (_, "input" | "instructions") => value.is_string() || all(value, item),
        _ => true,
    };
    if text { Ok(()) } else { Err(MORE.to_owned()) }
}

/// Tools that the client runs: those a provider runs cost what it likes.
fn tools(form: Form, value: &Value) -> Result<(), String> {
    for tool in value.as_array().into_iter().flatten() {
        let kind = tool.get("type").filter(|kind| !kind.is_null());
        let own = match kind {
            Some(kind) => kind == "custom" || (kind == "function" && form != Form::Messages),
            None => form == Form::Messages,
        };
        if !own {
            let kind = kind.and_then(Value::as_str);
            let first = || tool.as_object().and_then(|tool| tool.keys().next());
            let name = kind.or_else(|| first().map(String::as_str));
            return Err(format!(
                "with {}, which the provider runs or explains",
                name.map_or("a tool".to_owned(), |name| format!(
                    "the tool {}",
                    named(name)
                ))
            ));
        }
    }
    if value.is_array() {
        Ok(())
    } else {
        Err(MORE.to_owned())
    }
}

/// A message of a chat.
fn turn(turn: &Value) -> bool {
    let only = |turn: &Map<String, Value>| {
        let mut held = turn.iter().filter(|(_, value)| !value.is_null());
        held.all(|(name, _)| TURN.contains(&name.as_str()))
    };
    turn.as_object().is_some_and(only) && turn.get("content").is_none_or(texts)
}

/// An item of a Responses input. One that only has an id stands for something that is kept elsewhere.
fn item(item: &Value) -> bool {
    let part = |name: &str| item.get(name).filter(|value| !value.is_null());
    match part("type").and_then(Value::as_str) {
        None | Some("message") => part("role").is_some() && part("content").is_some_and(texts),
        Some("function_call_output" | "custom_tool_call_output") => {
            part("output").is_some_and(texts)
        }
        // Without what was thought it stands for it.
        Some("reasoning") => part("encrypted_content").or(part("content")).is_some(),
        Some(kind) => ITEMS.contains(&kind),
    }
}

/// Content that is text alone.
fn texts(content: &Value) -> bool {
    content.is_null() || content.is_string() || all(content, text)
}

fn text(part: &Value) -> bool {
    let inside = |name: &str| part.get(name);
    match inside("type").and_then(Value::as_str) {
        Some("tool_result") => inside("content").is_none_or(texts),
        Some("document") => part
            .pointer("/source/type")
            .is_some_and(|kind| kind == "text"),
        Some(kind) => TEXTS.contains(&kind),
        None => part.is_string(),
    }
}

fn all(value: &Value, fits: impl Fn(&Value) -> bool) -> bool {
    value.as_array().is_some_and(|all| all.iter().all(fits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(form: Form, body: &Value) -> String {
        bounded(form, body).expect_err("it is refused")
    }

    /// A body of each dialect, with one thing more.
    fn with(form: Form, name: &str, value: Value) -> Value {
        let mut body = match form {
            Form::Responses => json!({ "model": "m", "input": "hello" }),
            _ => json!({ "model": "m", "messages": [{ "role": "user", "content": "hello" }] }),
        };
        body[name] = value;
        body
    }

    #[test]
    fn what_a_provider_looks_up_keeps_runs_or_charges_for_otherwise_is_not_asked_again() {
        use Form::{Chat, Messages, Responses};
        for (form, name, value) in [
            (Chat, "web_search_options", json!({})),
            (Chat, "plugins", json!([{ "id": "web" }])),
            (Chat, "search_parameters", json!({ "mode": "on" })),
            (
                Chat,
                "prediction",
                json!({ "type": "content", "content": "x" }),
            ),
            (Chat, "service_tier", json!("priority")),
            (Chat, "service_tier", json!("auto")),
            (Chat, "modalities", json!(["text", "audio"])),
            (Messages, "container", json!("container_1")),
            (Messages, "mcp_servers", json!([{ "url": "https://x" }])),
            (Messages, "context_management", json!({ "edits": [] })),
            (Messages, "speed", json!("fast")),
            (Messages, "inference_geo", json!("us")),
            (Messages, "service_tier", json!("auto")),
            (Responses, "previous_response_id", json!("resp_1")),
            (Responses, "conversation", json!("conv_1")),
            (Responses, "prompt", json!({ "id": "pmpt_1" })),
            (
                Responses,
                "context_management",
                json!([{ "type": "compaction" }]),
            ),
            (Responses, "service_tier", json!("flex")),
        ] {
            let why = refused(form, &with(form, name, value));
            assert!(why.contains(&format!("`{name}`")), "{form:?}: {why}");
        }
        let hosted = [
            (Chat, json!({ "type": "browser_search" })),
            (Chat, json!({ "google_search": {} })),
            (
                Messages,
                json!({ "type": "web_search_20250305", "name": "web_search" }),
            ),
            (Messages, json!({ "type": "bash_20250124", "name": "bash" })),
            (Messages, json!({ "type": "function", "name": "f" })),
            (Responses, json!({ "type": "web_search" })),
            (
                Responses,
                json!({ "type": "mcp", "server_url": "https://x" }),
            ),
            (Responses, json!({ "type": "code_interpreter" })),
        ];
        for (form, tool) in hosted {
            let why = refused(form, &with(form, "tools", json!([tool])));
            assert!(why.contains("which the provider runs"), "{form:?}: {why}");
        }
    }

    #[test]
    fn what_stands_for_more_than_its_bytes_is_not_asked_again() {
        for content in [
            json!([{ "type": "image_url", "image_url": { "url": "https://x" } }]),
            json!([{ "type": "file", "file": { "file_id": "file_1" } }]),
            json!([{ "type": "input_audio", "input_audio": {} }]),
            json!([{ "file_id": "file_1" }]),
        ] {
            let body = json!({ "messages": [{ "role": "user", "content": content }] });
            assert_eq!(refused(Form::Chat, &body), MORE);
        }
        let spoken = json!({ "messages": [{ "role": "assistant", "audio": { "id": "audio_1" } }] });
        assert_eq!(refused(Form::Chat, &spoken), MORE);
        for block in [
            json!({ "type": "image", "source": { "type": "base64" } }),
            json!({ "type": "document", "source": { "type": "url", "url": "https://x" } }),
            json!({ "type": "container_upload", "file_id": "file_1" }),
            json!({ "type": "tool_result", "content": [{ "type": "image" }] }),
            json!({ "type": "web_search_tool_result", "content": [] }),
        ] {
            let body = json!({ "messages": [{ "role": "user", "content": [block] }] });
            assert_eq!(refused(Form::Messages, &body), MORE);
        }
        for item in [
            json!({ "type": "item_reference", "id": "msg_1" }),
            json!({ "id": "msg_1" }),
            json!({ "role": "user", "content": [{ "type": "input_file", "file_id": "file_1" }] }),
            json!({ "type": "function_call_output", "output": [{ "type": "input_image" }] }),
            json!({ "type": "reasoning", "id": "rs_1", "summary": [] }),
            json!({ "type": "image_generation_call", "id": "ig_1" }),
        ] {
            let body = json!({ "input": [item] });
            assert_eq!(refused(Form::Responses, &body), MORE);
        }
    }

    #[test]
    fn a_name_that_a_client_gave_does_nothing_to_a_terminal() {
        let body = with(Form::Chat, "\u{1b}[2J", json!(1));
        let why = refused(Form::Chat, &body);
        assert!(!why.contains('\u{1b}'), "{why}");
    }

    #[test]
    fn text_and_tools_that_the_client_runs_are_asked_again() {
        let chat = json!({
            "model": "m", "stream": true, "temperature": 0, "service_tier": "default", "stop": null,
            "prediction": null, "modalities": ["text"],
            "tools": [{ "type": "function", "function": { "name": "f" } }],
            "messages": [
                { "role": "system", "content": "be brief" },
                { "role": "user", "content": [{ "type": "text", "text": "hello" }] },
                { "role": "assistant", "content": null, "audio": null, "tool_calls": [] },
                { "role": "tool", "tool_call_id": "c", "content": "done" },
            ],
        });
        assert_eq!(bounded(Form::Chat, &chat), Ok(()));
        let messages = json!({
            "model": "m", "max_tokens": 10, "system": [{ "type": "text", "text": "be brief" }],
            "thinking": { "type": "enabled", "budget_tokens": 1024 },
            "tools": [{ "name": "f", "input_schema": {} }, { "type": "custom", "name": "g" }],
            "messages": [
                { "role": "user", "content": "hello" },
                { "role": "assistant", "content": [
                    { "type": "thinking", "thinking": "hm" }, { "type": "tool_use", "input": {} },
                ] },
                { "role": "user", "content": [
                    { "type": "tool_result", "content": [{ "type": "text", "text": "done" }] },
                    { "type": "document", "source": { "type": "text", "data": "words" } },
                ] },
            ],
        });
        assert_eq!(bounded(Form::Messages, &messages), Ok(()));
        let responses = json!({
            "model": "m", "instructions": "be brief", "previous_response_id": null, "store": false,
            "tools": [{ "type": "function", "name": "f" }, { "type": "custom", "name": "g" }],
            "input": [
                { "role": "user", "content": "hello" },
                { "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "x" }] },
                { "type": "reasoning", "id": "rs_1", "encrypted_content": "x" },
                { "type": "function_call", "name": "f", "arguments": "{}" },
                { "type": "function_call_output", "output": "done" },
            ],
        });
        assert_eq!(bounded(Form::Responses, &responses), Ok(()));
    }
}
