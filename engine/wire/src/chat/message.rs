//! What the scan wants of the messages: how much text, and which media.

use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess};

use crate::chat::walk::{Place, Shape, Skip, Text};

/// The array of messages.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    pub(crate) is_array: bool,
}

impl<'de> Shape<'de> for Messages {
    fn seq<A: SeqAccess<'de>>(
        &mut self,
        place: &mut Place<'_>,
        seq: &mut A,
    ) -> Result<(), A::Error> {
        self.is_array = true;
        while seq.next_element_seed(place.inside(Message))?.is_some() {
            place.tally.messages += 1;
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Message;

#[derive(Debug, Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum MessageField {
    Content,
    ToolCalls,
    FunctionCall,
    Name,
    Refusal,
    Reasoning,
    ReasoningContent,
    #[serde(other)]
    Other,
}

impl<'de> Shape<'de> for Message {
    fn map<A: MapAccess<'de>>(
        &mut self,
        place: &mut Place<'_>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        while let Some(field) = map.next_key()? {
            match field {
                MessageField::Content => {
                    map.next_value_seed(place.inside(Content))?;
                }
                MessageField::Other => {
                    map.next_value_seed(place.inside(Skip))?;
                }
                _ => {
                    map.next_value_seed(place.inside(Text))?;
                }
            }
        }
        Ok(())
    }
}

/// A text, or an array of parts.
#[derive(Debug)]
struct Content;

impl<'de> Shape<'de> for Content {
    fn text(&mut self, place: &mut Place<'_>, text: &str) {
        Text.text(place, text);
    }

    fn seq<A: SeqAccess<'de>>(
        &mut self,
        place: &mut Place<'_>,
        seq: &mut A,
    ) -> Result<(), A::Error> {
        while let Some(part) = seq.next_element_seed(place.inside(Part::default()))? {
            part.count(place);
        }
        Ok(())
    }
}

/// One part of a content: a text or a medium. A medium is known by its field or its type, whichever is there.
#[derive(Debug, Default)]
struct Part {
    medium: Option<Medium>,
}

#[derive(Debug, Clone, Copy)]
enum Medium {
    Image,
    Audio,
    File,
}

#[derive(Debug, Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum PartField {
    Type,
    Text,
    Refusal,
    ImageUrl,
    InputAudio,
    File,
    #[serde(other)]
    Other,
}

impl<'de> Shape<'de> for Part {
    fn text(&mut self, place: &mut Place<'_>, text: &str) {
        Text.text(place, text);
    }

    fn map<A: MapAccess<'de>>(
        &mut self,
        place: &mut Place<'_>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        while let Some(field) = map.next_key()? {
            let medium = match field {
                PartField::Type => map.next_value_seed(place.inside(Type::default()))?.0,
                PartField::Text | PartField::Refusal => {
                    map.next_value_seed(place.inside(Text))?;
                    continue;
                }
                PartField::ImageUrl => Some(Medium::Image),
                PartField::InputAudio => Some(Medium::Audio),
                PartField::File => Some(Medium::File),
                PartField::Other => None,
            };
            self.medium = self.medium.or(medium);
            if !matches!(field, PartField::Type) {
                map.next_value_seed(place.inside(Skip))?;
            }
        }
        Ok(())
    }
}

impl Part {
    fn count(&self, place: &mut Place<'_>) {
        match self.medium {
            Some(Medium::Image) => place.tally.images += 1,
            Some(Medium::Audio) => place.tally.audio += 1,
            Some(Medium::File) => place.tally.files += 1,
            None => {}
        }
    }
}

/// The `type` of a part.
#[derive(Debug, Default)]
struct Type(Option<Medium>);

impl Shape<'_> for Type {
    fn text(&mut self, _: &mut Place<'_>, name: &str) {
        self.0 = match name {
            "image_url" | "image" | "input_image" => Some(Medium::Image),
            "input_audio" | "audio" => Some(Medium::Audio),
            "file" | "input_file" => Some(Medium::File),
            _ => None,
        };
    }
}
