//! How a simulated provider is set up.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::fault::Fault;
use crate::manner::Manners;

/// A provider's manner of speaking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Dialect {
    /// OpenAI's chat completions.
    #[default]
    OpenAi,
    /// Anthropic's messages.
    Anthropic,
}

/// How a provider behaves. Every provider serves the chat paths of both dialects.
#[derive(Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The provider's name, in its messages and its list of models.
    pub name: String,
    /// The dialect where the path leaves it open: the list of models and unknown paths.
    pub dialect: Dialect,
    /// From the request to the first content.
    pub latency: Duration,
    /// At most this much is added to the latency, by the seed.
    pub jitter: Duration,
    /// Tokens a second after the first; 0 means all at once.
    pub rate: f64,
    /// Tokens in an answer, unless the request allows fewer.
    pub tokens: u32,
    /// What the text and all chance come from.
    pub seed: u64,
    /// What is wrong from the start.
    pub fault: Fault,
    /// The key clients must show, as a bearer token or in `x-api-key`.
    pub require_key: Option<String>,
    /// What it does with each request, in place of the figures and faults above.
    pub manners: Option<Manners>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            name: String::from("mock"),
            dialect: Dialect::default(),
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            rate: 0.0,
            tokens: 16,
            seed: 0,
            fault: Fault::default(),
            require_key: None,
            manners: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("listen", &self.listen)
            .field("name", &self.name)
            .field("dialect", &self.dialect)
            .field("latency", &self.latency)
            .field("jitter", &self.jitter)
            .field("rate", &self.rate)
            .field("tokens", &self.tokens)
            .field("seed", &self.seed)
            .field("fault", &self.fault)
            .field("require_key", &self.require_key.as_ref().map(|_| "***"))
            .field("manners", &self.manners)
            .finish()
    }
}
