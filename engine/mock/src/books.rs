//! What a simulated provider remembers of its day.

use std::collections::BTreeMap;

use hyper::HeaderMap;
use serde::Serialize;

/// A snapshot of the books.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Books {
    /// Chat requests taken, answered or not.
    pub requests: u64,
    /// Chat requests under way.
    pub in_flight: u64,
    /// Answers begun, by status.
    pub by_status: BTreeMap<u16, u64>,
    /// Input tokens of answered requests.
    pub tokens_in: u64,
    /// Output tokens sent, also those of answers that were cut.
    pub tokens_out: u64,
    /// Requests the client gave up.
    pub cancelled: u64,
    /// Connections closed without a word.
    pub refused: u64,
    /// Answers and connections broken off by a fault.
    pub cut: u64,
    /// The latest chat request.
    pub last: Option<LastRequest>,
}

/// A chat request as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LastRequest {
    /// The path and query.
    pub path: String,
    /// The headers in the order they came, credentials masked.
    pub headers: Vec<(String, String)>,
    /// The body; what is no UTF-8 is replaced.
    pub body: String,
}

impl LastRequest {
    pub(crate) fn new(path: &str, headers: &HeaderMap, body: &[u8]) -> Self {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.to_string(), masked(name.as_str(), value.as_bytes())));
        Self {
            path: path.to_owned(),
            headers: headers.collect(),
            body: String::from_utf8_lossy(body).into_owned(),
        }
    }

    /// The first header of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// A header's value; of a credential only its scheme.
fn masked(name: &str, value: &[u8]) -> String {
    const SECRETS: [&str; 5] = [
        "authorization",
        "proxy-authorization",
        "x-api-key",
        "api-key",
        "cookie",
    ];
    let text = String::from_utf8_lossy(value);
    if !SECRETS.contains(&name)
        && !name.contains("token")
        && !name.contains("secret")
        && !name.ends_with("-key")
    {
        return text.into_owned();
    }
    text.split_once(' ')
        .filter(|_| name.ends_with("authorization"))
        .map_or_else(
            || String::from("***"),
            |(scheme, _)| format!("{scheme} ***"),
        )
}
