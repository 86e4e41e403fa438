//! `mux policy test --live`: recorded prompts, asked again through real providers, within what may be spent.
//!
//! Each is asked twice through gateways of its own on this machine: at the target that served it when it was recorded, or under
//! another version of the policies, and under the policies as they are. Before anything is asked it is looked whether the most
//! that it can cost is still there, counted by bytes where providers count tokens, so that what may be spent is never passed.

mod asker;
mod bounded;
mod cap;
mod chosen;
mod form;
mod questions;
mod side;
mod told;

use crate::ending::Trouble;
use crate::out::Out;
use crate::recorded::Recorded;
use crate::runtime::{self, Stop};
use asker::Asker;
use cap::money;
use chosen::{Among, choose};
use clap::Args;
use mux_gateway::source::Given;
use questions::Terms;
use side::{Kept, Side};
use std::path::{Path, PathBuf};
use told::Reasked;

/// Of what, and where from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    /// The policies as they were read.
    pub(crate) policies: &'a Given,
    /// Another version, and what it is called.
    pub(crate) against: Option<&'a (String, Given)>,
    pub(crate) data: &'a Path,
    pub(crate) recorded: &'a Recorded,
    pub(crate) traffic: &'a Path,
    pub(crate) seed: u64,
}

/// What is said of requests that are carried out in virtual time, and means nothing to a provider.
const REPLAYED: [&str; 9] = [
    "filter",
    "generate",
    "mode",
    "outage",
    "by",
    "trace",
    "inconclusive",
    "resume",
    "stage",
];

/// How recorded prompts are asked again.
#[derive(Debug, Args)]
#[command(next_help_heading = "Asking again")]
pub(crate) struct Asking {
    /// Ask providers again what was asked, where prompts were recorded: who served then, or `--against` another version, and
    /// whom the policies as they are now choose
    #[arg(long, requires_all = ["traffic", "max_spend"], conflicts_with_all = REPLAYED)]
    live: bool,
    /// The most that may be spent on it, such as `5usd`; it is never passed
    #[arg(long, value_name = "AMOUNT", value_parser = money, requires = "live")]
    max_spend: Option<i64>,
    /// Where prompts were recorded [default: `prompts` in the data folder]
    #[arg(long, value_name = "DIR", requires = "live")]
    prompts: Option<PathBuf>,
    /// How many requests are asked again, drawn by the seed
    #[arg(long, value_name = "N", default_value_t = 50, requires = "live")]
    requests: usize,
    /// Most tokens of an answer, where the request allows more or does not say
    #[arg(long, value_name = "N", default_value_t = 1_024, requires = "live")]
    answer_tokens: u32,
    /// A target that says how good each new answer is in the place of the old one
    #[arg(long, value_name = "TARGET", requires = "live")]
    judge: Option<String>,
}

impl Asking {
    /// Whether that is to be done.
    pub(crate) fn live(&self) -> bool {
        self.live
    }

    /// Does it. What was paid for is told whatever comes of the rest.
    pub(crate) fn run(&self, about: About<'_>, out: &mut Out) -> Result<Reasked, Trouble> {
        let kept = Kept::of(about.data)?;
        runtime::start()?.block_on(async {
            let now = Side::start(about.policies.clone(), &kept).await?;
            let before = match about.against {
                Some((_, given)) => Some(Side::start(given.clone(), &kept).await?),
                None => None,
            };
            let terms = Terms {
                tokens: self.answer_tokens,
                asks: about.recorded.asks(),
                judge: self.judge.as_deref(),
            };
            let cap = self.max_spend.unwrap_or_default();
            let mut asker = Asker::new(terms, now, before, cap);
            let reasked = self.ask(&mut asker, about, out).await;
            asker.stop().await;
            reasked
        })
    }

    async fn ask(
        &self,
        asker: &mut Asker<'_>,
        about: About<'_>,
        out: &mut Out,
    ) -> Result<Reasked, Trouble> {
        asker.judged()?;
        let prompts = self.prompts.clone();
        let prompts = prompts.unwrap_or_else(|| about.data.join("prompts"));
        let among = Among {
            prompts: &prompts,
            traffic: about.traffic,
            recorded: about.recorded,
            seed: about.seed,
            many: self.requests,
        };
        let (chosen, skipped) = choose(among, |record, body| asker.questions(record, body))?;
        if chosen.is_empty() {
            let why = skipped.told().unwrap_or_else(|| {
                format!(
                    "no prompt of them is in `{}`; `mux serve --record-prompts` records them",
                    prompts.display()
                )
            });
            return Err(Trouble::usage(format!(
                "none of the requests can be asked again: {why}"
            )));
        }
        // Until here a signal ends the process as it ends any: nothing is paid for.
        let mut stop = Stop::listen()?;
        let against = about.against.map(|(name, _)| name.clone());
        let mut reasked = Reasked::new(self.max_spend.unwrap_or_default(), against, skipped);
        for chosen in chosen {
            out.error(&format!("asking {} again", chosen.record.id));
            let (spent, most) = (asker.spent(), asker.most_of(&chosen.questions));
            let pair = tokio::select! {
                pair = asker.pair(chosen) => pair,
                () = stop.asked() => {
                    asker.give_up(spent, most);
                    Err(Trouble::usage("it was stopped: the rest was not asked"))
                }
            };
            match pair {
                Ok(Some(pair)) => reasked.pairs.push(pair),
                Ok(None) => {
                    reasked.stopped = true;
                    break;
                }
                Err(trouble) => {
                    reasked.trouble = Some(trouble);
                    break;
                }
            }
        }
        reasked.spent = asker.spent();
        Ok(reasked)
    }
}
