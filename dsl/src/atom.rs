//! One test on one fact: the leaves of conditions, and the only code that looks at a request.

use crate::glob::Glob;
use crate::image::{BudgetId, Compare, Features, TargetId};
use crate::request::{HealthState, Live, Request};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A test that is true or false of a request at a moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Atom {
    /// The fact is there.
    Has(Text),
    /// It is exactly this.
    Is(Text, Box<str>),
    /// It is a member of a set of [`Tables`].
    In(Text, usize),
    /// It fits a pattern.
    Matches(Text, Glob),
    /// It begins so.
    StartsWith(Text, Box<str>),
    /// A limit on the output was asked for.
    HasOutputLimit,
    /// The request needs all of these.
    Needs(Features),
    /// The client wants a stream.
    Streaming,
    /// A figure stands so to a number in base units.
    Number(Number, Compare, u64),
    /// The best of these targets is in this state.
    Health(Box<[TargetId]>, HealthState),
    /// Its breaker does not let requests through.
    BreakerOpen(TargetId),
    /// The request arrived in this window.
    During(Window),
}

/// A fact that is text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Text {
    Tag(Box<str>),
    EndUser,
    Key,
    Team,
    /// Without its `@`: clients may leave it out.
    Model,
    Conversation,
    Operation,
    Dialect,
    /// By its name in lower case.
    Header(Box<str>),
}

/// A fact that is a number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Number {
    Tokens,
    OutputLimit,
    P50(TargetId),
    P95(TargetId),
    P99(TargetId),
    ErrorRate(TargetId),
    Inflight(TargetId),
    Headroom(TargetId),
    Used(BudgetId),
}

/// Times of day on days of the week, by the clock of a zone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Window {
    /// Bit 0 is Monday.
    pub(crate) days: u8,
    /// Minutes of the day, end exclusive; an end before its start is on the next day. Empty is all day.
    pub(crate) hours: Vec<(u16, u16)>,
    /// Index into [`Tables`].
    pub(crate) zone: usize,
}

/// What atoms refer to by index.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) sets: Vec<Arc<HashSet<Box<str>>>>,
    pub(crate) zones: Vec<Arc<Zone>>,
    /// Names of the first sets; the others were written where they are asked for.
    pub(crate) names: Vec<Box<str>>,
    /// Facts with the only values they can have: any other value counts as absent.
    pub(crate) declared: HashMap<Text, Arc<HashSet<Box<str>>>>,
}

/// A time zone and its name.
#[derive(Debug)]
pub(crate) struct Zone {
    pub(crate) name: Box<str>,
    pub(crate) clock: TimeZone,
}

impl Tables {
    /// What a set of values is called, where it has a name.
    pub(crate) fn name(&self, set: &HashSet<Box<str>>) -> Option<String> {
        let mut named = self.sets.iter().zip(&self.names);
        let found = named.find(|(known, _)| ***known == *set);
        found.map(|(_, name)| name.to_string())
    }
}

impl Atom {
    /// Whether it is true of `request` now. An absent fact makes any test on it false.
    pub(crate) fn holds<L: Live>(&self, tables: &Tables, request: &Request<'_>, live: &L) -> bool {
        match self {
            Self::Has(text) => text.known(tables, request).is_some(),
            Self::Is(text, value) => text.known(tables, request) == Some(value),
            Self::In(text, set) => text
                .known(tables, request)
                .is_some_and(|value| tables.sets.get(*set).is_some_and(|s| s.contains(value))),
            Self::Matches(text, pattern) => text
                .known(tables, request)
                .is_some_and(|value| pattern.fits(value)),
            Self::StartsWith(text, start) => text
                .known(tables, request)
                .is_some_and(|value| value.starts_with(&**start)),
            Self::HasOutputLimit => request.output_limit.is_some(),
            Self::Needs(features) => request.needs.contains(*features),
            Self::Streaming => request.streaming,
            Self::Number(number, compare, value) => number
                .of(request, live)
                .is_some_and(|figure| compare.holds(&figure, value)),
            Self::Health(targets, state) => {
                targets.iter().map(|t| live.health(*t)).min() == Some(*state)
            }
            Self::BreakerOpen(target) => live.breaker_open(*target),
            Self::During(window) => tables
                .zones
                .get(window.zone)
                .is_some_and(|zone| window.holds(&zone.clock, request.now)),
        }
    }
}

impl Text {
    /// Its value.
    pub(crate) fn of<'a>(&self, request: &Request<'a>) -> Option<&'a str> {
        match self {
            Self::Tag(name) => request.tag(name),
            Self::Header(name) => request.header(name),
            Self::EndUser => request.end_user,
            Self::Key => request.key,
            Self::Team => request.team,
            Self::Model => Some(request.model.strip_prefix('@').unwrap_or(request.model)),
            Self::Conversation => request.conversation,
            Self::Operation => Some(request.operation),
            Self::Dialect => Some(request.dialect),
        }
    }

    /// Its value, if that is one of those declared.
    fn known<'a>(&self, tables: &Tables, request: &Request<'a>) -> Option<&'a str> {
        let declared = tables.declared.get(self);
        self.of(request)
            .filter(|value| declared.is_none_or(|values| values.contains(*value)))
    }
}

impl Number {
    /// Its value in base units.
    pub(crate) fn of<L: Live>(&self, request: &Request<'_>, live: &L) -> Option<u64> {
        match self {
            Self::Tokens => Some(request.tokens.into()),
            Self::OutputLimit => request.output_limit.map(u64::from),
            Self::P50(target) => live.p50(*target),
            Self::P95(target) => live.p95(*target),
            Self::P99(target) => live.p99(*target),
            Self::ErrorRate(target) => live.error_rate(*target).map(u64::from),
            Self::Inflight(target) => Some(live.inflight(*target).into()),
            Self::Headroom(target) => live.headroom(*target).map(u64::from),
            Self::Used(budget) => Some(live.used(*budget, request).into()),
        }
    }
}

impl Window {
    /// Whether a moment, in Unix milliseconds, is in it by this clock.
    pub(crate) fn holds(&self, clock: &TimeZone, now: i64) -> bool {
        let Ok(moment) = Timestamp::from_millisecond(now) else {
            return false;
        };
        let local = clock.to_datetime(moment);
        let minute =
            u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        let today = local.weekday().to_monday_zero_offset().unsigned_abs();
        self.covers(today, minute)
    }

    /// Whether a minute of a day of the week, `0` for Monday, is in it.
    pub(crate) fn covers(&self, today: u8, minute: u16) -> bool {
        let yesterday = (today + 6) % 7;
        let on = |day: u8| self.days & (1 << day) != 0;
        if self.hours.is_empty() {
            return on(today);
        }
        self.hours.iter().any(|(start, end)| {
            if start < end {
                on(today) && (*start..*end).contains(&minute)
            } else {
                (on(today) && minute >= *start) || (on(yesterday) && minute < *end)
            }
        })
    }
}
