//! Recorded requests, only decided again: with the figures of their time, and nothing carried out.
//!
//! Requests collapse into classes that every policy treats alike, and each class is decided once. What is left to do for a
//! request is to find its class and to count it. What is known of the classes can be written down at any moment, and gone on
//! with.

use crate::arriving::{Worth, needs};
use crate::by::By;
use crate::moment::{Figuring, Recorded};
use crate::report::{self, Decided, Report};
use crate::said::{Said, What};
use foldhash::fast::RandomState;
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
    ways: HashMap<String, Option<PolicyId>, RandomState>,
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

impl Kind {
    fn of(what: What<'_>) -> Self {
        match what {
            What::Plan(plan) => Self::Plan(plan.to_owned()),
            What::Deny(status) => Self::Deny(status),
            What::Refused(status) => Self::Refused(status),
        }
    }

    fn said(&self) -> What<'_> {
        match self {
            Self::Plan(plan) => What::Plan(plan),
            Self::Deny(status) => What::Deny(*status),
            Self::Refused(status) => What::Refused(*status),
        }
    }
}

impl Told {
    fn said(&self) -> Said<'_> {
        Said {
            what: self.what.said(),
            rule: &self.rule,
        }
    }
}

impl<'i> Decider<'i> {
    fn new(router: &'i Router) -> Self {
        Self {
            router,
            image: router.image(),
            ways: HashMap::default(),
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
    /// What was decided of its requests when they were recorded: mostly the same of all.
    #[serde(skip)]
    was: Vec<Alike>,
}

/// Requests of a class of which the same was decided when they were recorded.
#[derive(Debug)]
struct Alike {
    what: Kind,
    /// The rule; of no account where nothing changes, or changes are counted against another version.
    rule: String,
    /// The target that came first, where that alone can differ.
    first: Option<String>,
    /// The words for the orders on both sides, where only the first target differs.
    firsts: Option<[String; 2]>,
    /// The place of the change that it is.
    change: Option<usize>,
    /// Requests that the sides of the report do not count yet.
    count: u64,
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
            was: Vec::new(),
        }
    }

    /// The place of those that count as a record does. Only as much of it is read as that depends on: it is far away.
    fn alike(&mut self, record: &Record, report: &mut Report) -> usize {
        let was = Said::of(record);
        let against = self.against.is_some();
        // A record knows who came first. That is told where the words on both sides are the same.
        let first = self.now.first.as_deref().filter(|_| !against);
        let first = first.filter(|_| was.what == self.now.what.said());
        let firsts = first.and_then(|now| Some((record.candidates.first()?.target.as_str(), now)));
        let same = |alike: &Alike| {
            let ruled = || against || alike.change.is_none() || alike.rule == was.rule;
            alike.what.said() == was.what
                && alike.first.as_deref() == firsts.map(|(was, _)| was)
                && ruled()
        };
        if let Some(at) = self.was.iter().position(same) {
            return at;
        }
        let first = firsts.map(|(was, _)| was.to_owned());
        let firsts = firsts.filter(|(a, b)| a != b);
        let firsts = firsts.map(|(a, b)| [a, b].map(|name| format!("first {name}")));
        let mut alike = Alike {
            what: Kind::of(was.what),
            rule: was.rule.to_owned(),
            first,
            firsts,
            change: None,
            count: 0,
        };
        alike.change = report.differs(&self.decided(&alike));
        self.was.push(alike);
        self.was.len() - 1
    }

    fn decided<'c>(&'c self, alike: &'c Alike) -> Decided<'c> {
        let orders = self.orders.as_ref().or(alike.firsts.as_ref());
        Decided {
            was: Said {
                what: alike.what.said(),
                rule: &alike.rule,
            },
            now: self.now.said(),
            against: self.against.as_ref().map(Told::said),
            orders: orders.map(|[was, now]| [was.as_str(), now]),
        }
    }

    /// Counts a request.
    fn count(&mut self, record: &Record, report: &mut Report) {
        let at = self.alike(record, report);
        if let Some(alike) = self.was.get_mut(at) {
            alike.count += 1;
        }
        if let Some(alike) = self.was.get(at) {
            report.decided(record, &self.decided(alike), alike.change);
        }
    }

    /// Adds to the sides what they do not count yet.
    fn tell(&mut self, report: &mut Report) {
        let was = std::mem::take(&mut self.was);
        for alike in &was {
            report.took(&self.decided(alike), alike.count);
        }
    }
}

/// Recorded requests, decided one by one.
#[derive(Debug)]
pub struct Deciding<'i> {
    report: Report,
    now: Decider<'i>,
    other: Option<Decider<'i>>,
    classes: Vec<Class>,
    /// Their places, by the cells of their requests.
    places: HashMap<Box<[u32]>, usize, RandomState>,
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
            classes: Vec::new(),
            places: HashMap::default(),
            class: Vec::new(),
        }
    }

    /// Where another one was when it was written down: of the same bundles and facts.
    #[must_use]
    pub fn go_on(router: &'i Router, against: Option<&'i Router>, by: &[By], kept: Kept) -> Self {
        let (cells, classes): (Vec<_>, Vec<_>) = kept.classes.into_iter().unzip();
        Self {
            report: Report::go_on(kept.report, by),
            places: cells.into_iter().zip(0..).collect(),
            classes,
            ..Self::new(router, against, by)
        }
    }

    /// All that is needed to go on.
    #[must_use]
    pub fn kept(mut self) -> Kept {
        self.tell();
        let mut cells: Vec<_> = self.places.into_iter().collect();
        cells.sort_unstable_by_key(|(_, place)| *place);
        let cells = cells.into_iter().map(|(cells, _)| cells);
        Kept {
            report: self.report.kept(),
            classes: cells.zip(self.classes).collect(),
        }
    }

    fn tell(&mut self) {
        for class in &mut self.classes {
            class.tell(&mut self.report);
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
            places,
            class: cells,
        } = self;
        let needs = needs(&record.request);
        let found = Recorded::of(record, now.image);
        let live = Figuring(&found);
        shown(&record.request, needs, record.at, |request| {
            cells.clear();
            now.class(request, &live, cells);
            let there = other
                .as_ref()
                .map(|other| Recorded::of(record, other.image));
            let mut beside = other.as_mut().zip(there.as_ref().map(Figuring));
            if let Some((other, live)) = &mut beside {
                other.class(request, live, cells);
            }
            let place = places.get(cells.as_slice()).copied();
            let place = place.unwrap_or_else(|| {
                let against = beside.map(|(other, live)| other.decide(request, &live));
                classes.push(Class::of(now.decide(request, &live), against));
                places.insert(cells.as_slice().into(), classes.len() - 1);
                classes.len() - 1
            });
            if let Some(class) = classes.get_mut(place) {
                class.count(record, report);
            }
        });
    }

    /// What is to be told.
    #[must_use]
    pub fn finish(mut self) -> Report {
        self.tell();
        self.report.classes = Some(self.classes.len());
        self.report.close(None);
        self.report
    }
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
