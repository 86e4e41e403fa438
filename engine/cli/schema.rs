//! `mux schema`: the schemas of what mux writes, for readers in other languages.

use crate::ending::Exit;
use crate::out::Out;
use clap::{Args, ValueEnum};

/// Print the schema of what mux writes
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Of what
    what: What,
}

/// What has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// The decision record, one line of a recording
    Record,
}

impl Schema {
    pub(crate) fn run(&self, out: &mut Out) -> Exit {
        match self.what {
            What::Record => out.text(mux_traffic::schema()),
        }
        Exit::Good
    }
}
