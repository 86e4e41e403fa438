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
