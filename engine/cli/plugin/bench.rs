//! `mux plugin bench`: what calls of an adapter cost, beside those of one that does nothing.

mod sample;

use super::named::{loaded, named};
use super::recorded;
use crate::ending::{Exit, Outcome, Trouble};
use crate::out::{Format, Out, columns};
use clap::Args;
use hyper::body::Bytes;
use mux_plugins::preset::Preset;
use mux_plugins::{Adapter, Call, Exchange, Fault, Output, Plan, Quirks, dist};
use mux_wire::chat::{ChatRequest, scan};
use sample::{NOWHERE, settings, stream};
use serde::Serialize;
use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Time what an adapter does, beside one that does nothing
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// A kind, as policies name it, or the file of a component
    #[arg(value_name = "KIND|FILE.wasm")]
    adapter: String,
    /// A recorded stream whose frames are read; kinds that come with mux have one
    #[arg(long, value_name = "FILE.json")]
    exchange: Option<PathBuf>,
    /// Settings of the adapter, as a JSON object
    #[arg(long, value_name = "JSON")]
    settings: Option<String>,
    /// Calls of each
    #[arg(long, default_value_t = 2_000)]
    rounds: usize,
    /// End with 1 where a median is above its bar; the bars are for a quiet core of 3 GHz and a mux built for release
    #[arg(long)]
    strict: bool,
    /// How to write the result
    #[arg(long, default_value = "human")]
    format: Format,
}

/// What is timed, and the bar for its median in nanoseconds.
const WHAT: [(&str, f64); 5] = [
    ("request, 4 KiB", 12_000.0),
    ("request, 64 KiB", 120_000.0),
    ("frame, alone", 1_500.0),
    ("frame, in a batch of 16", 800.0),
    ("chat of 500 frames", 500_000.0),
];
/// Frames of a batch, and of a chat.
const BATCH: usize = 16;
const CHAT: usize = 500;
/// Frames with content before those that are timed: the first of a stream say more than the rest.
const UNDER_WAY: usize = 4;

/// One row of the result. Times in nanoseconds.
#[derive(Debug, Serialize)]
struct Row {
    what: &'static str,
    p50: f64,
    p99: f64,
    floor_p50: f64,
    /// How many times the floor.
    ratio: f64,
    bar: f64,
    within: bool,
}

impl Bench {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let (plugin, preset) = named(&self.adapter)?;
        let settings = self.settings.as_deref().unwrap_or(settings(&self.adapter));
        let quirks = preset.map(Preset::quirks).unwrap_or_default();
        let bound = plugin.adapter(settings, Some(NOWHERE));
        let bound = bound.and_then(|adapter| adapter.with(quirks));
        let adapter = bound.map_err(Trouble::usage)?;
        let floor = loaded("floor", dist::floor())?.adapter("{}", Some(NOWHERE));
        let floor = floor.map_err(Trouble::internal)?.with(Quirks::default());
        let floor = floor.map_err(Trouble::internal)?;
        let answer = match &self.exchange {
            Some(file) => {
                let exchange = recorded::exchange(file, &recorded::json(file)?)?;
                Some(exchange.stream.then_some(exchange).ok_or_else(|| {
                    Trouble::usage(format!("`{}` holds no stream", file.display()))
                })?)
            }
            None => stream(&self.adapter),
        };
        let own = answer.or_else(|| stream("openai"));
        let streamed = self.exchange.is_some() || stream(&self.adapter).is_some();
        let faulty = |fault: Fault| Trouble::usage(format!("`{}`: {fault}", self.adapter));
        let times = timed(&adapter, own.filter(|_| streamed).as_ref(), self.rounds);
        let times = times.map_err(faulty)?;
        let ground = stream("openai");
        let ground = timed(&floor, ground.as_ref(), self.rounds).map_err(Trouble::internal)?;
        let rows: Vec<Row> = WHAT
            .into_iter()
            .zip(times.into_iter().zip(ground))
            .filter_map(|((what, bar), (time, ground))| row(what, bar, &time?, &ground?))
            .collect();
        let good = rows.iter().all(|row| row.within);
        match self.format {
            Format::Json => out.json(&json!({
                "id": plugin.id(), "version": plugin.version(), "hash": plugin.hash(),
                "unit": "ns", "rounds": self.rounds, "rows": rows, "within": good,
            })),
            Format::Human => out.line(&shown(&rows)),
        }
        if cfg!(debug_assertions) {
            out.error("this mux was not built for release: its own part of each call is slow");
        }
        Ok(Exit::when(good || !self.strict))
    }
}

fn row(what: &'static str, bar: f64, times: &[f64], ground: &[f64]) -> Option<Row> {
    let (p50, p99) = (share(times, 50)?, share(times, 99)?);
    let floor_p50 = share(ground, 50)?;
    Some(Row {
        what,
        p50,
        p99,
        floor_p50,
        ratio: p50 / floor_p50,
        bar,
        within: p50 <= bar,
    })
}

/// The percentile of times that are in order.
fn share(times: &[f64], percent: usize) -> Option<f64> {
    times
        .get((times.len() * percent / 100).min(times.len().checked_sub(1)?))
        .copied()
}

fn shown(rows: &[Row]) -> String {
    let micros = |nanos: f64| format!("{:.2} µs", nanos / 1e3);
    let head = ["", "p50", "p99", "floor", "times the floor", "bar", ""];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    table.extend(rows.iter().map(|row| {
        vec![
            row.what.to_owned(),
            micros(row.p50),
            micros(row.p99),
            micros(row.floor_p50),
            format!("{:.1}", row.ratio),
            micros(row.bar),
            if row.within { "" } else { "above" }.to_owned(),
        ]
    }));
    columns(&table)
}

/// Sorted times of everything in [`WHAT`]; nothing where there is no stream to read.
type Times = [Option<Vec<f64>>; 5];

fn timed(adapter: &Adapter, answer: Option<&Exchange>, rounds: usize) -> Result<Times, Fault> {
    let small = requests(adapter, 4 << 10, rounds)?;
    let large = requests(adapter, 64 << 10, (rounds / 4).max(1))?;
    let Some(exchange) = answer else {
        return Ok([Some(small), Some(large), None, None, None]);
    };
    let plan = exchange.plan(adapter, &exchange.client())?;
    let (opening, frame) = frames(adapter, &plan, &exchange.body)?;
    let opening = Bytes::from([&opening[..], &frame.repeat(UNDER_WAY)].concat());
    let pushed = |pieces: &[Bytes]| pushed(adapter, &plan, &opening, pieces);
    let many = |count: usize| Bytes::from(frame.repeat(count));
    let alone = times(rounds, || pushed(&[many(1)]))?;
    let batch = times(rounds, || pushed(&[many(BATCH)]))?;
    let batch = batch.into_iter().map(|time| time / 16.0).collect();
    let one_by_one = vec![many(1); CHAT];
    let chat = times((rounds / 100).max(3), || pushed(&one_by_one))?;
    Ok([
        Some(small),
        Some(large),
        Some(alone),
        Some(batch),
        Some(chat),
    ])
}

/// Times in order, in nanoseconds.
fn times(
    rounds: usize,
    mut once: impl FnMut() -> Result<Duration, Fault>,
) -> Result<Vec<f64>, Fault> {
    for _ in 0..rounds / 10 {
        once()?;
    }
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        times.push(once()?.as_secs_f64() * 1e9);
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

fn requests(adapter: &Adapter, size: usize, rounds: usize) -> Result<Vec<f64>, Fault> {
    let (body, chat) = conversation(size)?;
    let call = Call {
        operation: "chat",
        dialect: "openai-chat",
        model: "some-model",
        model_span: chat.model_span,
        stream: true,
        attempt: 1,
        now_unix_ms: 1_767_614_400_000,
        request_id: "01JABCDEFGH",
        body: &body,
    };
    times(rounds, || {
        let begin = Instant::now();
        let plan = adapter.plan(&call)?;
        let took = begin.elapsed();
        drop(plan);
        Ok(took)
    })
}

/// A conversation of about that many bytes.
fn conversation(size: usize) -> Result<(Bytes, ChatRequest), Fault> {
    const TURNS: usize = 13;
    let text = "How does one keep a service up when those it depends on are not? ";
    let turn = text.repeat(size / TURNS / text.len());
    let message =
        |n| json!({"role": if n % 2 == 0 { "user" } else { "assistant" }, "content": turn});
    let messages: Vec<_> = (0..TURNS).map(message).collect();
    let body = json!({"model": "@chat", "stream": true, "max_tokens": 500, "messages": messages});
    let body = Bytes::from(body.to_string());
    let chat = scan(&body).map_err(|error| Fault::Internal(error.to_string()))?;
    Ok((body, chat))
}

/// How a stream begins, and the frame with content that may come again and again.
fn frames(adapter: &Adapter, plan: &Plan, body: &Bytes) -> Result<(Bytes, Bytes), Fault> {
    let mut reply = adapter.reply(plan);
    let mut found = None;
    let mut at = 0;
    for end in ends(body) {
        let mut out = Output::default();
        reply.push(body.slice(at..end), &mut out)?;
        if out.content {
            let first = found.is_none();
            found = Some((body.slice(..at), body.slice(at..end)));
            if !first {
                break;
            }
        }
        at = end;
    }
    found.ok_or_else(|| Fault::BadResponse(String::from("no frame of the stream has content")))
}

/// Where frames end: at blank lines, or at the ends of lines where there are none. Those of AWS begin with their length, and
/// so with a zero.
fn ends(body: &[u8]) -> Vec<usize> {
    if body.first() == Some(&0) {
        let next = |at: &usize| {
            let length = body.get(*at..)?.first_chunk()?;
            Some(at + u32::from_be_bytes(*length) as usize).filter(|end| end > at)
        };
        let ends = std::iter::successors(next(&0), next);
        return ends.take_while(|end| *end <= body.len()).collect();
    }
    let after = |mark: &[u8]| -> Vec<usize> {
        let places = body.windows(mark.len()).enumerate();
        let places = places.filter(|(_, window)| *window == mark);
        places.map(|(at, _)| at + mark.len()).collect()
    };
    [b"\n\n".as_slice(), b"\r\n\r\n", b"\n"]
        .into_iter()
        .map(after)
        .find(|ends| !ends.is_empty())
        .unwrap_or_default()
}

/// The time it takes to read pieces of an answer that has begun.
fn pushed(
    adapter: &Adapter,
    plan: &Plan,
    opening: &Bytes,
    pieces: &[Bytes],
) -> Result<Duration, Fault> {
    let mut reply = adapter.reply(plan);
    let mut out = Output::default();
    reply.push(opening.clone(), &mut out)?;
    if out.terminal || out.error.is_some() {
        return Err(Fault::BadResponse(String::from(
            "the stream ends with its first frames of content: nothing is left to time",
        )));
    }
    let mut took = Duration::ZERO;
    for piece in pieces {
        out.clear();
        let piece = piece.clone();
        let begin = Instant::now();
        reply.push(piece, &mut out)?;
        took += begin.elapsed();
    }
    Ok(took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_end_at_blank_lines_or_else_at_the_ends_of_lines() {
        assert_eq!(ends(b"data: a\n\ndata: b\n\n"), [9, 18]);
        assert_eq!(ends(b"{}\n{}\n"), [3, 6]);
        assert_eq!(ends(b"{}"), [0_usize; 0]);
        assert_eq!(ends(b"\0\0\0\x05a\0\0\0\x04\0\0\0\x09"), [5, 9]);
        assert_eq!(ends(&[0; 8]), [0_usize; 0]);
    }

    #[test]
    fn a_percentile_is_one_of_the_times() {
        let times: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(share(&times, 50), Some(50.0));
        assert_eq!(share(&times, 99), Some(99.0));
        assert_eq!(share(&[], 50), None);
    }
}
