//! `mux serve`: the gateway in the foreground, until it is told to stop.

use crate::ending::{Exit, Outcome, Trouble};
use crate::out::duration;
use crate::runtime::{self, Stop};
use crate::testing;
use crate::trust::Trust;
use clap::Args;
use mux_gateway::credential::Vault;
use mux_gateway::gateway::{Gateway, Options, StartError};
use mux_gateway::recorder::Recorded;
use mux_traffic::{Keep, Redaction, Sample};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Run the gateway
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Policies: a folder (its `.mux` files are one bundle), one file with its includes, or a branch that is followed:
    /// `git+URL#BRANCH`, `git+URL#BRANCH:FOLDER`, where URL is whatever git can fetch
    #[arg(long, default_value = "policies")]
    policies: PathBuf,
    /// How often a branch is asked for new commits; one on this machine is also when it gets one
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    poll: Duration,
    /// Where versions, recordings and the admin socket are kept
    #[arg(long, env = "MUX_DATA", default_value = ".mux")]
    data: PathBuf,
    /// The address clients connect to
    #[arg(long, env = "MUX_LISTEN", default_value = "127.0.0.1:4000")]
    listen: SocketAddr,
    /// A watched folder of adapters that replace the built-in ones [default: `plugins` in the data folder]
    #[arg(long)]
    plugins: Option<PathBuf>,
    #[command(flatten)]
    trust: Trust,
    /// How to get `secret "scheme:ref"` credentials; the command gets the ref as its last argument
    #[arg(long = "secret-command", value_name = "SCHEME=COMMAND")]
    secret_commands: Vec<String>,
    /// Most bytes of a request body
    #[arg(long, default_value_t = 32 << 20)]
    max_body: usize,
    /// Most requests in flight
    #[arg(long, default_value = "2000")]
    max_inflight: NonZeroUsize,
    /// Most bytes of memory: near it mux sends nothing unasked, then takes only the foremost, then no requests at all
    /// [default: what the control group allows]
    #[arg(long, value_name = "BYTES")]
    memory_limit: Option<u64>,
    /// How long requests in flight may take after SIGTERM
    #[arg(long, default_value = "30s", value_parser = duration)]
    grace: Duration,
    /// Serve policies although a guarantee of theirs does not hold; their version says so
    #[arg(long)]
    force: bool,
    /// How much is kept of what is recorded: an age, a size, or both, such as `30d`, `50GB` or `30d,50GB` [default: all]
    #[arg(long, value_name = "AGE|SIZE")]
    keep: Option<Keep>,
    /// Which share of requests is recorded, such as `10%` [default: all]
    #[arg(long, value_name = "SHARE")]
    sample: Option<Sample>,
    /// Record what clients ask as well, in `prompts` in the data folder, without keys, addresses and the like
    #[arg(long)]
    record_prompts: bool,
    /// A regular expression of what else is left out of recorded prompts
    #[arg(long, value_name = "REGEX", requires = "record_prompts")]
    redact: Vec<String>,
    /// Log as JSON lines
    #[arg(long)]
    log_json: bool,
}

impl Serve {
    pub(crate) fn run(self) -> Outcome {
        log(self.log_json);
        let vault = Vault::parse(&self.secret_commands).map_err(Trouble::Usage)?;
        let redaction = self
            .record_prompts
            .then(|| Redaction::new(&self.redact).map(Arc::new))
            .transpose()
            .map_err(Trouble::Usage)?;
        if redaction.is_some() {
            tracing::warn!(
                "prompts are recorded: names and whatever else has no form of its own stays in them"
            );
        }
        let options = Options {
            recorded: Recorded {
                keep: self.keep.unwrap_or_default(),
                sample: self.sample.unwrap_or_default(),
                prompts: redaction,
            },
            plugins: self.plugins,
            poll: self.poll,
            trust: self.trust.of(&self.data)?,
            max_body: self.max_body,
            max_inflight: self.max_inflight.get(),
            memory_limit: self.memory_limit,
            grace: self.grace,
            vault,
            examine: Some(Arc::new(testing::examine)),
            force: self.force,
            ..Options::new(&self.policies, &self.data, self.listen)
        };
        runtime::start()?.block_on(serve(options))
    }
}

async fn serve(options: Options) -> Outcome {
    let mut stop = Stop::listen()?;
    let gateway = match Gateway::start(options).await {
        Ok(gateway) => gateway,
        Err(StartError::Policies(text)) => {
            tracing::error!(
                "the policies do not load, and there is no earlier version to serve:\n{text}"
            );
            return Ok(Exit::No);
        }
        Err(StartError::Environment(why)) => return Err(Trouble::Usage(why)),
    };
    stop.asked().await;
    tracing::info!("stopping: requests in flight are finished first");
    gateway.stop().await;
    Ok(Exit::Good)
}

/// Logs to standard error; `MUX_LOG` filters as `RUST_LOG` does elsewhere.
pub(crate) fn log(json: bool) {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("MUX_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let format = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal());
    // Setting it twice is a test in the same process, which keeps the first.
    let _ = if json {
        format.json().try_init()
    } else {
        format.try_init()
    };
}
