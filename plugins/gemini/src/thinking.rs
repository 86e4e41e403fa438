//! How much the model is to think.

use mux_plugin_sdk::Fault;
use mux_plugin_sdk::chat::Chat;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::family::{Family, Thinking};

/// `thinkingConfig`.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Asked<'a> {
    /// As the client wrote it.
    Raw(&'a RawValue),
    Made(Made),
}

/// One made from an effort: a budget or a level, never both.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Made {
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_budget: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_level: Option<&'static str>,
    include_thoughts: bool,
}

/// Another provider's switch, which clients send along when they may be routed anywhere.
#[derive(Deserialize)]
struct Foreign {
    #[serde(rename = "type")]
    kind: String,
    budget_tokens: Option<u64>,
}

/// Reads `thinking` or `reasoning_effort`.
pub(crate) fn read<'a>(
    chat: &Chat<'a>,
    family: Family,
    warnings: &mut Vec<String>,
) -> Result<Option<Asked<'a>>, Fault> {
    if let Some(raw) = chat.thinking {
        return Ok(match serde_json::from_str::<Foreign>(raw.get()) {
            Ok(foreign) => switched(&foreign, family).map(Asked::Made),
            Err(_) => Some(Asked::Raw(raw)),
        });
    }
    let Some(effort) = chat.reasoning_effort.as_deref() else {
        return Ok(None);
    };
    let rank = rank(effort)?;
    if family.thinking == Thinking::Never {
        if rank > 0 {
            warnings.push(String::from(
                "`reasoning_effort` was dropped: this model does not think",
            ));
        }
        return Ok(None);
    }
    let made = made(rank, family);
    let off = made.thinking_budget == Some(0);
    if rank == 0 && !off {
        warnings.push(String::from(
            "`reasoning_effort` was raised: this model always thinks",
        ));
    }
    Ok(Some(Asked::Made(made)))
}

fn switched(foreign: &Foreign, family: Family) -> Option<Made> {
    if foreign.kind == "disabled" {
        return (family.thinking != Thinking::Never).then(|| made(0, family));
    }
    match (family.thinking, foreign.budget_tokens) {
        (Thinking::Never, _) => None,
        (Thinking::Budget { least }, Some(budget)) => Some(Made {
            thinking_budget: Some(budget.max(least)),
            include_thoughts: true,
            ..Made::default()
        }),
        (_, Some(..=2048)) => Some(made(2, family)),
        (_, Some(..=12_000)) => Some(made(3, family)),
        _ => Some(made(4, family)),
    }
}

/// Efforts in order, from none.
fn rank(effort: &str) -> Result<u8, Fault> {
    Ok(match effort {
        "none" => 0,
        "minimal" => 1,
        "low" => 2,
        "medium" => 3,
        "high" => 4,
        "xhigh" | "max" => 5,
        other => {
            return Err(Fault::invalid(
                format!("`{other}` is no effort: none, minimal, low, medium, high or xhigh"),
                "reasoning_effort",
            ));
        }
    })
}

fn made(rank: u8, family: Family) -> Made {
    let include_thoughts = rank > 0;
    match family.thinking {
        Thinking::Never => Made::default(),
        Thinking::Budget { least } => Made {
            thinking_budget: Some(match rank {
                0 => least,
                1 | 2 => 1024,
                3 => 8192,
                _ => 24_576,
            }),
            include_thoughts,
            ..Made::default()
        },
        Thinking::Level { fine } => Made {
            thinking_level: Some(match (rank, fine) {
                (0 | 1, true) => "minimal",
                (3, true) => "medium",
                (0..=2, _) => "low",
                _ => "high",
            }),
            include_thoughts,
            ..Made::default()
        },
    }
}
