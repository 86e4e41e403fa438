//! Puts a credential on a checked plan. No plugin ever sees one.

use std::fmt::Write as _;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::fault::Fault;
use crate::manifest::AuthScheme;

/// Adds what `scheme` asks for to a request. A header is marked sensitive, so that it never prints itself.
pub(crate) fn attach(
    scheme: &AuthScheme,
    secret: &str,
    url: &mut String,
    headers: &mut HeaderMap,
) -> Result<(), Fault> {
    match scheme {
        AuthScheme::None => Ok(()),
        AuthScheme::Bearer | AuthScheme::GoogleAccount(_) | AuthScheme::Entra(_) => {
            insert(headers, AUTHORIZATION, "Bearer ", secret)
        }
        AuthScheme::Header { name, prefix } => {
            let name: HeaderName = name.parse().map_err(|_| {
                Fault::Credential(format!(
                    "the plugin's `{}` is no header",
                    name.escape_debug()
                ))
            })?;
            insert(headers, name, prefix, secret)
        }
        AuthScheme::Query(name) => {
            url.push(if url.contains('?') { '&' } else { '?' });
            escape(url, name);
            url.push('=');
            escape(url, secret);
            Ok(())
        }
        AuthScheme::AwsSigV4 { .. } => Err(Fault::Credential(String::from(
            "requests there are signed with an access key, and this is a plain word",
        ))),
        AuthScheme::Other(name) => Err(Fault::Credential(format!(
            "the scheme `{name}` is not supported by this version of mux"
        ))),
    }
}

fn insert(
    headers: &mut HeaderMap,
    name: HeaderName,
    prefix: &str,
    secret: &str,
) -> Result<(), Fault> {
    let mut value = HeaderValue::from_str(&format!("{prefix}{secret}")).map_err(|_| {
        Fault::Credential(String::from(
            "it holds a character no header may hold, such as a line feed",
        ))
    })?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

/// Percent-encodes everything but what RFC 3986 calls unreserved.
fn escape(url: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            url.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(url, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attached(scheme: &AuthScheme, secret: &str) -> (String, HeaderMap) {
        let mut url = String::from("https://a.example/x?b=1");
        let mut headers = HeaderMap::new();
        attach(scheme, secret, &mut url, &mut headers).expect("attached");
        (url, headers)
    }

    #[test]
    fn a_header_with_a_secret_never_prints_it() {
        let (_, headers) = attached(&AuthScheme::Bearer, "sk-secret");
        assert_eq!(headers["authorization"], "Bearer sk-secret");
        assert!(!format!("{headers:?}").contains("sk-secret"));
    }

    #[test]
    fn a_query_parameter_is_escaped() {
        let (url, _) = attached(&AuthScheme::Query(String::from("key")), "a&b=c/d");
        assert_eq!(url, "https://a.example/x?b=1&key=a%26b%3Dc%2Fd");
    }

    #[test]
    fn a_secret_with_a_line_feed_is_refused_without_showing_it() {
        let mut url = String::new();
        let fault = attach(
            &AuthScheme::Bearer,
            "sk\nsecret",
            &mut url,
            &mut HeaderMap::new(),
        )
        .expect_err("refused");
        assert!(!fault.to_string().contains("secret"));
    }

    #[test]
    fn an_unknown_scheme_says_so() {
        let mut url = String::new();
        let scheme = AuthScheme::Other(String::from("oauth2-client-credentials"));
        let fault = attach(&scheme, "x", &mut url, &mut HeaderMap::new()).expect_err("refused");
        assert!(fault.to_string().contains("oauth2-client-credentials"));
    }
}
