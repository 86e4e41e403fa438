//! Message content to blocks.

use std::borrow::Cow;

use mux_plugin_sdk::Fault;
use serde_json::value::RawValue;

use crate::block::{Block, Json, Source};
use crate::source::source;
use crate::unified::{File, Part};

/// The blocks of a content that is a string, a list of parts, or nothing. Empty texts are left out: the
/// provider refuses them.
pub(crate) fn blocks<'a>(content: Option<&'a RawValue>, at: &str) -> Result<Vec<Block<'a>>, Fault> {
    let Some(content) = content else {
        return Ok(Vec::new());
    };
    match content.get().as_bytes().first() {
        Some(b'"') => Ok(text(content, None).into_iter().collect()),
        Some(b'[') => {
            let parts: Vec<Part<'a>> = serde_json::from_str(content.get())
                .map_err(|error| Fault::invalid(format!("a part is malformed: {error}"), at))?;
            let mut blocks = Vec::with_capacity(parts.len());
            for (index, part) in parts.into_iter().enumerate() {
                blocks.extend(block(part, &format!("{at}[{index}]"))?);
            }
            Ok(blocks)
        }
        _ => Err(Fault::invalid("content is a string or a list of parts", at)),
    }
}

/// A text block, unless the text is empty.
fn text<'a>(text: &'a RawValue, cache_control: Option<&'a RawValue>) -> Option<Block<'a>> {
    (text.get() != r#""""#).then_some(Block::Text {
        text: Cow::Borrowed(text),
        cache_control,
    })
}

fn block<'a>(part: Part<'a>, at: &str) -> Result<Option<Block<'a>>, Fault> {
    match part.kind.as_ref() {
        "text" | "input_text" | "output_text" => {
            Ok(text(string(part.text, at, "text")?, part.cache_control))
        }
        "refusal" => Ok(text(
            string(part.refusal, at, "refusal")?,
            part.cache_control,
        )),
        "image_url" => {
            let image = part.image_url.ok_or_else(|| missing(at, "image_url"))?;
            let source = source(image.url)
                .map_err(|bad| Fault::invalid(format!("the image's url {}", bad.0), at))?;
            Ok(Some(Block::Image {
                source,
                cache_control: part.cache_control,
            }))
        }
        "file" => document(
            part.file.ok_or_else(|| missing(at, "file"))?,
            part.cache_control,
            at,
        )
        .map(Some),
        other => Err(Fault::unsupported(
            format!("anthropic takes no content of type `{other}`"),
            at,
        )),
    }
}

fn string<'a>(value: Option<&'a RawValue>, at: &str, field: &str) -> Result<&'a RawValue, Fault> {
    value
        .filter(|value| value.get().starts_with('"'))
        .ok_or_else(|| missing(at, field))
}

fn missing(at: &str, field: &str) -> Fault {
    Fault::invalid(format!("a part of this type needs `{field}`"), at)
}

fn document<'a>(
    file: File<'a>,
    cache_control: Option<&'a RawValue>,
    at: &str,
) -> Result<Block<'a>, Fault> {
    if file.file_data.is_empty() {
        return Err(Fault::unsupported(
            "a file kept at another provider cannot be read here: send it as `file_data`",
            at,
        ));
    }
    let source = source(file.file_data)
        .map_err(|bad| Fault::invalid(format!("`file_data` {}", bad.0), at))?;
    match &source {
        Source::Base64 { media_type, .. } if media_type != "application/pdf" => {
            Err(Fault::unsupported(
                format!("anthropic takes PDF documents, not `{media_type}`"),
                at,
            ))
        }
        _ => Ok(Block::Document {
            source,
            title: file.filename,
            cache_control,
        }),
    }
}

/// A JSON string of that text.
pub(crate) fn quoted(text: &str) -> Result<Json<'static>, Fault> {
    serde_json::value::to_raw_value(text)
        .map(Cow::Owned)
        .map_err(|error| Fault::Internal(error.to_string()))
}
