//! What was spent of a budget. In memory until keys and their ledger exist; a reload resets nothing.
//!
//! A ledger can be written down as [`Entry`]s and taken up again, where nothing is under way.

use crate::atomics::{AtomicI64, Ordering::Relaxed};
use crate::counters::Counters;
use mux_dsl::image::{BasisPoints, Budget, BudgetId, Pico, Window};
use mux_dsl::request::Request;
use smallvec::SmallVec;
use std::sync::Arc;

const DAY: i64 = 86_400_000;

/// The counters of one budget.
#[derive(Debug, Default)]
pub struct Ledger {
    counters: Counters<Spent>,
}

/// One counter. It only ever counts up, and what it stood at when a window began is taken away: so no charge is lost
/// where a window turns while others charge. One that comes at that very moment may count for both windows.
#[derive(Debug, Default)]
struct Spent {
    /// Start of the calendar window it counts, unix milliseconds.
    since: AtomicI64,
    /// Everything so far; it may wrap.
    all: AtomicI64,
    /// What it was when the window began.
    base: AtomicI64,
}

impl Spent {
    /// Begins the window unless it has begun, and returns what all of the time before it had spent.
    fn turn(&self, since: i64) -> i64 {
        let seen = self.since.load(Relaxed);
        if seen < since {
            let all = self.all.load(Relaxed);
            if self
                .since
                .compare_exchange(seen, since, Relaxed, Relaxed)
                .is_ok()
            {
                self.base.store(all, Relaxed);
            }
        }
        self.base.load(Relaxed)
    }

    /// Adds an amount, unless more would be spent in the window than `most`.
    fn add(&self, since: i64, amount: Pico, most: Pico) -> bool {
        let base = self.turn(since);
        let added = |all: i64| {
            // Saturates: an overflow would turn a spent budget into an empty one.
            let spent = all.wrapping_sub(base).saturating_add(amount);
            (spent <= most).then(|| base.wrapping_add(spent))
        };
        self.all.fetch_update(Relaxed, Relaxed, added).is_ok()
    }
}

/// What one counter of a budget stands at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The value of the scope that it is for; that of all which had no place of their own where absent.
    pub name: Option<String>,
    /// Start of the calendar window it counts, unix milliseconds.
    pub since: i64,
    /// Pico-dollars spent in it.
    pub spent: Pico,
}

/// What is kept of a budget for an attempt that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// The budget.
    pub budget: BudgetId,
    /// The window it was kept in.
    since: i64,
    /// What the attempt may cost at worst.
    amount: Pico,
}

/// What is kept of several.
pub type Reservations = SmallVec<[Reserved; 1]>;

impl Ledger {
    /// Share of the cap that is spent in the window of `request.now`, with what is kept for attempts under way.
    #[must_use]
    pub fn used(&self, budget: &Budget, request: &Request<'_>) -> BasisPoints {
        let spent = self.spent(budget, request);
        if budget.cap <= 0 {
            return 10_000;
        }
        u32::try_from(i128::from(spent) * 10_000 / i128::from(budget.cap)).unwrap_or(u32::MAX)
    }

    /// Pico-dollars spent in the window of `request.now`, with what is kept for attempts under way.
    #[must_use]
    pub fn spent(&self, budget: &Budget, request: &Request<'_>) -> Pico {
        let since = start(budget.per, request.now);
        let counter = self.counter(budget, request);
        if counter.since.load(Relaxed) != since {
            return 0;
        }
        let (base, all) = (counter.base.load(Relaxed), counter.all.load(Relaxed));
        all.wrapping_sub(base).max(0)
    }

    /// Books an amount.
    pub fn charge(&self, budget: &Budget, request: &Request<'_>, amount: Pico) {
        let since = start(budget.per, request.now);
        self.counter(budget, request).add(since, amount, Pico::MAX);
    }

    /// Keeps what an attempt may cost at worst; `None` where the cap could be passed.
    #[must_use]
    pub fn reserve(
        &self,
        (id, budget): (BudgetId, &Budget),
        request: &Request<'_>,
        worst: Pico,
    ) -> Option<Reserved> {
        let since = start(budget.per, request.now);
        let counter = self.counter(budget, request);
        counter.add(since, worst, budget.cap).then_some(Reserved {
            budget: id,
            since,
            amount: worst,
        })
    }

    /// Books what an attempt did cost in the place of what was kept for it.
    pub fn settle(&self, budget: &Budget, request: &Request<'_>, kept: Reserved, cost: Pico) {
        let counter = self.counter(budget, request);
        // Where the window has turned, what was kept went with it.
        let same = counter.since.load(Relaxed) == kept.since;
        let change = if same { cost - kept.amount } else { cost };
        let since = start(budget.per, request.now).max(kept.since);
        counter.add(since, change, Pico::MAX);
    }

    /// What every counter stands at, in the order of their names.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        self.counters.each(|name, spent| {
            let (all, base) = (spent.all.load(Relaxed), spent.base.load(Relaxed));
            entries.push(Entry {
                name: name.map(str::to_owned),
                since: spent.since.load(Relaxed),
                spent: all.wrapping_sub(base),
            });
        });
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        entries
    }

    /// Goes on from there.
    pub fn take_up(&self, entries: &[Entry]) {
        for entry in entries {
            self.counters.put(entry.name.as_deref(), |spent| {
                spent.since.store(entry.since, Relaxed);
                spent.base.store(0, Relaxed);
                spent.all.store(entry.spent, Relaxed);
            });
        }
    }

    fn counter(&self, budget: &Budget, request: &Request<'_>) -> Arc<Spent> {
        let since = start(budget.per, request.now);
        self.counters
            .of(&budget.scope, request, |c| c.since.load(Relaxed) < since)
    }
}

/// Start of the calendar window (UTC) that holds `now`, unix milliseconds.
fn start(per: Window, now: i64) -> i64 {
    let days = now.div_euclid(DAY);
    match per {
        Window::Hour => now.div_euclid(3_600_000) * 3_600_000,
        Window::Day => days * DAY,
        // 1970-01-01 was a Thursday.
        Window::Week => (days - (days + 3).rem_euclid(7)) * DAY,
        Window::Month => (days - day_of_month(days)) * DAY,
    }
}

/// Days since the first of the month, from days since 1970 (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn day_of_month(days: i64) -> i64 {
    let of_era = (days + 719_468).rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    of_year - (153 * month + 2) / 5
}

#[cfg(test)]
mod tests {
    use super::*;
    use mux_dsl::image::{Features, Scope};

    fn request<'a>(team: &'a [(&'a str, &'a str)], now: i64) -> Request<'a> {
        Request {
            model: "@a",
            key: None,
            team: None,
            end_user: None,
            conversation: None,
            tags: team,
            headers: &[],
            operation: "chat",
            dialect: "openai-chat",
            tokens: 0,
            output_limit: None,
            streaming: false,
            needs: Features::default(),
            now,
        }
    }

    fn of_a_day(cap: Pico) -> Budget {
        Budget {
            name: "b".into(),
            cap,
            per: Window::Day,
            scope: Vec::new(),
            warn: None,
            hard: true,
        }
    }

    #[test]
    fn a_ledger_that_is_written_down_goes_on_where_it_was() {
        let (budget, ledger, later) = (of_a_day(100), Ledger::default(), Ledger::default());
        let now = request(&[], 5 * DAY);
        ledger.charge(&budget, &request(&[], 4 * DAY), 50);
        ledger.charge(&budget, &now, 30);
        later.take_up(&ledger.entries());
        assert_eq!(later.entries(), ledger.entries());
        assert_eq!(later.spent(&budget, &now), 30);
        later.charge(&budget, &now, 7);
        assert_eq!(later.spent(&budget, &now), 37);
        later.charge(&budget, &request(&[], 6 * DAY), 1);
        assert_eq!(later.spent(&budget, &request(&[], 6 * DAY)), 1);
    }

    #[test]
    fn what_is_kept_counts_as_spent_until_it_is_known_what_it_was() {
        let (budget, ledger, now) = (of_a_day(100), Ledger::default(), request(&[], 5 * DAY));
        let reserve = |worst| ledger.reserve((BudgetId(0), &budget), &now, worst);
        let first = reserve(60).unwrap();
        assert_eq!(ledger.spent(&budget, &now), 60);
        assert_eq!(reserve(41), None, "the cap could be passed");
        let second = reserve(40).unwrap();
        ledger.settle(&budget, &now, first, 10);
        ledger.settle(&budget, &now, second, 0);
        assert_eq!(ledger.spent(&budget, &now), 10);
    }

    #[test]
    fn what_was_kept_yesterday_is_not_given_back_today() {
        let (budget, ledger) = (of_a_day(100), Ledger::default());
        let (late, early) = (request(&[], 6 * DAY - 1), request(&[], 6 * DAY));
        let kept = ledger.reserve((BudgetId(0), &budget), &late, 60).unwrap();
        ledger.charge(&budget, &early, 30);
        ledger.settle(&budget, &early, kept, 20);
        assert_eq!(ledger.spent(&budget, &early), 50);
    }

    #[test]
    fn an_overflow_never_empties_a_budget() {
        let (budget, ledger, now) = (of_a_day(100), Ledger::default(), request(&[], 5 * DAY));
        for _ in 0..3 {
            ledger.charge(&budget, &now, Pico::MAX);
        }
        assert_eq!(ledger.spent(&budget, &now), Pico::MAX);
        let tomorrow = request(&[], 6 * DAY);
        ledger.charge(&budget, &tomorrow, 7);
        assert_eq!(ledger.spent(&budget, &tomorrow), 7);
    }

    #[test]
    fn each_team_has_its_own_counter_and_a_new_day_begins_at_nothing() {
        let budget = Budget {
            name: "b".into(),
            cap: 1_000,
            per: Window::Day,
            scope: vec![Scope::Tag("team".into())],
            warn: None,
            hard: false,
        };
        let ledger = Ledger::default();
        let (red, blue) = ([("team", "red")], [("team", "blue")]);
        ledger.charge(&budget, &request(&red, 5 * DAY), 400);
        ledger.charge(&budget, &request(&red, 6 * DAY - 1), 100);
        assert_eq!(ledger.used(&budget, &request(&red, 6 * DAY - 1)), 5_000);
        assert_eq!(ledger.used(&budget, &request(&blue, 5 * DAY)), 0);
        assert_eq!(ledger.used(&budget, &request(&red, 6 * DAY)), 0);
    }

    #[test]
    fn windows_begin_where_the_calendar_says() {
        // 2026-11-23T08:30:00Z, a Monday.
        let now = 1_795_422_600_000;
        assert_eq!(start(Window::Hour, now), 1_795_420_800_000);
        assert_eq!(start(Window::Day, now), 1_795_392_000_000);
        assert_eq!(start(Window::Week, now), 1_795_392_000_000);
        assert_eq!(start(Window::Week, now + 6 * DAY), 1_795_392_000_000);
        assert_eq!(start(Window::Month, now), 1_793_491_200_000);
        // The last day of February 2028 belongs to the month that began on the first.
        assert_eq!(start(Window::Month, 1_835_395_200_000), 1_832_976_000_000);
    }
}
