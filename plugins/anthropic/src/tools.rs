//! Tools and the choice among them.

use std::borrow::Cow;

use mux_plugin_sdk::Fault;
use mux_plugin_sdk::chat::{self, Chat, Json, Place, object};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::model::Family;

/// Tools as the Messages API takes them.
#[derive(Debug, Default)]
pub(crate) struct Tools<'a> {
    pub(crate) tools: Vec<Tool<'a>>,
    pub(crate) choice: Option<Choice<'a>>,
}

/// One tool.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Tool<'a> {
    Function(Function<'a>),
    /// One that runs at the provider, handed on as the client wrote it.
    Server(&'a RawValue),
}

/// A tool that runs at the client.
#[derive(Debug, Serialize)]
pub(crate) struct Function<'a> {
    name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a RawValue>,
    input_schema: Json<'a>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    strict: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<&'a RawValue>,
}

/// Which tools the model may or must use.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Choice<'a> {
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    disable_parallel_tool_use: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Auto,
    Any,
    Tool,
    None,
}

impl Choice<'_> {
    /// Whether the model has to call something; it cannot think first then.
    pub(crate) fn forced(&self) -> bool {
        matches!(self.kind, Kind::Any | Kind::Tool)
    }
}

impl<'a> Tools<'a> {
    /// Reads `tools`, `tool_choice` and `parallel_tool_calls`.
    pub(crate) fn read(
        chat: &Chat<'a>,
        family: Family,
        warnings: &mut Vec<String>,
    ) -> Result<Self, Fault> {
        let mut read = Self::default();
        let mut loose = false;
        for (given, at) in chat.tools("anthropic", warnings)? {
            read.tools.push(tool(given, family, &mut loose, at)?);
        }
        if loose {
            warnings.push(String::from(
                "`strict` was dropped: this model has no strict tools",
            ));
        }
        read.choose(chat, warnings)?;
        Ok(read)
    }

    fn choose(&mut self, chat: &Chat<'a>, warnings: &mut Vec<String>) -> Result<(), Fault> {
        if self.tools.is_empty() {
            return Ok(());
        }
        let (kind, name) = match chat.choice("anthropic", warnings)? {
            chat::Choice::Auto => (Kind::Auto, None),
            chat::Choice::None => (Kind::None, None),
            chat::Choice::Required => (Kind::Any, None),
            chat::Choice::Named(name) => (Kind::Tool, Some(name)),
            chat::Choice::Among { names, must } => {
                self.tools.retain(|tool| match tool {
                    Tool::Function(function) => names.contains(&function.name),
                    Tool::Server(_) => true,
                });
                (if must { Kind::Any } else { Kind::Auto }, None)
            }
        };
        let one_at_a_time = chat.parallel_tool_calls == Some(false) && kind != Kind::None;
        if kind != Kind::Auto || one_at_a_time {
            self.choice = Some(Choice {
                kind,
                name,
                disable_parallel_tool_use: one_at_a_time,
            });
        }
        Ok(())
    }
}

fn tool<'a>(
    given: chat::Tool<'a>,
    family: Family,
    loose: &mut bool,
    at: Place,
) -> Result<Tool<'a>, Fault> {
    match given {
        chat::Tool::Function {
            name,
            description,
            parameters,
            strict,
            cache_control,
        } => {
            let strict = strict == Some(true);
            *loose |= strict && !family.structured;
            Ok(Tool::Function(Function {
                name,
                description,
                input_schema: schema(parameters, at)?,
                strict: strict && family.structured,
                cache_control,
            }))
        }
        chat::Tool::Server(raw) => Ok(Tool::Server(raw)),
    }
}

/// A schema that says it is an object: the provider refuses any other.
fn schema(parameters: Option<&RawValue>, at: Place) -> Result<Json<'_>, Fault> {
    #[derive(Deserialize)]
    struct Typed<'a> {
        #[serde(rename = "type", borrow)]
        kind: Option<&'a RawValue>,
    }
    let Some(raw) = parameters else {
        return object(r#"{"type":"object","properties":{}}"#);
    };
    let typed: Typed<'_> = serde_json::from_str(raw.get())
        .map_err(|_| Fault::invalid("`parameters` is a JSON Schema object", at))?;
    match typed.kind.map(RawValue::get) {
        Some(r#""object""#) => Ok(Cow::Borrowed(raw)),
        Some(other) => Err(Fault::invalid(
            format!("`parameters` must be of type object, not {other}"),
            at,
        )),
        None => {
            let rest = raw.get().trim_start_matches('{').trim_start();
            let comma = if rest.starts_with('}') { "" } else { "," };
            object(&format!(r#"{{"type":"object"{comma}{rest}"#))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).expect("json")
    }

    #[test]
    fn a_schema_without_a_type_becomes_an_object() {
        let given = raw(r#"{ "properties": {} }"#);
        let made = schema(Some(&given), Place::tool(0)).expect("accepted");
        assert_eq!(made.get(), r#"{"type":"object","properties": {} }"#);
        let empty = raw("{}");
        let made = schema(Some(&empty), Place::tool(0)).expect("accepted");
        assert_eq!(made.get(), r#"{"type":"object"}"#);
    }

    #[test]
    fn a_schema_of_another_type_is_refused_with_its_place() {
        let given = raw(r#"{"type":"string"}"#);
        let fault = schema(Some(&given), Place::tool(3)).expect_err("refused");
        assert!(
            matches!(fault, Fault::InvalidRequest(bad) if bad.param.as_deref() == Some("tools[3]"))
        );
    }
}
