//! Adapters as people name them: by a kind, or by the file of a component.

use crate::ending::Trouble;
use mux_plugins::preset::{self, PRESETS, Preset};
use mux_plugins::{Host, Limits, Plugin, embedded};
use std::path::Path;
use std::sync::Arc;

/// The adapter of a kind that comes with mux, with its preset where it is one, or that of a file.
pub(crate) fn named(name: &str) -> Result<(Arc<Plugin>, Option<&'static Preset>), Trouble> {
    let host = Host::new(Limits::default()).map_err(Trouble::internal)?;
    let preset = preset::of(name);
    let id = preset.map_or(name, |preset| preset.adapter);
    let shipped = embedded().iter().find(|(known, _)| *known == id);
    let plugin = match shipped {
        Some((id, bytes)) => host.load(id, bytes),
        None if Path::new(name).extension().is_some_and(|e| e == "wasm") => {
            let bytes = std::fs::read(name)
                .map_err(|error| Trouble::usage(format!("`{name}`: {error}")))?;
            host.load(name, &bytes)
        }
        None => return Err(Trouble::usage(unknown(name))),
    };
    let plugin = plugin.map_err(|error| Trouble::usage(error.to_string()))?;
    Ok((plugin, preset))
}

/// A component by its bytes; `name` is what errors call it.
pub(super) fn loaded(name: &str, bytes: &[u8]) -> Result<Arc<Plugin>, Trouble> {
    let host = Host::new(Limits::default()).map_err(Trouble::internal)?;
    host.load(name, bytes).map_err(Trouble::usage)
}

fn unknown(name: &str) -> String {
    let shipped = embedded().iter().map(|(known, _)| *known);
    let mut kinds: Vec<&str> = shipped.chain(PRESETS.iter().map(|p| p.kind)).collect();
    kinds.sort_unstable();
    format!(
        "no adapter for `{name}`: there is `{}`, and any file that ends in `.wasm`",
        kinds.join("`, `")
    )
}
