//! Tools and the choice among them.

use std::borrow::Cow;

use mux_plugin_sdk::Fault;
use mux_plugin_sdk::chat::{Chat, Choice, Place, Tool};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Tools as Gemini takes them.
#[derive(Debug, Default)]
pub(crate) struct Tools<'a> {
    pub(crate) tools: Vec<Offered<'a>>,
    pub(crate) config: Option<Config<'a>>,
}

/// Functions together, or one tool that runs at Google.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", untagged)]
pub(crate) enum Offered<'a> {
    #[serde(rename_all = "camelCase")]
    Functions {
        function_declarations: Vec<Declared<'a>>,
    },
    Server(Value),
}

/// One function. Schemas go as they are: the subset in `parameters` refuses a whole request over one unknown keyword.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Declared<'a> {
    name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters_json_schema: Option<&'a RawValue>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Config<'a> {
    function_calling_config: Calling<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Calling<'a> {
    mode: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed_function_names: Vec<Cow<'a, str>>,
}

impl<'a> Tools<'a> {
    /// Whether one of them runs at Google, and may name sources.
    pub(crate) fn search(&self) -> bool {
        let mut tools = self.tools.iter();
        tools.any(|tool| matches!(tool, Offered::Server(_)))
    }

    /// Reads `tools` and `tool_choice`.
    pub(crate) fn read(chat: &Chat<'a>, warnings: &mut Vec<String>) -> Result<Self, Fault> {
        let mut read = Self::default();
        let mut functions = Vec::new();
        let mut loose = false;
        for (tool, at) in chat.tools("gemini", warnings)? {
            match tool {
                Tool::Function {
                    name,
                    description,
                    parameters,
                    strict,
                    ..
                } => {
                    loose |= strict == Some(true);
                    functions.push(Declared {
                        name,
                        description,
                        parameters_json_schema: parameters,
                    });
                }
                Tool::Server(raw) => read.tools.push(server(raw, at)?),
            }
        }
        if loose {
            warnings.push(String::from(
                "`strict` of tools was dropped: gemini does not hold calls to their schema",
            ));
        }
        let calling = |mode, allowed_function_names| {
            Some(Config {
                function_calling_config: Calling {
                    mode,
                    allowed_function_names,
                },
            })
        };
        read.config = match chat.choice("gemini", warnings)? {
            Choice::Auto => None,
            Choice::None => calling("NONE", Vec::new()),
            Choice::Required => calling("ANY", Vec::new()),
            Choice::Named(name) => calling("ANY", vec![name]),
            Choice::Among { names, must: true } => calling("ANY", names),
            // Names count only where a call is a must: the others are left out instead.
            Choice::Among { names, must: false } => {
                functions.retain(|function| names.contains(&function.name));
                None
            }
        };
        if !functions.is_empty() {
            read.tools.insert(
                0,
                Offered::Functions {
                    function_declarations: functions,
                },
            );
        }
        Ok(read)
    }
}

/// `{"type": "google_search", …}` as `{"google_search": {…}}`; what is no such object goes as it is.
fn server<'a>(raw: &RawValue, at: Place) -> Result<Offered<'a>, Fault> {
    let mut tool: Map<String, Value> = serde_json::from_str(raw.get())
        .map_err(|error| Fault::invalid(format!("not understood: {error}"), at))?;
    let Some(Value::String(kind)) = tool.remove("type") else {
        return Ok(Offered::Server(Value::Object(tool)));
    };
    let mut named = Map::new();
    named.insert(kind, Value::Object(tool));
    Ok(Offered::Server(Value::Object(named)))
}
