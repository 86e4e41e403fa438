//! The operator's settings.

use mux_plugin_sdk::chat::json;
use serde::Deserialize;

/// What a policy sets for this provider. The host fills the region into the address.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Settings {
    #[expect(dead_code, reason = "the host reads it")]
    #[serde(alias = "region", default)]
    aws_region: Option<String>,
}

impl Settings {
    pub(crate) fn read(json: &[u8]) -> Result<Self, String> {
        json::read(json)
            .map_err(|error| format!("the settings do not fit ({error}): `aws-region` is known"))
    }
}
