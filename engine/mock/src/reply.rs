//! An answer written beforehand, so that a test can say what the provider says.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What to answer instead of made-up text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reply {
    /// The text, sent word by word.
    pub text: Option<String>,
    /// A tool to call instead.
    pub tool: Option<ToolCall>,
}

impl Reply {
    /// A text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: Some(text.into()),
            tool: None,
        }
    }

    /// A tool call.
    #[must_use]
    pub fn tool(name: impl Into<String>, arguments: Value) -> Self {
        Self {
            text: None,
            tool: Some(ToolCall {
                name: name.into(),
                arguments,
            }),
        }
    }
}

/// A call of one of the client's tools.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    /// The tool.
    pub name: String,
    /// Its arguments, an object.
    #[serde(default)]
    pub arguments: Value,
}
