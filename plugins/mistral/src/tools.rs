//! Tools and the choice among them.

use std::borrow::Cow;

use mux_plugin_sdk::Fault;
use mux_plugin_sdk::chat::json::Json;
use mux_plugin_sdk::chat::{Chat, Choice, Tool, unmarked};
use serde::Serialize;
use serde_json::value::RawValue;

/// Which tools the model may or must use.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Chosen<'a> {
    Word(&'static str),
    Function {
        #[serde(rename = "type")]
        kind: &'static str,
        function: Named<'a>,
    },
}

#[derive(Debug, Serialize)]
pub(crate) struct Named<'a> {
    name: Cow<'a, str>,
}

/// The tools as the client wrote them, those the choice leaves, and the choice.
pub(crate) fn read<'a>(
    chat: &Chat<'a>,
    warnings: &mut Vec<String>,
) -> Result<(Vec<Json<'a>>, Option<Chosen<'a>>), Fault> {
    let raw = chat.tools.as_deref().unwrap_or_default();
    // They are sent as they came: nothing of them is lost.
    let read = chat.tools("mistral", &mut Vec::new())?;
    let mut kept: Vec<&'a RawValue> = raw.to_vec();
    let chosen = match chat.choice("mistral", warnings)? {
        Choice::Auto => chat.tool_choice.map(|_| Chosen::Word("auto")),
        Choice::None => Some(Chosen::Word("none")),
        Choice::Required => Some(Chosen::Word("any")),
        Choice::Named(name) => Some(Chosen::Function {
            kind: "function",
            function: Named { name },
        }),
        Choice::Among { names, must } => {
            let among = |tool: &Tool<'_>| match tool {
                Tool::Function { name, .. } => names.contains(name),
                Tool::Server(_) => true,
            };
            let pairs = raw.iter().zip(&read);
            kept = pairs
                .filter(|(_, (tool, _))| among(tool))
                .map(|(raw, _)| *raw)
                .collect();
            must.then_some(Chosen::Word("any"))
        }
    };
    let chosen = chosen.filter(|_| !kept.is_empty());
    Ok((kept.into_iter().map(unmarked).collect(), chosen))
}
