//! A cell with one value, swapped whole: readers see one value and never a mixture, and wait for nobody.

use arc_swap::ArcSwap;
use std::sync::Arc;

/// The cell.
#[derive(Debug)]
pub(crate) struct Latest<T>(ArcSwap<T>);

impl<T> Latest<T> {
    /// Holding `value`.
    #[must_use]
    pub(crate) fn new(value: Arc<T>) -> Self {
        Self(ArcSwap::new(value))
    }

    /// The value as it is now; it stays as it is for whoever has it.
    #[must_use]
    pub(crate) fn get(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// Puts another value in its place.
    pub(crate) fn put(&self, value: Arc<T>) {
        self.0.store(value);
    }

    /// Puts what `next` makes of the value in its place; `next` is asked again where somebody was quicker.
    pub(crate) fn change(&self, mut next: impl FnMut(&T) -> T) {
        self.0.rcu(|now| next(now));
    }
}
