//! The shape asked of the answer.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::chat::request::Chat;
use crate::chat::unread;
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
    #[expect(dead_code, reason = "no provider takes a schema it does not hold to")]
    #[serde(borrow)]
    strict: Option<&'a RawValue>,
}

impl<'a> Chat<'a> {
    /// The shape asked of the answer. Fields that ask for something and are not read are warned of: whoever hands the shape
    /// on as it came leaves these warnings aside.
    ///
    /// # Errors
    /// When it is malformed or of an unknown type.
    pub fn format(&self, warnings: &mut Vec<String>) -> Result<Format<'a>, Fault> {
        let at = "response_format";
        let Some(raw) = self.response_format else {
            return Ok(Format::Text);
        };
        let mut unread = Vec::new();
        let wanted: Wanted<'a> = unread::read(raw.get(), at, &mut unread)
            .map_err(|error| Fault::invalid(format!("not understood: {error}"), at))?;
        unread::warn(unread, warnings);
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
