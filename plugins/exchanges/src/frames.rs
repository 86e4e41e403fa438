//! Cuts a body into frames as the host does, byte by byte and as simply as can be.

use mux_plugin_sdk::{Batch, Framing};

/// A frame: its name, empty where it has none, and its payload.
pub type Owned = (String, Vec<u8>);

/// A body being cut.
#[derive(Debug)]
pub struct Cutter {
    framing: Framing,
    rest: Vec<u8>,
    name: String,
    data: Option<Vec<u8>>,
}

impl Cutter {
    /// At the start of a body.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        Self {
            framing,
            rest: Vec::new(),
            name: String::new(),
            data: None,
        }
    }

    /// Takes bytes in; gives the frames they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Owned> {
        self.rest.extend_from_slice(bytes);
        let mut frames = Vec::new();
        match self.framing {
            Framing::Sse => {
                while let Some(line) = self.line() {
                    frames.extend(self.sse(&line));
                }
            }
            Framing::Ndjson => {
                while let Some(line) = self.line() {
                    frames.push((String::new(), line));
                }
            }
            Framing::AwsEventStream => {
                while let Some(frame) = self.message() {
                    frames.push(frame);
                }
            }
            _ => {}
        }
        frames
    }

    /// The body is over.
    pub fn end(&mut self) -> Vec<Owned> {
        if self.framing == Framing::Buffered {
            return vec![(String::new(), std::mem::take(&mut self.rest))];
        }
        let mut frames = Vec::new();
        if !self.rest.is_empty() && self.framing != Framing::AwsEventStream {
            frames = self.push(b"\n");
        }
        if self.framing == Framing::Sse {
            frames.extend(self.sse(b""));
        }
        frames
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        let at = self.rest.iter().position(|byte| *byte == b'\n')?;
        let mut line: Vec<u8> = self.rest.drain(..=at).collect();
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Some(line)
    }

    fn sse(&mut self, line: &[u8]) -> Option<Owned> {
        let value = |rest: &[u8]| rest.strip_prefix(b" ").unwrap_or(rest).to_vec();
        if line.is_empty() {
            let name = std::mem::take(&mut self.name);
            return self.data.take().map(|data| (name, data));
        }
        if let Some(rest) = line.strip_prefix(b"data:") {
            match &mut self.data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend(value(rest));
                }
                None => self.data = Some(value(rest)),
            }
        } else if let Some(rest) = line.strip_prefix(b"event:") {
            self.name = String::from_utf8(value(rest)).expect("utf-8");
        }
        None
    }

    /// A message of an event stream. Its name is the event's type, or the exception's.
    fn message(&mut self) -> Option<Owned> {
        let number = |bytes: &[u8]| {
            let four: [u8; 4] = bytes.try_into().expect("four bytes");
            usize::try_from(u32::from_be_bytes(four)).expect("small")
        };
        let total = number(self.rest.get(..4)?);
        let message: Vec<u8> = self.rest.get(..total)?.to_vec();
        self.rest.drain(..total);
        let headers = number(&message[4..8]);
        let (mut head, payload) = message[12..total - 4].split_at(headers);
        let mut name = String::new();
        while !head.is_empty() {
            let (key, rest) = head[1..].split_at(usize::from(head[0]));
            assert_eq!(rest[0], 7, "a header that is no string");
            let length = usize::from(u16::from_be_bytes([rest[1], rest[2]]));
            let (value, rest) = rest[3..].split_at(length);
            if key == b":event-type" || key == b":exception-type" {
                name = String::from_utf8(value.to_vec()).expect("utf-8");
            }
            head = rest;
        }
        Some((name, payload.to_vec()))
    }
}

/// Frames as one batch.
#[must_use]
pub fn batch(frames: &[Owned], end: bool) -> Batch {
    let pairs = frames
        .iter()
        .map(|(name, data)| (name.as_str(), data.as_slice()));
    Batch::pack(pairs, end)
}

/// All frames of a body.
#[must_use]
pub fn cut(framing: Framing, body: &[u8]) -> Vec<Owned> {
    let mut cutter = Cutter::new(framing);
    let mut frames = cutter.push(body);
    frames.extend(cutter.end());
    frames
}

/// Base64 as bytes.
#[must_use]
pub fn base64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for c in text.bytes() {
        let six = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).expect("a byte"));
        }
    }
    bytes
}
