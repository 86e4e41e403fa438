//! What an upstream does with one attempt: events at their times.

use mux_dsl::case::Script;
use mux_routing::class::Class;
use mux_routing::flight::{Event, Failure};
use mux_routing::{MILLI, Nanos, SECOND};
use mux_traffic::record::Usage;

/// First content of a healthy upstream.
pub(crate) const FIRST: Nanos = 300 * MILLI;
/// Tokens of a healthy answer.
const TOKENS: u32 = 256;
/// Output tokens a second of a healthy upstream.
pub(crate) const RATE: u32 = 50;
/// Text bytes of a token.
const TOKEN_BYTES: u64 = 4;

/// Something that happens to an attempt.
#[derive(Clone, Debug)]
pub enum Beat {
    /// The connection stands.
    Connected,
    /// A good head.
    Head(u16),
    /// First content.
    Content,
    /// So many bytes of text.
    Progress(u64),
    /// Complete.
    Done(Option<Usage>),
    /// Failed.
    Failed(Failure),
}

impl Beat {
    /// The event for the attempt of this number.
    #[must_use]
    pub fn event(self, attempt: usize) -> Event {
        match self {
            Self::Connected => Event::Connected(attempt),
            Self::Head(status) => Event::Head(attempt, status),
            Self::Content => Event::Content(attempt),
            Self::Progress(text) => Event::Progress(attempt, text),
            Self::Done(usage) => Event::Done(attempt, usage),
            Self::Failed(failure) => Event::Failed(attempt, failure),
        }
    }
}

/// Events of one attempt, each with its time since the attempt began, in order. One that ends with neither `Done` nor
/// `Failed` hangs.
pub type Play = Vec<(Nanos, Beat)>;

/// An answer: the head, first content after `first`, then `tokens` at `rate` a second.
#[must_use]
pub fn answer(first: Nanos, input: u32, tokens: u32, rate: u32, streaming: bool) -> Play {
    let span = Nanos::from(tokens) * SECOND / Nanos::from(rate.max(1));
    let usage = Usage {
        input: u64::from(input),
        output: u64::from(tokens),
        ..Usage::default()
    };
    let mut play = vec![(0, Beat::Connected)];
    if streaming {
        play.push((first, Beat::Head(200)));
        play.push((first, Beat::Content));
        flow(&mut play, first, tokens, rate);
    } else {
        play.push((first + span, Beat::Head(200)));
    }
    play.push((first + span, Beat::Done(Some(usage))));
    play
}

/// Tokens that come at a rate, told once a second or once a token, whichever is less often.
fn flow(play: &mut Play, from: Nanos, tokens: u32, rate: u32) {
    let step = rate.max(1);
    let mut sent = 0;
    while sent + step <= tokens {
        sent += step;
        let at = from + Nanos::from(sent) * SECOND / Nanos::from(rate.max(1));
        play.push((at, Beat::Progress(u64::from(step) * TOKEN_BYTES)));
    }
}

/// Tokens of an answer that may have so many.
fn tokens(limit: Option<u32>) -> u32 {
    limit.map_or(TOKENS, |limit| limit.min(TOKENS))
}

/// A healthy upstream, for a request that limits the output or does not.
#[must_use]
pub fn healthy(input: u32, limit: Option<u32>, streaming: bool) -> Play {
    answer(FIRST, input, tokens(limit), RATE, streaming)
}

/// What a test's script does.
#[must_use]
pub fn scripted(script: &Script, input: u32, limit: Option<u32>, streaming: bool) -> Play {
    let most = tokens(limit);
    match *script {
        Script::Hangs => vec![(0, Beat::Connected)],
        Script::Refuses => vec![(0, Beat::Failed(Failure::of(Class::Connect)))],
        Script::Replies { status, after } if (200..300).contains(&status) => {
            answer(after * MILLI, input, most, RATE, streaming)
        }
        Script::Replies { status, after } => {
            let failure = Failure {
                status: Some(status),
                ..Failure::of(class_of(status))
            };
            vec![(0, Beat::Connected), (after * MILLI, Beat::Failed(failure))]
        }
        Script::Streams {
            rate,
            drops_after: None,
        } => answer(FIRST, input, most, rate, streaming),
        Script::Streams {
            rate,
            drops_after: Some(tokens),
        } => dropping(rate, tokens, streaming),
    }
}

fn dropping(rate: u32, tokens: u32, streaming: bool) -> Play {
    let end = FIRST + Nanos::from(tokens) * SECOND / Nanos::from(rate.max(1));
    let mut play = vec![(0, Beat::Connected)];
    if streaming && tokens > 0 {
        play.push((FIRST, Beat::Head(200)));
        play.push((FIRST, Beat::Content));
        flow(&mut play, FIRST, tokens, rate);
    }
    let class = if streaming && tokens == 0 {
        Class::BadResponse
    } else {
        Class::Cut
    };
    play.push((end, Beat::Failed(Failure::of(class))));
    play
}

/// The class of a bare status, as an adapter would tell it.
#[must_use]
pub fn class_of(status: u16) -> Class {
    match status {
        401 => Class::Authentication,
        402 => Class::QuotaExhausted,
        403 => Class::Permission,
        404 => Class::ModelNotFound,
        408 | 504 => Class::Timeout,
        413 => Class::PayloadTooLarge,
        429 => Class::RateLimited,
        503 | 529 => Class::Overloaded,
        500.. => Class::Server,
        _ => Class::InvalidRequest,
    }
}
