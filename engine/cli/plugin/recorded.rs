//! Files with recorded exchanges.

use crate::ending::Trouble;
use mux_plugins::Exchange;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The exchanges of a folder, by name, in the order of their names.
pub(super) fn folder(folder: &Path) -> Result<Vec<(PathBuf, Value)>, Trouble> {
    let wrong = |error: std::io::Error| Trouble::usage(format!("`{}`: {error}", folder.display()));
    let mut files = Vec::new();
    for entry in folder.read_dir().map_err(wrong)? {
        let file = entry.map_err(wrong)?.path();
        if file.extension().is_some_and(|end| end == "json") {
            files.push(file);
        }
    }
    files.sort();
    files
        .into_iter()
        .map(|file| Ok((file.clone(), json(&file)?)))
        .collect()
}

/// A file as JSON.
pub(super) fn json(file: &Path) -> Result<Value, Trouble> {
    let wrong = |why: String| Trouble::usage(format!("`{}`: {why}", file.display()));
    let text = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| wrong(format!("it is no JSON: {error}")))
}

/// What a file holds as an exchange.
pub(super) fn exchange(file: &Path, json: &Value) -> Result<Exchange, Trouble> {
    Exchange::read(json.to_string().as_bytes())
        .map_err(|why| Trouble::usage(format!("`{}`: {why}", file.display())))
}
