//! What a plugin may use.

use std::time::Duration;

/// Limits on plugins and on their calls. The defaults suit adapters written in Rust, C or Zig.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Largest component file, in bytes.
    pub component: usize,
    /// Linear memory of one instance, in bytes. A manifest may ask for less.
    pub memory: usize,
    /// Instances alive at once, over all plugins.
    pub instances: u32,
    /// Processor time for `describe` and `configure`.
    pub describe: Duration,
    /// Processor time for `prepare`, beside what the size of the body adds.
    pub prepare: Duration,
    /// Processor time for `decode`, beside what the size of the frames adds.
    pub decode: Duration,
    /// Processor time for `map-error`.
    pub map_error: Duration,
    /// Largest state carried from call to call, in bytes.
    pub state: usize,
    /// Most chunk bytes one `decode` may return, unless its input is larger still.
    pub chunks: usize,
    /// Calls after which an instance is replaced.
    pub calls: u32,
    /// Whether what plugins log is passed on.
    pub log: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            component: 32 << 20,
            memory: 32 << 20,
            instances: 256,
            describe: Duration::from_secs(1),
            prepare: Duration::from_millis(50),
            decode: Duration::from_millis(50),
            map_error: Duration::from_millis(50),
            state: 16 << 10,
            chunks: 1 << 20,
            calls: 10_000,
            log: false,
        }
    }
}

/// The least output every call may return, in bytes.
const LEAST_OUTPUT: usize = 64 << 10;
/// The most output any call may return, in bytes.
const MOST_OUTPUT: usize = 32 << 20;
/// How much input earns one more millisecond.
const BYTES_PER_TICK: usize = 16 << 10;

/// What one call may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    /// Milliseconds, which are the ticks of the epoch.
    pub(crate) ticks: u64,
    /// Bytes of results.
    pub(crate) output: usize,
}

impl Budget {
    /// A budget that grows with the call's input.
    pub(crate) fn new(time: Duration, input: usize) -> Self {
        let time = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let more = u64::try_from(input / BYTES_PER_TICK).unwrap_or(u64::MAX);
        Self {
            ticks: time.saturating_add(more).max(1),
            output: input
                .saturating_mul(4)
                .saturating_add(LEAST_OUTPUT)
                .min(MOST_OUTPUT),
        }
    }
}
