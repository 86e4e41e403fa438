//! Images and documents: data URLs are split, other addresses are handed on.

use std::borrow::Cow;

use crate::block::Source;

/// Why an address cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadSource(pub(crate) &'static str);

/// The source behind an address.
pub(crate) fn source(url: Cow<'_, str>) -> Result<Source<'_>, BadSource> {
    if !url.starts_with("data:") {
        return if url.starts_with("https://") || url.starts_with("http://") {
            Ok(Source::Url { url })
        } else {
            Err(BadSource("is neither a data URL nor an http address"))
        };
    }
    match url {
        Cow::Borrowed(text) => {
            let (media_type, data) = split(text)?;
            Ok(Source::Base64 {
                media_type: Cow::Borrowed(media_type),
                data: Cow::Borrowed(data),
            })
        }
        Cow::Owned(text) => {
            let (media_type, data) = split(&text)?;
            Ok(Source::Base64 {
                media_type: Cow::Owned(media_type.to_owned()),
                data: Cow::Owned(data.to_owned()),
            })
        }
    }
}

/// Media type and payload of `data:TYPE[;…];base64,PAYLOAD`.
fn split(url: &str) -> Result<(&str, &str), BadSource> {
    let (head, payload) = url
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(','))
        .ok_or(BadSource("is a data URL without a comma"))?;
    let kind = head
        .strip_suffix(";base64")
        .ok_or(BadSource("is a data URL that is not base64"))?;
    let media_type = kind.split(';').next().unwrap_or_default();
    if media_type.is_empty() || payload.is_empty() {
        return Err(BadSource("is a data URL without a media type or payload"));
    }
    Ok((media_type, payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_url_is_split_into_type_and_payload() {
        assert_eq!(
            split("data:image/png;base64,aGk="),
            Ok(("image/png", "aGk="))
        );
        assert_eq!(
            split("data:image/png;name=a.png;base64,aGk="),
            Ok(("image/png", "aGk="))
        );
        assert!(split("data:text/plain,hello").is_err());
        assert!(split("data:;base64,aGk=").is_err());
    }

    #[test]
    fn an_address_that_is_no_address_is_refused() {
        assert!(source(Cow::Borrowed("file:///etc/passwd")).is_err());
    }
}
