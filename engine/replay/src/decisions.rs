//! Recorded requests, only decided again: with the figures of their time, and nothing carried out.
//!
//! Requests collapse into classes that every policy treats alike, and each class is decided once. What is left to do for a
//! request is to find its class and to count it.

use crate::by::By;
use crate::moment::Recorded;
use crate::report::Report;
use crate::said::{Said, What};
use crate::traffic::{Worth, needs};
use mux_dsl::Image;
use mux_dsl::image::{PolicyId, Verdict};
use mux_dsl::request::{Live, Request};
use mux_routing::arrival::shown;
use mux_routing::router::{Router, Way};
use mux_routing::trace::{called, placed};
use mux_traffic::record::Record;
use std::borrow::Borrow;
use std::collections::HashMap;

/// A bundle that decides.
struct Decider<'i> {
    router: &'i Router,
    image: &'i Image,
    /// The policies that models lead to.
    ways: HashMap<String, Option<PolicyId>>,
}

/// A decision, as it is told.
#[derive(Clone, Debug)]
struct Told {
    what: Kind,
    rule: String,
}

#[derive(Clone, Debug)]
enum Kind {
    Plan(String),
    Deny(u16),
    Refused(u16),
}

impl Told {
    fn said(&self) -> Said<'_> {
        let what = match &self.what {
            Kind::Plan(plan) => What::Plan(plan),
            Kind::Deny(status) => What::Deny(*status),
            Kind::Refused(status) => What::Refused(*status),
        };
        Said {
            what,
            rule: &self.rule,
        }
    }
}

impl<'i> Decider<'i> {
    fn new(router: &'i Router) -> Self {
        Self {
            router,
            image: router.image(),
            ways: HashMap::new(),
        }
    }

    fn way(&mut self, model: &str) -> Option<PolicyId> {
        if let Some(way) = self.ways.get(model) {
            return *way;
        }
        let way = match self.router.resolve(model) {
            Ok(Way::Policy(policy)) => Some(policy),
            _ => None,
        };
        self.ways.insert(model.to_owned(), way);
        way
    }

    /// Adds the class of a request: of two with the same, it says the same.
    fn class<L: Live>(&mut self, request: &Request<'_>, live: &L, class: &mut Vec<u32>) {
        if let Some(policy) = self.way(request.model) {
            class.push(u32::try_from(policy.index()).unwrap_or(u32::MAX));
        } else {
            // Every other model is a class of its own: it is told by its name.
            class.push(u32::MAX);
            class.extend(request.model.bytes().map(u32::from));
        }
        self.image.classify(request, live, class);
    }

    fn decide<L: Live>(&mut self, request: &Request<'_>, live: &L) -> Told {
        let image = self.image;
        let Some(policy) = self.way(request.model) else {
            return Told {
                what: match self.router.resolve(request.model) {
                    Ok(_) => Kind::Plan(request.model.to_owned()),
                    Err(refusal) => Kind::Refused(refusal.status),
                },
                rule: String::new(),
            };
        };
        let decision = image.decide(policy, request, live);
        let last = image.policies.get(decision.policies.last().index());
        let rule = last.and_then(|p| p.rules.get(decision.rule.index()));
        Told {
            what: match decision.verdict {
                Verdict::Use(plan) => Kind::Plan(called(image, *plan)),
                Verdict::Deny { status, .. } => Kind::Deny(*status),
            },
            rule: rule.map_or_else(String::new, placed),
        }
    }
}

/// What is known of a class.
struct Class {
    now: Told,
    against: Option<Told>,
}

/// Decides records under a bundle, and under another one where there is one.
pub fn decide<R: Borrow<Record>>(
    router: &Router,
    against: Option<&Router>,
    by: &[By],
    records: impl Iterator<Item = R>,
) -> Report {
    let mut report = Report::of(router.image(), "decisions", by);
    let mut now = Decider::new(router);
    let mut other = against.map(Decider::new);
    let mut classes: HashMap<Box<[u32]>, Class> = HashMap::new();
    let mut class = Vec::new();
    for record in records {
        let record = record.borrow();
        match Worth::of(record) {
            Worth::Request => {}
            Worth::Unread => {
                report.skipped += 1;
                continue;
            }
            Worth::Copy => {
                report.copies += 1;
                continue;
            }
        }
        shown(&record.request, needs(record), record.at, |request| {
            class.clear();
            let live = Recorded::of(record, now.image);
            now.class(request, &live, &mut class);
            let mut beside = other.as_mut().map(|other| {
                let live = Recorded::of(record, other.image);
                other.class(request, &live, &mut class);
                (other, live)
            });
            if !classes.contains_key(class.as_slice()) {
                let decided = Class {
                    now: now.decide(request, &live),
                    against: beside
                        .as_mut()
                        .map(|(other, live)| other.decide(request, live)),
                };
                classes.insert(class.clone().into_boxed_slice(), decided);
            }
            if let Some(decided) = classes.get(class.as_slice()) {
                let two = decided.against.as_ref().map(Told::said);
                let said = two.unwrap_or_else(|| Said::of(record));
                report.decided(record, said, decided.now.said(), two.is_some());
            }
        });
    }
    report.classes = Some(classes.len());
    report.close(None);
    report
}
