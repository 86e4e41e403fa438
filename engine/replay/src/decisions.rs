//! Recorded requests, only decided again: with the figures of their time, and nothing carried out.
//!
//! Requests collapse into classes that every policy treats alike, and each class is decided once. What is left to do for a
//! request is to find its class and to count it. What is known of the classes can be written down at any moment, and gone on
//! with.

use crate::by::By;
use crate::moment::Recorded;
use crate::report::{self, Decided, Report};
use crate::said::{Said, What};
use crate::traffic::{Worth, needs};
use mux_dsl::Image;
use mux_dsl::image::{PlanId, PolicyId, Verdict};
use mux_dsl::request::{Live, Request};
use mux_routing::arrival::shown;
use mux_routing::itinerary::Layout;
use mux_routing::router::{Router, Way};
use mux_routing::trace::{called, placed};
use mux_traffic::record::Record;
use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::collections::HashMap;

/// A bundle that decides.
#[derive(Debug)]
struct Decider<'i> {
    router: &'i Router,
    image: &'i Image,
    /// The policies that models lead to.
    ways: HashMap<String, Option<PolicyId>>,
}

/// A decision, as it is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Told {
    what: Kind,
    rule: String,
    /// The targets of its plan, in order.
    order: String,
    /// The one that comes first, where that is the same for every request.
    first: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
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
                order: String::new(),
                first: None,
            };
        };
        let decision = image.decide(policy, request, live);
        let last = image.policies.get(decision.policies.last().index());
        let rule = last.and_then(|p| p.rules.get(decision.rule.index()));
        let (what, targets, fixed) = match decision.verdict {
            Verdict::Use(plan) => {
                let what = Kind::Plan(called(image, *plan));
                (what, self.targets(*plan), self.fixed(*plan))
            }
            Verdict::Deny { status, .. } => (Kind::Deny(*status), Vec::new(), false),
        };
        Told {
            what,
            rule: rule.map_or_else(String::new, placed),
            order: targets.join(", "),
            first: targets.first().filter(|_| fixed).map(|t| (*t).to_owned()),
        }
    }

    fn targets(&self, plan: PlanId) -> Vec<&'i str> {
        let targets = self.image.targets_of(plan).into_iter();
        targets.map(|target| self.router.name(target)).collect()
    }

    /// Whether every request takes a plan as it is.
    fn fixed(&self, plan: PlanId) -> bool {
        matches!(self.router.layout(plan), Some(Layout::Fixed(_)))
    }
}

/// What is known of a class.
#[derive(Debug, Serialize, Deserialize)]
struct Class {
    now: Told,
    against: Option<Told>,
    /// The words for the orders on both sides, where the plans have the same name and another order.
    orders: Option<[String; 2]>,
}

impl Class {
    fn of(now: Told, against: Option<Told>) -> Self {
        let orders = against.as_ref().and_then(|was| {
            if was.order == now.order || was.said().what != now.said().what {
                return None;
            }
            let told = |told: &Told| format!("in the order {}", told.order);
            Some([told(was), told(&now)])
        });
        Self {
            now,
            against,
            orders,
        }
    }
}

/// Recorded requests, decided one by one.
#[derive(Debug)]
pub struct Deciding<'i> {
    report: Report,
    now: Decider<'i>,
    other: Option<Decider<'i>>,
    classes: HashMap<Box<[u32]>, Class>,
    /// The class of the last one; here so that its room is used again.
    class: Vec<u32>,
}

/// All that is needed to go on with it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept {
    report: report::Kept,
    classes: Vec<(Box<[u32]>, Class)>,
}

impl<'i> Deciding<'i> {
    /// Before the first request.
    #[must_use]
    pub fn new(router: &'i Router, against: Option<&'i Router>, by: &[By]) -> Self {
        Self {
            report: Report::of(router.image(), "decisions", by),
            now: Decider::new(router),
            other: against.map(Decider::new),
            classes: HashMap::new(),
            class: Vec::new(),
        }
    }

    /// Where another one was when it was written down: of the same bundles and facts.
    #[must_use]
    pub fn go_on(router: &'i Router, against: Option<&'i Router>, by: &[By], kept: Kept) -> Self {
        Self {
            report: Report::go_on(kept.report, by),
            classes: kept.classes.into_iter().collect(),
            ..Self::new(router, against, by)
        }
    }

    /// All that is needed to go on.
    #[must_use]
    pub fn kept(self) -> Kept {
        Kept {
            report: self.report.kept(),
            classes: self.classes.into_iter().collect(),
        }
    }

    /// Takes a record.
    pub fn take(&mut self, record: &Record) {
        match Worth::of(record) {
            Worth::Request => {}
            Worth::Unread => {
                self.report.skipped += 1;
                return;
            }
            Worth::Copy => {
                self.report.copies += 1;
                return;
            }
        }
        let Self {
            report,
            now,
            other,
            classes,
            class,
        } = self;
        shown(
            &record.request,
            needs(&record.request),
            record.at,
            |request| {
                class.clear();
                let live = Recorded::of(record, now.image);
                now.class(request, &live, class);
                let mut beside = other.as_mut().map(|other| {
                    let live = Recorded::of(record, other.image);
                    other.class(request, &live, class);
                    (other, live)
                });
                if !classes.contains_key(class.as_slice()) {
                    let against = beside
                        .as_mut()
                        .map(|(other, live)| other.decide(request, live));
                    let decided = Class::of(now.decide(request, &live), against);
                    classes.insert(class.clone().into_boxed_slice(), decided);
                }
                if let Some(decided) = classes.get(class.as_slice()) {
                    count(report, record, decided);
                }
            },
        );
    }

    /// What is to be told.
    #[must_use]
    pub fn finish(mut self) -> Report {
        self.report.classes = Some(self.classes.len());
        self.report.close(None);
        self.report
    }
}

fn count(report: &mut Report, record: &Record, class: &Class) {
    let (was, now) = (Said::of(record), class.now.said());
    let against = class.against.as_ref().map(Told::said);
    let between;
    let orders = match &class.orders {
        Some([was, now]) => Some([was.as_str(), now]),
        // A record knows who came first.
        None if against.is_none() && was.what == now.what => {
            let recorded = record.candidates.first().map(|c| c.target.as_str());
            let firsts = recorded.zip(class.now.first.as_deref());
            between = firsts
                .filter(|(was, now)| was != now)
                .map(|(was, now)| [was, now].map(|name| format!("first {name}")));
            between.as_ref().map(|[was, now]| [was.as_str(), now])
        }
        None => None,
    };
    let told = Decided {
        was,
        now,
        against,
        orders,
    };
    report.decided(record, &told);
}

/// Decides records under a bundle, and under another one where there is one.
pub fn decide<R: Borrow<Record>>(
    router: &Router,
    against: Option<&Router>,
    by: &[By],
    records: impl Iterator<Item = R>,
) -> Report {
    let mut deciding = Deciding::new(router, against, by);
    for record in records {
        deciding.take(record.borrow());
    }
    deciding.finish()
}
