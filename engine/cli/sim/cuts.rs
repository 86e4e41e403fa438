//! Streams that break off after each of their bytes, through the whole gateway: what the client sees of it, and the books.
//!
//! Everything is in memory and the clock is stopped, so that between two cuts ten minutes pass: each finds its target as
//! well as the first one did.

use super::stage::{Medium, Reply, Scenery, Stage, has_content};
use crate::ending::Trouble;
use crate::runtime;
use bytes::Bytes;
use mux_mock::{Fault, Manner, Manners};
use mux_replay::sim::promise::{Bar, Row, Unit};
use mux_replay::sim::tally::ratio;
use mux_traffic::record::Record;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The dialects of providers that are translated to and from.
const DIALECTS: [&str; 2] = ["openai", "anthropic"];
/// Pieces of content of the stream that is cut, and of the one that takes its place.
const PIECES: u32 = 3;
const OTHERS: u32 = 5;
/// Between two requests: nothing that is remembered of a target lasts so long.
const BETWEEN: Duration = Duration::from_mins(10);
/// No cut.
const NONE: u32 = u32::MAX;

/// What came of all cuts of some streams.
#[derive(Debug, Default)]
struct Cuts {
    bytes: usize,
    /// Before the first content, and how many of those nobody saw.
    early: usize,
    unseen: usize,
    /// After it, and how many of those were told as what they are.
    late: usize,
    told: usize,
    /// Cuts whose attempt has usage and cost in its record.
    booked: usize,
    /// The first that did not go as promised.
    wrong: Option<String>,
}

/// Cuts a stream of each dialect after each of its bytes.
pub(crate) fn rows() -> Result<Vec<Row>, Trouble> {
    let mut cuts = Cuts::default();
    for dialect in DIALECTS {
        runtime::paused()?.block_on(cut(dialect, &mut cuts))?;
    }
    if let Some(wrong) = cuts.wrong {
        tracing::warn!("{wrong}");
    }
    let streams = DIALECTS.join(" and ");
    let row = |promise, how: &str, good, of| {
        let bar = Bar::at_least(1.0, Unit::Share);
        let scenario = format!("{of} cuts of {streams} streams, {how}");
        Row::new(promise, scenario, bar, ratio(good, of))
    };
    Ok(vec![
        row(
            "a cut nobody sees",
            "after each byte before the first content",
            cuts.unseen,
            cuts.early,
        ),
        row(
            "a cut that is told as an error",
            "after each byte from there on",
            cuts.told,
            cuts.late,
        ),
        row(
            "usage of a cut answer is booked",
            "after each byte",
            cuts.booked,
            cuts.bytes,
        ),
    ])
}

fn policy(dialect: &str) -> String {
    let provider = |name: &str, kind: &str| {
        format!(
            "provider {name} {{
  kind {kind}
  key env SIMULATED
  model m {{
    context 200k
    output 8k
    price input $1/Mtok output $4/Mtok
    can tools images json-schema streaming
  }}
}}
"
        )
    };
    format!(
        "{}{}policy @sim {{ else use fallback within 30s {{\n  try first/m\n  try second/m\n}} }}\n",
        provider("first", dialect),
        provider("second", "openai"),
    )
}

async fn cut(dialect: &str, cuts: &mut Cuts) -> Result<(), Trouble> {
    let at = Arc::new(AtomicU32::new(NONE));
    let records: Arc<Mutex<Vec<Record>>> = Arc::default();
    let (asked, heard) = (Arc::clone(&at), Arc::clone(&records));
    let first = Manners::new(move |_| Manner {
        tokens: PIECES,
        fault: Fault {
            cut_at_byte: Some(asked.load(Relaxed)).filter(|bytes| *bytes != NONE),
            ..Fault::default()
        },
        ..Manner::default()
    });
    let provider = |name: &str, manners| {
        let options = mux_mock::Options {
            name: name.to_owned(),
            manners: Some(manners),
            ..mux_mock::Options::default()
        };
        (name.to_owned(), options)
    };
    let well = Manners::new(|_| Manner {
        tokens: OTHERS,
        ..Manner::default()
    });
    let scenery = Scenery {
        policy: policy(dialect),
        providers: vec![provider("first", first), provider("second", well)],
        listener: Some(Arc::new(move |record: &Record| {
            let mut all = heard.lock().unwrap_or_else(PoisonError::into_inner);
            all.push(record.clone());
        })),
        ..Scenery::default()
    };
    let stage = Stage::set(Medium::Pipes, scenery).await?;
    let ask = async |cut: u32| {
        at.store(cut, Relaxed);
        tokio::time::sleep(BETWEEN).await;
        let request = Bytes::from_static(
            br#"{"model":"@sim","stream":true,"messages":[{"role":"user","content":"hello"}]}"#,
        );
        stage.ask(request).await.map_err(Trouble::internal)
    };
    let whole = ask(NONE).await?;
    at.store(NONE, Relaxed);
    let stream = stage.again("first").await.map_err(Trouble::internal)?;
    let content = first_content(&stream);
    if !whole.is_served() || content == 0 || content == stream.len() {
        return Err(Trouble::internal(format!(
            "the {dialect} stream that is to be cut is none: {whole:?}"
        )));
    }
    let mut wrong = Vec::new();
    for bytes in 0..u32::try_from(stream.len()).unwrap_or(NONE) {
        let reply = ask(bytes).await?;
        let early = (bytes as usize) < content;
        let good = if early {
            is_unseen(&reply)
        } else {
            is_told(&reply)
        };
        let (all, right) = if early {
            (&mut cuts.early, &mut cuts.unseen)
        } else {
            (&mut cuts.late, &mut cuts.told)
        };
        *all += 1;
        *right += usize::from(good);
        if !good {
            wrong.push(format!(
                "{dialect}, cut after {bytes} of {} bytes, content after {content}: {:?}",
                stream.len(),
                String::from_utf8_lossy(&reply.body)
            ));
        }
        // One that is served in between: failures in a row would open a breaker.
        ask(NONE).await?;
    }
    stage.strike().await;
    cuts.bytes += stream.len();
    let records = records.lock().unwrap_or_else(PoisonError::into_inner);
    let firsts = records.iter().filter_map(|r| r.attempts.first());
    let broken = firsts.filter(|a| a.class != "ok");
    let booked = broken.filter(|a| a.usage.is_some() && a.cost.is_some_and(|c| c > 0));
    cuts.booked += booked.count();
    cuts.wrong = cuts.wrong.take().or(wrong.into_iter().next());
    Ok(())
}

/// Where the first event with content ends.
fn first_content(stream: &[u8]) -> usize {
    let text = String::from_utf8_lossy(stream);
    let mut end = 0;
    for event in text.split_inclusive("\n\n") {
        end += event.len();
        if has_content(event.as_bytes()) || event.contains("text_delta") {
            return end;
        }
    }
    0
}

/// All of the other answer, and nothing else.
fn is_unseen(reply: &Reply) -> bool {
    let pieces = String::from_utf8_lossy(&reply.body);
    let pieces = pieces.split("\n\n").filter(|e| has_content(e.as_bytes()));
    let from_second = reply.header("x-mux-target") == Some("second/m");
    reply.is_served() && from_second && pieces.count() == OTHERS as usize
}

/// Some of the first answer, an error, and no end.
fn is_told(reply: &Reply) -> bool {
    let text = String::from_utf8_lossy(&reply.body);
    let from_first = reply.header("x-mux-target") == Some("first/m");
    let says = text.contains("\"code\":\"mid_stream_failure\"");
    from_first && reply.broken && says && reply.first.is_some() && !text.contains("[DONE]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(target: &'static str, body: &str, broken: bool) -> Reply {
        let mut reply = Reply {
            status: 200,
            body: body.as_bytes().to_vec(),
            first: Some(Duration::ZERO),
            broken,
            ..Reply::default()
        };
        let target = hyper::header::HeaderValue::from_static(target);
        reply.headers.insert("x-mux-target", target);
        reply
    }

    const PIECE: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    const ERROR: &str = "data: {\"error\":{\"code\":\"mid_stream_failure\"}}\n\n";

    #[test]
    fn an_answer_of_another_target_is_unseen_only_where_nothing_else_is_in_it() {
        let own = PIECE.repeat(OTHERS as usize);
        let end = "data: [DONE]\n\n";
        assert!(is_unseen(&reply("second/m", &format!("{own}{end}"), false)));
        for (target, body, broken) in [
            ("first/m", format!("{own}{end}"), false),
            ("second/m", format!("{PIECE}{own}{end}"), false),
            ("second/m", own.clone(), false),
            ("second/m", format!("{own}{end}"), true),
        ] {
            assert!(!is_unseen(&reply(target, &body, broken)), "{body}");
        }
    }

    #[test]
    fn a_cut_is_told_by_an_error_and_an_end_that_is_none() {
        assert!(is_told(&reply("first/m", &format!("{PIECE}{ERROR}"), true)));
        for (target, body, broken) in [
            ("second/m", format!("{PIECE}{ERROR}"), true),
            ("first/m", format!("{PIECE}{ERROR}"), false),
            ("first/m", PIECE.to_owned(), true),
            ("first/m", format!("{PIECE}{ERROR}data: [DONE]\n\n"), true),
        ] {
            assert!(!is_told(&reply(target, &body, broken)), "{body}");
        }
    }

    #[test]
    fn the_first_content_is_text_and_not_the_role_before_it() {
        let role =
            "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
        let stream = format!("{role}{PIECE}{PIECE}");
        assert_eq!(first_content(stream.as_bytes()), role.len() + PIECE.len());
        assert_eq!(first_content(role.as_bytes()), 0);
    }
}
