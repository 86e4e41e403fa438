//! The other processors, which carry out what goes on beside a replay.

use mux_replay::traffic::{Hands, Work};
use std::thread;

/// A thread for each of them.
#[derive(Debug)]
pub(crate) struct Processors;

impl Hands for Processors {
    fn many(&self) -> usize {
        thread::available_parallelism().map_or(0, |all| all.get() - 1)
    }

    fn begin(&self, work: Work) {
        thread::spawn(work);
    }
}
