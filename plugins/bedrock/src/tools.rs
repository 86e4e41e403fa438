//! Tools and the choice among them.

use std::borrow::Cow;

use mux_plugin_sdk::Fault;
use mux_plugin_sdk::chat::{Chat, Choice, Json, Place, Tool, object};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::block::CachePoint;

/// `toolConfig`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Config<'a> {
    tools: Vec<Offered<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Chosen<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum Offered<'a> {
    ToolSpec(Spec<'a>),
    SystemTool(Value),
    CachePoint(CachePoint),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec<'a> {
    name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a RawValue>,
    input_schema: Schema<'a>,
}

#[derive(Debug, Serialize)]
struct Schema<'a> {
    json: Json<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum Chosen<'a> {
    Any {},
    Tool { name: Cow<'a, str> },
}

impl<'a> Config<'a> {
    /// Reads `tools` and `tool_choice`; nothing where no tool is left. The history decides whether tools that may not be
    /// called have to be there nonetheless.
    pub(crate) fn read(
        chat: &Chat<'a>,
        history: bool,
        warnings: &mut Vec<String>,
    ) -> Result<Option<Self>, Fault> {
        let mut names = None;
        let tool_choice = match chat.choice("bedrock", warnings)? {
            Choice::Auto => None,
            Choice::None if !history => return Ok(None),
            Choice::None => {
                warnings.push(String::from(
                    "`tool_choice` none was dropped: bedrock has none, and the history needs its tools",
                ));
                None
            }
            Choice::Required => Some(Chosen::Any {}),
            Choice::Named(name) => Some(Chosen::Tool { name }),
            Choice::Among { names: given, must } => {
                names = Some(given);
                must.then_some(Chosen::Any {})
            }
        };
        let mut tools = Vec::new();
        let mut loose = false;
        for (tool, at) in chat.tools("bedrock", warnings)? {
            match tool {
                Tool::Function {
                    name,
                    description,
                    parameters,
                    cache_control,
                    strict,
                } => {
                    loose |= strict == Some(true);
                    if names.as_ref().is_some_and(|names| !names.contains(&name)) {
                        continue;
                    }
                    // An empty description is refused.
                    let description = description.filter(|text| text.get().len() > 2);
                    tools.push(Offered::ToolSpec(Spec {
                        name,
                        description,
                        input_schema: Schema {
                            json: schema(parameters)?,
                        },
                    }));
                    if cache_control.is_some() {
                        tools.push(Offered::CachePoint(CachePoint::DEFAULT));
                    }
                }
                Tool::Server(raw) => tools.push(Offered::SystemTool(system(raw, at)?)),
            }
        }
        if loose {
            warnings.push(String::from(
                "`strict` of tools was dropped: bedrock does not hold calls to their schema",
            ));
        }
        Ok((!tools.is_empty()).then_some(Self { tools, tool_choice }))
    }
}

fn schema(parameters: Option<&RawValue>) -> Result<Json<'_>, Fault> {
    match parameters {
        Some(raw) if raw.get().trim() != "{}" => Ok(Cow::Borrowed(raw)),
        _ => object(r#"{"type":"object","properties":{}}"#),
    }
}

/// `{"type": "system_tool", …}` without its type.
fn system(raw: &RawValue, at: Place) -> Result<Value, Fault> {
    let mut tool: Map<String, Value> = serde_json::from_str(raw.get())
        .map_err(|error| Fault::invalid(format!("not understood: {error}"), at))?;
    let kind = tool.remove("type");
    if tool.is_empty() {
        tool.extend(kind.map(|kind| (String::from("name"), kind)));
    }
    Ok(Value::Object(tool))
}
