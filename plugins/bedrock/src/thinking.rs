//! How much the model is to think, in the words of its vendor.

use mux_plugin_sdk::Fault;
use mux_plugin_sdk::chat::Chat;
use serde_json::{Map, Value, json};

use crate::family::Family;

/// The least budget Claude accepts, in tokens.
const LEAST_BUDGET: u64 = 1024;

/// Adds what asks for thinking to the model's own fields. Says whether Claude is going to think: then its sampling is
/// not to be touched.
pub(crate) fn ask(
    chat: &Chat<'_>,
    family: Family,
    forced: bool,
    fields: &mut Map<String, Value>,
    warnings: &mut Vec<String>,
) -> Result<bool, Fault> {
    // Claude's word for it; of others an effort is asked, where there is one.
    let own = family.is_claude() || chat.reasoning_effort.is_none();
    if let Some(raw) = chat.thinking.filter(|_| own) {
        let asked: Value = serde_json::from_str(raw.get())
            .map_err(|error| Fault::invalid(error.to_string(), "thinking"))?;
        let active = asked.get("type").and_then(Value::as_str) != Some("disabled");
        fields.insert(String::from("thinking"), asked);
        return Ok(active && family.is_claude());
    }
    let Some(effort) = chat.reasoning_effort.as_deref() else {
        return Ok(false);
    };
    let budget = match effort {
        "none" => return Ok(false),
        "minimal" => LEAST_BUDGET,
        "low" => 2048,
        "medium" => 8192,
        "high" => 16_384,
        "xhigh" | "max" => 32_768,
        other => {
            return Err(Fault::invalid(
                format!("`{other}` is no effort: none, minimal, low, medium, high or xhigh"),
                "reasoning_effort",
            ));
        }
    };
    let level = match effort {
        "minimal" | "low" => "low",
        "medium" => "medium",
        _ => "high",
    };
    let mut drop = |why: &str| {
        warnings.push(format!("`reasoning_effort` was dropped: {why}"));
        Ok(false)
    };
    match family {
        Family::Claude | Family::Other => drop("this model does not think"),
        Family::ClaudeBudget | Family::ClaudeAdaptive if forced => {
            drop("a forced tool call leaves no room to think")
        }
        Family::ClaudeBudget => {
            let most = chat
                .most_tokens()
                .map_or(budget, |most| budget.min(most / 2));
            if most < LEAST_BUDGET {
                return drop("`max_tokens` leaves less than 1024 tokens to think");
            }
            let asked = json!({"type": "enabled", "budget_tokens": most});
            fields.insert(String::from("thinking"), asked);
            Ok(true)
        }
        Family::ClaudeAdaptive => {
            fields.insert(String::from("thinking"), json!({"type": "adaptive"}));
            fields.insert(String::from("output_config"), json!({"effort": level}));
            Ok(true)
        }
        Family::Nova => {
            let asked = json!({"type": "enabled", "maxReasoningEffort": level});
            fields.insert(String::from("reasoningConfig"), asked);
            Ok(false)
        }
        Family::Effort => {
            fields.insert(String::from("reasoning_effort"), Value::from(level));
            Ok(false)
        }
    }
}
