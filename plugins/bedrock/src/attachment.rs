//! Images, documents and videos: named by format, never by address.

use std::borrow::Cow;

use mux_plugin_sdk::Fault;
use mux_plugin_sdk::chat::{Address, Place};

use crate::block::{Attached, Block, S3, Source};

const IMAGES: &[(&str, &str)] = &[
    ("image/jpeg", "jpeg"),
    ("image/jpg", "jpeg"),
    ("image/png", "png"),
    ("image/gif", "gif"),
    ("image/webp", "webp"),
];

const DOCUMENTS: &[(&str, &str)] = &[
    ("application/pdf", "pdf"),
    ("text/csv", "csv"),
    ("application/msword", "doc"),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "docx",
    ),
    ("application/vnd.ms-excel", "xls"),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xlsx",
    ),
    ("text/html", "html"),
    ("text/plain", "txt"),
    ("text/markdown", "md"),
];

const VIDEOS: &[(&str, &str)] = &[
    ("video/mp4", "mp4"),
    ("video/quicktime", "mov"),
    ("video/webm", "webm"),
    ("video/mpeg", "mpeg"),
];

/// The names documents have been given: Bedrock wants each to be another, of few characters.
#[derive(Debug, Default)]
pub(crate) struct Names(Vec<String>);

impl Names {
    fn of(&mut self, given: Option<&str>) -> String {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '(' | ')' | '[' | ']');
        let stem = given.unwrap_or("document");
        let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
        let mapped: String = stem
            .chars()
            .map(|c| if fits(c) { c } else { ' ' })
            .collect();
        let words: Vec<&str> = mapped.split_whitespace().collect();
        let base = if words.is_empty() {
            String::from("document")
        } else {
            words.join(" ")
        };
        let mut name = base.clone();
        let mut number = 1;
        while self.0.contains(&name) {
            number += 1;
            name = format!("{base} {number}");
        }
        self.0.push(name.clone());
        name
    }
}

/// An image block.
pub(crate) fn image(url: Cow<'_, str>, at: Place) -> Result<Block<'_>, Fault> {
    attached(url, IMAGES, at).map(|(format, source)| {
        Block::Image(Attached {
            format,
            name: None,
            source,
        })
    })
}

/// A video block.
pub(crate) fn video(url: Cow<'_, str>, at: Place) -> Result<Block<'_>, Fault> {
    attached(url, VIDEOS, at).map(|(format, source)| {
        Block::Video(Attached {
            format,
            name: None,
            source,
        })
    })
}

/// A document block.
pub(crate) fn document<'a>(
    url: Cow<'a, str>,
    name: Option<&str>,
    names: &mut Names,
    at: Place,
) -> Result<Block<'a>, Fault> {
    let (format, source) = attached(url, DOCUMENTS, at)?;
    Ok(Block::Document(Attached {
        format,
        name: Some(names.of(name)),
        source,
    }))
}

fn attached<'a>(
    url: Cow<'a, str>,
    formats: &[(&str, &'static str)],
    at: Place,
) -> Result<(&'static str, Source<'a>), Fault> {
    let address = Address::read(url, &["s3://", "https://", "http://"])
        .map_err(|bad| Fault::invalid(format!("the address {}", bad.0), at))?;
    let unknown = |kind: &str| {
        Fault::unsupported(format!("bedrock takes no attachment of type `{kind}`"), at)
    };
    match address {
        Address::Data { media_type, data } => {
            let found = formats.iter().find(|(kind, _)| *kind == media_type);
            let (_, format) = found.ok_or_else(|| unknown(&media_type))?;
            Ok((format, Source::Bytes(data)))
        }
        Address::Url(url) if url.starts_with("s3://") => {
            let ending = url
                .rsplit('.')
                .next()
                .unwrap_or_default()
                .to_ascii_lowercase();
            let ending = if ending == "jpg" {
                "jpeg"
            } else {
                ending.as_str()
            };
            let found = formats.iter().find(|(_, format)| *format == ending);
            let (_, format) = found.ok_or_else(|| unknown(ending))?;
            Ok((format, Source::S3Location(S3 { uri: url })))
        }
        Address::Url(_) => Err(Fault::unsupported(
            "bedrock fetches nothing from the web: send a data URL",
            at,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_get_names_that_fit_and_differ() {
        let mut names = Names::default();
        assert_eq!(names.of(Some("Q3_report.final.pdf")), "Q3 report final");
        assert_eq!(names.of(Some("Q3_report.final.pdf")), "Q3 report final 2");
        assert_eq!(names.of(None), "document");
        assert_eq!(names.of(Some("___.pdf")), "document 2");
    }
}
