//! The operator's settings.

use mux_plugin_sdk::chat::json;
use serde::{Deserialize, Serialize};

/// What a policy sets for this provider. The host fills project and location into the address.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Settings {
    #[expect(dead_code, reason = "the host reads it")]
    project: String,
    pub(crate) location: String,
    default_max_tokens: Option<u64>,
    beta: Option<String>,
}

/// Those that are for Claude.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ForClaude {
    #[serde(skip_serializing_if = "Option::is_none")]
    default_max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    beta: Option<String>,
}

impl Settings {
    pub(crate) fn read(json: &[u8]) -> Result<Self, String> {
        json::read(json).map_err(|error| {
            format!(
                "the settings do not fit ({error}): `project` and `location` are needed, `default-max-tokens` and \
                 `beta` are known"
            )
        })
    }

    /// What Anthropic's adapter is to be told.
    pub(crate) fn anthropic(self) -> Result<Vec<u8>, String> {
        let settings = ForClaude {
            default_max_tokens: self.default_max_tokens,
            beta: self.beta,
        };
        serde_json::to_vec(&settings).map_err(|error| error.to_string())
    }
}
