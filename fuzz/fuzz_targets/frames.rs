//! Any body under any framing, cut anywhere: the same frames as in one piece, no more than the body holds, and what is
//! written as Amazon's messages is read back.
#![no_main]

use arbitrary::Arbitrary;
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use mux_wire::frame::message;
use mux_wire::{Frame, FrameError, Framer, Framing};

#[derive(Arbitrary, Debug)]
struct Body<'a> {
    framing: u8,
    cuts: Vec<u16>,
    /// Written as messages where the framing is Amazon's, so that bodies come past its checksums.
    messages: Vec<(&'a str, &'a [u8])>,
    bytes: &'a [u8],
}

fn frames(framing: Framing, chunks: &[&[u8]]) -> (Vec<Frame>, Result<(), FrameError>) {
    let mut framer = Framer::new(framing);
    let mut read = Vec::new();
    for chunk in chunks {
        let pushed = framer.push(Bytes::copy_from_slice(chunk));
        read.extend(framer.by_ref());
        if pushed.is_err() {
            return (read, pushed);
        }
    }
    let ended = framer.finish();
    read.extend(framer);
    (read, ended)
}

/// The same frames, each read where it lies.
fn cut(framing: Framing, chunks: &[&[u8]]) -> (Vec<Frame>, Result<(), FrameError>) {
    let mut framer = Framer::new(framing);
    let mut read = Vec::new();
    let mut all = |framer: &mut Framer, chunk: &Bytes| {
        let mut at = 0;
        loop {
            match framer.cut(chunk, &mut at) {
                Ok(Some(frame)) => read.push(Frame {
                    event: frame.event.map(Bytes::copy_from_slice),
                    data: Bytes::copy_from_slice(frame.data),
                }),
                Ok(None) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    };
    let mut ended = Ok(());
    for chunk in chunks {
        ended = ended.and_then(|()| all(&mut framer, &Bytes::copy_from_slice(chunk)));
    }
    let ended = ended.and_then(|()| {
        let ended = framer.finish();
        all(&mut framer, &Bytes::new()).and(ended)
    });
    // What was whole before a fault is there still.
    let _ = all(&mut framer, &Bytes::new());
    (read, ended)
}

fuzz_target!(|body: Body<'_>| {
    let framing = match body.framing % 5 {
        0 => Framing::Buffered,
        1 => Framing::Sse,
        2 => Framing::Ndjson,
        3 => Framing::JsonArray,
        _ => Framing::Amazon,
    };
    let mut bytes = Vec::new();
    let plain = |name: &str| !name.is_empty() && name.len() < 256 && !name.contains(|c: char| c.is_ascii_control());
    let messages: Vec<_> = body.messages.iter().filter(|(name, _)| plain(name)).collect();
    if framing == Framing::Amazon {
        for (name, payload) in &messages {
            bytes.extend(message(&[(":event-type", name)], payload));
        }
    }
    let whole = bytes.len();
    bytes.extend(body.bytes);
    let (read, ended) = frames(framing, &[&bytes]);
    assert!(read.iter().map(|frame| frame.data.len()).sum::<usize>() <= bytes.len() + read.len());
    if whole > 0 {
        for (frame, (name, payload)) in read.iter().zip(&messages) {
            assert_eq!((frame.event_name(), &*frame.data), (Some(*name), *payload));
        }
        assert!(read.len() >= messages.len());
    }
    let mut cuts: Vec<usize> = body.cuts.iter().map(|cut| usize::from(*cut) % (bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
    assert_eq!(cut(framing, &chunks), (read.clone(), ended));
    assert_eq!(frames(framing, &chunks), (read, ended));
});
