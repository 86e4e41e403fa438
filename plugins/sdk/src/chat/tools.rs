//! Tools and the choice among them, as the client has them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::chat::json::Json;
use crate::chat::place::Place;
use crate::chat::request::{Chat, MARK};
use crate::chat::unread;
use crate::error::Fault;

/// One tool.
#[derive(Debug, Clone)]
pub enum Tool<'a> {
    /// One that runs at the client.
    Function {
        /// Its name.
        name: Cow<'a, str>,
        /// What it does, a JSON string.
        description: Option<&'a RawValue>,
        /// JSON Schema of its arguments.
        parameters: Option<&'a RawValue>,
        /// Whether arguments must keep to the schema.
        strict: Option<bool>,
        /// The mark that the prefix up to here may be cached.
        cache_control: Option<&'a RawValue>,
    },
    /// One that runs at the provider, as the client wrote it.
    Server(&'a RawValue),
}

/// Which tools the model may or must use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Choice<'a> {
    /// As it likes.
    #[default]
    Auto,
    /// None.
    None,
    /// Some tool.
    Required,
    /// This one.
    Named(Cow<'a, str>),
    /// Some of these, or some of them for sure.
    Among {
        /// These.
        names: Vec<Cow<'a, str>>,
        /// Whether one must be called.
        must: bool,
    },
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
struct Named<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
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
    #[expect(dead_code, reason = "which one it is says its function")]
    #[serde(rename = "type", borrow)]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    function: Option<Named<'a>>,
}

impl<'a> Chat<'a> {
    /// The tools, each with its place. Fields of functions that ask for something and are not read are warned of: whoever
    /// hands tools on as they came leaves these warnings aside.
    ///
    /// # Errors
    /// When one is malformed, or free-form: no provider but OpenAI knows those.
    pub fn tools(
        &self,
        provider: &str,
        warnings: &mut Vec<String>,
    ) -> Result<Vec<(Tool<'a>, Place)>, Fault> {
        let given = self.tools.as_deref().unwrap_or_default();
        let mut tools = Vec::with_capacity(given.len());
        for (index, raw) in given.iter().enumerate() {
            let at = Place::tool(index);
            tools.push((tool(raw, at, provider, warnings)?, at));
        }
        Ok(tools)
    }

    /// The choice among them; as the model likes where nothing is said or nothing is there. Fields that ask for something and
    /// are not read are warned of.
    ///
    /// # Errors
    /// When it is malformed or of an unknown type.
    pub fn choice(&self, provider: &str, warnings: &mut Vec<String>) -> Result<Choice<'a>, Fault> {
        let none = self.tools.as_ref().is_none_or(Vec::is_empty);
        let Some(raw) = self.tool_choice.filter(|_| !none) else {
            return Ok(Choice::Auto);
        };
        match raw.get() {
            r#""auto""# => return Ok(Choice::Auto),
            r#""required""# | r#""any""# => return Ok(Choice::Required),
            r#""none""# => return Ok(Choice::None),
            _ => {}
        }
        let mut unread = Vec::new();
        let choice: ClientChoice<'a> = unread::read(raw.get(), "tool_choice", &mut unread)
            .map_err(|error| Fault::invalid(format!("not understood: {error}"), "tool_choice"))?;
        unread::warn(unread, warnings);
        match (choice.kind.as_ref(), choice.function, choice.allowed_tools) {
            ("function", Some(function), _) => Ok(Choice::Named(function.name)),
            ("allowed_tools", _, Some(allowed)) => Ok(Choice::Among {
                must: allowed.mode == "required",
                names: allowed
                    .tools
                    .into_iter()
                    .filter_map(|tool| Some(tool.function?.name))
                    .collect(),
            }),
            (other, ..) => Err(Fault::unsupported(
                format!("{provider} has no tool choice of type `{other}`"),
                "tool_choice",
            )),
        }
    }
}

/// A tool as the client wrote it, without the mark that the prefix up to it may be cached: many providers refuse fields
/// they do not know.
#[must_use]
pub fn unmarked(tool: &RawValue) -> Json<'_> {
    let marked = tool.get().contains(MARK);
    let fields = serde_json::from_str(tool.get()).ok().filter(|_| marked);
    let rest = fields.and_then(|mut fields: BTreeMap<Cow<'_, str>, &RawValue>| {
        fields.remove(MARK.trim_matches('"'))?;
        to_raw_value(&fields).ok()
    });
    rest.map_or(Cow::Borrowed(tool), Cow::Owned)
}

fn tool<'a>(
    raw: &'a RawValue,
    at: Place,
    provider: &str,
    warnings: &mut Vec<String>,
) -> Result<Tool<'a>, Fault> {
    let mut unread = Vec::new();
    let tool: ClientTool<'a> = unread::read(raw.get(), "tools[]", &mut unread)
        .map_err(|error| Fault::invalid(format!("not understood: {error}"), at))?;
    match (tool.kind.as_ref(), tool.function) {
        ("function" | "", Some(function)) => {
            unread::warn(unread, warnings);
            Ok(Tool::Function {
                name: function.name,
                description: function.description,
                parameters: function.parameters,
                strict: function.strict,
                cache_control: tool.cache_control,
            })
        }
        ("function" | "", None) => Err(Fault::invalid("a function tool needs `function`", at)),
        ("custom", _) => Err(Fault::unsupported(
            format!("{provider} has no free-form tools"),
            at,
        )),
        _ => Ok(Tool::Server(raw)),
    }
}
