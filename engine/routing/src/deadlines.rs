//! The deadlines around the attempts of a flight: the request's own, and those of the `fallback`s its steps stand in.

use crate::Nanos;
use crate::itinerary::Itinerary;
use smallvec::SmallVec;

/// Whose time is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outer {
    /// The request's.
    Request,
    /// A group's.
    Group(usize),
}

/// A group's time runs from the moment its first step is entered.
#[derive(Debug)]
pub(crate) struct Deadlines {
    request: Nanos,
    entered: SmallVec<[Option<Nanos>; 4]>,
}

impl Deadlines {
    /// With only the request's.
    pub(crate) fn new(request: Nanos) -> Self {
        Self {
            request,
            entered: SmallVec::new(),
        }
    }

    /// The request's own.
    pub(crate) fn request(&self) -> Nanos {
        self.request
    }

    /// A step comes into question: the groups around it begin, where they have not.
    pub(crate) fn enter(&mut self, itinerary: &Itinerary, step: usize, now: Nanos) {
        self.entered.resize(itinerary.groups(), None);
        for group in itinerary.around(step) {
            if let Some(entered) = self.entered.get_mut(group) {
                entered.get_or_insert(now);
            }
        }
    }

    /// The moment by which a step must be over.
    pub(crate) fn left(&self, itinerary: &Itinerary, step: usize) -> Nanos {
        self.soonest(Some(itinerary), step).0
    }

    /// What comes first around a step; the outermost wins a tie.
    pub(crate) fn soonest(&self, itinerary: Option<&Itinerary>, step: usize) -> (Nanos, Outer) {
        let mut soonest = (self.request, Outer::Request);
        let around = itinerary
            .into_iter()
            .flat_map(|i| i.around(step).map(move |group| (i, group)));
        // Innermost first, so a later one that is as soon is further out.
        let mut inner: Option<(Nanos, Outer)> = None;
        for (itinerary, group) in around {
            if let Some(at) = self.group(itinerary, group)
                && inner.is_none_or(|(seen, _)| at <= seen)
            {
                inner = Some((at, Outer::Group(group)));
            }
        }
        if let Some(inner) = inner.filter(|(at, _)| *at < soonest.0) {
            soonest = inner;
        }
        soonest
    }

    fn group(&self, itinerary: &Itinerary, group: usize) -> Option<Nanos> {
        let entered = (*self.entered.get(group)?)?;
        Some(entered + itinerary.group(group)?.within?)
    }
}
