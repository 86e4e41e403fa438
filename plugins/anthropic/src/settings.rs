//! The operator's settings.

use mux_plugin_sdk::chat::json;
use serde::Deserialize;

/// What a policy may set for this provider.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// `max_tokens` where the client sets none; by default what the model can do.
    pub(crate) default_max_tokens: Option<u64>,
    /// Value of the `anthropic-beta` header.
    pub(crate) beta: Option<String>,
}

impl Settings {
    pub(crate) fn read(json: &[u8]) -> Result<Self, String> {
        json::read(json).map_err(|error| {
            format!("the settings do not fit ({error}): known are `default-max-tokens` and `beta`")
        })
    }
}
