//! A client's request read into facts: headers, body, and nothing of what the prompt says.

use crate::asked::Asked;
use crate::clock::{Clock, unix_ms};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::HeaderValue;
use hyper::{HeaderMap, Request};
use mux_dsl::Demand;
use mux_dsl::image::Features;
use mux_routing::SECOND;
use mux_routing::chance::Chance;
use mux_routing::flight::Arrival;
use mux_routing::refusal::Refusal;
use mux_traffic::record::{Facts, Prefix};
use mux_wire::Dialect;
use mux_wire::chat::ChatRequest;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// How long a client may take to send its body.
const BODY_TIME: Duration = Duration::from_secs(30);
/// Most tags of one request.
const TAGS: usize = 32;
/// Most bytes of a model's name, a user, a conversation, and of the name or the value of a tag.
const WORD_BYTES: usize = 512;
/// The client's own limit on the time of its request, in milliseconds.
const TIMEOUT: &str = "x-mux-timeout-ms";
/// Bytes of text that count as a token where a prefix is measured.
const TOKEN_BYTES: usize = 4;

/// A request that was read and understood.
#[derive(Debug)]
pub(crate) struct Read {
    /// For routing.
    pub(crate) arrival: Arrival,
    /// For adapters.
    pub(crate) asked: Asked,
    /// As they came, until it is known what is asked of them.
    headers: HeaderMap,
}

impl Read {
    /// Reads what a bundle asks of a request beyond what all do.
    ///
    /// # Errors
    /// A header is too long.
    pub(crate) fn meet(&mut self, demand: &Demand) -> Result<(), Refusal> {
        let facts = &mut self.arrival.facts;
        facts.headers = named(&self.headers, &demand.headers)?;
        facts.prefixes = prefixes(&self.asked.body, &demand.prefixes);
        Ok(())
    }
}

/// Request ids: unique, without asking the operating system for each.
#[derive(Debug)]
pub(crate) struct Ids {
    process: u64,
    next: AtomicU64,
}

impl Default for Ids {
    fn default() -> Self {
        // A machine without randomness still gets ids unique to it.
        let process = getrandom::u64()
            .unwrap_or_else(|_| unix_ms().unsigned_abs() ^ u64::from(std::process::id()) << 40);
        Self::new(process)
    }
}

impl Ids {
    /// Those of a process that was given such a number.
    #[must_use]
    pub(crate) fn new(process: u64) -> Self {
        Self {
            process,
            next: AtomicU64::new(0),
        }
    }

    /// The next id, and the seed that goes with it.
    pub(crate) fn next(&self) -> (String, u64) {
        let count = self.next.fetch_add(1, Relaxed);
        let seed = Chance::nth(self.process, count);
        (
            format!("req_{:012x}{seed:016x}", self.process & 0xffff_ffff_ffff),
            seed,
        )
    }
}

/// What reading a request takes.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    /// The dialect it is in.
    pub(crate) dialect: Dialect,
    /// Most bytes of its body.
    pub(crate) limit: usize,
    /// Its id.
    pub(crate) id: String,
    /// Seed of its random choices.
    pub(crate) seed: u64,
    /// The clock of all flights.
    pub(crate) clock: &'a Clock,
}

/// Reads a request, but for what only some bundles ask of it: see [`Read::meet`].
///
/// # Errors
/// What is wrong with it, for the client.
pub(crate) async fn read(
    request: Request<Incoming>,
    reading: Reading<'_>,
) -> Result<Read, Refusal> {
    let (head, body) = request.into_parts();
    let limit = reading.limit;
    let too_large = || {
        let message = format!(
            "the body is over the limit of {limit} bytes; start the gateway with a larger `--max-body` if that is meant"
        );
        Refusal::new(413, "request_too_large", message)
    };
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    let body = match tokio::time::timeout(BODY_TIME, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large()),
        Ok(Err(error)) => {
            return Err(Refusal::new(
                400,
                "body_unreadable",
                format!("the body broke off: {error}"),
            ));
        }
        Err(_) => {
            return Err(Refusal::new(
                408,
                "body_too_slow",
                format!("the body did not arrive within {} s", BODY_TIME.as_secs()),
            ));
        }
    };
    let mut asked = Asked::read(reading.dialect, body, &head.headers)?;
    let timeout = timeout(&head.headers)?;
    let facts = facts(&head.headers, &mut asked)?;
    let arrival = Arrival {
        id: reading.id,
        seed: reading.seed,
        at: unix_ms(),
        now: reading.clock.now(),
        queued: 0,
        needs: needs(&asked.facts),
        whole: !asked.facts.stream,
        timeout,
        facts,
    };
    Ok(Read {
        arrival,
        asked,
        headers: head.headers,
    })
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// The headers that a bundle asks for.
fn named(headers: &HeaderMap, names: &[Box<str>]) -> Result<Vec<(String, String)>, Refusal> {
    let found = names.iter();
    let found = found.filter_map(|name| Some((name.to_string(), text(headers, name)?)));
    let found: Vec<(String, String)> = found.collect();
    short(found.iter().map(|(_, value)| ("header", value)))?;
    Ok(found)
}

/// Refuses what is longer than anything that a policy could ask for.
fn short<'a>(mut words: impl Iterator<Item = (&'a str, &'a String)>) -> Result<(), Refusal> {
    let Some((name, word)) = words.find(|(_, word)| word.len() > WORD_BYTES) else {
        return Ok(());
    };
    let message = format!(
        "a `{name}` may have {WORD_BYTES} bytes, and this one has {}",
        word.len()
    );
    Err(Refusal::new(400, "value_too_long", message))
}

fn facts(headers: &HeaderMap, asked: &mut Asked) -> Result<Facts, Refusal> {
    let dialect = asked.dialect;
    let chat = &mut asked.facts;
    let text = |name: &str| text(headers, name);
    // What is sent empty names nobody.
    let said = |name: &str| text(name).filter(|word| !word.trim().is_empty());
    let sent = headers
        .get_all("x-mux-tags")
        .iter()
        .map(|v| String::from_utf8_lossy(v.as_bytes()));
    let mut tags = tags(&sent.collect::<Vec<_>>().join(","));
    tags.append(&mut chat.metadata);
    // A tag that is dropped in silence may be the one a rule asks for.
    if tags.len() > TAGS {
        return Err(Refusal::new(
            400,
            "too_many_tags",
            format!(
                "a request may have {TAGS} tags, and this one has {}",
                tags.len()
            ),
        ));
    }
    let facts = Facts {
        operation: dialect.operation().to_owned(),
        dialect: dialect.name().to_owned(),
        model: chat.model.clone(),
        key: text("authorization")
            .or_else(|| text("x-api-key"))
            .as_deref()
            .and_then(key),
        end_user: said("x-mux-user").or_else(|| chat.user.take()),
        conversation: said("x-mux-conversation"),
        tags,
        tokens: chat.tokens,
        output_limit: chat.output_limit,
        streaming: chat.stream,
        ..Facts::default()
    };
    let words = [
        ("model", Some(&facts.model)),
        ("user", facts.end_user.as_ref()),
        ("x-mux-conversation", facts.conversation.as_ref()),
    ];
    let words = words
        .into_iter()
        .filter_map(|(name, word)| Some((name, word?)));
    let tags = facts
        .tags
        .iter()
        .flat_map(|(name, value)| [("tag", name), ("tag", value)]);
    short(words.chain(tags))?;
    Ok(facts)
}

/// `a=1, b=2`; a tag without a value has the value `true`.
fn tags(header: &str) -> Vec<(String, String)> {
    let parts = header
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let pairs = parts.map(|part| part.split_once('=').unwrap_or((part, "true")));
    pairs
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect()
}

/// A client is known by a hash of its token until virtual keys exist.
fn key(authorization: &str) -> Option<String> {
    let token = authorization
        .strip_prefix("Bearer ")
        .unwrap_or(authorization)
        .trim();
    (!token.is_empty()).then(|| format!("k_{}", short_hash("mux client key 1", token.as_bytes())))
}

/// 64 bits of a hash, hexadecimal.
fn short_hash(context: &str, bytes: &[u8]) -> String {
    let mut hex = blake3::derive_key(context, bytes)
        .map(|b| format!("{b:02x}"))
        .concat();
    hex.truncate(16);
    hex
}

/// Hashes of how the prompt begins, for those of `lengths` that it is long enough for.
fn prefixes(body: &Bytes, lengths: &[u32]) -> Vec<Prefix> {
    let messages = match lengths {
        [] => None,
        _ => mux_wire::chat::messages(body),
    };
    let Some(messages) = messages else {
        return Vec::new();
    };
    let hashed = lengths.iter().filter_map(|tokens| {
        let bytes = usize::try_from(*tokens).ok()?.checked_mul(TOKEN_BYTES)?;
        let start = messages.as_bytes().get(..bytes)?;
        Some(Prefix {
            tokens: *tokens,
            hash: short_hash("mux prompt prefix 1", start),
        })
    });
    hashed.collect()
}

fn needs(chat: &ChatRequest) -> Features {
    let all = [
        (chat.tools, Features::TOOLS),
        (chat.images, Features::IMAGES),
        (chat.audio, Features::AUDIO),
        (chat.json_schema, Features::JSON_SCHEMA),
    ];
    all.into_iter()
        .filter(|(needed, _)| *needed)
        .fold(Features::default(), |sum, (_, feature)| sum.with(feature))
}

/// The client's own limit: ours in milliseconds, or the seconds official SDKs send. These send what they like, and nobody
/// chose it; whoever sends ours means it.
fn timeout(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    let number = |value: &HeaderValue| {
        let number = value.to_str().ok()?.trim().parse::<f64>().ok()?;
        (number.is_finite() && number > 0.0).then_some(number)
    };
    let seconds = if let Some(own) = headers.get(TIMEOUT) {
        let ms = number(own).ok_or_else(|| {
            let said = String::from_utf8_lossy(own.as_bytes());
            let said: String = said.chars().take(40).collect();
            let message = format!(
                "`{TIMEOUT}: {}` is no number of milliseconds above 0",
                said.escape_debug()
            );
            Refusal::new(400, "invalid_timeout", message).about(TIMEOUT)
        })?;
        ms / 1_000.0
    } else {
        match headers.get("x-stainless-timeout").and_then(number) {
            Some(seconds) => seconds,
            None => return Ok(None),
        }
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "positive, and a cast saturates"
    )]
    Ok(Some((seconds * SECOND as f64) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_header_is_a_list_of_pairs() {
        let expected = [("team", "red"), ("tier", "a=b"), ("beta", "true")]
            .map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(tags("team=red, tier=a=b,,beta"), expected);
    }

    #[test]
    fn a_client_is_known_by_a_hash_and_not_by_its_token() {
        let known = key("Bearer sk-secret").unwrap();
        assert_eq!(known, key("Bearer  sk-secret ").unwrap());
        assert!(!known.contains("secret") && known.len() == 18, "{known}");
        assert_eq!(key("Bearer "), None);
    }

    #[test]
    fn prompts_that_begin_alike_have_the_same_prefix_and_short_ones_have_none() {
        let body = |rest: &str| {
            let start = "you answer in verse ".repeat(10);
            Bytes::from(format!(
                r#"{{"model":"@x","messages":[{{"role":"system","content":"{start}"}},{rest}]}}"#
            ))
        };
        let one = prefixes(
            &body(r#"{"role":"user","content":"hi"}"#),
            &[50, 60, 100_000],
        );
        let two = prefixes(
            &body(r#"{"role":"user","content":"ho"}"#),
            &[50, 60, 100_000],
        );
        assert_eq!(one.len(), 2, "the prompt has no 100 000 tokens");
        assert_eq!(one, two);
        assert_ne!(one[0].hash, one[1].hash);
        assert!(one[0].hash.len() == 16 && !one[0].hash.contains("verse"));
        assert_ne!(
            prefixes(&body("0"), &[50]),
            prefixes(&Bytes::from(r#"{"messages":"x"}"#), &[50])
        );
        assert!(prefixes(&body("0"), &[]).is_empty());
    }

    #[test]
    fn only_headers_that_are_asked_for_are_read_and_long_ones_are_refused() {
        let mut headers = HeaderMap::new();
        headers.insert("x-plan", "gold".parse().unwrap());
        headers.append("x-plan", "lead".parse().unwrap());
        headers.insert("x-other", "secret".parse().unwrap());
        let asked: [Box<str>; 2] = ["x-absent".into(), "x-plan".into()];
        let read = named(&headers, &asked).unwrap();
        assert_eq!(read, [("x-plan".to_owned(), "gold".to_owned())]);
        headers.insert("x-plan", "g".repeat(WORD_BYTES + 1).parse().unwrap());
        let refused = named(&headers, &asked).unwrap_err();
        assert_eq!(refused.code, "value_too_long");
    }

    #[test]
    fn a_header_that_is_empty_names_nobody() {
        let mut headers = HeaderMap::new();
        headers.insert("x-mux-conversation", "".parse().unwrap());
        headers.insert("x-mux-user", " ".parse().unwrap());
        let mut asked = Asked::default();
        asked.facts.user = Some("ann".to_owned());
        let read = facts(&headers, &mut asked).unwrap();
        assert_eq!(
            (read.conversation, read.end_user.as_deref()),
            (None, Some("ann"))
        );
        headers.insert("x-mux-conversation", "c1".parse().unwrap());
        let read = facts(&headers, &mut asked).unwrap();
        assert_eq!(read.conversation.as_deref(), Some("c1"));
    }

    #[test]
    fn a_timeout_that_is_no_number_is_refused_and_one_of_an_sdk_is_left() {
        let of = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            timeout(&headers).map_err(|refused| (refused.status, refused.message))
        };
        assert_eq!(of(TIMEOUT, "1500"), Ok(Some(1_500 * SECOND / 1_000)));
        for wrong in ["2s", "", "0", "-1", "NaN", "inf"] {
            let (status, message) = of(TIMEOUT, wrong).unwrap_err();
            assert!(status == 400 && message.contains(TIMEOUT), "{message}");
        }
        assert_eq!(of("x-stainless-timeout", "2"), Ok(Some(2 * SECOND)));
        assert_eq!(of("x-stainless-timeout", "not given"), Ok(None));
    }

    #[test]
    fn ids_do_not_repeat() {
        let ids = Ids::default();
        let made: std::collections::HashSet<String> = (0..10_000).map(|_| ids.next().0).collect();
        assert_eq!(made.len(), 10_000);
    }
}
