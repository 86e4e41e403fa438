//! What a manifest may not say.

use http::HeaderName;

use crate::header;
use crate::manifest::Manifest;
use crate::place;

/// Longest id and version, in bytes.
const NAME_LIMIT: usize = 64;

/// Checks a manifest against what the host stands for.
///
/// # Errors
/// What is wrong, in words for the plugin's author.
pub(crate) fn check(manifest: &Manifest, memory_limit: usize) -> Result<(), String> {
    check_names(manifest)?;
    check_memory(manifest, memory_limit)?;
    check_upstreams(manifest)?;
    check_operations(manifest)?;
    check_headers(manifest)
}

fn check_names(manifest: &Manifest) -> Result<(), String> {
    let id = manifest.id.as_str();
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let starts = id.starts_with(|first: char| first.is_ascii_lowercase());
    if !starts || id.len() > NAME_LIMIT || !id.bytes().all(fits) {
        return Err(format!(
            "its id `{}` is not a word of lower-case letters, digits and `-`",
            id.escape_debug()
        ));
    }
    let version = manifest.version.as_str();
    if version.is_empty()
        || version.len() > NAME_LIMIT
        || !version.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(format!(
            "its version `{}` is empty or unreadable",
            version.escape_debug()
        ));
    }
    let schema: Result<serde_json::Map<_, _>, _> = serde_json::from_str(&manifest.config_schema);
    schema
        .map(drop)
        .map_err(|error| format!("its `config-schema` is no JSON object: {error}"))
}

fn check_memory(manifest: &Manifest, limit: usize) -> Result<(), String> {
    let asked = (manifest.memory_mib as usize).saturating_mul(1 << 20);
    if asked > limit {
        return Err(format!(
            "it asks for {} MiB of memory and may have {}",
            manifest.memory_mib,
            limit >> 20
        ));
    }
    Ok(())
}

fn check_upstreams(manifest: &Manifest) -> Result<(), String> {
    if manifest.upstreams.is_empty() {
        return Err(String::from("it names no upstream"));
    }
    for upstream in &manifest.upstreams {
        let base = &upstream.base_url;
        if !base.starts_with("https://") {
            return Err(format!("its upstream `{base}` is not https"));
        }
        if !base.contains("{config.") {
            place::base(base)?;
        }
        if upstream.paths.iter().any(|path| !path.starts_with('/')) {
            return Err(format!(
                "the paths of its upstream `{}` must start with `/`",
                upstream.id
            ));
        }
    }
    Ok(())
}

fn check_operations(manifest: &Manifest) -> Result<(), String> {
    if manifest.operations.is_empty() {
        return Err(String::from("it offers no operation"));
    }
    for operation in &manifest.operations {
        let Some(fixed) = &operation.fixed else {
            continue;
        };
        let found = manifest
            .upstreams
            .iter()
            .find(|upstream| upstream.id == fixed.upstream);
        let upstream = found.ok_or_else(|| {
            format!(
                "its operation `{}` goes to `{}`, which is none of its upstreams",
                operation.name, fixed.upstream
            )
        })?;
        place::path(&fixed.path, &upstream.paths)
            .map_err(|why| format!("the path of its operation `{}` {why}", operation.name))?;
        header::map(&fixed.headers)?;
    }
    Ok(())
}

fn check_headers(manifest: &Manifest) -> Result<(), String> {
    if manifest.auth.is_empty() {
        return Err(String::from("it names no `auth` scheme, not even `none`"));
    }
    for name in &manifest.response_headers {
        let bare = name.strip_suffix('*').unwrap_or(name);
        if HeaderName::from_bytes(bare.as_bytes()).is_err()
            || header::sets_cookie(&bare.to_ascii_lowercase())
        {
            return Err(format!(
                "it may not see the response header `{}`",
                name.escape_debug()
            ));
        }
    }
    let limits = manifest.limit_headers.iter();
    let mut names = limits.flat_map(|limit| [&limit.limit, &limit.remaining, &limit.reset]);
    match names.find_map(|name| name.as_ref().filter(|name| !is_header(name))) {
        Some(name) => Err(format!(
            "`{}` among its `limit-headers` is no header name",
            name.escape_debug()
        )),
        None => Ok(()),
    }
}

fn is_header(name: &str) -> bool {
    HeaderName::from_bytes(name.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{AuthScheme, FixedPlan, Operation, Upstream};
    use mux_wire::frame::Framing;

    fn manifest() -> Manifest {
        Manifest {
            id: String::from("sample"),
            version: String::from("1.0.0"),
            display_name: String::new(),
            operations: vec![Operation {
                name: String::from("chat"),
                dialects: vec![String::from("openai-chat")],
                fixed: Some(FixedPlan {
                    upstream: String::from("api"),
                    path: String::from("/chat"),
                    headers: Vec::new(),
                    framing: Framing::Sse,
                }),
                wants_body: false,
            }],
            upstreams: vec![Upstream {
                id: String::from("api"),
                base_url: String::from("https://api.example.com/v1"),
                paths: vec![String::from("/chat")],
            }],
            auth: vec![AuthScheme::Bearer],
            config_schema: String::from("{}"),
            response_headers: vec![String::from("retry-after"), String::from("x-limit-*")],
            limit_headers: Vec::new(),
            memory_mib: 4,
            extra: Vec::new(),
        }
    }

    fn refused(change: impl FnOnce(&mut Manifest)) -> String {
        let mut manifest = manifest();
        change(&mut manifest);
        check(&manifest, 32 << 20).expect_err("refused")
    }

    #[test]
    fn a_plain_manifest_passes() {
        assert_eq!(check(&manifest(), 32 << 20), Ok(()));
    }

    #[test]
    fn a_manifest_is_refused_for_what_it_claims() {
        assert!(refused(|m| m.id = String::from("../up")).contains("id"));
        assert!(refused(|m| m.version = String::new()).contains("version"));
        assert!(refused(|m| m.config_schema = String::from("[]")).contains("config-schema"));
        assert!(refused(|m| m.memory_mib = 64).contains("64 MiB"));
        assert!(refused(|m| m.upstreams.clear()).contains("upstream"));
        assert!(refused(|m| m.operations.clear()).contains("operation"));
        assert!(refused(|m| m.auth.clear()).contains("auth"));
        assert!(
            refused(|m| m.upstreams[0].base_url = String::from("http://a.example"))
                .contains("https")
        );
        assert!(
            refused(|m| m.upstreams[0].paths = vec![String::from("/other")]).contains("own paths")
        );
        for cookie in ["set-cookie", "Set-Cookie", "set-cookie2", "set-cookie*"] {
            assert!(refused(|m| m.response_headers.push(String::from(cookie))).contains("see"));
        }
        let with_key = |m: &mut Manifest| {
            let fixed = m.operations[0].fixed.as_mut().expect("fixed");
            fixed.headers = vec![(String::from("authorization"), String::from("Bearer x"))];
        };
        assert!(refused(with_key).contains("authorization"));
    }
}
