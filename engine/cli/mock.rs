//! `mux mock`: a simulated provider, so that policies can be tried without spending.

use crate::ending::{Exit, Outcome, Trouble};
use crate::out::{Out, duration};
use crate::runtime::{self, Stop};
use clap::Args;
use mux_mock::{Fault, Options};
use std::net::SocketAddr;
use std::time::Duration;

/// Run a simulated provider
#[derive(Debug, Args)]
pub(crate) struct Mock {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:4100")]
    listen: SocketAddr,
    /// Its name, in answers and books
    #[arg(long, default_value = "mock")]
    name: String,
    /// Time to the first content
    #[arg(long, default_value = "50ms", value_parser = duration)]
    latency: Duration,
    /// Most that is added to it, at random
    #[arg(long, default_value = "0ms", value_parser = duration)]
    jitter: Duration,
    /// Output tokens a second
    #[arg(long, default_value_t = 100.0)]
    rate: f64,
    /// Output tokens of an answer
    #[arg(long, default_value_t = 32)]
    tokens: u32,
    /// Seed of everything random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What goes wrong, such as `status=503`, `hang`, `cut-after=3`, `status=429,retry-after=7` or `status=500,rate=0.2`
    #[arg(long, default_value = "")]
    fault: String,
    /// Refuse requests that do not bring this key
    #[arg(long, env = "MUX_MOCK_KEY", hide_env_values = true)]
    key: Option<String>,
}

impl Mock {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let fault = if self.fault.is_empty() {
            Fault::default()
        } else {
            Fault::parse(&self.fault).map_err(Trouble::usage)?
        };
        let options = Options {
            listen: self.listen,
            name: self.name,
            latency: self.latency,
            jitter: self.jitter,
            rate: self.rate,
            tokens: self.tokens,
            seed: self.seed,
            fault,
            require_key: self.key,
            ..Options::default()
        };
        runtime::start()?.block_on(async {
            let mut stop = Stop::listen()?;
            let mock = mux_mock::Mock::start(options)
                .await
                .map_err(|e| Trouble::usage(format!("cannot listen on `{}`: {e}", self.listen)))?;
            out.line(&format!(
                "a simulated provider listens on http://{}",
                mock.addr
            ));
            out.line(&format!(
                "change its faults with: curl -X PUT http://{}/mock/fault -d '{{\"status\":503}}'",
                mock.addr
            ));
            stop.asked().await;
            mock.stop().await;
            Ok(Exit::Good)
        })
    }
}
