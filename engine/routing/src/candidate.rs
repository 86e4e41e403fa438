//! Targets that come into question, and why one is passed over.

use crate::arrival::Arrival;
use crate::router::Router;
use crate::target::Barred;
use crate::{MILLI, Nanos};
use mux_dsl::image::{Features, TargetId};
use smallvec::SmallVec;

/// In order, with the reason where one was not called.
pub type Candidates = SmallVec<[(TargetId, Option<PassedOver>); 4]>;

/// Why a candidate was not called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PassedOver {
    /// It lacks these.
    Lacks(Features),
    /// The prompt does not fit its window.
    Window(u32),
    /// It does not pass the `where` of its list.
    Filtered,
    /// It cannot be called at all.
    Unavailable(String),
    /// Its score, basis points: this request was among those it loses by it.
    Unwell(u32),
    /// Too many further attempts were made of late for one that is unlikely to help.
    Scarce,
    /// A budget of this name would not hold what it may cost at worst.
    Budget(Box<str>),
    /// A budget of this name keeps what is spent at worst, and nobody knows what that is here.
    Unpriced(Box<str>),
    /// Not now.
    Barred(Barred),
    /// Another one before it served, or was the last that could be tried.
    NotNeeded,
}

impl PassedOver {
    /// The reason in one word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Lacks(_) => "capability-missing",
            Self::Window(_) => "window-too-small",
            Self::Filtered => "filtered",
            Self::Unavailable(_) => "unavailable",
            Self::Unwell(_) => "unwell",
            Self::Scarce => "scarce",
            Self::Budget(_) => "over-budget",
            Self::Unpriced(_) => "unpriced",
            Self::Barred(_) => "barred",
            Self::NotNeeded => "not-needed",
        }
    }

    /// The reason in words, for records and errors.
    #[must_use]
    pub fn words(&self, now: Nanos) -> String {
        let wait = |until: Nanos| until.saturating_sub(now).div_ceil(MILLI);
        match self {
            Self::Lacks(features) => format!(
                "cannot serve {}",
                features.words().collect::<Vec<_>>().join(", ")
            ),
            Self::Window(window) => format!("takes at most {window} tokens"),
            Self::Filtered => "does not pass `where`".to_owned(),
            Self::Unavailable(why) => why.clone(),
            Self::NotNeeded => "was not needed".to_owned(),
            Self::Unwell(score) => format!("is unwell, with a score of {score} of 10000"),
            Self::Scarce => "is unlikely to serve, and retries are used up for now".to_owned(),
            Self::Budget(name) => format!("may cost more than budget `{name}` has left"),
            Self::Unpriced(name) => {
                format!("has no price or no limit of its output, which budget `{name}` has to know")
            }
            Self::Barred(Barred::Breaker(until)) => {
                format!("has an open breaker for {} ms", wait(*until))
            }
            Self::Barred(Barred::Full) => "has as many attempts in flight as it may".to_owned(),
            Self::Barred(Barred::Drained) => "is drained by an operator".to_owned(),
            Self::Barred(Barred::Throttled(until)) => format!("asked to wait {} ms", wait(*until)),
            Self::Barred(Barred::Credential(until)) => format!(
                "refused the credential and is tried again in {} ms",
                wait(*until)
            ),
        }
    }
}

/// Why a target can never serve a request.
#[must_use]
pub fn cannot(router: &Router, arrival: &Arrival, target: TargetId) -> Option<PassedOver> {
    let target = router.fleet().targets.get(target.index())?;
    let lacks = arrival.needs.without(target.can);
    if lacks != Features::default() {
        return Some(PassedOver::Lacks(lacks));
    }
    let window = target
        .context
        .filter(|window| arrival.facts.tokens > *window);
    window.map(PassedOver::Window)
}
