//! The shape asked of the answer.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::chat::request::Chat;
use crate::error::Fault;

/// The shape asked of the answer.
#[derive(Debug, Clone)]
pub enum Format<'a> {
    /// Any.
    Text,
    /// Some JSON object.
    Json,
    /// JSON that keeps to a schema.
    Schema {
        /// What the client calls it.
        name: Option<Cow<'a, str>>,
        /// JSON Schema.
        schema: &'a RawValue,
    },
}

#[derive(Deserialize)]
struct Wanted<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    json_schema: Option<Named<'a>>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    schema: Option<&'a RawValue>,
}

impl<'a> Chat<'a> {
    /// The shape asked of the answer.
    ///
    /// # Errors
    /// When it is malformed or of an unknown type.
    pub fn format(&self) -> Result<Format<'a>, Fault> {
        let at = "response_format";
        let Some(raw) = self.response_format else {
            return Ok(Format::Text);
        };
        let wanted: Wanted<'a> = serde_json::from_str(raw.get())
            .map_err(|error| Fault::invalid(format!("not understood: {error}"), at))?;
        match (wanted.kind.as_ref(), wanted.json_schema) {
            ("text", _) => Ok(Format::Text),
            ("json_object", _) => Ok(Format::Json),
            ("json_schema", Some(json)) => Ok(Format::Schema {
                name: json.name,
                schema: json
                    .schema
                    .ok_or_else(|| Fault::invalid("`json_schema` needs `schema`", at))?,
            }),
            ("json_schema", None) => Err(Fault::invalid("this type needs `json_schema`", at)),
            (other, _) => Err(Fault::invalid(format!("no format is called `{other}`"), at)),
        }
    }
}
