//! Strategies: how a request is carried out, freely nested.

use super::attempt::{Attempt, Outcomes};
use super::figure::{Compare, HealthState, Quantile};
use super::fleet::{Features, HealthRule, Tier};
use super::{BasisPoints, BreakerId, GuardId, Millis, Pico, PlanId, ProviderId, TargetId};

/// How a request is carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The declared name; a strategy written in a rule has none.
    pub name: Option<Box<str>>,
    /// What to do.
    pub route: Route,
}

/// A strategy, freely nested.
#[derive(Clone, Debug, PartialEq)]
pub enum Route {
    /// One deployment.
    Attempt(Attempt),
    /// A named plan.
    Plan(PlanId),
    /// In order until one serves.
    Fallback(Fallback),
    /// `cheapest`, `fastest` and `balance`: one of a list, by figures of the moment; the others follow in that order.
    Listed(Listed),
    /// Sticky shares.
    Split(Split),
    /// A base and a small share.
    Canary(Canary),
    /// Cheap first, accepted or climbed over.
    Cascade(Cascade),
    /// All at once, combined.
    Ensemble(Ensemble),
    /// A second request after a delay.
    Hedge(Hedge),
}

/// What holds for a strategy as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms {
    /// Until the client is committed when streaming, the whole answer otherwise.
    pub within: Option<Millis>,
    /// Outcomes that move on; 429, 5xx, network, timed-out and auth where absent.
    pub on: Option<Outcomes>,
    /// Replaces the default trip rule of each direct attempt.
    pub breaker: Option<BreakerId>,
    /// Requests of one kind stay with the target that served them while it is healthy.
    pub affinity: Option<Affinity>,
    /// `continue once`: a stream that breaks off is carried on by the next target.
    pub resume: bool,
}

/// What stays with one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Affinity {
    /// A conversation.
    Conversation,
    /// An end user.
    EndUser,
    /// A client key.
    Key,
    /// Prompts that begin with the same so many tokens.
    Prefix(u32),
}

/// One of the routes of a strategy.
#[derive(Clone, Debug, PartialEq)]
pub struct Arm {
    /// What to do.
    pub route: Route,
    /// Only for these requests.
    pub when: Option<GuardId>,
    /// Its part of the traffic or of the votes; `1` where not written.
    pub weight: u32,
    /// For traces and expectations.
    pub name: Option<Box<str>>,
}

/// `cheapest`, `fastest`, `balance`.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// What is best.
    pub by: By,
    /// Targets that do not pass are never candidates.
    pub filter: Option<Filter>,
    /// The candidates.
    pub arms: Vec<Arm>,
    /// Where none is left.
    pub otherwise: Option<Box<Route>>,
    /// For the list as a whole.
    pub terms: Terms,
}

/// How one of a list is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Least expected cost of this request.
    Cost,
    /// Least time to first content, at a percentile and over a window; a share goes elsewhere to keep figures fresh.
    Latency(Quantile, Millis, BasisPoints),
    /// By weight, not sticky.
    Weight,
}

/// A condition on a target.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All hold.
    All(Vec<Filter>),
    /// One holds.
    Any(Vec<Filter>),
    /// It does not hold.
    Not(Box<Filter>),
    /// `tier >= standard`; a target without a tier does not pass.
    Tier(Compare, Tier),
    /// `provider is NAME`.
    Provider(ProviderId),
    /// `region is NAME`: all its regions are this one.
    Region(Box<str>),
    /// `context >= 100k`; a target without a window does not pass.
    Context(Compare, u32),
    /// `price <= $3/Mtok`: of input tokens; a target without a price does not pass.
    Price(Compare, Pico),
    /// `can reasoning`.
    Can(Features),
    /// `p95 < 4s`: live; unknown does not pass.
    Latency(Quantile, Compare, Millis),
    /// `error_rate < 5%`: live; unknown does not pass.
    ErrorRate(Compare, BasisPoints),
    /// `health is ok`: live.
    Health(HealthState),
}

/// What a request is recognised by, so that it always gets the same arm.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Sticky {
    /// End user.
    EndUser,
    /// Client key.
    Key,
    /// Team.
    Team,
    /// Conversation.
    Conversation,
    /// A tag.
    Tag(Box<str>),
    /// A header.
    Header(Box<str>),
}

/// `split by … salt "…" { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// The first of these that the request has; its id where it has none.
    pub by: Vec<Sticky>,
    /// Reshuffles.
    pub salt: Box<str>,
    /// With shares, 10 000 in all.
    pub arms: Vec<(BasisPoints, Arm)>,
}

/// `canary by … { base … SHARE … abort when … ramp … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Canary {
    /// As in a split.
    pub by: Vec<Sticky>,
    /// Reshuffles.
    pub salt: Box<str>,
    /// What most requests get.
    pub base: Box<Route>,
    /// What the share gets.
    pub trial: Box<Arm>,
    /// The share, or the first step of the ramp.
    pub share: BasisPoints,
    /// Any of these, measured on the trial, sends everything to the base.
    pub abort: Vec<HealthRule>,
    /// Shares in order, and the time of each.
    pub ramp: Option<(Vec<BasisPoints>, Millis)>,
}

/// Who scores answers, and by what.
#[derive(Clone, Debug, PartialEq)]
pub struct Judge {
    /// The model that is asked.
    pub attempt: Attempt,
    /// Path of the rubric, as seen from where policies are read.
    pub rubric: Box<str>,
    /// Its text.
    pub text: Box<str>,
}

/// `cascade { judge … try … { accept when … } }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Cascade {
    /// Scores answers, where any `accept` asks for a score.
    pub judge: Option<Judge>,
    /// In order, with what makes an answer good enough; the last is taken as it is.
    pub steps: Vec<(Arm, Option<Accept>)>,
    /// A streaming client is served the accepted answer in one piece.
    pub buffer: bool,
    /// For the cascade as a whole.
    pub terms: Terms,
}

/// A condition on an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Accept {
    /// All hold.
    All(Vec<Accept>),
    /// One holds.
    Any(Vec<Accept>),
    /// It does not hold.
    Not(Box<Accept>),
    /// `finish is stop`.
    Finish(Finish),
    /// `score of judge >= 0.8`, in basis points.
    Score(Compare, BasisPoints),
    /// `schema is valid`: it fits the schema that the request asked for.
    Schema,
    /// `output >= 20`: tokens of the answer.
    Output(Compare, u32),
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Finish {
    /// By itself.
    Stop,
    /// At its limit.
    Length,
    /// To call tools.
    ToolCalls,
    /// A filter cut it off.
    ContentFilter,
}

/// `ensemble { ask … quorum N combine … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Ensemble {
    /// Asked at the same time.
    pub asks: Vec<Arm>,
    /// Answers that are waited for.
    pub quorum: u32,
    /// How one answer is made of them.
    pub combine: Combine,
    /// Scores answers, for `combine best by judge`.
    pub judge: Option<Judge>,
    /// A streaming client is served the combined answer in one piece.
    pub buffer: bool,
    /// For the ensemble as a whole.
    pub terms: Terms,
}

/// How one answer is made of several.
#[derive(Clone, Debug, PartialEq)]
pub enum Combine {
    /// The first that is whole and fits the schema asked for.
    FirstValid,
    /// The one whose value at a JSON path most agree on.
    Majority(Box<str>),
    /// The same, each vote by its weight.
    Vote(Box<str>),
    /// The one the judge scores highest.
    Best,
    /// One that a model makes of all.
    Merge(Attempt),
}

/// `hedge after … extra N { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Hedge {
    /// When the next is asked.
    pub after: After,
    /// Most further requests.
    pub extra: u8,
    /// In order.
    pub arms: Vec<Arm>,
    /// Share of requests that may be hedged.
    pub budget: Option<BasisPoints>,
    /// Most that one duplicate may cost.
    pub cost: Option<Pico>,
    /// For the hedge as a whole.
    pub terms: Terms,
}

/// A delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// So long.
    Time(Millis),
    /// As long as this share of the target's answers take.
    Quantile(Quantile),
}

/// `fallback`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fallback {
    /// In order.
    pub tries: Vec<Arm>,
    /// For the chain as a whole.
    pub terms: Terms,
}

impl Arm {
    /// A route without conditions.
    #[must_use]
    pub fn of(route: Route) -> Self {
        Self {
            route,
            when: None,
            weight: 1,
            name: None,
        }
    }
}

impl Route {
    /// What holds for the strategy as a whole; a target, a named plan and shares have no terms of their own.
    #[must_use]
    pub fn terms(&self) -> Option<&Terms> {
        match self {
            Self::Attempt(_) | Self::Plan(_) | Self::Split(_) | Self::Canary(_) => None,
            Self::Fallback(fallback) => Some(&fallback.terms),
            Self::Listed(list) => Some(&list.terms),
            Self::Cascade(cascade) => Some(&cascade.terms),
            Self::Ensemble(ensemble) => Some(&ensemble.terms),
            Self::Hedge(hedge) => Some(&hedge.terms),
        }
    }

    /// Shows this route and every one inside of it; named plans are not entered.
    pub fn each(&self, visit: &mut impl FnMut(&Self)) {
        visit(self);
        self.each_inner(&mut |inner| inner.each(visit));
    }

    /// Shows every route directly inside this one, in textual order; a named plan is not entered.
    pub fn each_inner<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        match self {
            Self::Attempt(_) | Self::Plan(_) => {}
            Self::Fallback(fallback) => fallback.tries.iter().for_each(|arm| visit(&arm.route)),
            Self::Listed(list) => {
                list.arms.iter().for_each(|arm| visit(&arm.route));
                list.otherwise.iter().for_each(|route| visit(route));
            }
            Self::Split(split) => split.arms.iter().for_each(|(_, arm)| visit(&arm.route)),
            Self::Canary(canary) => {
                visit(&canary.base);
                visit(&canary.trial.route);
            }
            Self::Cascade(cascade) => cascade.steps.iter().for_each(|(arm, _)| visit(&arm.route)),
            Self::Ensemble(ensemble) => ensemble.asks.iter().for_each(|arm| visit(&arm.route)),
            Self::Hedge(hedge) => hedge.arms.iter().for_each(|arm| visit(&arm.route)),
        }
    }

    /// Shows every arm directly inside this one, in textual order; a named plan is not entered.
    pub fn each_arm<'a>(&'a self, visit: &mut impl FnMut(&'a Arm)) {
        match self {
            Self::Attempt(_) | Self::Plan(_) => {}
            Self::Fallback(fallback) => fallback.tries.iter().for_each(visit),
            Self::Listed(list) => list.arms.iter().for_each(visit),
            Self::Split(split) => split.arms.iter().for_each(|(_, arm)| visit(arm)),
            Self::Canary(canary) => visit(&canary.trial),
            Self::Cascade(cascade) => cascade.steps.iter().for_each(|(arm, _)| visit(arm)),
            Self::Ensemble(ensemble) => ensemble.asks.iter().for_each(visit),
            Self::Hedge(hedge) => hedge.arms.iter().for_each(visit),
        }
    }

    /// Models that are asked about answers, and so see what the request holds: judges, and those that merge.
    pub fn each_helper<'a>(&'a self, visit: &mut impl FnMut(&'a Attempt)) {
        match self {
            Self::Cascade(cascade) => cascade.judge.iter().for_each(|judge| visit(&judge.attempt)),
            Self::Ensemble(ensemble) => {
                ensemble
                    .judge
                    .iter()
                    .for_each(|judge| visit(&judge.attempt));
                if let Combine::Merge(attempt) = &ensemble.combine {
                    visit(attempt);
                }
            }
            _ => {}
        }
    }

    /// Adds the targets of all helpers, those of plans that it names included. Plans must be free of loops.
    pub(crate) fn reach_helpers(&self, plans: &[Plan], found: &mut Vec<TargetId>) {
        if let Self::Plan(plan) = self {
            if let Some(plan) = plans.get(plan.index()) {
                plan.route.reach_helpers(plans, found);
            }
            return;
        }
        self.each_helper(&mut |attempt| found.push(attempt.target));
        self.each_inner(&mut |inner| inner.reach_helpers(plans, found));
    }

    /// Adds the targets of a route that are not in `found` yet, in the order they are written. Plans must be free of loops.
    pub(crate) fn reach(&self, plans: &[Plan], found: &mut Vec<TargetId>) {
        match self {
            Self::Attempt(attempt) if found.contains(&attempt.target) => {}
            Self::Attempt(attempt) => found.push(attempt.target),
            Self::Plan(plan) => {
                if let Some(plan) = plans.get(plan.index()) {
                    plan.route.reach(plans, found);
                }
            }
            nested => nested.each_inner(&mut |inner| inner.reach(plans, found)),
        }
    }
}
