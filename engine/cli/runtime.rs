//! The runtime that commands with sockets run on.

use crate::ending::Trouble;
use tokio::runtime::{Builder, Runtime};

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
