//! Policies as text, the short ones that tests need.

use std::net::SocketAddr;

/// A provider with one model, `NAME/m`.
pub(crate) fn provider(name: &str, kind: &str, at: SocketAddr) -> String {
    provider_with(name, kind, at, "")
}

/// The same, with further lines.
pub(crate) fn provider_with(name: &str, kind: &str, at: SocketAddr, lines: &str) -> String {
    format!(
        "provider {name} {{
  kind {kind}
  url \"http://{at}/v1\"
  {lines}
  model m {{
    id      \"{name}-model\"
    context 128k
    output  8k
    price   input $1/Mtok  output $5/Mtok
    can     tools images json-schema streaming
  }}
}}
"
    )
}

/// An OpenAI-compatible provider.
pub(crate) fn openai(name: &str, at: SocketAddr) -> String {
    provider(name, "openai-compatible", at)
}

/// A policy that tries targets in order; each may bring its options.
pub(crate) fn chain(name: &str, tries: &[&str]) -> String {
    let tries = tries.join("\n    try ");
    format!("policy @{name} {{\n  else use fallback within 30s {{\n    try {tries}\n  }}\n}}\n")
}

/// A policy with one target.
pub(crate) fn only(name: &str, target: &str) -> String {
    format!("policy @{name} {{ else use {target} }}\n")
}

/// One bundle.
pub(crate) fn bundle(parts: &[String]) -> String {
    format!("mux 1\n{}", parts.concat())
}
