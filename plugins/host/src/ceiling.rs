//! What one instance holds beside its code: how far its memory may grow, and what it may log.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use wasmtime::ResourceLimiter;

use crate::bindings::mux::provider::host::{Host as Logger, Level};
use crate::bindings::mux::provider::types::Host as Types;

/// Longest message passed on, in bytes.
const MESSAGE_LIMIT: usize = 8 << 10;
/// Most bytes of messages passed on from one call.
const LOG_LIMIT: usize = 64 << 10;
/// How many times its processor time a call may take where the machine is busy with others.
const PATIENCE: u32 = 10;
/// What every call's random numbers begin with.
const SEED: u64 = 0x6d75_7870_6c75_6721;
/// Most entries a table may have.
const TABLE_LIMIT: usize = 20_000;

/// The data of one instance's store.
#[derive(Debug)]
pub(crate) struct Ceiling {
    plugin: String,
    /// What all memories of the instance may have together, in bytes.
    memory: usize,
    /// What they have, and what of it came last.
    taken: usize,
    last: usize,
    refused: bool,
    log: bool,
    logged: usize,
    chance: u64,
    /// Milliseconds the call may take.
    ticks: u64,
    /// Processor time of the thread and the time, when the call was first seen to take longer than a tick.
    since: Option<(Duration, Instant)>,
}

impl Ceiling {
    pub(crate) fn new(plugin: &str, memory: usize, log: bool) -> Self {
        Self {
            plugin: plugin.to_owned(),
            memory,
            taken: 0,
            last: 0,
            refused: false,
            log,
            logged: 0,
            chance: SEED,
            ticks: 0,
            since: None,
        }
    }

    /// Starts the account of the next call, which may take so many milliseconds.
    pub(crate) fn next_call(&mut self, ticks: u64) {
        self.ticks = ticks;
        self.since = None;
        self.refused = false;
        self.logged = 0;
        // A call that draws is to give the same result wherever and whenever it is made.
        self.chance = SEED;
    }

    /// After how many further ticks the call is to be looked at again; `None` where its time is over. It is processor time
    /// that counts: a machine busy with others does not make a plugin late. Looking at that clock is too dear for
    /// every call, so it begins with the first look, after a tick or two.
    pub(crate) fn time_left(&mut self) -> Option<u64> {
        let allowed = Duration::from_millis(self.ticks.saturating_sub(1));
        let (spent, elapsed) = match self.since {
            None => {
                self.since = Some((thread_time(), Instant::now()));
                (Duration::ZERO, Duration::ZERO)
            }
            Some((then, started)) => (thread_time().saturating_sub(then), started.elapsed()),
        };
        let left = allowed.checked_sub(spent)?;
        let left = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        (left > 0 && elapsed < allowed * PATIENCE).then_some(left)
    }

    /// Processor time of the call so far, where it takes longer than a tick.
    pub(crate) fn long(&self) -> Option<Duration> {
        let (then, _) = self.since?;
        Some(thread_time().saturating_sub(then) + Duration::from_millis(1))
    }

    /// The next of the numbers that pass for random in a guest, by `SplitMix64`.
    pub(crate) fn draw(&mut self) -> u64 {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.chance ^ (self.chance >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Whether memory was refused since the call began.
    pub(crate) fn refused(&self) -> bool {
        self.refused
    }

    /// The memory it has, in bytes. None is ever given back.
    pub(crate) fn taken(&self) -> usize {
        self.taken
    }
}

/// Processor time of this thread.
fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

impl ResourceLimiter for Ceiling {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        let taken = self.taken.saturating_add(more);
        let allowed = taken <= self.memory;
        if allowed {
            (self.taken, self.last) = (taken, more);
        } else {
            self.refused = true;
        }
        Ok(allowed)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        // What was allowed was not to be had.
        self.taken = self.taken.saturating_sub(std::mem::take(&mut self.last));
        Ok(())
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_LIMIT)
    }

    // A component whose language brings its engine along is made of many modules.
    fn instances(&self) -> usize {
        24
    }

    fn tables(&self) -> usize {
        8
    }

    fn memories(&self) -> usize {
        4
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

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Ceiling {
        let mut ceiling = Ceiling::new("p", 0, false);
        ceiling.next_call(50);
        assert_eq!(ceiling.time_left(), Some(49));
        ceiling
    }

    #[test]
    fn all_memories_of_an_instance_share_what_it_may_have() {
        let mut ceiling = Ceiling::new("p", 100, false);
        let mut grows = |from, to| ceiling.memory_growing(from, to, None).unwrap_or(false);
        assert!(grows(0, 60), "the first");
        assert!(!grows(0, 60), "a second of the same size");
        assert!(grows(0, 40), "a smaller one");
        assert!(!grows(60, 61), "and no more for either");
        assert!(ceiling.refused());
        let failed = ceiling.memory_grow_failed(wasmtime::Error::msg("none left"));
        assert!(failed.is_ok());
        assert_eq!(ceiling.taken(), 60, "what was not to be had is not counted");
    }

    #[test]
    fn a_call_that_computes_runs_out_of_time() {
        let mut ceiling = call();
        let started = thread_time();
        while thread_time().saturating_sub(started) < Duration::from_millis(49) {}
        assert_eq!(ceiling.time_left(), None);
    }

    #[test]
    fn a_machine_busy_with_others_makes_no_call_late_but_has_an_end() {
        let mut ceiling = call();
        let ago = |milliseconds| Instant::now().checked_sub(Duration::from_millis(milliseconds));
        ceiling.since = ago(400).map(|then| (thread_time(), then));
        assert!(ceiling.time_left().is_some_and(|left| left > 40));
        ceiling.since = ago(490).map(|then| (thread_time(), then));
        assert_eq!(ceiling.time_left(), None);
    }
}
