//! What the scan wants of the smaller fields of a chat request.

use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess};

use crate::chat::walk::{Place, Plain, Shape, Skip, Text};

/// The object `stream_options`.
#[derive(Debug, Default)]
pub(crate) struct StreamOptions {
    pub(crate) include_usage: bool,
}

#[derive(Debug, Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum StreamOptionsField {
    IncludeUsage,
    #[serde(other)]
    Other,
}

impl<'de> Shape<'de> for StreamOptions {
    fn map<A: MapAccess<'de>>(
        &mut self,
        place: &mut Place<'_>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        while let Some(field) = map.next_key()? {
            let value = map.next_value_seed(place.inside(Plain::default()))?;
            if matches!(field, StreamOptionsField::IncludeUsage) {
                self.include_usage = value == Plain::Flag(true);
            }
        }
        Ok(())
    }
}

/// The plain values of `metadata`.
#[derive(Debug, Default)]
pub(crate) struct Metadata(pub(crate) Vec<(String, String)>);

impl<'de> Shape<'de> for Metadata {
    fn map<A: MapAccess<'de>>(
        &mut self,
        place: &mut Place<'_>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        while let Some(key) = map.next_key()? {
            let value = map.next_value_seed(place.inside(Plain::default()))?;
            self.0.extend(value.into_text().map(|value| (key, value)));
        }
        Ok(())
    }
}

/// Tool definitions: their whole text goes to the model.
#[derive(Debug, Default)]
pub(crate) struct Tools {
    pub(crate) any: bool,
}

impl<'de> Shape<'de> for Tools {
    fn seq<A: SeqAccess<'de>>(
        &mut self,
        place: &mut Place<'_>,
        seq: &mut A,
    ) -> Result<(), A::Error> {
        while seq.next_element_seed(place.inside(Text))?.is_some() {
            self.any = true;
            place.tally.tools += 1;
        }
        Ok(())
    }
}

/// The object `response_format`; a schema goes to the model, so its text counts.
#[derive(Debug, Default)]
pub(crate) struct Format {
    pub(crate) json_schema: bool,
}

#[derive(Debug, Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum FormatField {
    Type,
    JsonSchema,
    #[serde(other)]
    Other,
}

impl<'de> Shape<'de> for Format {
    fn map<A: MapAccess<'de>>(
        &mut self,
        place: &mut Place<'_>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        while let Some(field) = map.next_key()? {
            match field {
                FormatField::Type => {
                    let kind = map.next_value_seed(place.inside(Plain::default()))?;
                    self.json_schema = kind == Plain::Text(String::from("json_schema"));
                }
                FormatField::JsonSchema => {
                    map.next_value_seed(place.inside(Text))?;
                }
                FormatField::Other => {
                    map.next_value_seed(place.inside(Skip))?;
                }
            }
        }
        Ok(())
    }
}

/// The kinds of output wanted.
#[derive(Debug, Default)]
pub(crate) struct Modalities {
    pub(crate) audio: bool,
}

impl<'de> Shape<'de> for Modalities {
    fn seq<A: SeqAccess<'de>>(
        &mut self,
        place: &mut Place<'_>,
        seq: &mut A,
    ) -> Result<(), A::Error> {
        while let Some(kind) = seq.next_element_seed(place.inside(Plain::default()))? {
            self.audio |= kind == Plain::Text(String::from("audio"));
        }
        Ok(())
    }
}
