//! Framing promises: the same frames whatever way the network splits a body.
#![expect(
    clippy::expect_used,
    reason = "a failed expectation in a test is the test's answer"
)]

use bytes::Bytes;
use mux_wire::frame::{FRAME_LIMIT, LINE_LIMIT, message};
use mux_wire::{Frame, FrameError, Framer, Framing};
use proptest::prelude::*;

fn frames(framing: Framing, chunks: &[&[u8]]) -> Result<Vec<Frame>, FrameError> {
    let mut framer = Framer::new(framing);
    let mut read = Vec::new();
    for chunk in chunks {
        framer.push(Bytes::copy_from_slice(chunk))?;
        read.extend(framer.by_ref());
    }
    framer.finish()?;
    read.extend(framer);
    Ok(read)
}

/// The same, each read where it lies.
fn cuts_of(framing: Framing, chunks: &[&[u8]]) -> Result<Vec<Frame>, FrameError> {
    let mut framer = Framer::new(framing);
    let mut read = Vec::new();
    let mut cut = |framer: &mut Framer, chunk: &Bytes| {
        let mut at = 0;
        while let Some(frame) = framer.cut(chunk, &mut at)? {
            read.push(Frame {
                event: frame.event.map(Bytes::copy_from_slice),
                data: Bytes::copy_from_slice(frame.data),
            });
        }
        assert_eq!(at, chunk.len(), "all of a chunk is taken");
        Ok(())
    };
    for chunk in chunks {
        cut(&mut framer, &Bytes::copy_from_slice(chunk))?;
    }
    framer.finish()?;
    cut(&mut framer, &Bytes::new())?;
    Ok(read)
}

fn data(framing: Framing, body: &str) -> Vec<String> {
    let frames = frames(framing, &[body.as_bytes()]).expect("within limits");
    frames
        .iter()
        .map(|frame| String::from_utf8_lossy(&frame.data).into_owned())
        .collect()
}

fn split_at_every_byte(framing: Framing, body: &[u8]) {
    let whole = frames(framing, &[body]);
    for at in 0..=body.len() {
        let (head, tail) = body.split_at(at);
        assert_eq!(frames(framing, &[head, tail]), whole, "split at {at}");
        assert_eq!(cuts_of(framing, &[head, tail]), whole, "cut at {at}");
    }
    let bytes: Vec<&[u8]> = body.chunks(1).collect();
    assert_eq!(frames(framing, &bytes), whole, "byte by byte");
    assert_eq!(
        cuts_of(framing, &bytes),
        whole,
        "byte by byte, where they lie"
    );
}

const STREAM: &str = "\u{feff}: hello\r\nevent: message_start\r\ndata: {\"a\":1}\r\n\r\ndata:{\"b\":\"größe 👍\"}\n\n\
    event:x\rdata: one\rdata: two\r\r: PROCESSING\n\nid: 7\ndata\n\nretry: 3\nevent: lonely\n\n\
    event: plain\ndata: {}\n\ndata: 2\n\ndata: \n\nevent: \ndata: 3\n\ndata: [DONE]";

#[test]
fn an_event_stream_split_at_every_byte_frames_the_same() {
    split_at_every_byte(Framing::Sse, STREAM.as_bytes());
}

#[test]
fn every_spelling_of_an_event_is_read() {
    let frames = frames(Framing::Sse, &[STREAM.as_bytes()]).expect("within limits");
    let read: Vec<_> = frames
        .iter()
        .map(|frame| (frame.event_name(), frame.data.as_ref()))
        .collect();
    let expected: Vec<(Option<&str>, &[u8])> = vec![
        (Some("message_start"), b"{\"a\":1}"),
        (None, "{\"b\":\"größe 👍\"}".as_bytes()),
        (Some("x"), b"one\ntwo"),
        (None, b""),
        (Some("plain"), b"{}"),
        (None, b"2"),
        (None, b""),
        (None, b"3"),
        (None, b"[DONE]"),
    ];
    assert_eq!(read, expected);
}

#[test]
fn a_refusal_sent_without_data_is_still_data() {
    let refusal = "{\"error\":{\"code\":400}}";
    assert_eq!(data(Framing::Sse, refusal), [refusal]);
    assert_eq!(
        data(Framing::Sse, &format!("error: {refusal}\n\n")),
        [refusal]
    );
}

#[test]
fn only_one_space_after_the_colon_is_dropped() {
    assert_eq!(data(Framing::Sse, "data:  a \n\n"), [" a "]);
}

#[test]
fn data_within_one_chunk_is_not_copied() {
    for (framing, body) in [
        (Framing::Sse, "data: abc\n\n"),
        (Framing::Ndjson, "{}\n"),
        (Framing::JsonArray, "[{}]"),
        (Framing::Buffered, "{}"),
        (Framing::Amazon, ""),
    ] {
        let chunk = match framing {
            Framing::Amazon => event("messageStop", "{}"),
            _ => Bytes::from(body),
        };
        let within = chunk.as_ptr_range();
        let mut framer = Framer::new(framing);
        framer.push(chunk).expect("within limits");
        framer.finish().expect("whole");
        let frame = framer.next().expect("one frame");
        assert!(within.contains(&frame.data.as_ptr()), "{framing:?} copied");
    }
}

#[test]
fn ndjson_lines_are_frames_and_blank_lines_are_none() {
    let body = "{\"a\":1}\r\n\n  \n{\"b\":\r2}\n{\"c\":3}";
    assert_eq!(
        data(Framing::Ndjson, body),
        ["{\"a\":1}", "{\"b\":\r2}", "{\"c\":3}"]
    );
    split_at_every_byte(Framing::Ndjson, body.as_bytes());
}

#[test]
fn the_elements_of_an_array_are_frames_as_soon_as_they_close() {
    let body = "[{\"a\":\"]}\\\"\\\\\"}\n,\r\n{\"b\":[1,[2]]}, 3 ,\"x,]\",[4]]\n";
    assert_eq!(
        data(Framing::JsonArray, body),
        [
            "{\"a\":\"]}\\\"\\\\\"}",
            "{\"b\":[1,[2]]}",
            "3",
            "\"x,]\"",
            "[4]"
        ]
    );
    split_at_every_byte(Framing::JsonArray, body.as_bytes());

    let mut framer = Framer::new(Framing::JsonArray);
    framer
        .push(Bytes::from("[{\"a\":1}"))
        .expect("within limits");
    assert_eq!(
        framer.next(),
        Some(Frame::data(Bytes::from("{\"a\":1}"))),
        "no need to wait for the comma"
    );
}

#[test]
fn an_object_instead_of_an_array_is_the_one_frame() {
    assert_eq!(
        data(Framing::JsonArray, " {\"error\":{}} "),
        ["{\"error\":{}}"]
    );
}

#[test]
fn an_array_cut_short_is_an_error_after_its_whole_elements() {
    for body in ["[{\"a\":1},{\"b\"", "[{\"a\":1},", "[{\"a\":1}, \"x"] {
        let mut framer = Framer::new(Framing::JsonArray);
        framer.push(Bytes::from(body)).expect("within limits");
        assert_eq!(framer.finish(), Err(FrameError::Truncated), "{body}");
        assert_eq!(framer.count(), 1, "{body}");
    }
}

#[test]
fn a_buffered_body_is_always_one_frame() {
    assert_eq!(data(Framing::Buffered, ""), [""]);
    split_at_every_byte(Framing::Buffered, b"{\"a\": 1}");
}

#[test]
fn a_line_over_the_limit_is_refused_however_it_arrives() {
    let mut body = vec![b'a'; LINE_LIMIT];
    assert!(frames(Framing::Sse, &[&body]).is_ok());
    body.push(b'a');
    assert_eq!(frames(Framing::Sse, &[&body]), Err(FrameError::LineTooLong));
    let pieces: Vec<&[u8]> = body.chunks(1000).collect();
    assert_eq!(frames(Framing::Sse, &pieces), Err(FrameError::LineTooLong));
    body.push(b'\n');
    assert_eq!(
        frames(Framing::Ndjson, &[&body]),
        Err(FrameError::LineTooLong)
    );
}

/// Bodies made of the pieces that matter to framing, and of noise.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "\n",
            "\r",
            "\r\n",
            "data: ",
            "data:",
            "event: e",
            ":",
            "[",
            "]",
            "{",
            "}",
            "\"",
            "\\",
            ",",
            " ",
            "\u{feff}",
            "é",
            "1",
            "data: [DONE]",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

#[test]
fn after_a_fault_nothing_is_cut_any_more() {
    let mut framer = Framer::new(Framing::Sse);
    let long = "x".repeat(LINE_LIMIT + 1);
    let chunk = Bytes::from(format!("data: 1\n\ndata: {long}"));
    let mut at = 0;
    let first = framer.cut(&chunk, &mut at).expect("whole before the fault");
    assert_eq!(first.map(|frame| frame.data), Some(&b"1"[..]));
    for chunk in [chunk, Bytes::from("data: 2\n\n")] {
        let cut = framer.cut(&chunk, &mut at);
        assert_eq!(cut, Err(FrameError::LineTooLong));
        at = 0;
    }
}

fn event(name: &str, payload: &str) -> Bytes {
    let headers = [
        (":event-type", name),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ];
    message(&headers, payload.as_bytes())
}

#[test]
fn a_message_says_how_long_it_is() {
    let headers = [
        (":message-type", "event"),
        (":event-type", "Record"),
        (":content-type", "application/octet-stream"),
    ];
    let written = message(&headers, b"payload");
    let total = u32::from_be_bytes(written[..4].try_into().expect("four bytes"));
    assert_eq!(usize::try_from(total), Ok(written.len()));
    let frames = frames(Framing::Amazon, &[&written]).expect("whole");
    assert_eq!(frames[0].event_name(), Some("Record"));
    assert_eq!(frames[0].data, "payload");
}

#[test]
fn messages_are_frames_that_are_named_by_what_they_are() {
    let exception = [
        (":exception-type", "throttlingException"),
        (":content-type", "application/json"),
        (":message-type", "exception"),
    ];
    let error = [
        (":message-type", "error"),
        (":error-code", "InternalFailure"),
        (":error-message", "a \"disk\" is full"),
    ];
    let body = [
        event("messageStart", "{\"p\":\"ab\"}"),
        message(&[], b"{}"),
        message(&exception, b"{\"message\":\"slow down\"}"),
        message(&error, b""),
    ]
    .concat();
    let read = frames(Framing::Amazon, &[&body]).expect("whole");
    let read: Vec<_> = read
        .iter()
        .map(|frame| (frame.event_name(), frame.data.as_ref()))
        .collect();
    let expected: Vec<(Option<&str>, &[u8])> = vec![
        (Some("messageStart"), b"{\"p\":\"ab\"}"),
        (None, b"{}"),
        (Some("throttlingException"), b"{\"message\":\"slow down\"}"),
        (
            Some("error:InternalFailure"),
            b"{\"message\":\"a \\\"disk\\\" is full\"}",
        ),
    ];
    assert_eq!(read, expected);
    split_at_every_byte(Framing::Amazon, &body);
}

#[test]
fn an_error_may_take_several_lines_and_a_name_may_not() {
    let error = |code| {
        [
            (":message-type", "error"),
            (":error-code", code),
            (":error-message", "no\tdisk\nleft"),
        ]
    };
    let read = frames(Framing::Amazon, &[&message(&error("Full"), b"")]).expect("whole");
    assert_eq!(read[0].event_name(), Some("error:Full"));
    assert_eq!(read[0].data, r#"{"message":"no\tdisk\nleft"}"#);
    let damaged = frames(Framing::Amazon, &[&message(&error("Full\n"), b"")]);
    assert_eq!(damaged, Err(FrameError::Damaged));
}

#[test]
fn a_message_that_was_cut_off_is_none() {
    let whole = event("messageStop", "{}");
    for at in 0..whole.len() {
        let body = [&event("messageStart", "{}"), &whole[..at]].concat();
        let read = frames(Framing::Amazon, &[&body]).expect("nothing is damaged");
        assert_eq!(read.len(), 1, "cut at {at}");
    }
}

#[test]
fn every_header_type_is_stepped_over() {
    let mut head = Vec::new();
    for (kind, length) in [
        (0, 0),
        (1, 0),
        (2, 1),
        (3, 2),
        (4, 4),
        (5, 8),
        (8, 8),
        (9, 16),
    ] {
        head.extend([1, b'x', kind]);
        head.extend(vec![7; length]);
    }
    head.extend([1, b'b', 6, 0, 3, 1, 2, 3]);
    head.extend(b"\x0b:event-type\x07\x00\x04last");
    let headers = u32::try_from(head.len()).expect("short");
    let framed = |head: &[u8]| {
        let mut body = (16 + headers).to_be_bytes().to_vec();
        body.extend(headers.to_be_bytes());
        body.extend(crc32fast::hash(&body).to_be_bytes());
        body.extend(head);
        body.extend(crc32fast::hash(&body).to_be_bytes());
        body
    };
    let read = frames(Framing::Amazon, &[&framed(&head)]).expect("whole");
    assert_eq!(read[0].event_name(), Some("last"));
    head[2] = 10;
    assert_eq!(
        frames(Framing::Amazon, &[&framed(&head)]),
        Err(FrameError::Damaged)
    );
}

#[test]
fn a_length_nobody_would_send_is_refused_before_anything_is_kept() {
    let claims = |total: u32, headers: u32| {
        let mut prelude = total.to_be_bytes().to_vec();
        prelude.extend(headers.to_be_bytes());
        prelude.extend(crc32fast::hash(&prelude).to_be_bytes());
        frames(Framing::Amazon, &[&prelude])
    };
    let most = u32::try_from(FRAME_LIMIT).expect("it fits");
    assert_eq!(claims(most, 0), Ok(Vec::new()));
    assert_eq!(claims(most + 1, 0), Err(FrameError::FrameTooLarge));
    assert_eq!(claims(u32::MAX, u32::MAX), Err(FrameError::FrameTooLarge));
    assert_eq!(claims(15, 0), Err(FrameError::Damaged));
    assert_eq!(claims(0, 0), Err(FrameError::Damaged));
    assert_eq!(claims(20, 5), Err(FrameError::Damaged));
}

proptest! {
    #[test]
    fn a_flipped_bit_never_passes(payload in prop::collection::vec(any::<u8>(), 0..40), at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let headers = [(":event-type", "contentBlockDelta"), (":message-type", "event")];
        let mut body = message(&headers, &payload).to_vec();
        // Whatever the flip makes of the length, enough follows.
        let flipped = at.index(body.len());
        body[flipped] ^= 1 << bit;
        body.extend(vec![0; 64]);
        prop_assert_eq!(frames(Framing::Amazon, &[&body]), Err(FrameError::Damaged));
    }

    #[test]
    fn the_messages_written_are_the_messages_read(events in prop::collection::vec(("[a-zA-Z]{1,20}", prop::collection::vec(any::<u8>(), 0..60)), 0..8), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let body: Vec<u8> = events.iter().flat_map(|(name, data)| message(&[(":event-type", name)], data)).collect();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        cuts.extend([0, body.len()]);
        cuts.sort_unstable();
        let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &body[pair[0]..pair[1]]).collect();
        let read = frames(Framing::Amazon, &chunks).expect("whole");
        let read: Vec<_> = read.iter().map(|frame| (frame.event_name().unwrap_or_default().to_owned(), frame.data.to_vec())).collect();
        prop_assert_eq!(read, events);
    }

    #[test]
    fn no_bytes_at_all_upset_the_reader(body in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = frames(Framing::Amazon, &[&body]);
    }

    #[test]
    fn frames_do_not_depend_on_the_split(body in body(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        cuts.sort_unstable();
        for framing in [Framing::Sse, Framing::Ndjson, Framing::JsonArray, Framing::Buffered] {
            let mut chunks = Vec::new();
            let mut rest = body.as_slice();
            for pair in std::iter::once(&0).chain(&cuts).collect::<Vec<_>>().windows(2) {
                let (chunk, tail) = rest.split_at(pair[1] - pair[0]);
                chunks.push(chunk);
                rest = tail;
            }
            chunks.push(rest);
            let whole = frames(framing, &[&body]);
            prop_assert_eq!(&cuts_of(framing, &chunks), &whole);
            prop_assert_eq!(frames(framing, &chunks), whole);
        }
    }

    #[test]
    fn the_events_written_are_the_events_read(events in prop::collection::vec(("[a-z_.]{1,12}", prop::collection::vec("[^\r\n]{0,20}", 1..4)), 0..8)) {
        let event = |(name, lines): &(String, Vec<String>)| {
            let data: String = lines.iter().map(|line| ["data: ", line, "\n"].concat()).collect();
            ["event: ", name, "\r\n", &data, "\n"].concat()
        };
        let stream: String = events.iter().map(event).collect();
        let read = frames(Framing::Sse, &[stream.as_bytes()]).expect("within limits");
        let read: Vec<_> = read.iter().map(|frame| (frame.event_name().unwrap_or_default().to_owned(), String::from_utf8_lossy(&frame.data).into_owned())).collect();
        let written: Vec<_> = events.into_iter().map(|(name, lines)| (name, lines.join("\n"))).collect();
        prop_assert_eq!(read, written);
    }

    #[test]
    fn array_elements_come_out_as_they_went_in(elements in prop::collection::vec(prop_oneof![Just("{\"a\":[\"}\"]}"), Just("[]"), Just("12"), Just("null"), Just("\"\\\"\"")], 0..10), gap in "[ \r\n]{0,2}") {
        let body = format!("{gap}[{gap}{}{gap}]{gap}", elements.join(&format!("{gap},{gap}")));
        prop_assert_eq!(data(Framing::JsonArray, &body), elements);
    }
}
