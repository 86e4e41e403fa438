//! Amazon's signature, version 4: a request proves that its sender holds a key without showing it.
//!
//! The path is taken as it goes over the wire and escaped once more, as every service but S3 wants it.

use std::fmt::{self, Write as _};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Uri};
use jiff::Timestamp;
use ring::{digest, hmac};

use crate::fault::Fault;

/// The method, as the signature names it.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// When a request was signed.
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
/// The session that a temporary key belongs to.
const SESSION: HeaderName = HeaderName::from_static("x-amz-security-token");

/// A key of Amazon's. It never prints itself.
#[derive(Clone, Copy)]
pub struct AwsKeys<'a> {
    /// Its public part.
    pub id: &'a str,
    /// Its secret part.
    pub secret: &'a str,
    /// The session, where it is a temporary one.
    pub session: Option<&'a str>,
}

impl fmt::Debug for AwsKeys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsKeys")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Where a signature holds.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The service, as `bedrock`.
    pub service: &'a str,
    /// The region, as `eu-central-1`.
    pub region: &'a str,
    /// When, in milliseconds since 1970. Amazon takes a signature for some minutes.
    pub now_unix_ms: u64,
}

/// Signs a request: adds the host, the date, the session and the signature to its headers.
///
/// # Errors
/// [`Fault::Credential`] when the address, the time or the key cannot stand in a header.
pub fn sign(
    method: &Method,
    url: &str,
    headers: &mut HeaderMap,
    body: &[Bytes],
    scope: Scope<'_>,
    keys: &AwsKeys<'_>,
) -> Result<(), Fault> {
    let refuse = |what: &str| Fault::Credential(format!("{what}, so the request is not signed"));
    let uri: Uri = url.parse().map_err(|_| refuse("the address is none"))?;
    let now = i64::try_from(scope.now_unix_ms).unwrap_or(i64::MAX);
    let now = Timestamp::from_millisecond(now).map_err(|_| refuse("the clock is wrong"))?;
    let stamp = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let day = now.strftime("%Y%m%d").to_string();
    let place = format!("{day}/{}/{}/aws4_request", scope.region, scope.service);

    headers.insert(
        HOST,
        plain(&host(&uri).ok_or_else(|| refuse("the address has no host"))?)?,
    );
    headers.insert(DATE, plain(&stamp)?);
    headers.remove(SESSION);
    if let Some(session) = keys.session {
        headers.insert(SESSION, hidden(session)?);
    }
    let (names, request) = canonical(method, &uri, headers, body);
    let told = format!(
        "{ALGORITHM}\n{stamp}\n{place}\n{}",
        hex(digest::digest(&digest::SHA256, request.as_bytes()).as_ref())
    );

    let mut key = keyed(format!("AWS4{}", keys.secret).as_bytes(), &day);
    for step in [scope.region, scope.service, "aws4_request"] {
        key = keyed(key.as_ref(), step);
    }
    let signature = hex(keyed(key.as_ref(), &told).as_ref());
    let proof = format!(
        "{ALGORITHM} Credential={}/{place}, SignedHeaders={names}, Signature={signature}",
        keys.id
    );
    headers.insert(AUTHORIZATION, hidden(&proof)?);
    Ok(())
}

/// The names of the headers that are signed, and the request as it is signed.
fn canonical(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[Bytes]) -> (String, String) {
    let mut signed: Vec<(&str, &[u8])> = headers
        .iter()
        .filter(|(name, _)| {
            **name == HOST || **name == CONTENT_TYPE || name.as_str().starts_with("x-amz-")
        })
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    signed.sort_unstable();
    let names: Vec<&str> = signed.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");

    let mut text = format!("{method}\n");
    escape_path(&mut text, uri.path());
    text.push('\n');
    let mut pairs: Vec<(&str, &str)> = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .collect();
    pairs.sort_unstable();
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    text.push_str(&pairs.join("&"));
    text.push('\n');
    for (name, value) in signed {
        let value = String::from_utf8_lossy(value);
        let words: Vec<&str> = value.split_ascii_whitespace().collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}:{}", words.join(" "));
    }
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in body {
        hash.update(part);
    }
    let _ = write!(text, "\n{names}\n{}", hex(hash.finish().as_ref()));
    (names, text)
}

/// The host as it stands in a request: a port that goes without saying is left out.
fn host(uri: &Uri) -> Option<String> {
    let host = uri.host()?;
    let usual = match uri.scheme_str() {
        Some("https") => 443,
        _ => 80,
    };
    Some(match uri.port_u16().filter(|port| *port != usual) {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

/// Escapes everything of a path but its slashes and what RFC 3986 calls unreserved.
fn escape_path(text: &mut String, path: &str) {
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

fn keyed(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn plain(text: &str) -> Result<HeaderValue, Fault> {
    HeaderValue::from_str(text).map_err(|_| {
        Fault::Credential(String::from(
            "it holds a character no header may hold, such as a line feed",
        ))
    })
}

fn hidden(text: &str) -> Result<HeaderValue, Fault> {
    let mut value = plain(text)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: AwsKeys<'_> = AwsKeys {
        id: "AKIDEXAMPLE",
        secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        session: None,
    };
    /// 30 August 2015, 12:36.
    const SUITE: Scope<'_> = Scope {
        service: "service",
        region: "us-east-1",
        now_unix_ms: 1_440_938_160_000,
    };
    /// 27 November 2026, 10:30.
    const BEDROCK: Scope<'_> = Scope {
        service: "bedrock",
        region: "eu-central-1",
        now_unix_ms: 1_795_775_400_000,
    };

    struct Case<'a> {
        method: Method,
        url: &'a str,
        kind: Option<&'a str>,
        body: &'a str,
        scope: Scope<'a>,
        session: Option<&'a str>,
        names: &'a str,
        signature: &'a str,
    }

    fn held(case: &Case<'_>) {
        let mut headers = HeaderMap::new();
        if let Some(kind) = case.kind {
            headers.insert(CONTENT_TYPE, HeaderValue::from_str(kind).unwrap());
        }
        // In two pieces, as a body with another model's name is.
        let (head, tail) = case.body.split_at(case.body.len() / 2);
        let body = [head, tail].map(|part| Bytes::copy_from_slice(part.as_bytes()));
        let keys = AwsKeys {
            session: case.session,
            ..KEYS
        };
        sign(
            &case.method,
            case.url,
            &mut headers,
            &body,
            case.scope,
            &keys,
        )
        .expect("signed");
        let proof = headers[AUTHORIZATION].to_str().unwrap();
        let names = format!("SignedHeaders={}, ", case.names);
        assert!(proof.contains(&names), "{}: {proof}", case.url);
        let signature = format!("Signature={}", case.signature);
        assert!(proof.ends_with(&signature), "{}: {proof}", case.url);
        assert!(
            !format!("{headers:?}").contains("Signature"),
            "it prints itself"
        );
    }

    /// From the test suite that Amazon publishes.
    #[test]
    fn amazons_own_examples_are_signed_as_amazon_signs_them() {
        const FORM: &str = "application/x-www-form-urlencoded";
        const SESSION: &str = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
        let suite = |method, url, kind, body, session, names, signature| {
            held(&Case {
                method,
                url,
                kind,
                body,
                scope: SUITE,
                session,
                names,
                signature,
            });
        };
        suite(
            Method::GET,
            "https://example.amazonaws.com/",
            None,
            "",
            None,
            "host;x-amz-date",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        );
        suite(
            Method::GET,
            "https://example.amazonaws.com/?Param2=value2&Param1=value1",
            None,
            "",
            None,
            "host;x-amz-date",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        );
        suite(
            Method::POST,
            "https://example.amazonaws.com/",
            Some(FORM),
            "Param1=value1",
            None,
            "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        );
        suite(
            Method::POST,
            "https://example.amazonaws.com/",
            None,
            "",
            Some(SESSION),
            "host;x-amz-date;x-amz-security-token",
            "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
        );
    }

    /// Signed by botocore 1.44.8 for comparison.
    #[test]
    fn models_with_colons_and_slashes_are_signed_as_amazons_own_client_signs_them() {
        const JSON: Option<&str> = Some("application/json");
        const HAIKU: &str = "https://bedrock-runtime.eu-central-1.amazonaws.com/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse";
        const PROFILE: &str = "https://bedrock-runtime.eu-central-1.amazonaws.com/model/arn%3Aaws%3Abedrock%3Aeu-central-1%3A123456789012%3Aapplication-inference-profile%2Fabc123/converse-stream";
        let post = |url, kind, body, scope, session, names, signature| {
            held(&Case {
                method: Method::POST,
                url,
                kind,
                body,
                scope,
                session,
                names,
                signature,
            });
        };
        let names = "content-type;host;x-amz-date";
        post(
            HAIKU,
            JSON,
            r#"{"a":1}"#,
            BEDROCK,
            None,
            names,
            "c0684b8772d880b9166e6587d3fce19967cbfac57c815486e5963f71cc0fed51",
        );
        post(
            PROFILE,
            JSON,
            r#"{"a":1}"#,
            BEDROCK,
            None,
            names,
            "0ef254109c70b0749209eacabe89d3fa684b76b542e5b406f808852bbfe00ea4",
        );
        post(
            HAIKU,
            JSON,
            r#"{"a":1}"#,
            BEDROCK,
            Some("AQoDYXdzEPT//////////wEXAMPLEtc764b=="),
            "content-type;host;x-amz-date;x-amz-security-token",
            "16f4b63e511d491c8c49442ea9e81fd3f6c8e35794bcb543c16ed479c1adac29",
        );
        post(
            "https://x.example.com:8443/v1/x%20y/~a?b=2&a=z%2F1&a=1&empty",
            JSON,
            "",
            BEDROCK,
            None,
            names,
            "e5ecb93866e873b11f6550a71ab80433363e35954c0ec3e403233e593fa44787",
        );
        post(
            "https://sts.eu-central-1.amazonaws.com/",
            Some("application/x-www-form-urlencoded"),
            "Action=AssumeRole&Version=2011-06-15",
            Scope {
                service: "sts",
                ..BEDROCK
            },
            None,
            names,
            "debc115c602b3d25b06e2a3c5de1cc5d336caba387b90d54a982403f5454de81",
        );
    }

    #[test]
    fn a_key_with_a_line_feed_is_refused_without_showing_it() {
        let keys = AwsKeys {
            session: Some("tok\nen-of-mine"),
            ..KEYS
        };
        let mut headers = HeaderMap::new();
        let fault = sign(
            &Method::GET,
            "https://a.example/",
            &mut headers,
            &[],
            SUITE,
            &keys,
        );
        assert!(!fault.expect_err("refused").to_string().contains("of-mine"));
        assert!(
            !format!("{keys:?}").contains("of-mine") && !format!("{keys:?}").contains("EXAMPLEKEY")
        );
    }
}
