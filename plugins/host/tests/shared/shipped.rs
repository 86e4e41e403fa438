//! The shipped adapters.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use mux_plugins::{Adapter, embedded};

use crate::stage::host;

/// The shipped adapter of that name under empty settings.
pub(crate) fn adapter(name: &str) -> Adapter {
    configured(name, "{}")
}

/// The same under settings, loaded once.
pub(crate) fn configured(name: &str, settings: &str) -> Adapter {
    static LOADED: LazyLock<Mutex<HashMap<String, Adapter>>> = LazyLock::new(Mutex::default);
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    let load = || {
        let shipped = embedded().iter().find(|(id, _)| *id == name);
        let (id, bytes) = shipped.expect("a shipped adapter");
        let plugin = host().load(id, bytes).expect("it loads");
        plugin
            .adapter(settings, None)
            .expect("it takes its settings")
    };
    let adapter = loaded
        .entry(format!("{name} {settings}"))
        .or_insert_with(load);
    adapter.clone()
}
