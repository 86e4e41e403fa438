//! Versions that are not, or not only, served: drafts, and canaries from their begin to their end.

use super::{Keeper, warn};
use crate::canary::Verdict;
use crate::clock::unix_ms;
use crate::command::Refused;
use crate::live::{Canary, Live, Serving};
use mux_store::{Back, Terms, VersionHead};
use std::sync::Arc;

/// Who ends a canary where no person does.
pub(super) const MUX: &str = "mux";

impl Keeper {
    /// Checks files as a save would be, and keeps them as a version that nobody is served by yet.
    ///
    /// # Errors
    /// They do not pass, or cannot be kept; the text is the whole report.
    pub(crate) fn draft(
        &mut self,
        files: &[(String, Vec<u8>)],
        author: &str,
        reason: &str,
    ) -> Result<VersionHead, Refused> {
        let checked = self.again(files, self.force);
        let checked = checked.map_err(|rejected| rejected.text)?;
        let version = self.version(&checked, author.to_owned(), reason.to_owned());
        let head = self.store.draft(version)?;
        tracing::info!(version = head.id, "kept as a draft");
        Ok(head)
    }

    /// The same where no gateway runs: plugins and prices are loaded first.
    ///
    /// # Errors
    /// As for [`Keeper::draft`].
    pub(crate) fn draft_alone(
        mut self,
        files: &[(String, Vec<u8>)],
        author: &str,
        reason: &str,
    ) -> Result<VersionHead, Refused> {
        self.equip();
        self.draft(files, author, reason)
    }

    /// Tries a version out beside the live one.
    pub(super) fn try_out(
        &mut self,
        id: Option<&str>,
        terms: Terms,
        author: &str,
        reason: &str,
        live: &Live,
    ) -> Result<VersionHead, Refused> {
        let folder = self.store.refs().folder;
        let id = id.or(folder.as_deref()).ok_or("nothing was saved yet")?;
        // Made ready first: a version that cannot be served is not tried out.
        let bundle = Arc::new(self.stored(id)?);
        let (share, by) = (terms.share_bp, terms.by);
        let head = self.store.canary(id, terms, author, reason)?;
        let serving = live.serving();
        self.count(serving.live.router.version(), None);
        live.serve(Serving {
            live: Arc::clone(&serving.live),
            canary: Some(Canary::new(Arc::clone(&bundle), share, by)),
        });
        // Adapters that only the canary uses are told of as well.
        self.note_live(&serving.live);
        warn(&bundle);
        tracing::info!(
            version = head.id,
            share_bp = share,
            "trying out a version beside the live one"
        );
        Ok(head)
    }

    /// Goes on with the canary of before a restart; its answers are counted anew, and all that its terms ask for are needed
    /// again.
    pub(super) fn resumed(&mut self) -> Option<Serving> {
        let refs = self.store.refs();
        let (canary, live) = (refs.canary?, refs.live?);
        let ready = self.stored(&live);
        let ready = ready.and_then(|live| Ok((live, self.stored(&canary.version)?)));
        match ready {
            Ok((bundle, other)) => {
                tracing::warn!(
                    version = canary.version,
                    share_bp = canary.terms.share_bp,
                    answers = canary.terms.answers,
                    "going on trying out a version, whose answers are counted anew; `mux rollback` ends that"
                );
                self.look();
                self.note_live(&bundle);
                self.count(&live, Some(unix_ms()));
                let terms = canary.terms;
                Some(Serving {
                    live: Arc::new(bundle),
                    canary: Some(Canary::new(Arc::new(other), terms.share_bp, terms.by)),
                })
            }
            Err(why) => {
                let why = format!("it cannot go on after a restart: {why}");
                tracing::error!(version = canary.version, "the canary ends: {why}");
                if let Err(error) = self.store.end_canary(MUX, &why) {
                    tracing::error!("that cannot be written down yet: {error}");
                    self.end_late(MUX, &why, &error.to_string());
                }
                None
            }
        }
    }

    /// Counts for the canary of the store, beside this version; from a moment on that is later than its begin, where it was
    /// resumed then.
    fn count(&self, live: &str, resumed: Option<i64>) {
        if let Some(canary) = &self.store.refs().canary {
            self.board.begin(live, canary, resumed);
        }
    }

    /// Ends a canary; what was saved meanwhile is served, where nothing is held.
    pub(super) fn end_canary(
        &mut self,
        author: &str,
        reason: &str,
        live: &Live,
    ) -> Result<Back, Refused> {
        // Whatever the disk says: nobody is served by it any more.
        self.board.end();
        let only = Arc::clone(&live.serving().live);
        live.serve(Serving {
            live: only,
            canary: None,
        });
        let back = match self.store.end_canary(author, reason) {
            Ok(back) => back,
            Err(error) => {
                let why = error.to_string();
                self.end_late(author, reason, &why);
                return Err(Refused {
                    why: format!(
                        "the canary has ended, which cannot be written down yet; mux tries again, and only a restart before that would go on with it: {why}"
                    ),
                    by_disk: error.is_of_the_disk(),
                });
            }
        };
        tracing::info!(version = back.ended, reason, "the canary has ended");
        self.after_end(&back, live);
        Ok(back)
    }

    /// Serves what was saved while a canary ran, now that its end is written down.
    pub(super) fn after_end(&mut self, back: &Back, live: &Live) {
        if back.head.id != live.bundle().router.version() {
            match self.stored(&back.head.id) {
                Ok(bundle) => self.swap(bundle, None, live),
                Err(why) => tracing::error!("what was saved meanwhile cannot be served: {why}"),
            }
        }
        self.changed(live);
    }

    /// Ends a canary where it is worse, and promotes it where its time is up and it was not.
    pub(super) fn decide(&mut self, live: &Live) {
        let waits = self.promotion_waits();
        match self.board.verdict(unix_ms(), !waits) {
            Verdict::Open => {}
            Verdict::Good(_) if waits => {}
            Verdict::Worse(why) => {
                tracing::error!("the canary is aborted: {why}");
                self.board.ended(false);
                if let Err(refused) = self.end_canary(MUX, &format!("aborted: {why}"), live) {
                    tracing::error!("{}", refused.why);
                }
            }
            Verdict::Good(told) => self.promote_canary(&told, live),
        }
    }
}
