//! Images and documents: data URLs are split, other addresses are handed on.

use std::borrow::Cow;

/// Where an image or a document comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address<'a> {
    /// It is here.
    Data {
        /// Its media type.
        media_type: Cow<'a, str>,
        /// Base64.
        data: Cow<'a, str>,
    },
    /// It is elsewhere.
    Url(Cow<'a, str>),
}

/// Why an address cannot be used: the rest of a sentence that begins with what it is the address of.
#[derive(Debug, PartialEq, Eq)]
pub struct BadAddress(pub &'static str);

impl<'a> Address<'a> {
    /// Reads a data URL or an address of one of these schemes, as in `https://`.
    ///
    /// # Errors
    /// When it is neither.
    pub fn read(url: Cow<'a, str>, schemes: &[&str]) -> Result<Self, BadAddress> {
        if !url.starts_with("data:") {
            return if schemes.iter().any(|scheme| url.starts_with(scheme)) {
                Ok(Self::Url(url))
            } else {
                Err(BadAddress(
                    "is neither a data URL nor an address this provider takes",
                ))
            };
        }
        match url {
            Cow::Borrowed(text) => {
                let (media_type, data) = split(text)?;
                Ok(Self::Data {
                    media_type: Cow::Borrowed(media_type),
                    data: Cow::Borrowed(data),
                })
            }
            Cow::Owned(text) => {
                let (media_type, data) = split(&text)?;
                Ok(Self::Data {
                    media_type: Cow::Owned(media_type.to_owned()),
                    data: Cow::Owned(data.to_owned()),
                })
            }
        }
    }
}

/// Media type and payload of `data:TYPE[;…];base64,PAYLOAD`.
fn split(url: &str) -> Result<(&str, &str), BadAddress> {
    let (head, payload) = url
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(','))
        .ok_or(BadAddress("is a data URL without a comma"))?;
    let kind = head
        .strip_suffix(";base64")
        .ok_or(BadAddress("is a data URL that is not base64"))?;
    let media_type = kind.split(';').next().unwrap_or_default();
    if media_type.is_empty() || payload.is_empty() {
        return Err(BadAddress("is a data URL without a media type or payload"));
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
    fn an_address_of_an_unnamed_scheme_is_refused() {
        assert!(Address::read(Cow::Borrowed("file:///etc/passwd"), &["https://"]).is_err());
        assert!(Address::read(Cow::Borrowed("https://a.example/b"), &["https://"]).is_ok());
    }
}
