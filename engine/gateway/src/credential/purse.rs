//! Keeps the credential of one account: handed out once for however many requests, fetched again beside them before it
//! ends, dropped when a provider refuses it. Reading it waits for nobody.

use crate::credential::account::Account;
use crate::credential::pass::Pass;
use crate::latest::Latest;
use crate::upstream::Upstream;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// Longest that asking for one may take.
const ASKING: Duration = Duration::from_secs(10);
/// Longest that a request waits for the first one.
const WAITING: Duration = Duration::from_secs(3);
/// How long before its end another one is fetched, unless a fifth of its life is less.
const AHEAD: Duration = Duration::from_mins(5);
/// How long before its end it is not used any more: a request takes a while, and clocks differ.
const MARGIN: Duration = Duration::from_secs(10);
/// Longest that one is taken to hold, whatever is said: a year is as good as never, and clocks cannot hold much more.
const LONGEST: Duration = Duration::from_hours(365 * 24);
/// First and longest pause after a failure.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));
/// How often a refused one is dropped at most: where the account itself is refused, another one is of no use.
const DROPS: Duration = Duration::from_mins(1);

/// The credential of one account.
#[derive(Debug)]
pub(crate) struct Purse {
    account: Account,
    state: Latest<State>,
    asking: AtomicBool,
    told: Notify,
}

#[derive(Clone, Debug, Default)]
struct State {
    held: Option<Held>,
    /// Why there is no newer one.
    failed: Option<Failed>,
    dropped: Option<Instant>,
}

#[derive(Clone, Debug)]
struct Held {
    pass: Arc<Pass>,
    /// When another one is fetched, and when this one is of no use; never where it does not end.
    ends: Option<(Instant, Instant)>,
}

#[derive(Clone, Debug)]
struct Failed {
    why: Arc<str>,
    pause: Duration,
    again: Instant,
}

/// What there is for a request.
pub(crate) enum Ready {
    /// A credential.
    Now(Arc<Pass>),
    /// One that is being fetched.
    Soon(Soon),
    /// None, and why.
    Never(Denied),
}

/// A credential that is being fetched.
pub(crate) type Soon = Pin<Box<dyn Future<Output = Result<Arc<Pass>, Denied>> + Send>>;

/// How it stands with the credential of an account.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// Whose it is.
    pub(crate) account: String,
    /// There is one.
    pub(crate) held: bool,
    /// For so long; for ever where nothing is said.
    pub(crate) left: Option<Duration>,
    /// Why there is no newer one, without a secret.
    pub(crate) problem: Option<String>,
}

/// That there is no credential.
#[derive(Clone, Debug)]
pub(crate) struct Denied {
    /// Why, without a secret.
    pub(crate) why: String,
    /// When there may be one.
    pub(crate) again: Duration,
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Now(_) => "Now",
            Self::Soon(_) => "Soon",
            Self::Never(_) => "Never",
        })
    }
}

impl Purse {
    /// An empty one.
    pub(crate) fn new(account: Account) -> Self {
        Self {
            account,
            state: Latest::new(Arc::default()),
            asking: AtomicBool::new(false),
            told: Notify::new(),
        }
    }

    /// What there is for a request now. Nobody who comes while one is fetched asks for another.
    pub(crate) fn ready(self: &Arc<Self>, upstream: &Upstream) -> Ready {
        let now = Instant::now();
        let state = self.state.get();
        if state.wants(now) {
            self.fetch_beside(upstream);
        }
        if let Some(pass) = state.usable(now) {
            return Ready::Now(pass);
        }
        if let Some(failed) = &state.failed {
            return Ready::Never(self.denied(failed, now));
        }
        Ready::Soon(Box::pin(Arc::clone(self).soon(upstream.clone())))
    }

    /// Fetches one where there is none, or where that which there is ends soon.
    pub(crate) fn keep(self: &Arc<Self>, upstream: &Upstream) {
        if self.state.get().wants(Instant::now()) {
            self.fetch_beside(upstream);
        }
    }

    /// How it stands with it, for operators.
    pub(crate) fn standing(&self) -> Standing {
        let now = Instant::now();
        let state = self.state.get();
        let held = state.held.as_ref().filter(|_| state.usable(now).is_some());
        let end = held.and_then(|held| held.ends);
        Standing {
            account: self.account.name(),
            held: held.is_some(),
            left: end.map(|(_, end)| end.saturating_duration_since(now)),
            problem: state.failed.as_ref().map(|failed| failed.why.to_string()),
        }
    }

    /// A provider has refused it. Whether it was dropped, so that another one is fetched.
    pub(crate) fn refused(&self, pass: &Arc<Pass>) -> bool {
        let now = Instant::now();
        let mut drops = false;
        self.state.change(|state| {
            let ours = state
                .held
                .as_ref()
                .is_some_and(|held| Arc::ptr_eq(&held.pass, pass));
            let rests = |at: Instant| now.duration_since(at) >= DROPS;
            drops = ours && state.dropped.is_none_or(rests);
            if drops {
                State {
                    dropped: Some(now),
                    ..State::default()
                }
            } else {
                state.clone()
            }
        });
        drops
    }

    /// Fetches one in a task of its own, unless one is being fetched.
    fn fetch_beside(self: &Arc<Self>, upstream: &Upstream) {
        if self.asking.swap(true, Ordering::AcqRel) {
            return;
        }
        let errand = Errand(Arc::clone(self));
        let upstream = upstream.clone();
        tokio::spawn(async move {
            let purse = &errand.0;
            // Whoever was quicker may have brought one between the look and the promise.
            if purse.state.get().wants(Instant::now()) {
                purse.fetch(&upstream).await;
            }
        });
    }

    async fn fetch(&self, upstream: &Upstream) {
        let asked = timeout(ASKING, self.account.mint(upstream)).await;
        let asked = asked.unwrap_or_else(|_| {
            let why = format!("nobody answered within {} s", ASKING.as_secs());
            Err(why)
        });
        let now = Instant::now();
        // Whoever waits would ask for another one at once, and again.
        let asked = asked.and_then(|minted| match minted.lives {
            Some(Duration::ZERO) => Err("what was handed out has ended already".to_owned()),
            _ => Ok(minted),
        });
        match asked {
            Ok(minted) => {
                let held = Held {
                    pass: Arc::new(minted.pass),
                    ends: minted.lives.map(|lives| {
                        let lives = lives.min(LONGEST);
                        let ahead = AHEAD.min(lives / 5);
                        let margin = MARGIN.min(lives / 10);
                        (
                            now + lives.saturating_sub(ahead),
                            now + lives.saturating_sub(margin),
                        )
                    }),
                };
                tracing::info!("fetched a credential for {}", self.account.name());
                self.state.change(|state| State {
                    held: Some(held.clone()),
                    failed: None,
                    dropped: state.dropped,
                });
            }
            Err(why) => {
                tracing::warn!("no credential for {}: {why}", self.account.name());
                let why: Arc<str> = why.into();
                self.state.change(|state| {
                    let last = state.failed.as_ref().map(|failed| failed.pause * 2);
                    let pause = last.map_or(PAUSES.0, |pause| pause.min(PAUSES.1));
                    State {
                        failed: Some(Failed {
                            why: Arc::clone(&why),
                            pause,
                            again: now + pause,
                        }),
                        ..state.clone()
                    }
                });
            }
        }
    }

    async fn soon(self: Arc<Self>, upstream: Upstream) -> Result<Arc<Pass>, Denied> {
        let brought = async {
            loop {
                let told = self.told.notified();
                tokio::pin!(told);
                // Before the look, so that nothing is told between the two.
                told.as_mut().enable();
                let state = self.state.get();
                let now = Instant::now();
                if let Some(pass) = state.usable(now) {
                    return Ok(pass);
                }
                if let Some(failed) = &state.failed {
                    return Err(self.denied(failed, now));
                }
                // The errand that was under way may have been at its end, and what it brought may be gone.
                self.fetch_beside(&upstream);
                told.await;
            }
        };
        timeout(WAITING, brought).await.unwrap_or_else(|_| {
            Err(Denied {
                why: format!(
                    "the credential for {} is still being fetched after {} s",
                    self.account.name(),
                    WAITING.as_secs()
                ),
                again: PAUSES.0,
            })
        })
    }

    fn denied(&self, failed: &Failed, now: Instant) -> Denied {
        Denied {
            why: format!(
                "there is no credential for {}: {}",
                self.account.name(),
                failed.why
            ),
            again: failed.again.saturating_duration_since(now).max(PAUSES.0),
        }
    }
}

impl State {
    fn usable(&self, now: Instant) -> Option<Arc<Pass>> {
        let held = self.held.as_ref()?;
        let good = held.ends.is_none_or(|(_, end)| now < end);
        good.then(|| Arc::clone(&held.pass))
    }

    /// Whether it is time to ask for one.
    fn wants(&self, now: Instant) -> bool {
        let rests = self
            .failed
            .as_ref()
            .is_some_and(|failed| now < failed.again);
        let lasts = self
            .held
            .as_ref()
            .is_some_and(|held| held.ends.is_none_or(|(renew, _)| now < renew));
        !rests && !lasts
    }
}

/// That one is being fetched; however that ends, another may try again.
struct Errand(Arc<Purse>);

impl Drop for Errand {
    fn drop(&mut self) {
        self.0.asking.store(false, Ordering::Release);
        self.0.told.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
