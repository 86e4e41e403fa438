//! What has to be read of a request beyond what is always read, since some policy or plan of the bundle asks for it.

use mux_dsl::Image;
use mux_dsl::image::{Affinity, Plan, Route, Sticky};

/// What has to be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Names of headers, in lower case.
    pub headers: Vec<Box<str>>,
    /// Lengths of prompt prefixes, in tokens.
    pub prefixes: Vec<u32>,
}

impl Demand {
    /// Of a bundle.
    #[must_use]
    pub fn of(image: &Image) -> Self {
        let mut demand = Self::default();
        for Plan { route, .. } in &image.plans {
            demand.route(route);
        }
        demand.headers.sort_unstable();
        demand.headers.dedup();
        demand.prefixes.sort_unstable();
        demand.prefixes.dedup();
        demand
    }

    fn route(&mut self, route: &Route) {
        match route {
            Route::Listed(list) => {
                if let Some(Affinity::Prefix(tokens)) = list.terms.affinity {
                    self.prefixes.push(tokens);
                }
            }
            Route::Split(split) => self.stick(&split.by),
            Route::Canary(canary) => self.stick(&canary.by),
            _ => {}
        }
        route.each_inner(&mut |inner| self.route(inner));
    }

    fn stick(&mut self, by: &[Sticky]) {
        for sticky in by {
            if let Sticky::Header(name) = sticky {
                self.headers.push(name.clone());
            }
        }
    }
}
