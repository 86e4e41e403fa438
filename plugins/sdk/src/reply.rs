//! The provider's answer on its way back.

use serde::{Deserialize, Serialize};

use crate::error::UpstreamError;
use crate::header::Header;

/// Status and the declared headers of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ResponseHead {
    /// The status.
    pub status: u16,
    /// Those headers the manifest asked for.
    pub headers: Vec<Header>,
}

impl ResponseHead {
    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|header| header.name == name)?;
        Some(&found.value)
    }
}

/// Whole frames, packed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Batch {
    /// Payloads back to back, then the event names joined by line feeds, then the state that came with them.
    pub(crate) block: Vec<u8>,
    /// Where each payload ends.
    pub(crate) ends: Vec<u32>,
    /// Where the names begin.
    pub(crate) names: u32,
    /// Where the state begins.
    pub(crate) state: u32,
    pub(crate) end_of_stream: bool,
}

/// One frame of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The event name, empty when it has none.
    pub name: &'a str,
    /// The payload.
    pub data: &'a [u8],
}

impl Batch {
    /// Puts frames of a name and a payload together.
    #[must_use]
    pub fn pack<'a>(frames: impl IntoIterator<Item = (&'a str, &'a [u8])>, end: bool) -> Self {
        let mut batch = Self {
            end_of_stream: end,
            ..Self::default()
        };
        let mut names = Vec::new();
        for (name, data) in frames {
            names.push(name);
            batch.block.extend_from_slice(data);
            batch.ends.push(place(batch.block.len()));
        }
        batch.names = place(batch.block.len());
        if names.iter().any(|name| !name.is_empty()) {
            batch.block.extend_from_slice(names.join("\n").as_bytes());
        }
        batch.state = place(batch.block.len());
        batch
    }

    /// How many frames there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no frame.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all payloads together.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.names as usize
    }

    /// Whether the answer ends here.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.end_of_stream
    }

    /// The state that came with the frames.
    pub(crate) fn state(&self) -> &[u8] {
        self.block.get(self.state as usize..).unwrap_or_default()
    }

    /// The payloads in order.
    pub fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let end = *end as usize;
            let data = self.block.get(start..end).unwrap_or_default();
            start = end;
            data
        })
    }

    /// The frames in order.
    pub fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        let names = self.block.get(self.names as usize..self.state as usize);
        let mut names = names.unwrap_or_default().split(|byte| *byte == b'\n');
        self.payloads().map(move |data| Frame {
            name: str::from_utf8(names.next().unwrap_or_default()).unwrap_or_default(),
            data,
        })
    }
}

/// A place in a block.
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// What a batch became.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Decoded {
    /// For the next call, at most 16 KiB. Nothing leaves it as it was.
    pub state: Option<Vec<u8>>,
    /// Unified chunks, one JSON object a line, or one whole response object.
    pub chunks: Vec<u8>,
    /// Counts so far; each replaces the one before.
    pub usage: Option<Usage>,
    /// Set when the answer is complete.
    pub finish: Option<Finish>,
    /// An error inside the answer.
    pub error: Option<UpstreamError>,
}

/// Tokens. Cached ones are part of `input`, reasoning is part of `output`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// All input.
    pub input: u64,
    /// All output.
    pub output: u64,
    /// Input read from a cache.
    pub cache_read: u64,
    /// Input written to a cache.
    pub cache_write: u64,
    /// Output spent on reasoning.
    pub reasoning: u64,
    /// Other counts, by name.
    pub other: Vec<(String, u64)>,
}

impl Usage {
    /// Of `cache_write`, input kept in the cache for an hour: it has a price of its own.
    pub const CACHE_WRITE_1H: &'static str = "cache_write_1h";
    /// Input of sound that was not cached: it has a price of its own.
    pub const AUDIO_INPUT: &'static str = "audio_input";
    /// Output of sound: it has a price of its own.
    pub const AUDIO_OUTPUT: &'static str = "audio_output";

    /// With another count, where it is not nothing.
    #[must_use]
    pub fn with(mut self, name: &str, count: u64) -> Self {
        if count > 0 {
            self.other.push((String::from(name), count));
        }
        self
    }

    /// One of the other counts; nothing where it is not there.
    #[must_use]
    pub fn counted(&self, name: &str) -> u64 {
        let found = self.other.iter().find(|(known, _)| known == name);
        found.map_or(0, |(_, count)| *count)
    }
}

/// Why the model stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finish {
    /// It was done.
    Stop,
    /// Out of tokens.
    Length,
    /// It calls tools.
    ToolCalls,
    /// Cut by a filter.
    ContentFilter,
    /// It refuses.
    Refusal,
    /// Something else.
    Other(String),
}
