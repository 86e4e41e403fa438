//! Counters by name: one for each value of a scope, found without a lock.

use mux_dsl::image::Scope;
use mux_dsl::request::Request;
use std::sync::Arc;

/// Most counters a map keeps. Scopes such as `end_user` hold what clients send, so their number is theirs to choose.
const MOST: usize = 100_000;

/// A map from a scope's value to its counter.
#[derive(Debug, Default)]
pub struct Counters<T> {
    map: papaya::HashMap<Box<str>, Arc<T>>,
    /// Shared by all that came after the map was full.
    rest: Arc<T>,
}

impl<T: Default + Send + Sync + 'static> Counters<T> {
    /// The counter `scope` falls on for this request. `stale` tells which may be dropped when the map is full.
    pub fn of(&self, scope: &[Scope], request: &Request<'_>, stale: impl Fn(&T) -> bool) -> Arc<T> {
        match scope {
            [] => self.named("", stale),
            [one] => self.named(value(one, request), stale),
            more => {
                let parts: Vec<&str> = more.iter().map(|s| value(s, request)).collect();
                self.named(&parts.join("\u{1f}"), stale)
            }
        }
    }

    /// Every counter that has a name, by it, and the one of all others.
    pub fn each(&self, mut see: impl FnMut(Option<&str>, &T)) {
        for (name, counter) in &self.map.pin() {
            see(Some(name), counter);
        }
        see(None, &self.rest);
    }

    /// Shows a counter to `change`: the one of this name, or of all others.
    pub fn put(&self, name: Option<&str>, change: impl FnOnce(&T)) {
        match name {
            Some(name) => change(self.map.pin().get_or_insert_with(name.into(), Arc::default)),
            None => change(&self.rest),
        }
    }

    fn named(&self, name: &str, stale: impl Fn(&T) -> bool) -> Arc<T> {
        let map = self.map.pin();
        if let Some(found) = map.get(name) {
            return Arc::clone(found);
        }
        if map.len() >= MOST {
            map.retain(|_, counter| !stale(counter));
            if map.len() >= MOST {
                return Arc::clone(&self.rest);
            }
        }
        Arc::clone(map.get_or_insert_with(name.into(), Arc::default))
    }
}

fn value<'a>(scope: &Scope, request: &Request<'a>) -> &'a str {
    match scope {
        Scope::Key => request.key.unwrap_or(""),
        Scope::Team => request.team.unwrap_or(""),
        Scope::EndUser => request.end_user.unwrap_or(""),
        Scope::Tag(name) => request.tag(name).unwrap_or(""),
        Scope::Model => request.model,
    }
}
