//! Where atomics come from: the standard library; or, for `tests/interleavings.rs` alone, `shuttle`, which decides itself
//! which thread goes on at every one of them.

#[cfg(feature = "shuttle")]
pub(crate) use shuttle::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering,
};
#[cfg(not(feature = "shuttle"))]
pub(crate) use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering,
};
