//! What the meaning of a bundle hangs on besides its files.

use crate::image::PriceList;
use std::fmt;

/// What a bundle means hangs on besides its files.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    /// Whether an adapter of this id is loaded; one that is not is a warning.
    pub kinds: &'a dyn Fn(&str) -> bool,
    /// What a catalogue lists for a kind of provider and what it calls a model; asked where the policy says no price.
    pub prices: &'a dyn Fn(&str, &str) -> Option<PriceList>,
    /// A guarantee that does not hold is a warning and stops nothing.
    pub force: bool,
}

impl fmt::Debug for Outside<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside")
            .field("force", &self.force)
            .finish_non_exhaustive()
    }
}

impl<'a> Outside<'a> {
    /// Where no catalogue is at hand.
    pub(crate) fn unpriced(kinds: &'a dyn Fn(&str) -> bool, force: bool) -> Self {
        Self {
            kinds,
            prices: &|_, _| None,
            force,
        }
    }
}
