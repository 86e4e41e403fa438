//! What a store promises, tried from outside: refs and holds, recovery from damage, `kill -9`, disks that are full or read-only.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test helpers fail loudly"
)]

mod copies;
mod damage;
mod disk;
mod fixture;
mod full;
mod kill;
mod recovery;
mod refs;
