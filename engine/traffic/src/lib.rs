//! The record of what was asked, decided and done: its schema, its files, reading and writing them.
//!
//! It may not know sockets or policies: names and figures, not what they mean.
//!
//! - [`record`] is the schema in Rust, [`schema`] the same in JSON Schema for everybody else; a test keeps them equal.
//! - [`Writer`] takes finished records off the hot path. [`Writer::offer`] never waits: a full queue drops the record and
//!   counts it. One thread of its own turns records into lines and lines into segments.
//! - [`read`] streams records back from one file or a folder of them, in memory that does not grow with the files;
//!   [`read_within`] passes over segments of another time by their [`Index`].
//! - [`Summary`] counts them, [`Condition`] picks some.
//! - [`import`] reads what others recorded.
//!
//! # Segments
//!
//! A segment is `<unix-ms>-<n>.jsonl.zst`: one JSON object a line, compressed. Every flush ends a zstd frame, so what was
//! flushed before a crash is whole, and a crash in the middle of a write costs the lines of that write only. A reader
//! takes a torn last frame for the end of the file and says so in [`Reader::notices`]. Plain `zstdcat` reads them too, and
//! a file that is not compressed (`.jsonl`) is read the same way.
//!
//! # What may change
//!
//! Fields are only ever added. A reader skips fields it does not know and reads a newer `v` as far as it understands it.

mod condition;
mod dates;
mod foreign;
mod index;
mod keep;
mod lines;
mod order;
pub mod reader;
pub mod record;
mod redact;
mod sample;
mod schema;
mod scribe;
pub mod segment;
mod spread;
pub mod summary;
pub mod writer;

pub use condition::Condition;
pub use dates::moment;
pub use foreign::{Assumed, Foreign, Import, import};
pub use index::{Index, Span};
pub use keep::Keep;
pub use order::Order;
pub use reader::{ReadError, Reader, files, read, read_within};
pub use record::Record;
pub use redact::Redaction;
pub use sample::Sample;
pub use schema::schema;
pub use scribe::{Options, Tally};
pub use spread::Spread;
pub use summary::Summary;
pub use writer::Writer;
