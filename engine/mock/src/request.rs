//! What a client asks, whichever dialect it asks in.

use serde_json::Value;

use crate::options::Dialect;

/// A chat request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    pub(crate) model: String,
    pub(crate) stream: bool,
    pub(crate) include_usage: bool,
    pub(crate) max_tokens: Option<u32>,
    /// The last message, if it is the user's.
    pub(crate) prompt: String,
    pub(crate) tools: Vec<Tool>,
    pub(crate) input_tokens: u64,
}

/// A tool on offer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) schema: Value,
}

impl Asked {
    /// Reads a body, or says what the provider would complain about.
    pub(crate) fn read(dialect: Dialect, body: &[u8]) -> Result<Self, String> {
        let body: Value = serde_json::from_slice(body)
            .map_err(|error| format!("the body is not JSON: {error}"))?;
        let model = body
            .get("model")
            .and_then(Value::as_str)
            .ok_or("you must provide a model parameter")?;
        let messages = body
            .get("messages")
            .and_then(Value::as_array)
            .ok_or("`messages` must be an array")?;
        let max_tokens = ["max_completion_tokens", "max_tokens"]
            .iter()
            .find_map(|key| body.get(key)?.as_u64());
        if dialect == Dialect::Anthropic && max_tokens.is_none() {
            return Err(String::from("max_tokens: Field required"));
        }
        let last = messages
            .last()
            .filter(|message| message.get("role").is_some_and(|role| role == "user"));
        let bytes: usize = messages
            .iter()
            .chain(body.get("system"))
            .map(|message| text(message).len())
            .sum();
        Ok(Self {
            model: model.to_owned(),
            stream: body.get("stream") == Some(&Value::Bool(true)),
            include_usage: body.pointer("/stream_options/include_usage")
                == Some(&Value::Bool(true)),
            max_tokens: max_tokens.map(|tokens| u32::try_from(tokens).unwrap_or(u32::MAX)),
            prompt: last.map(text).unwrap_or_default(),
            tools: body
                .get("tools")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(tool)
                .collect(),
            input_tokens: (bytes as u64).div_ceil(4) + 4 * messages.len() as u64,
        })
    }

    /// The tool that the prompt says to call.
    pub(crate) fn called_tool(&self) -> Option<&Tool> {
        let words: Vec<&str> = self.prompt.split_whitespace().collect();
        let named = words.windows(2).filter_map(|pair| match pair {
            [call, name] if call.eq_ignore_ascii_case("call") => {
                Some(name.trim_matches(|c: char| !c.is_alphanumeric()))
            }
            _ => None,
        });
        named
            .into_iter()
            .find_map(|name| self.tools.iter().find(|tool| tool.name == name))
    }
}

/// The text of a message or of a system prompt: a string, or parts with texts.
fn text(message: &Value) -> String {
    match message.get("content").unwrap_or(message) {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part.get("text")?.as_str())
            .collect::<Vec<_>>()
            .join("\n"),
        _ => String::new(),
    }
}

fn tool(tool: &Value) -> Option<Tool> {
    let definition = tool.get("function").unwrap_or(tool);
    let schema = definition
        .get("parameters")
        .or_else(|| definition.get("input_schema"));
    Some(Tool {
        name: definition.get("name")?.as_str()?.to_owned(),
        schema: schema.cloned().unwrap_or_default(),
    })
}

impl Tool {
    /// Arguments that fit the schema: a plain value for each required property.
    pub(crate) fn sample_arguments(&self) -> Value {
        let required = self
            .schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let properties = required.filter_map(|name| {
            let name = name.as_str()?;
            Some((
                name.to_owned(),
                sample(self.schema.get("properties")?.get(name)?),
            ))
        });
        Value::Object(properties.collect())
    }
}

fn sample(schema: &Value) -> Value {
    if let Some(first) = schema.get("enum").and_then(|options| options.get(0)) {
        return first.clone();
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("integer" | "number") => Value::from(1),
        Some("boolean") => Value::from(true),
        Some("array") => Value::Array(Vec::new()),
        Some("object") => Value::Object(serde_json::Map::new()),
        _ => Value::from("sample"),
    }
}
