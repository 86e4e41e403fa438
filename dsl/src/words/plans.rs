//! Strategies: how a request is carried out, and the lines of their blocks.

use super::entry::Args::{One, Own};
use super::entry::Body::{Must, Strategy};
use super::entry::Entry;
use super::entry::Place::{
    self, Balance, Canary, Cascade, Cheapest, Ensemble, Fallback, Fastest, Hedge, Plan, Split, Step,
};
use super::entry::Slot::{Name, Quantity};
use super::options::{
    ACCEPT, ARM, BALANCE, BY, FALLBACK, FASTEST, HEDGE, JUDGED, LISTED, NAME, RUBRIC, TARGET,
    WEIGHT,
};

/// Where a line is a whole route.
const ROUTES: &[Place] = &[Plan, Fallback, Cheapest, Fastest, Balance, Hedge];
const LISTS: &[Place] = &[Cheapest, Fastest, Balance];

/// Every strategy: the line it has in a plan, and wherever else a target may stand.
pub(super) static STRATEGIES: &[Entry] = &[
    Entry::new("fallback", ROUTES, "fallback [within TIME] [on OUTCOME …] { try … }", Own, "in order until one serves").with(&[FALLBACK]).repeats().holds(Must(Fallback)),
    Entry::new("cheapest", ROUTES, "cheapest [where FILTER] [within TIME] { PROVIDER/MODEL … }", Own, "lowest expected cost of this request; the others follow in that order").with(&[LISTED]).repeats().holds(Must(Cheapest)),
    Entry::new("fastest", ROUTES, "fastest [by p95 [over TIME]] [explore SHARE] [where FILTER] [within TIME] { PROVIDER/MODEL … }", Own, "least time to the first content; the others follow in that order").with(&[FASTEST, LISTED]).repeats().holds(Must(Fastest)),
    Entry::new("balance", ROUTES, "balance [within TIME] { PROVIDER/MODEL weight N … }", Own, "by weight, not sticky; of equal weights, the less busy of two that are drawn").with(&[BALANCE]).repeats().holds(Must(Balance)),
    Entry::new("split", ROUTES, "split by WHO … [salt \"TEXT\"] { SHARE PROVIDER/MODEL [name NAME] … }", Own, "sticky shares, 100% in all").with(&[BY]).repeats().holds(Must(Split)),
    Entry::new("canary", ROUTES, "canary by WHO … [salt \"TEXT\"] { base … SHARE … abort when … ramp … }", Own, "a base and a small share").with(&[BY]).repeats().holds(Must(Canary)),
    Entry::new("cascade", ROUTES, "cascade [within TIME] [buffer] { judge … try … { accept when … } try … }", Own, "cheap first; an answer is accepted, or the next is asked").with(&[JUDGED]).repeats().holds(Must(Cascade)),
    Entry::new("ensemble", ROUTES, "ensemble [within TIME] [buffer] { ask … ask … combine … }", Own, "asks all at once, and makes one answer of theirs").with(&[JUDGED]).repeats().holds(Must(Ensemble)),
    Entry::new("hedge", ROUTES, "hedge after TIME | p95 [extra N] [within TIME] { PROVIDER/MODEL … }", Own, "a second request after a delay; the first content wins").with(&[HEDGE]).repeats().holds(Must(Hedge)),
];

pub(super) static TABLE: &[Entry] = &[
    Entry::new("<target>", ROUTES, "PROVIDER/MODEL [timeout TIME] [connect TIME] [idle TIME] [content-idle TIME] [total TIME] [retry N [on OUTCOME …]]", Own, "one deployment").with(&[TARGET, ARM]).repeats(),
    Entry::new("plan", ROUTES, "plan NAME", Own, "a named plan").with(&[ARM]).repeats(),
    // arms with a word
    Entry::new("try", &[Fallback], "try PROVIDER/MODEL [timeout TIME] [retry N [on OUTCOME …]] [when CONDITION]", Own, "the next candidate: a target, `plan NAME` or a strategy").with(&[TARGET, ARM]).repeats().holds(Strategy),
    Entry::new("try", &[Cascade], "try PROVIDER/MODEL [timeout TIME] { accept when … }", Own, "the next to be asked; the last is taken as it is").with(&[TARGET, ACCEPT]).repeats().holds(super::entry::Body::May(Step)),
    Entry::new("accept", &[Step], "accept when finish is stop and score of judge >= 0.8", Own, "what makes its answer good enough").repeats(),
    Entry::new("ask", &[Ensemble], "ask PROVIDER/MODEL [timeout TIME] [weight N] [when CONDITION]", Own, "one that is asked").with(&[TARGET, WEIGHT, ARM]).repeats().holds(Strategy),
    Entry::new("base", &[Canary], "base PROVIDER/MODEL | plan NAME", Own, "what most requests get").with(&[TARGET]).holds(Strategy),
    Entry::new("otherwise", LISTS, "otherwise PROVIDER/MODEL | plan NAME", Own, "where no candidate is left").with(&[TARGET]).holds(Strategy),
    Entry::new("<number>", &[Split], "SHARE PROVIDER/MODEL [name NAME]", Own, "an arm and its share").with(&[TARGET, NAME]).repeats().holds(Strategy),
    Entry::new("<number>", &[Canary], "SHARE PROVIDER/MODEL [name NAME]", Own, "what is tried, and its share").with(&[TARGET, NAME]).holds(Strategy),
    Entry::new("<number>", &[Balance], "SHARE PROVIDER/MODEL", Own, "an arm and its share").with(&[TARGET, NAME, ARM]).repeats().holds(Strategy),
    // of strategies as a whole
    Entry::new("within", &[Fallback, Cheapest, Fastest, Balance, Cascade, Ensemble, Hedge], "within TIME", One(Quantity), "deadline of all its attempts together"),
    Entry::new("on", &[Fallback, Cheapest, Fastest, Balance], "on OUTCOME …", Own, "outcomes that move on to the next"),
    Entry::new("breaker", &[Fallback, Cheapest, Fastest, Balance, Hedge], "breaker NAME", One(Name), "replaces the default trip rule of its targets"),
    Entry::new("affinity", &[Fallback, Cheapest, Fastest, Balance], "affinity conversation | end_user | key | prefix [TOKENS]", Own, "requests of one kind stay with the target that served them while it is healthy"),
    Entry::new("continue", &[Fallback], "continue once", One(Name), "a stream that breaks off is carried on by the next target"),
    Entry::new("buffer", &[Cascade, Ensemble], "buffer", super::entry::Args::Nothing, "a streaming client gets the answer in one piece"),
    // of one strategy
    Entry::new("judge", &[Cascade, Ensemble], "judge PROVIDER/MODEL rubric \"FILE\" [timeout TIME]", Own, "who scores answers, and by what").with(&[TARGET, RUBRIC]),
    Entry::new("quorum", &[Ensemble], "quorum N", One(Quantity), "answers that are waited for: fewer than are asked is a demand, and where they do not come the request fails; all is patience, and whoever answers counts; all where absent"),
    Entry::new("combine", &[Ensemble], "combine first-valid | majority on \"$.path\" | vote on \"$.path\" | best by judge | merge by PROVIDER/MODEL", Own, "how one answer is made of them").with(&[TARGET]),
    Entry::new("abort", &[Canary], "abort when error_rate > SHARE over TIME or p95 > TIME over TIME", Own, "measured on what is tried; any of these sends everything to the base").repeats(),
    Entry::new("ramp", &[Canary], "ramp SHARE … every TIME", Own, "shares in order, and the time of each"),
    Entry::new("budget", &[Hedge], "budget SHARE", One(Quantity), "share of requests that may be hedged"),
    Entry::new("cost", &[Hedge], "cost $N", One(Quantity), "most that one duplicate may cost"),
];
