//! Says a chat answer in the client's dialect, as it comes.

use bytes::{Bytes, BytesMut};

use crate::chat::{self, ErrorBody};
use crate::dialect::Dialect;
use crate::frame::{Framer, Framing};
use crate::speaker::{Speaker, Whole};
use crate::usage::Usage;
use crate::{messages, responses};

/// A stream of chat chunks on its way to a client of another dialect.
#[derive(Debug)]
pub struct Voice {
    framer: Framer,
    stream: Stream,
}

#[derive(Debug)]
enum Stream {
    Messages(messages::stream::Stream),
    Responses(responses::stream::Stream),
}

impl Voice {
    /// A voice at the start of a stream; `None` where chat chunks are what the client understands.
    #[must_use]
    pub fn new(dialect: Dialect, speaker: Speaker) -> Option<Self> {
        let stream = match dialect {
            Dialect::Messages => Stream::Messages(messages::stream::Stream::new(speaker)),
            Dialect::Responses => Stream::Responses(responses::stream::Stream::new(speaker)),
            _ => return None,
        };
        Some(Self {
            framer: Framer::new(Framing::Sse),
            stream,
        })
    }

    /// Takes the next bytes of the chat stream, however they are cut, and says what they hold.
    pub fn push(&mut self, chunk: &Bytes, out: &mut BytesMut) {
        let mut at = 0;
        // Whoever read the stream before has judged it; what is no event says nothing.
        while let Ok(Some(frame)) = self.framer.cut(chunk, &mut at) {
            let data = frame.data.trim_ascii();
            if data.is_empty() || data == b"[DONE]" {
                continue;
            }
            match &mut self.stream {
                Stream::Messages(stream) => stream.chunk(data, out),
                Stream::Responses(stream) => stream.chunk(data, out),
            }
        }
    }

    /// Says the end of a complete answer; `counted` is its usage, where no chunk told it. What had no place is named in a
    /// comment before it: headers are long gone.
    pub fn finish(&mut self, counted: Option<Usage>, out: &mut BytesMut) {
        let lost = match &mut self.stream {
            Stream::Messages(stream) => {
                stream.close_all(out);
                stream.lost()
            }
            Stream::Responses(stream) => {
                stream.close_all(out);
                stream.lost()
            }
        };
        if !lost.is_empty() {
            let comment = format!(": x-mux-dropped: {}\n\n", left_out(lost).join("; "));
            out.extend_from_slice(comment.as_bytes());
        }
        match &mut self.stream {
            Stream::Messages(stream) => stream.finish(counted, out),
            Stream::Responses(stream) => stream.finish(counted, out),
        }
    }

    /// Says that the answer broke off. Nothing may follow.
    pub fn fail(&mut self, error: &ErrorBody, out: &mut BytesMut) {
        match &mut self.stream {
            Stream::Messages(_) => out.extend_from_slice(&messages::error::stream_error(error)),
            Stream::Responses(stream) => stream.fail(error, out),
        }
    }
}

/// What is said of fields that have no place, as of those of a request.
#[must_use]
pub fn left_out(lost: &[&'static str]) -> Vec<String> {
    let said = |field: &&str| format!("`{field}` of the answer");
    lost.iter().map(said).collect()
}

/// A complete chat answer in the client's dialect.
///
/// # Errors
/// The answer is no chat completion.
pub fn whole(dialect: Dialect, speaker: &Speaker, body: &[u8]) -> Result<Whole, serde_json::Error> {
    match dialect {
        Dialect::Messages => messages::whole::whole(speaker, body),
        Dialect::Responses => responses::stream::whole(speaker, body),
        _ => Ok(Whole {
            body: Bytes::copy_from_slice(body),
            lost: Vec::new(),
        }),
    }
}

/// An error object in the client's dialect.
#[must_use]
pub fn error(dialect: Dialect, error: &ErrorBody) -> Bytes {
    match dialect {
        Dialect::Messages | Dialect::Count => messages::error::error(error),
        _ => error.to_json(),
    }
}

/// The event that tells a client of a failure after the stream began. Nothing may follow it.
#[must_use]
pub fn stream_error(dialect: Dialect, error: &ErrorBody) -> Bytes {
    match dialect {
        Dialect::Messages => messages::error::stream_error(error),
        Dialect::Responses => responses::stream::stream_error(error),
        _ => chat::stream_error(error),
    }
}
