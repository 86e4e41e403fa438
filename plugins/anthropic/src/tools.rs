//! Tools and the choice among them.

use std::borrow::Cow;

use mux_plugin_sdk::Fault;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::block::Json;
use crate::model::Family;
use crate::unified::Chat;

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

#[derive(Deserialize)]
struct ClientTool<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    function: Option<ClientFunction<'a>>,
    #[serde(borrow)]
    cache_control: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ClientFunction<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    description: Option<&'a RawValue>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
    strict: Option<bool>,
}

#[derive(Deserialize)]
struct ClientChoice<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    function: Option<Named<'a>>,
    #[serde(borrow)]
    allowed_tools: Option<Allowed<'a>>,
}

#[derive(Deserialize)]
struct Allowed<'a> {
    #[serde(borrow, default)]
    mode: Cow<'a, str>,
    #[serde(borrow)]
    tools: Vec<AllowedTool<'a>>,
}

#[derive(Deserialize)]
struct AllowedTool<'a> {
    #[serde(borrow)]
    function: Option<Named<'a>>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
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
        for (index, raw) in chat.tools.iter().flatten().enumerate() {
            let tool = tool(raw, family, &mut loose, &format!("tools[{index}]"))?;
            read.tools.push(tool);
        }
        if loose {
            warnings.push(String::from(
                "`strict` was dropped: this model has no strict tools",
            ));
        }
        read.choose(chat)?;
        Ok(read)
    }

    fn choose(&mut self, chat: &Chat<'a>) -> Result<(), Fault> {
        if self.tools.is_empty() {
            return Ok(());
        }
        let (kind, name) = match chat.tool_choice {
            None => (Kind::Auto, None),
            Some(raw) => self.choice(raw)?,
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

    fn choice(&mut self, raw: &'a RawValue) -> Result<(Kind, Option<Cow<'a, str>>), Fault> {
        match raw.get() {
            r#""auto""# => return Ok((Kind::Auto, None)),
            r#""required""# => return Ok((Kind::Any, None)),
            r#""none""# => return Ok((Kind::None, None)),
            _ => {}
        }
        let choice: ClientChoice<'a> = serde_json::from_str(raw.get())
            .map_err(|error| Fault::invalid(format!("not understood: {error}"), "tool_choice"))?;
        match (choice.kind.as_ref(), choice.function, choice.allowed_tools) {
            ("function", Some(function), _) => Ok((Kind::Tool, Some(function.name))),
            ("allowed_tools", _, Some(allowed)) => {
                let must = allowed.mode == "required";
                self.keep(&allowed);
                Ok((if must { Kind::Any } else { Kind::Auto }, None))
            }
            (other, ..) => Err(Fault::unsupported(
                format!("anthropic has no tool choice of type `{other}`"),
                "tool_choice",
            )),
        }
    }

    fn keep(&mut self, allowed: &Allowed<'a>) {
        let names = |name: &str| {
            let mut functions = allowed
                .tools
                .iter()
                .filter_map(|tool| tool.function.as_ref());
            functions.any(|function| function.name == name)
        };
        self.tools.retain(|tool| match tool {
            Tool::Function(function) => names(&function.name),
            Tool::Server(_) => true,
        });
    }
}

fn tool<'a>(
    raw: &'a RawValue,
    family: Family,
    loose: &mut bool,
    at: &str,
) -> Result<Tool<'a>, Fault> {
    let tool: ClientTool<'a> = serde_json::from_str(raw.get())
        .map_err(|error| Fault::invalid(format!("not understood: {error}"), at))?;
    match (tool.kind.as_ref(), tool.function) {
        ("function" | "", Some(function)) => {
            let strict = function.strict == Some(true);
            *loose |= strict && !family.structured;
            Ok(Tool::Function(Function {
                name: function.name,
                description: function.description,
                input_schema: schema(function.parameters, at)?,
                strict: strict && family.structured,
                cache_control: tool.cache_control,
            }))
        }
        ("function" | "", None) => Err(Fault::invalid("a function tool needs `function`", at)),
        ("custom", _) => Err(Fault::unsupported("anthropic has no free-form tools", at)),
        _ => Ok(Tool::Server(raw)),
    }
}

/// A schema that says it is an object: the provider refuses any other.
fn schema<'a>(parameters: Option<&'a RawValue>, at: &str) -> Result<Json<'a>, Fault> {
    #[derive(Deserialize)]
    struct Typed<'a> {
        #[serde(rename = "type", borrow)]
        kind: Option<&'a RawValue>,
    }
    let Some(raw) = parameters else {
        return made(r#"{"type":"object","properties":{}}"#);
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
            made(&format!(r#"{{"type":"object"{comma}{rest}"#))
        }
    }
}

fn made(text: &str) -> Result<Json<'static>, Fault> {
    RawValue::from_string(text.to_owned())
        .map(Cow::Owned)
        .map_err(|error| Fault::Internal(error.to_string()))
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
        let made = schema(Some(&given), "tools[0]").expect("accepted");
        assert_eq!(made.get(), r#"{"type":"object","properties": {} }"#);
        let empty = raw("{}");
        let made = schema(Some(&empty), "tools[0]").expect("accepted");
        assert_eq!(made.get(), r#"{"type":"object"}"#);
    }

    #[test]
    fn a_schema_of_another_type_is_refused_with_its_place() {
        let given = raw(r#"{"type":"string"}"#);
        let fault = schema(Some(&given), "tools[3]").expect_err("refused");
        assert!(
            matches!(fault, Fault::InvalidRequest(bad) if bad.param.as_deref() == Some("tools[3]"))
        );
    }
}
