//! How much the model is to think.

use mux_plugin_sdk::Fault;
use mux_plugin_sdk::chat::Chat;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::model::{Family, Thinking};

/// The least budget the provider accepts, in tokens.
const LEAST_BUDGET: u64 = 1024;

/// The parameters that ask for thinking.
#[derive(Debug, Default)]
pub(crate) struct Reasoning<'a> {
    pub(crate) thinking: Option<Ask<'a>>,
    pub(crate) effort: Option<&'static str>,
}

/// The `thinking` parameter.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Ask<'a> {
    /// As the client wrote it.
    Raw(&'a RawValue),
    Made(Made),
}

/// The `thinking` parameter made from an effort.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Made {
    Enabled { budget_tokens: u64 },
    Adaptive,
}

/// What stands against thinking in this request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Obstacles {
    /// A tool must be called.
    pub(crate) forced_tool: bool,
    /// The history calls a tool without the thinking before it.
    pub(crate) lost: bool,
}

impl<'a> Reasoning<'a> {
    /// Reads `thinking` (handed on as it is) or `reasoning_effort`.
    pub(crate) fn read(
        chat: &Chat<'a>,
        family: Family,
        max_tokens: u64,
        obstacles: Obstacles,
        warnings: &mut Vec<String>,
    ) -> Result<Self, Fault> {
        if let Some(raw) = chat.thinking {
            return Ok(Self {
                thinking: Some(Ask::Raw(raw)),
                effort: None,
            });
        }
        let Some(effort) = chat
            .reasoning_effort
            .as_deref()
            .filter(|effort| *effort != "none")
        else {
            return Ok(Self::default());
        };
        let budget = budget(effort)?;
        let mut drop = |why: &str| {
            warnings.push(format!("`reasoning_effort` was dropped: {why}"));
            Self::default()
        };
        Ok(match family.thinking {
            Thinking::Never => drop("this model does not think"),
            _ if obstacles.forced_tool => drop("a forced tool call leaves no room to think"),
            Thinking::Adaptive { xhigh } => Self {
                thinking: Some(Ask::Made(Made::Adaptive)),
                effort: Some(level(effort, xhigh)),
            },
            Thinking::Budget if obstacles.lost => {
                drop("the last tool call of the history lacks the thinking before it")
            }
            Thinking::Budget => match budget.min(max_tokens / 2) {
                ..LEAST_BUDGET => drop("`max_tokens` leaves less than 1024 tokens to think"),
                budget_tokens => Self {
                    thinking: Some(Ask::Made(Made::Enabled { budget_tokens })),
                    effort: None,
                },
            },
        })
    }

    /// Whether the model is going to think.
    pub(crate) fn active(&self) -> bool {
        #[derive(Deserialize)]
        struct Kind {
            #[serde(rename = "type")]
            kind: String,
        }
        match &self.thinking {
            None => false,
            Some(Ask::Made(_)) => true,
            Some(Ask::Raw(raw)) => {
                serde_json::from_str::<Kind>(raw.get()).is_ok_and(|ask| ask.kind != "disabled")
            }
        }
    }
}

fn budget(effort: &str) -> Result<u64, Fault> {
    match effort {
        "minimal" => Ok(LEAST_BUDGET),
        "low" => Ok(2048),
        "medium" => Ok(8192),
        "high" => Ok(16_384),
        "xhigh" | "max" => Ok(32_768),
        other => Err(Fault::invalid(
            format!("`{other}` is no effort: none, minimal, low, medium, high or xhigh"),
            "reasoning_effort",
        )),
    }
}

fn level(effort: &str, xhigh: bool) -> &'static str {
    match effort {
        "minimal" | "low" => "low",
        "medium" => "medium",
        "xhigh" if xhigh => "xhigh",
        "xhigh" | "max" => "max",
        _ => "high",
    }
}
