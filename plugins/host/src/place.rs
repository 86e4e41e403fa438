//! Where a request may go: base addresses and paths below them.

use http::Uri;
use serde_json::{Map, Value};

/// Longest path with its query, in bytes.
const PATH_LIMIT: usize = 8 << 10;
/// How often something in a path may be escaped.
const ESCAPED: usize = 4;

/// A base address without its last slash.
///
/// # Errors
/// When it is no address a request can be sent to.
pub(crate) fn base(address: &str) -> Result<String, String> {
    let wrong = |why: &str| format!("the address `{}` {why}", address.escape_debug());
    let uri: Uri = address
        .parse()
        .map_err(|error| wrong(&format!("is none: {error}")))?;
    if !matches!(uri.scheme_str(), Some("https" | "http")) {
        return Err(wrong("does not start with https:// or http://"));
    }
    let authority = uri.authority().ok_or_else(|| wrong("has no host"))?;
    if authority.host().is_empty() || authority.as_str().contains('@') {
        return Err(wrong("needs a host, and may not hold a user name"));
    }
    if uri.query().is_some() || address.contains('#') {
        return Err(wrong("may not have a query or a fragment"));
    }
    if !uri.path().trim_matches('/').is_empty() {
        path(uri.path(), &[String::from("/")]).map_err(|why| wrong(&why))?;
    }
    Ok(address.trim_end_matches('/').to_owned())
}

/// Fills `{config.NAME}` in a base address with text settings. `{config.NAME|OTHER}` is the first of them that is set.
///
/// # Errors
/// When a setting is missing, or is not a plain word that cannot lead anywhere else.
pub(crate) fn fill(template: &str, settings: &Map<String, Value>) -> Result<String, String> {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{config.") {
        let (name, after) = after
            .split_once('}')
            .ok_or_else(|| format!("the address `{template}` has an open `{{config.`"))?;
        let mut names = name.split('|');
        let value = names
            .clone()
            .find_map(|name| settings.get(name))
            .and_then(Value::as_str);
        let name = names.next().unwrap_or_default();
        let value = value
            .ok_or_else(|| format!("the setting `{name}` is needed: it is part of `{template}`"))?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if value.is_empty() || value.contains("..") || !value.bytes().all(plain) {
            return Err(format!(
                "the setting `{name}` is part of an address: letters, digits, `-`, `_` and `.` only"
            ));
        }
        filled.push_str(before);
        filled.push_str(value);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Checks a path with its query against the prefixes it may start with.
///
/// # Errors
/// The rest of a sentence that begins with "the path".
pub(crate) fn path(path: &str, prefixes: &[String]) -> Result<(), String> {
    let shown = || {
        path.chars()
            .take(80)
            .collect::<String>()
            .escape_debug()
            .to_string()
    };
    if path.len() > PATH_LIMIT {
        return Err(format!("is longer than {PATH_LIMIT} bytes"));
    }
    if !path.starts_with('/') || path.starts_with("//") {
        return Err(format!("`{}` does not start with one `/`", shown()));
    }
    let clean = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#');
    if !path.bytes().all(clean) || path.parse::<Uri>().is_err() {
        return Err(format!("`{}` holds a character no path may hold", shown()));
    }
    let plain = path.split('?').next().unwrap_or(path);
    if climbs(plain) {
        return Err(format!("`{}` climbs out of its folder", shown()));
    }
    if prefixes.iter().any(|prefix| below(plain, prefix)) {
        Ok(())
    } else {
        Err(format!("`{}` is none of the plugin's own paths", shown()))
    }
}

/// Whether a path has a `..`, in whatever disguise, or a character that servers take for a slash or an end. A slash behind
/// an escape is part of a name.
fn climbs(path: &str) -> bool {
    let mut plain = path.to_ascii_lowercase();
    // As often as whoever reads it may take escapes out; nobody honest puts more in.
    for _ in 0..ESCAPED {
        if !plain.contains('%') {
            break;
        }
        plain = plain
            .replace("%2e", ".")
            .replace("%2f", "/")
            .replace("%25", "%");
    }
    plain.contains("%25")
        || plain.contains("%5c")
        || plain.contains("%00")
        || plain.split('/').any(|part| part == ".." || part == ".")
}

/// Whether `path` is `prefix` or goes on from it at a border between names.
fn below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| {
        rest.is_empty() || prefix.ends_with('/') || rest.starts_with(['/', ':'])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn prefixes() -> Vec<String> {
        vec![String::from("/messages"), String::from("/v1/")]
    }

    #[test]
    fn only_the_plugins_own_paths_pass() {
        for good in [
            "/messages",
            "/messages/count",
            "/messages?beta=true",
            "/messages:send",
            "/v1/x",
            "/v1/arn%3Aaws%3Abedrock%3Aeu-central-1%3A123%3Ainference-profile%2Feu.a.b-v1%3A0/converse",
            "/v1/a%2Fb.c%2F...d",
        ] {
            assert_eq!(path(good, &prefixes()), Ok(()), "{good}");
        }
        for bad in [
            "",
            "messages",
            "//evil.example/messages",
            "https://evil.example/messages",
            "/messages2",
            "/admin",
            "/messages/../admin",
            "/messages/%2e%2e/admin",
            "/messages/%2E%2E/admin",
            "/v1/..%2fadmin",
            "/v1/a%2F%2E%2e%2Fadmin",
            "/v1/a%252f..%252Fadmin",
            "/v1/%25252e%25252e%2fadmin",
            "/v1/%2525252525252e%2e/admin",
            "/v1/a%2f%2e%2fb",
            "/v1/a%255cb",
            "/v1/a%00b",
            "/messages\\..",
            "/messages#x",
            "/messages x",
            "/messages\r\nhost: evil",
            "/messages/ä",
        ] {
            assert!(path(bad, &prefixes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_is_a_host_and_perhaps_a_path() {
        assert_eq!(
            base("https://a.example/v1/").as_deref(),
            Ok("https://a.example/v1")
        );
        assert_eq!(
            base("http://127.0.0.1:9000").as_deref(),
            Ok("http://127.0.0.1:9000")
        );
        assert_eq!(
            base("http://[::1]:9000/v1").as_deref(),
            Ok("http://[::1]:9000/v1")
        );
        for bad in [
            "",
            "a.example",
            "ftp://a.example",
            "https://",
            "https://user:pass@a.example",
            "https://a.example/?x=1",
            "https://a.example/#x",
            "https://a.example/../x",
        ] {
            assert!(base(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_setting_cannot_lead_an_address_elsewhere() {
        let template = "https://{config.region}.api.example/v1";
        let settings = |value: &str| {
            let mut map = Map::new();
            map.insert(String::from("region"), Value::from(value));
            map
        };
        assert_eq!(
            fill(template, &settings("eu-1")).as_deref(),
            Ok("https://eu-1.api.example/v1")
        );
        for bad in ["", "evil.example/", "a@b", "a..b", "a?b", "a:b"] {
            assert!(fill(template, &settings(bad)).is_err(), "{bad}");
        }
        assert!(fill(template, &Map::new()).is_err());
        let either = "https://{config.api-region|region}.api.example";
        assert_eq!(
            fill(either, &settings("eu-1")).as_deref(),
            Ok("https://eu-1.api.example")
        );
        let why = fill(either, &Map::new()).expect_err("neither");
        assert!(why.contains("the setting `api-region` is needed"), "{why}");
    }

    proptest! {
        #[test]
        fn no_path_that_passes_leaves_its_prefix(text in "[/.a-z%2eEfF5cC]{0,24}") {
            if path(&text, &prefixes()).is_ok() {
                prop_assert!(text.starts_with("/messages") || text.starts_with("/v1/"));
                prop_assert!(!text.contains("/../") && !text.ends_with("/.."));
            }
        }
    }
}
