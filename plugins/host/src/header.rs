//! Request headers a plugin may set, and response headers it may see.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Most headers of one plan.
const COUNT_LIMIT: usize = 64;
/// Most bytes of all headers of one plan.
const SIZE_LIMIT: usize = 16 << 10;

/// Headers that authenticate, that say where a request goes, or that belong to the connection.
const FORBIDDEN: &[&str] = &[
    "api-key",
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "cookie2",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "set-cookie",
    "set-cookie2",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-api-key",
    "x-goog-api-key",
];
const FORBIDDEN_STARTS: &[&str] = &["proxy-", "x-amz-security", "x-forwarded-"];

/// The header map of a plan.
///
/// # Errors
/// When a header is malformed or none of a plugin's business, in words for the plugin's author.
pub(crate) fn map(headers: &[(String, String)]) -> Result<HeaderMap, String> {
    let size: usize = headers
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if headers.len() > COUNT_LIMIT || size > SIZE_LIMIT {
        return Err(format!(
            "more than {COUNT_LIMIT} headers, or more than {SIZE_LIMIT} bytes of them"
        ));
    }
    let mut map = HeaderMap::with_capacity(headers.len() + 2);
    for (name, value) in headers {
        let (name, value) = header(name, value)?;
        map.append(name, value);
    }
    Ok(map)
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let shown = name.escape_debug();
    let parsed: HeaderName = name
        .parse()
        .map_err(|_| format!("`{shown}` is no header name"))?;
    let lower = parsed.as_str();
    let forbidden = FORBIDDEN.contains(&lower)
        || FORBIDDEN_STARTS
            .iter()
            .any(|start| lower.starts_with(start));
    if forbidden {
        return Err(format!("the header `{shown}` is not a plugin's to set"));
    }
    let value = HeaderValue::from_str(value)
        .map_err(|_| format!("the value of the header `{shown}` is malformed"))?;
    Ok((parsed, value))
}

/// Whether a response header sets a cookie: those are between the provider and nobody.
pub(crate) fn sets_cookie(name: &str) -> bool {
    name.starts_with("set-cookie")
}

/// The response headers among `allowed` names and prefixes, as far as they are text.
pub(crate) fn shown(headers: &HeaderMap, allowed: &[String]) -> Vec<(String, String)> {
    let may_see = |name: &str| {
        allowed
            .iter()
            .any(|pattern| match pattern.strip_suffix('*') {
                Some(prefix) => name.starts_with(prefix),
                None => name == pattern,
            })
    };
    headers
        .iter()
        .filter(|(name, _)| may_see(name.as_str()) && !sets_cookie(name.as_str()))
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .take(COUNT_LIMIT)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> Vec<(String, String)> {
        vec![(name.to_owned(), value.to_owned())]
    }

    #[test]
    fn a_plugin_cannot_authenticate_or_steer_the_connection() {
        for name in [
            "Authorization",
            "x-api-key",
            "cookie",
            "Cookie2",
            "set-cookie",
            "HOST",
            "content-length",
            "transfer-encoding",
            "proxy-authorization",
            "x-forwarded-for",
        ] {
            assert!(map(&pair(name, "x")).is_err(), "{name}");
        }
        assert!(map(&pair("anthropic-version", "2023-06-01")).is_ok());
    }

    #[test]
    fn a_header_cannot_smuggle_another() {
        assert!(map(&pair("x-a", "b\r\nhost: evil")).is_err());
        assert!(map(&pair("x-a\r\nhost", "evil")).is_err());
        assert!(map(&pair("x-big", &"a".repeat(17 << 10))).is_err());
        assert!(map(&vec![(String::from("x-a"), String::new()); 65]).is_err());
    }

    #[test]
    fn only_declared_response_headers_are_shown() {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", HeaderValue::from_static("3"));
        headers.insert("x-limit-tokens", HeaderValue::from_static("9"));
        headers.insert("set-cookie", HeaderValue::from_static("secret"));
        headers.insert("set-cookie2", HeaderValue::from_static("secret"));
        let allowed = ["x-limit-*", "set-*", "*"].map(String::from);
        let names = |allowed: &[String]| -> Vec<String> {
            shown(&headers, allowed)
                .into_iter()
                .map(|(name, _)| name)
                .collect()
        };
        assert_eq!(names(&allowed[..1]), ["x-limit-tokens"]);
        assert_eq!(names(&allowed), ["retry-after", "x-limit-tokens"]);
        assert!(names(&[]).is_empty());
    }
}
