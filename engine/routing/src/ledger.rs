//! What was spent of a budget. In memory until keys and their ledger exist; a reload resets nothing.

use crate::counters::Counters;
use mux_dsl::image::{BasisPoints, Budget, Pico, Window};
use mux_dsl::request::Request;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

const DAY: i64 = 86_400_000;

/// The counters of one budget.
#[derive(Debug, Default)]
pub struct Ledger {
    counters: Counters<Spent>,
}

/// One counter.
#[derive(Debug, Default)]
struct Spent {
    /// Start of the calendar window it counts, unix milliseconds.
    since: AtomicI64,
    amount: AtomicI64,
}

impl Ledger {
    /// Share of the cap that is spent in the window of `request.now`.
    #[must_use]
    pub fn used(&self, budget: &Budget, request: &Request<'_>) -> BasisPoints {
        let spent = self.spent(budget, request);
        if budget.cap <= 0 {
            return 10_000;
        }
        u32::try_from(i128::from(spent) * 10_000 / i128::from(budget.cap)).unwrap_or(u32::MAX)
    }

    /// Pico-dollars spent in the window of `request.now`.
    #[must_use]
    pub fn spent(&self, budget: &Budget, request: &Request<'_>) -> Pico {
        let since = start(budget.per, request.now);
        let counter = self
            .counters
            .of(&budget.scope, request, |c| c.since.load(Relaxed) < since);
        if counter.since.load(Relaxed) == since {
            counter.amount.load(Relaxed)
        } else {
            0
        }
    }

    /// Books an amount.
    pub fn charge(&self, budget: &Budget, request: &Request<'_>, amount: Pico) {
        let since = start(budget.per, request.now);
        let counter = self
            .counters
            .of(&budget.scope, request, |c| c.since.load(Relaxed) < since);
        let seen = counter.since.load(Relaxed);
        if seen < since
            && counter
                .since
                .compare_exchange(seen, since, Relaxed, Relaxed)
                .is_ok()
        {
            counter.amount.store(0, Relaxed);
        }
        // Saturates: an overflow would turn a spent budget into an empty one.
        let _ = counter
            .amount
            .fetch_update(Relaxed, Relaxed, |spent| Some(spent.saturating_add(amount)));
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
