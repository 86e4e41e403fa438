//! The runtime that commands with sockets run on, and how they are told to stop.

use crate::ending::Trouble;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The runtime of commands that need one.
pub(crate) fn start() -> Result<Runtime, Trouble> {
    Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Trouble::internal)
}

/// A runtime whose clock stands still while anything is left to do, and then goes on to the next timer.
pub(crate) fn paused() -> Result<Runtime, Trouble> {
    Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .map_err(Trouble::internal)
}

/// Hears `SIGTERM` and `SIGINT` from when it is made: make it before anything is served, so that no signal finds nobody home.
pub(crate) struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    pub(crate) fn listen() -> Result<Self, Trouble> {
        let hear = |kind| signal(kind).map_err(Trouble::internal);
        Ok(Self {
            terminate: hear(SignalKind::terminate())?,
            interrupt: hear(SignalKind::interrupt())?,
        })
    }

    /// Waits until the command is told to stop.
    pub(crate) async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
