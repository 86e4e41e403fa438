//! One call of a model as others tell it, and the record that is made of it.

use crate::record::{Attempt, Candidate, Facts, Outcome, Record, Usage, VERSION};
use crate::sample::hash;

/// What is taken where a log does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assumed {
    /// The model that clients asked for.
    pub model: Option<String>,
    /// The target that served, `provider/model`.
    pub target: Option<String>,
}

/// What is asked for and how, in the words of records: the operations and dialects that mux has, which `mux-wire` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) operation: &'static str,
    pub(crate) dialect: &'static str,
}

impl Asked {
    pub(crate) const CHAT: Self = Self::new("chat", "openai-chat");
    pub(crate) const MESSAGES: Self = Self::new("chat", "anthropic-messages");
    pub(crate) const RESPONSES: Self = Self::new("chat", "openai-responses");
    pub(crate) const EMBEDDINGS: Self = Self::new("embeddings", "openai-embeddings");
    pub(crate) const COUNT: Self = Self::new("count-tokens", "anthropic-count-tokens");

    const fn new(operation: &'static str, dialect: &'static str) -> Self {
        Self { operation, dialect }
    }

    /// By its names, as far as they are said; `None` where mux has none of them.
    pub(crate) fn named(operation: Option<&str>, dialect: Option<&str>) -> Option<Self> {
        let all = [
            Self::CHAT,
            Self::MESSAGES,
            Self::RESPONSES,
            Self::EMBEDDINGS,
            Self::COUNT,
        ];
        all.into_iter().find(|asked| {
            operation.is_none_or(|name| name == asked.operation)
                && dialect.is_none_or(|name| name == asked.dialect)
        })
    }
}

impl Default for Asked {
    fn default() -> Self {
        Self::CHAT
    }
}

/// What may be known of a call.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Call {
    pub(crate) id: Option<String>,
    /// Unix milliseconds.
    pub(crate) at: Option<i64>,
    /// A chat where nothing is said.
    pub(crate) asked: Asked,
    /// What the client asked for.
    pub(crate) model: Option<String>,
    pub(crate) provider: Option<String>,
    /// What the provider calls the model that answered.
    pub(crate) answered_by: Option<String>,
    pub(crate) status: Option<u16>,
    /// Why it failed, as whoever wrote the log says it; absent where it did not.
    pub(crate) failure: Option<String>,
    /// The class, where mux wrote the log.
    pub(crate) class: Option<&'static str>,
    /// Microseconds to the first content.
    pub(crate) first_us: Option<u64>,
    /// Microseconds to the end.
    pub(crate) total_us: Option<u64>,
    pub(crate) usage: Option<Usage>,
    /// Pico-dollars.
    pub(crate) cost: Option<i64>,
    /// A cache answered, and no provider was asked.
    pub(crate) from_cache: bool,
    pub(crate) facts: Facts,
}

impl Call {
    /// The record. `name` is its id where it has none.
    pub(crate) fn record(
        self,
        assumed: &Assumed,
        name: impl FnOnce() -> String,
    ) -> Result<Record, String> {
        let at = self.at.ok_or("it has no time")?;
        let target = self.target().or_else(|| assumed.target.clone());
        let class = self.class();
        let ok = class == "ok";
        let model = self.model.or_else(|| assumed.model.clone());
        let model = model
            .or(self.answered_by)
            .or_else(|| target.clone())
            .unwrap_or_default();
        let id = self.id.unwrap_or_else(name);
        let total_us = self.total_us.unwrap_or_default();
        let usage = self.usage.filter(|_| ok);
        let tokens = usage.map_or(0, |usage| usage.input);
        let tokens = u32::try_from(tokens).map_err(|_| format!("no prompt has {tokens} tokens"))?;
        let committed_us = self.first_us.or(self.total_us).filter(|_| ok);
        let attempted = target.filter(|_| !self.from_cache);
        let attempts = attempted.iter().map(|target| Attempt {
            target: target.clone(),
            first_us: committed_us,
            end_us: total_us,
            class: class.to_owned(),
            status: self.status,
            usage: self.usage,
            cost: self.cost,
            ..Attempt::default()
        });
        Ok(Record {
            v: VERSION,
            at,
            // The same for the same id, wherever it is read.
            seed: hash(&id),
            attempts: attempts.collect(),
            candidates: attempted
                .iter()
                .map(|target| Candidate {
                    target: target.clone(),
                    ..Candidate::default()
                })
                .collect(),
            outcome: Outcome {
                status: self.status.unwrap_or(if ok { 200 } else { 502 }),
                class: class.to_owned(),
                served: attempted.filter(|_| ok),
                committed_us,
                total_us,
                ..Outcome::default()
            },
            usage,
            cost: self.cost.unwrap_or_default(),
            priced: self.cost.is_some() || self.from_cache,
            request: Facts {
                operation: self.asked.operation.to_owned(),
                dialect: self.asked.dialect.to_owned(),
                model,
                tokens: if self.facts.tokens > 0 {
                    self.facts.tokens
                } else {
                    tokens
                },
                ..self.facts
            },
            id,
            ..Record::default()
        })
    }

    /// `provider/model`, as far as it is known.
    fn target(&self) -> Option<String> {
        let model = self.answered_by.as_deref().or(self.model.as_deref())?;
        let provider = self.provider.as_deref()?;
        let bare = model
            .strip_prefix(provider)
            .and_then(|rest| rest.strip_prefix('/'));
        Some(format!("{provider}/{}", bare.unwrap_or(model)))
    }

    /// The class of records that comes nearest.
    fn class(&self) -> &'static str {
        if let Some(class) = self.class {
            return class;
        }
        match (&self.failure, self.status) {
            (Some(why), status) => named(why).unwrap_or_else(|| match status {
                Some(status) if status >= 400 => numbered(status),
                _ => "server",
            }),
            (None, Some(status)) => numbered(status),
            (None, None) => "ok",
        }
    }
}

fn numbered(status: u16) -> &'static str {
    match status {
        0..400 => "ok",
        401 => "authentication",
        402 => "quota-exhausted",
        403 => "permission",
        404 => "model-not-found",
        408 | 504 => "timeout",
        413 => "payload-too-large",
        429 => "rate-limited",
        499 => "client-gone",
        503 | 529 => "overloaded",
        400..500 => "invalid-request",
        _ => "server",
    }
}

/// By a word in the name of an error, of which every library has its own.
fn named(why: &str) -> Option<&'static str> {
    const WORDS: [(&str, &str); 17] = [
        ("insufficientquota", "quota-exhausted"),
        ("quotaexceeded", "quota-exhausted"),
        ("budget", "quota-exhausted"),
        ("ratelimit", "rate-limited"),
        ("toomanyrequests", "rate-limited"),
        ("contextwindow", "context-length"),
        ("contextlength", "context-length"),
        ("contentpolicy", "content-filter"),
        ("contentfilter", "content-filter"),
        ("authentication", "authentication"),
        ("permission", "permission"),
        ("notfound", "model-not-found"),
        ("timeout", "timeout"),
        ("overloaded", "overloaded"),
        ("serviceunavailable", "overloaded"),
        ("badrequest", "invalid-request"),
        ("invalidrequest", "invalid-request"),
    ];
    let letters = why.chars().filter(char::is_ascii_alphanumeric);
    let plain: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    if let Some((_, class)) = WORDS.iter().find(|(word, _)| plain.contains(word)) {
        return Some(class);
    }
    if plain.contains("connection") {
        return Some("connect");
    }
    plain
        .parse()
        .ok()
        .filter(|status| *status >= 400)
        .map(numbered)
}
