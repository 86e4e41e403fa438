//! A bundle as an editor has it: its trees and texts, and its image where nothing is wrong.

use super::symbol::{Occurrence, occurrences};
use crate::decide::Image;
use crate::load::Loaded;

/// What is known of a bundle.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) image: Option<&'a Image>,
}

impl View<'_> {
    /// The name at a place.
    pub(super) fn at(&self, file: &str, at: usize) -> Option<Occurrence> {
        let here = |o: &Occurrence| {
            o.span.start <= at && at <= o.span.end && self.loaded.sources.path(o.span.file) == file
        };
        occurrences(&self.loaded.trees).into_iter().find(here)
    }

    /// Where a name is declared.
    pub(super) fn declaration(&self, name: &Occurrence) -> Option<Occurrence> {
        let all = occurrences(&self.loaded.trees);
        all.into_iter().find(|o| o.declares && o.same(name))
    }
}
