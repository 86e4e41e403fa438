//! The record of what was asked, decided and done: its schema, its files, reading and writing them.
//!
//! It may not know sockets or policies: names and figures, not what they mean.

pub mod record;
