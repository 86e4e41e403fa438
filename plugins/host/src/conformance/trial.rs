//! A plugin on trial, and what it makes of exchanges: on an instance that goes on, and on a fresh one for each call.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use mux_wire::usage::Usage;

use crate::adapter::Adapter;
use crate::exchange::Exchange;
use crate::fault::{Fault, LoadError};
use crate::limits::Limits;
use crate::output::{Output, Part};
use crate::plan::Plan;
use crate::plugin::Plugin;
use crate::quirks::Quirks;

/// Stands where an adapter asks for the address of its provider; nothing is sent.
pub(super) const NOWHERE: &str = "https://provider.invalid";

/// How many times its deadline a call may take on trial: machines that build are busy, and JavaScript is slow on them. One that
/// does not end is found all the same. What calls take at the median is held to the deadline itself.
const PATIENCE: u32 = 20;

/// A plugin and the exchanges it is tried on.
#[derive(Debug)]
pub struct Trial {
    plugin: Arc<Plugin>,
    cases: Vec<Case>,
    made_up: bool,
}

/// One exchange with the adapters that are to carry it out.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) exchange: Exchange,
    /// Goes on from call to call.
    pub(super) warm: Adapter,
    /// Has a fresh instance for each call.
    pub(super) fresh: Adapter,
}

/// Everything that came of an exchange.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Heard {
    sent: Vec<u8>,
    warnings: Vec<String>,
    bytes: Vec<u8>,
    usage: Option<Usage>,
    finish: Option<String>,
    error: Option<String>,
    terminal: bool,
}

/// What came of an exchange, or why nothing did.
pub(super) type Outcome = Result<Heard, Fault>;

impl Trial {
    /// Puts a plugin on trial on exchanges, each with its name. `settings` hold where an exchange has none of its own.
    ///
    /// # Errors
    /// When the plugin does not take the settings.
    pub fn new(
        plugin: &Arc<Plugin>,
        quirks: &Quirks,
        settings: &str,
        exchanges: Vec<(String, Exchange)>,
    ) -> Result<Self, LoadError> {
        let limits = &plugin.limits;
        let patient = Limits {
            prepare: limits.prepare * PATIENCE,
            decode: limits.decode * PATIENCE,
            map_error: limits.map_error * PATIENCE,
            ..limits.clone()
        };
        let forgetful = Limits {
            calls: 1,
            ..patient.clone()
        };
        let patient = Arc::new(plugin.limited(patient));
        let forgetful = Arc::new(plugin.limited(forgetful));
        let made_up = exchanges.is_empty();
        let exchanges = if made_up { invented() } else { exchanges };
        let mut made: Vec<(String, Adapter, Adapter)> = Vec::new();
        let mut cases = Vec::new();
        for (name, exchange) in exchanges {
            let settings = exchange.settings.as_deref().unwrap_or(settings);
            let known = made.iter().find(|(known, ..)| known == settings);
            let (warm, fresh) = if let Some((_, warm, fresh)) = known {
                (warm.clone(), fresh.clone())
            } else {
                let adapter = |plugin: &Arc<Plugin>| {
                    let adapter = plugin.adapter(settings, Some(NOWHERE))?;
                    adapter.with(quirks.clone())
                };
                let (warm, fresh) = (adapter(&patient)?, adapter(&forgetful)?);
                made.push((settings.to_owned(), warm.clone(), fresh.clone()));
                (warm, fresh)
            };
            cases.push(Case {
                name,
                exchange,
                warm,
                fresh,
            });
        }
        Ok(Self {
            plugin: Arc::clone(plugin),
            cases,
            made_up,
        })
    }

    /// What is tried.
    #[must_use]
    pub fn plugin(&self) -> &Arc<Plugin> {
        &self.plugin
    }

    pub(super) fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// Whether there were no exchanges, and what is tried on is made up.
    pub(super) fn made_up(&self) -> bool {
        self.made_up
    }
}

/// What can be asked of any adapter. The answers make no sense to any.
fn invented() -> Vec<(String, Exchange)> {
    let exchange = |stream| Exchange {
        model: String::from("some-model"),
        chat: None,
        sent: None,
        settings: None,
        expected: None,
        stream,
        status: 200,
        headers: HeaderMap::new(),
        body: Bytes::from_static(b"data: {\"a\":[1,\"b\",null]}\n\n"),
    };
    vec![
        (String::from("made up, whole"), exchange(false)),
        (String::from("made up, streamed"), exchange(true)),
    ]
}

impl Case {
    /// What comes of the exchange as it stands.
    pub(super) fn whole(&self, adapter: &Adapter) -> Outcome {
        self.hear(adapter, [self.exchange.body.clone()])
    }

    /// The same with an answer that came in these pieces.
    pub(super) fn hear(
        &self,
        adapter: &Adapter,
        pieces: impl IntoIterator<Item = Bytes>,
    ) -> Outcome {
        if self.is_error() {
            let body: Vec<Bytes> = pieces.into_iter().collect();
            return self.error(adapter, &body.concat());
        }
        let plan = self.exchange.plan(adapter, &self.exchange.client())?;
        read(adapter, &plan, pieces)
    }

    /// Whether its answer is an error.
    pub(super) fn is_error(&self) -> bool {
        self.exchange.status >= 400
    }

    /// What an error answer with this body means.
    pub(super) fn error(&self, adapter: &Adapter, body: &[u8]) -> Outcome {
        let exchange = &self.exchange;
        let error = adapter.asked_error(exchange.status, &exchange.headers, body)?;
        Ok(Heard {
            error: error.map(|error| format!("{error:?}")),
            ..Heard::default()
        })
    }
}

/// Reads an answer to a plan.
pub(super) fn read(
    adapter: &Adapter,
    plan: &Plan,
    pieces: impl IntoIterator<Item = Bytes>,
) -> Outcome {
    let mut reply = adapter.reply(plan);
    let mut out = Output::default();
    for piece in pieces {
        reply.push(piece, &mut out)?;
    }
    reply.end(&mut out)?;
    Ok(heard(plan, out))
}

/// What came out, in one form.
pub(super) fn heard(plan: &Plan, out: Output) -> Heard {
    let mut bytes = Vec::new();
    for part in out.parts {
        match part {
            Part::Verbatim(part) => bytes.extend_from_slice(&part),
            Part::Chunk(part) | Part::Whole(part) => {
                bytes.extend_from_slice(&part);
                bytes.push(b'\n');
            }
        }
    }
    Heard {
        sent: plan.body.concat(),
        warnings: plan.warnings.clone(),
        bytes,
        usage: out.usage,
        finish: out.finish,
        error: out.error.map(|error| format!("{error:?}")),
        terminal: out.terminal,
    }
}

/// How two outcomes of the same differ, if they do.
pub(super) fn difference(one: &Outcome, other: &Outcome) -> Option<String> {
    if one == other {
        return None;
    }
    let (one, other) = match (one, other) {
        (Ok(one), Ok(other)) => first(one, other),
        (one, other) => (shown(one), shown(other)),
    };
    Some(format!("`{}` against `{}`", clip(&one), clip(&other)))
}

/// The first part in which they differ.
fn first(one: &Heard, other: &Heard) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if one.sent != other.sent {
        return (text(&one.sent), text(&other.sent));
    }
    if one.bytes != other.bytes {
        let same = one.bytes.iter().zip(&other.bytes);
        let same = same.take_while(|(a, b)| a == b).count().saturating_sub(40);
        let rest = |bytes: &[u8]| text(bytes.get(same..).unwrap_or_default());
        return (rest(&one.bytes), rest(&other.bytes));
    }
    let rest = |heard: &Heard| {
        format!(
            "{:?} {:?} {:?} {:?} {}",
            heard.warnings, heard.usage, heard.finish, heard.error, heard.terminal
        )
    };
    (rest(one), rest(other))
}

fn shown(outcome: &Outcome) -> String {
    match outcome {
        Ok(heard) => format!("an answer of {} bytes", heard.bytes.len()),
        Err(fault) => fault.to_string(),
    }
}

/// As much of a text as a line of a report takes.
pub(super) fn clip(text: &str) -> String {
    const LONGEST: usize = 160;
    let mut clipped = text
        .get(..text.floor_char_boundary(LONGEST))
        .unwrap_or("")
        .to_owned();
    if clipped.len() < text.len() {
        clipped.push('…');
    }
    clipped
}
