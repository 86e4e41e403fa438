//! What has to be read of a request beyond what is always read, since some policy or plan of the bundle asks for it.

use crate::decide::Image;
use crate::fact::Fact;
use crate::image::{Affinity, Plan, Route, Sticky};

/// What has to be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Names of headers, in lower case.
    pub headers: Vec<Box<str>>,
    /// Lengths of prompt prefixes, in tokens.
    pub prefixes: Vec<u32>,
}

impl Image {
    /// What has to be read of a request, for conditions and for plans.
    #[must_use]
    pub fn demand(&self) -> Demand {
        let mut demand = Demand::default();
        for field in self.code.space.fields() {
            if let Fact::Header(name) = &field.fact {
                demand.headers.push(name.clone());
            }
        }
        for Plan { route, .. } in &self.plans {
            demand.route(route);
        }
        demand.headers.sort_unstable();
        demand.headers.dedup();
        demand.prefixes.sort_unstable();
        demand.prefixes.dedup();
        demand
    }
}

impl Demand {
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
