//! Whole events only: what a client has got of a stream that breaks is never half an event.
//!
//! Bytes pass untouched; the beginning of an event that is not complete waits for its end. Slices, no copies.

use bytes::Bytes;
use std::collections::VecDeque;

/// Holds back the last, unfinished event of a stream.
#[derive(Debug, Default)]
pub(crate) struct Events {
    unfinished: Vec<Bytes>,
}

impl Events {
    /// Takes a chunk and passes on what completes events.
    pub(crate) fn push(&mut self, mut chunk: Bytes, out: &mut VecDeque<Bytes>) {
        match end(&chunk).or_else(|| self.seam(&chunk)) {
            Some(end) => {
                let rest = chunk.split_off(end);
                out.extend(self.unfinished.drain(..));
                out.push_back(chunk);
                if !rest.is_empty() {
                    self.unfinished.push(rest);
                }
            }
            None => self.unfinished.push(chunk),
        }
    }

    /// The stream is complete: what is left is the rest of it.
    pub(crate) fn finish(&mut self, out: &mut VecDeque<Bytes>) {
        out.extend(self.unfinished.drain(..));
    }

    /// Where an event ends whose blank line was cut in two.
    fn seam(&self, chunk: &[u8]) -> Option<usize> {
        let open =
            self.unfinished.last()?.ends_with(b"\n") || self.unfinished.last()?.ends_with(b"\n\r");
        match chunk {
            [b'\n', ..] if open => Some(1),
            [b'\r', b'\n', ..] if open => Some(2),
            _ => None,
        }
    }
}

/// Just behind the last blank line.
fn end(chunk: &[u8]) -> Option<usize> {
    let mut newlines = chunk
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at);
    let mut later = newlines.next()?;
    for earlier in newlines {
        if matches!(chunk.get(earlier + 1..later), Some([] | [b'\r'])) {
            return Some(later + 1);
        }
        later = earlier;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(parts: &VecDeque<Bytes>) -> Vec<u8> {
        parts.iter().flatten().copied().collect()
    }

    #[test]
    fn however_a_stream_is_cut_only_whole_events_pass_and_nothing_is_lost() {
        for stream in [
            "data: 1\n\ndata: 2\n\n: x\n\ndata: 3\n\n",
            "data: 1\r\n\r\ndata: 2\r\n\r\ndata: 3\r\n\r\n",
        ] {
            for a in 0..stream.len() {
                for b in a..stream.len() {
                    let (mut events, mut out) = (Events::default(), VecDeque::new());
                    let bytes = stream.as_bytes();
                    for part in [&bytes[..a], &bytes[a..b], &bytes[b..]] {
                        events.push(Bytes::copy_from_slice(part), &mut out);
                        let passed = joined(&out);
                        assert!(passed.is_empty() || passed.ends_with(b"\n"), "{a} {b}");
                    }
                    events.finish(&mut out);
                    assert_eq!(joined(&out), stream.as_bytes(), "{a} {b}");
                }
            }
        }
    }

    #[test]
    fn an_unfinished_event_waits_for_the_end_of_its_stream() {
        let (mut events, mut out) = (Events::default(), VecDeque::new());
        events.push(Bytes::from("data: 1\n\ndata: {\"half"), &mut out);
        assert_eq!(joined(&out), b"data: 1\n\n");
        events.finish(&mut out);
        assert_eq!(joined(&out), b"data: 1\n\ndata: {\"half");
    }
}
