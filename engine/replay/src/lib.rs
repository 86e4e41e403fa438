//! Tests and recorded traffic, carried out by the real routing code in virtual time.
//!
//! It may not know sockets or tokio. [`world`] is the clock and the queue of events; [`play`] is what an upstream does in
//! it; [`case`] runs the `test` blocks of a bundle and
//! [`verdict`] judges them, [`cover`] counts what they cover, [`moment`] is one request that can be decided again, [`traffic`] runs recorded requests and [`report`] compares.

pub mod case;
pub mod cover;
pub mod expectation;
pub mod moment;
pub mod play;
pub mod report;
pub mod sample;
pub mod sim;
pub mod traffic;
pub mod verdict;
pub mod world;
