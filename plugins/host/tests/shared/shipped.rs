//! The shipped adapters.

use std::sync::OnceLock;

use mux_plugins::{Adapter, embedded};

use crate::stage::host;

/// The shipped adapter of that name under empty settings.
pub(crate) fn adapter(name: &str) -> Adapter {
    static ADAPTERS: OnceLock<Vec<Adapter>> = OnceLock::new();
    let adapters = ADAPTERS.get_or_init(|| {
        let load = |(name, bytes): &(&str, &[u8])| {
            let plugin = host().load(name, bytes).expect("it loads");
            plugin.adapter("{}", None).expect("it takes no settings")
        };
        embedded().iter().map(load).collect()
    });
    let found = adapters
        .iter()
        .find(|adapter| adapter.plugin().id() == name);
    found.expect("a shipped adapter").clone()
}
