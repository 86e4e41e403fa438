//! Which recorded requests a command looks at.

use crate::out::duration;
use clap::Args;
use mux_gateway::clock::unix_ms;
use mux_traffic::record::Entry;
use mux_traffic::{Index, Record};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Which recorded requests.
#[derive(Debug, Default, Args)]
pub(crate) struct Recorded {
    /// Recorded requests: a segment, or a folder of them
    #[arg(long, value_name = "FILE|DIR")]
    traffic: Option<PathBuf>,
    /// What every request asks for, in the place of what it asked for when it was recorded: for traffic from elsewhere
    #[arg(long = "as", value_name = "@POLICY", requires = "traffic")]
    asks: Option<String>,
    /// Only requests that came within so long before now, such as `1d`
    #[arg(long, value_name = "TIME", value_parser = duration, requires = "traffic")]
    last: Option<Duration>,
}

/// Records from a moment on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Since(Option<i64>);

impl Since {
    /// Whether a request came in time.
    pub(crate) fn takes(self, record: &impl Entry) -> bool {
        self.0.is_none_or(|since| record.at() >= since)
    }

    /// Whether there can be any in a file.
    pub(crate) fn reaches(self, file: &Path) -> bool {
        // Where it has no index, who knows.
        self.0
            .and_then(|since| Some(Index::of(file)?.last >= since))
            .unwrap_or(true)
    }
}

impl Recorded {
    /// Where they are, if any are looked at.
    pub(crate) fn traffic(&self) -> Option<&Path> {
        self.traffic.as_deref()
    }

    /// What they all ask for, where that was said.
    pub(crate) fn asks(&self) -> Option<&str> {
        self.asks.as_deref()
    }

    /// From which moment on they are looked at, now.
    pub(crate) fn since(&self) -> Since {
        Since(self.last.map(|last| {
            let last = i64::try_from(last.as_millis()).unwrap_or(i64::MAX);
            unix_ms().saturating_sub(last)
        }))
    }

    /// A record as it is to be looked at.
    pub(crate) fn seen(&self, mut record: Record) -> Record {
        // One that could not be read asks for nothing.
        if let (Some(asks), false) = (&self.asks, record.request.model.is_empty()) {
            record.request.model.clone_from(asks);
        }
        record
    }
}
