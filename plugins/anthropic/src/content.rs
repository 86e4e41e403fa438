//! Message content to blocks.

use std::borrow::Cow;

use mux_plugin_sdk::Fault;
use mux_plugin_sdk::chat::{Address, Piece, Place, Placed, lone_text, pieces};
use serde_json::value::RawValue;

use crate::block::{Block, Source};

/// Where images and documents may lie.
const SCHEMES: &[&str] = &["https://", "http://"];

/// The blocks of a content that is a string, a list of parts, or nothing. Empty texts are left out: the
/// provider refuses them.
pub(crate) fn blocks<'a>(
    content: Option<&'a RawValue>,
    at: Place,
    warnings: &mut Vec<String>,
) -> Result<Vec<Block<'a>>, Fault> {
    let pieces = pieces(content, at, "anthropic", warnings)?;
    pieces.into_iter().map(block).collect()
}

/// The block of a content that is a text and nothing else.
pub(crate) fn text(content: Option<&RawValue>) -> Option<Block<'_>> {
    Some(Block::Text {
        text: Cow::Borrowed(lone_text(content)?),
        cache_control: None,
    })
}

fn block(placed: Placed<'_>) -> Result<Block<'_>, Fault> {
    let Placed {
        piece,
        at,
        cache_control,
    } = placed;
    match piece {
        Piece::Text(raw) => Ok(Block::Text {
            text: Cow::Borrowed(raw),
            cache_control,
        }),
        Piece::Image(url) => {
            let address = Address::read(url, SCHEMES)
                .map_err(|bad| Fault::invalid(format!("the image's url {}", bad.0), at))?;
            Ok(Block::Image {
                source: address.into(),
                cache_control,
            })
        }
        Piece::File { data, name } => document(data, name, cache_control, at),
        Piece::Audio { .. } | Piece::Video(_) => Err(Fault::unsupported(
            "anthropic takes text, images and documents",
            at,
        )),
    }
}

fn document<'a>(
    data: Cow<'a, str>,
    title: Option<Cow<'a, str>>,
    cache_control: Option<&'a RawValue>,
    at: Place,
) -> Result<Block<'a>, Fault> {
    let address = Address::read(data, SCHEMES)
        .map_err(|bad| Fault::invalid(format!("`file_data` {}", bad.0), at))?;
    let source = Source::from(address);
    match &source {
        Source::Base64 { media_type, .. } if media_type != "application/pdf" => {
            Err(Fault::unsupported(
                format!("anthropic takes PDF documents, not `{media_type}`"),
                at,
            ))
        }
        _ => Ok(Block::Document {
            source,
            title,
            cache_control,
        }),
    }
}
