//! Which version is live, as operators decide it: rollbacks, promotions, and the end of a hold.

use super::Keeper;
use crate::command::Refused;
use crate::live::Live;
use mux_store::{Back, VersionHead};

impl Keeper {
    pub(super) fn rollback(
        &mut self,
        id: Option<&str>,
        author: &str,
        reason: &str,
        live: &Live,
    ) -> Result<Back, Refused> {
        if id.is_none() && self.store.refs().canary.is_some() {
            return self.end_canary(author, reason, live);
        }
        // Make it ready first: a version that cannot be served is no place to go back to.
        if let Some(id) = id {
            self.stored(id)?;
        }
        let back = self.store.rollback(id, author, reason)?;
        let bundle = self.stored(&back.head.id)?;
        self.swap(bundle, None, live);
        Ok(back)
    }

    pub(super) fn promote(
        &mut self,
        id: Option<&str>,
        author: &str,
        reason: &str,
        live: &Live,
    ) -> Result<VersionHead, Refused> {
        let folder = self.store.refs().folder;
        let id = id.or(folder.as_deref()).ok_or("nothing was saved yet")?;
        // Made ready first: a version that cannot be served is not promoted.
        let bundle = self.stored(id)?;
        let head = self.store.promote(Some(id), author, reason)?;
        self.swap(bundle, None, live);
        self.changed(live);
        Ok(head)
    }

    pub(super) fn release(
        &mut self,
        author: &str,
        live: &Live,
    ) -> Result<Option<VersionHead>, Refused> {
        let refs = self.store.refs();
        // Made ready first: a hold that ends in nothing to serve must not end.
        let ready = match (refs.held, refs.folder) {
            (Some(_), Some(folder)) => Some(self.stored(&folder)?),
            _ => None,
        };
        let head = self.store.release(author)?;
        if let Some(bundle) = ready {
            self.swap(bundle, None, live);
        }
        self.changed(live);
        Ok(head)
    }
}
