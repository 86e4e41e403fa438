//! What one instance holds beside its code: how far its memory may grow, and what it may log.

use wasmtime::ResourceLimiter;

use crate::bindings::mux::provider::host::{Host as Logger, Level};
use crate::bindings::mux::provider::types::Host as Types;

/// Longest message passed on, in bytes.
const MESSAGE_LIMIT: usize = 8 << 10;
/// Most bytes of messages passed on from one call.
const LOG_LIMIT: usize = 64 << 10;
/// Most entries a table may have.
const TABLE_LIMIT: usize = 20_000;

/// The data of one instance's store.
#[derive(Debug)]
pub(crate) struct Ceiling {
    plugin: String,
    memory: usize,
    peak: usize,
    refused: bool,
    log: bool,
    logged: usize,
}

impl Ceiling {
    pub(crate) fn new(plugin: &str, memory: usize, log: bool) -> Self {
        Self {
            plugin: plugin.to_owned(),
            memory,
            peak: 0,
            refused: false,
            log,
            logged: 0,
        }
    }

    /// Starts the account of the next call.
    pub(crate) fn next_call(&mut self) {
        self.refused = false;
        self.logged = 0;
    }

    /// Whether memory was refused since the call began.
    pub(crate) fn refused(&self) -> bool {
        self.refused
    }

    /// The largest memory so far, in bytes.
    pub(crate) fn peak(&self) -> usize {
        self.peak
    }
}

impl ResourceLimiter for Ceiling {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = desired <= self.memory;
        if allowed {
            self.peak = self.peak.max(desired);
        } else {
            self.refused = true;
        }
        Ok(allowed)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_LIMIT)
    }

    fn instances(&self) -> usize {
        8
    }

    fn tables(&self) -> usize {
        4
    }

    fn memories(&self) -> usize {
        2
    }
}

impl Types for Ceiling {}

impl Logger for Ceiling {
    fn log(&mut self, at: Level, message: String) {
        if !self.log || self.logged + message.len() > LOG_LIMIT {
            return;
        }
        self.logged += message.len();
        let message = message
            .get(..message.floor_char_boundary(MESSAGE_LIMIT))
            .unwrap_or_default();
        let plugin = self.plugin.as_str();
        match at {
            Level::Debug => tracing::debug!(plugin, message),
            Level::Info => tracing::info!(plugin, message),
            Level::Warn => tracing::warn!(plugin, message),
            Level::Error => tracing::error!(plugin, message),
        }
    }
}
