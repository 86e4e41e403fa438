//! Message content in pieces.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::chat::place::Place;
use crate::chat::unread;
use crate::error::Fault;

/// The empty text.
pub(crate) const EMPTY: &str = r#""""#;

/// A piece of a message's content.
#[derive(Debug, Clone)]
pub enum Piece<'a> {
    /// Text, as the JSON string it came in. Never the empty string: many providers refuse that.
    Text(&'a RawValue),
    /// An image by its address.
    Image(Cow<'a, str>),
    /// A document.
    File {
        /// Its address; empty for a file kept at a provider.
        data: Cow<'a, str>,
        /// Its name.
        name: Option<Cow<'a, str>>,
    },
    /// Sound.
    Audio {
        /// Base64.
        data: Cow<'a, str>,
        /// `wav`, `mp3`, …
        format: Cow<'a, str>,
    },
    /// A video by its address.
    Video(Cow<'a, str>),
}

/// A piece where it stands.
#[derive(Debug, Clone)]
pub struct Placed<'a> {
    /// The piece.
    pub piece: Piece<'a>,
    /// Its place, as in `messages[2].content[0]`.
    pub at: Place,
    /// The mark that the prefix up to here may be cached.
    pub cache_control: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow)]
    image_url: Option<Linked<'a>>,
    #[serde(borrow)]
    video_url: Option<Linked<'a>>,
    #[serde(borrow)]
    file: Option<File<'a>>,
    #[serde(borrow)]
    input_audio: Option<Sound<'a>>,
    #[serde(borrow)]
    cache_control: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Linked<'a> {
    #[serde(borrow)]
    url: Cow<'a, str>,
}

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow, default)]
    file_data: Cow<'a, str>,
    #[serde(borrow)]
    filename: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Sound<'a> {
    #[serde(borrow)]
    data: Cow<'a, str>,
    #[serde(borrow)]
    format: Cow<'a, str>,
}

/// The text of a content that is a text and nothing else, as most are. None where it is empty: then
/// [`pieces`] has none either.
#[must_use]
pub fn lone_text(content: Option<&RawValue>) -> Option<&RawValue> {
    content.filter(|raw| raw.get().starts_with('"') && raw.get() != EMPTY)
}

/// The pieces of a message's content that is a string, a list of parts, or nothing. Empty texts are left out. Fields of parts
/// that ask for something and are not read are warned of.
///
/// # Errors
/// When it is something else, or has a part of an unknown type.
pub fn pieces<'a>(
    content: Option<&'a RawValue>,
    at: Place,
    provider: &str,
    warnings: &mut Vec<String>,
) -> Result<Vec<Placed<'a>>, Fault> {
    let Some(content) = content else {
        return Ok(Vec::new());
    };
    match content.get().as_bytes().first() {
        Some(b'"') => {
            let placed = |piece| Placed {
                piece,
                at,
                cache_control: None,
            };
            Ok(text(content).map(placed).into_iter().collect())
        }
        Some(b'[') => {
            let mut unread = Vec::new();
            let parts: Vec<Part<'a>> =
                unread::read(content.get(), "messages[].content", &mut unread)
                    .map_err(|error| Fault::invalid(format!("a part is malformed: {error}"), at))?;
            unread::warn(unread, warnings);
            let mut pieces = Vec::with_capacity(parts.len());
            for (index, part) in parts.into_iter().enumerate() {
                let at = at.item(index);
                let cache_control = part.cache_control;
                if let Some(piece) = piece(part, at, provider)? {
                    pieces.push(Placed {
                        piece,
                        at,
                        cache_control,
                    });
                }
            }
            Ok(pieces)
        }
        _ => Err(Fault::invalid("content is a string or a list of parts", at)),
    }
}

/// A JSON string's text.
///
/// # Errors
/// When it is no string.
pub fn plain(raw: &RawValue, at: Place) -> Result<Cow<'_, str>, Fault> {
    #[derive(Deserialize)]
    struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str::<Borrowed<'_>>(raw.get())
        .map(|text| text.0)
        .map_err(|error| Fault::invalid(error.to_string(), at))
}

fn text(text: &RawValue) -> Option<Piece<'_>> {
    (text.get() != EMPTY).then_some(Piece::Text(text))
}

fn piece<'a>(part: Part<'a>, at: Place, provider: &str) -> Result<Option<Piece<'a>>, Fault> {
    let missing = |field: &str| Fault::invalid(format!("a part of this type needs `{field}`"), at);
    let string = |value: Option<&'a RawValue>, field: &str| {
        value
            .filter(|value| value.get().starts_with('"'))
            .ok_or_else(|| missing(field))
    };
    Ok(match part.kind.as_ref() {
        "text" | "input_text" | "output_text" => text(string(part.text, "text")?),
        "refusal" => text(string(part.refusal, "refusal")?),
        "image_url" => {
            let image = part.image_url.ok_or_else(|| missing("image_url"))?;
            Some(Piece::Image(image.url))
        }
        "video_url" => {
            let video = part.video_url.ok_or_else(|| missing("video_url"))?;
            Some(Piece::Video(video.url))
        }
        "file" => {
            let file = part.file.ok_or_else(|| missing("file"))?;
            if file.file_data.is_empty() {
                return Err(Fault::unsupported(
                    "a file kept at another provider cannot be read here: send it as `file_data`",
                    at,
                ));
            }
            Some(Piece::File {
                data: file.file_data,
                name: file.filename,
            })
        }
        "input_audio" => {
            let sound = part.input_audio.ok_or_else(|| missing("input_audio"))?;
            Some(Piece::Audio {
                data: sound.data,
                format: sound.format,
            })
        }
        other => {
            return Err(Fault::unsupported(
                format!("{provider} takes no content of type `{other}`"),
                at,
            ));
        }
    })
}
