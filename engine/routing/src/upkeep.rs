//! What is done for providers when no client asks: connections kept warm, and targets that are held back asked whether they
//! are back, so that no client has to find out.

use crate::breaker::Position;
use crate::chance::Chance;
use crate::router::Router;
use crate::{MILLI, Nanos, SECOND};
use mux_dsl::image::{Fleet, Probe, ProviderId, TargetId};
use std::collections::HashMap;

/// How often a provider that is held back is asked where nothing is written: what costs nothing.
const PROBE: Probe = Probe::Free(60_000);

/// How a provider that is held back is asked.
#[must_use]
pub fn probe(fleet: &Fleet, provider: ProviderId) -> Probe {
    let declared = fleet.providers.get(provider.index());
    let written = declared.and_then(|p| p.probe).or(fleet.defaults.probe);
    written.unwrap_or(PROBE)
}

/// Something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Chore {
    /// Open a connection to a provider, or use one that is idle, so that it stays.
    Warm(ProviderId),
    /// See whether a target's provider can be reached.
    Reach(TargetId),
    /// Ask a target for one token.
    Ask(TargetId),
}

/// When everything was done last.
#[derive(Debug, Default)]
pub struct Upkeep {
    done: HashMap<Chore, Nanos>,
}

impl Upkeep {
    /// What is to be done now; it counts as done. `warm` says how often connections to a provider are kept warm where
    /// nothing is written, milliseconds; 0 is never.
    pub fn due(
        &mut self,
        router: &Router,
        warm: impl Fn(ProviderId) -> u64,
        now: Nanos,
    ) -> Vec<Chore> {
        let fleet = router.fleet();
        let mut due = Vec::new();
        let mut quiet = vec![Nanos::MAX; fleet.providers.len()];
        for (target, declared) in (0..).map(TargetId).zip(&fleet.targets) {
            let (Some(state), None) = (router.state(target), router.unavailable(target)) else {
                continue;
            };
            let since = now.saturating_sub(state.begun());
            if let Some(least) = quiet.get_mut(declared.provider.index()) {
                *least = since.min(*least);
            }
            let (chore, each) = match probe(fleet, declared.provider) {
                Probe::Off => continue,
                Probe::Free(each) => (Chore::Reach(target), each),
                Probe::Paid(each) => (Chore::Ask(target), each),
            };
            if state.position(now) == Position::HalfOpen && since >= each * MILLI {
                self.take(chore, each, now, &mut due);
            }
        }
        for ((id, provider), quiet) in (0..).map(ProviderId).zip(&fleet.providers).zip(quiet) {
            let written = provider.warm.or(fleet.defaults.warm);
            let each = written.unwrap_or_else(|| warm(id));
            if each > 0 && quiet != Nanos::MAX && quiet >= each * MILLI {
                self.take(Chore::Warm(id), each, now, &mut due);
            }
        }
        due
    }

    /// Takes a chore whose time has come, give or take a fifth, so that not all come together.
    fn take(&mut self, chore: Chore, each: u64, now: Nanos, due: &mut Vec<Chore>) {
        let each = each * MILLI;
        let last = self.done.get(&chore).copied();
        let seed = last.unwrap_or_default() ^ (self.done.len() as u64) << 32;
        let span = each * 4 / 5 + Chance::new(seed).below(each * 2 / 5 + 1);
        if last.is_none_or(|last| now >= last + span.max(SECOND)) {
            self.done.insert(chore, now);
            due.push(chore);
        }
    }
}
