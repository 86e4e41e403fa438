//! How a canary ends where that cannot be written down at once.
//!
//! An abortion holds at once, whatever the disk says: nobody is served by that version any more. Only a restart before it is
//! written down would go on with it. A promotion waits: what everybody is served by must be what a restart would serve, so
//! the canary keeps its share, and is watched, until the promotion can be written down.

use super::Keeper;
use super::aside::MUX;
use crate::late::{Again, End};
use crate::live::Live;
use std::sync::PoisonError;
use std::time::Instant;

impl Keeper {
    /// An end of the canary that the store has could not be written down.
    pub(super) fn end_late(&mut self, author: &str, reason: &str, why: &str) {
        let Some(canary) = self.store.refs().canary else {
            return;
        };
        let again = match self.late.end.take() {
            Some(End { mut again, .. }) => {
                again.failed(why, Instant::now());
                again
            }
            None => Again::after(why, Instant::now()),
        };
        self.late.end = Some(End {
            canary,
            author: author.to_owned(),
            reason: reason.to_owned(),
            again,
        });
        self.tell(Some(why.to_owned()));
    }

    /// Writes down an end that could not be, where it is time to, or `now`: something waits for that, or it is the last
    /// moment. Whether it was, and what was saved meanwhile taken up.
    pub(super) fn catch_up(&mut self, live: &Live, now: bool) -> bool {
        let Some(mut end) = self.late.end.take() else {
            return false;
        };
        // Somebody has decided otherwise, or ended it as well.
        if self.store.refs().canary.as_ref() != Some(&end.canary) {
            self.tell(None);
            return false;
        }
        let at = Instant::now();
        let due = end.again.due(at);
        if now || due {
            match self.store.end_canary(&end.author, &end.reason) {
                Ok(back) => {
                    self.tell(None);
                    tracing::info!(
                        version = back.ended,
                        "the end of the canary is written down"
                    );
                    self.after_end(&back, live);
                    return true;
                }
                Err(error) => {
                    let why = error.to_string();
                    if due && end.again.failed(&why, at) {
                        tracing::error!(
                            "the end of the canary still cannot be written down: {why}"
                        );
                        self.tell(Some(why));
                    }
                }
            }
        }
        self.late.end = Some(end);
        false
    }

    /// Whether a promotion of the canary failed a moment ago, and is left alone for now.
    pub(super) fn promotion_waits(&self) -> bool {
        let Some((of, again)) = &self.late.promotion else {
            return false;
        };
        self.store.refs().canary.as_ref() == Some(of) && !again.due(Instant::now())
    }

    /// Promotes the canary.
    pub(super) fn promote_canary(&mut self, told: &str, live: &Live) {
        let Some(canary) = self.store.refs().canary else {
            return;
        };
        let failed = self.late.promotion.take();
        let failed = failed
            .filter(|(of, _)| *of == canary)
            .map(|(_, again)| again);
        match self.promote(Some("canary"), MUX, told, live) {
            Ok(_) => {
                tracing::info!("the canary is promoted: {told}");
                self.board.ended(true);
            }
            Err(refused) => {
                let why = refused.why;
                let now = Instant::now();
                let (again, other) = match failed {
                    Some(mut again) => {
                        let other = again.failed(&why, now);
                        (again, other)
                    }
                    None => (Again::after(&why, now), true),
                };
                if other {
                    tracing::error!(
                        "the canary cannot be promoted and keeps its share, mux tries again: {why}"
                    );
                }
                self.late.promotion = Some((canary, again));
            }
        }
    }

    /// Tells operators why the end of a canary is not written down.
    fn tell(&self, unwritten: Option<String>) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.unwritten = unwritten;
    }
}
