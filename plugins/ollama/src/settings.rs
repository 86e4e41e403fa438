//! The operator's settings.

use mux_plugin_sdk::chat::json;
use serde::Deserialize;

/// What a policy may set for this provider.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// The window in tokens. Ollama's default is small, and it cuts a longer prompt without a word.
    pub(crate) context: Option<u64>,
    /// How long a model stays loaded, as in `10m`.
    pub(crate) keep_alive: Option<String>,
}

impl Settings {
    pub(crate) fn read(json: &[u8]) -> Result<Self, String> {
        json::read(json).map_err(|error| {
            format!("the settings do not fit ({error}): known are `context` and `keep-alive`")
        })
    }
}
