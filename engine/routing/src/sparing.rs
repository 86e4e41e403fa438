//! Whether only what clients wait for is sent. Whoever sees that the machine is short of something says so; routing asks
//! before it sends a duplicate.

use crate::atomics::{AtomicBool, Ordering::Relaxed};

/// Told by one, asked by all.
#[derive(Debug, Default)]
pub struct Sparing {
    on: AtomicBool,
}

impl Sparing {
    /// Says whether it is so from now on.
    pub fn set(&self, on: bool) {
        self.on.store(on, Relaxed);
    }

    /// Whether it is so.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.on.load(Relaxed)
    }
}
