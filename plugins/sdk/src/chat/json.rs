//! JSON kept as the text it came in, and JSON made here.

use std::borrow::Cow;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::Fault;

/// Reads JSON that borrows its texts. They are looked through for UTF-8 once, and not one by one.
///
/// # Errors
/// Those of the reader.
pub fn read<'a, T: Deserialize<'a>>(json: &'a [u8]) -> serde_json::Result<T> {
    serde_json::from_str(text(json)?)
}

/// Reads what an error says, where there may be bytes that are no text: they do not keep the rest from being understood.
///
/// # Errors
/// Those of the reader.
pub fn lossy<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    serde_json::from_str(&String::from_utf8_lossy(json))
}

/// The text of JSON. All is read from text: a reader of bytes beside it would be as much code again.
pub(crate) fn text(json: &[u8]) -> serde_json::Result<&str> {
    std::str::from_utf8(json).map_err(|error| {
        serde_json::Error::custom(format_args!(
            "invalid UTF-8 at byte {}",
            error.valid_up_to()
        ))
    })
}

/// JSON kept as the text it came in.
pub type Json<'a> = Cow<'a, RawValue>;

/// A JSON string of that text.
///
/// # Errors
/// Never for text; the signature is that of the writer.
pub fn quoted(text: &str) -> Result<Json<'static>, Fault> {
    serde_json::value::to_raw_value(text)
        .map(Cow::Owned)
        .map_err(|error| Fault::Internal(error.to_string()))
}

/// That text as JSON.
///
/// # Errors
/// When it is none.
pub fn object(text: &str) -> Result<Json<'static>, Fault> {
    RawValue::from_string(text.to_owned())
        .map(Cow::Owned)
        .map_err(|error| Fault::Internal(error.to_string()))
}

/// A request body as bytes. There is room for all of it at once: growing by doubling would need thrice the memory for
/// a large image.
///
/// # Errors
/// Those of the writer.
pub fn body<T: Serialize>(request: &T, from: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut sent = Vec::with_capacity(from.len() + 4096);
    serde_json::to_writer(&mut sent, request)
        .map_err(|error| Fault::Internal(error.to_string()))?;
    Ok(sent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_are_refused_by_their_place() {
        let fault = read::<serde_json::Value>(b"{\"\xff\":1}").expect_err("no text");
        assert_eq!(fault.to_string(), "invalid UTF-8 at byte 2");
    }
}
