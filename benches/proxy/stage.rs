//! A provider without latency, and the two proxies in front of it.

use super::{bare, provider};
use mux_gateway::gateway::{Gateway, Options};
use std::net::{Ipv4Addr, SocketAddr};
use tempfile::TempDir;

/// The ways to the provider, in the order of [`Stage::addresses`].
pub(crate) const STAGES: [&str; 3] = ["direct", "bare proxy", "mux"];

/// Everything that listens.
pub(crate) struct Stage {
    provider: SocketAddr,
    bare: SocketAddr,
    gateway: Gateway,
    /// Removed when the stage is.
    _folder: TempDir,
}

impl Stage {
    /// Starts it all.
    pub(crate) async fn set() -> Self {
        let provider = provider::start().await;
        let bare = bare::start(provider).await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let policies = folder.path().join("bench.mux");
        std::fs::write(&policies, policy(provider)).expect("a temporary file");
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let options = Options::new(&policies, &folder.path().join("data"), listen);
        let gateway = Gateway::start(options).await.expect("a gateway");
        Self {
            provider,
            bare,
            gateway,
            _folder: folder,
        }
    }

    /// Where a client asks: the provider, the bare proxy, mux.
    pub(crate) fn addresses(&self) -> [SocketAddr; STAGES.len()] {
        [self.provider, self.bare, self.gateway.address]
    }

    /// Stops the gateway, which has something to write out; the rest ends with the runtime.
    pub(crate) async fn strike(self) {
        self.gateway.stop().await;
    }
}

/// An ordinary policy: a rule that asks for a tag, a chain with deadlines.
fn policy(provider: SocketAddr) -> String {
    format!(
        r#"
provider here {{
  kind openai-compatible
  url  "http://{provider}/v1"
  model m {{
    context 128k
    price   input $1/Mtok  output $2/Mtok
    can     tools images json-schema streaming
  }}
}}

plan chain {{
  fallback within 20s {{
    try here/m timeout 10s retry 1 on 5xx network
  }}
}}

policy @chat {{
  when tag.tier is "free" and tokens > 50k  deny 403 "too long"
  else                                      use plan chain
}}
"#
    )
}
