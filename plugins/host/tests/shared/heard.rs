//! Reads an answer that comes in pieces, and keeps everything that came of it.

use bytes::Bytes;
use mux_plugins::{Adapter, Fault, Output, Part, Plan};
use mux_wire::usage::Usage;

/// Everything one reading of an answer produced.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Heard {
    pub(crate) bytes: Vec<u8>,
    pub(crate) usage: Option<Usage>,
    pub(crate) finish: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) terminal: bool,
    pub(crate) content: bool,
    pub(crate) output_bytes: u64,
}

/// Reads an answer that came in these pieces.
pub(crate) fn hear<'a>(
    adapter: &Adapter,
    plan: &Plan,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Heard, Fault> {
    let mut reply = adapter.reply(plan);
    let mut out = Output::default();
    for piece in pieces {
        reply.push(Bytes::copy_from_slice(piece), &mut out)?;
    }
    reply.end(&mut out)?;
    let mut heard = Heard {
        usage: out.usage,
        finish: out.finish,
        error: out.error.map(|error| error.kind.as_str().to_owned()),
        terminal: out.terminal,
        content: out.content,
        output_bytes: out.output_bytes,
        ..Heard::default()
    };
    for part in out.parts {
        match part {
            Part::Verbatim(bytes) => heard.bytes.extend_from_slice(&bytes),
            Part::Chunk(bytes) | Part::Whole(bytes) => {
                heard.bytes.extend_from_slice(&bytes);
                heard.bytes.push(b'\n');
            }
        }
    }
    Ok(heard)
}
