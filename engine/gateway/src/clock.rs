//! The only clock of the gateway: monotonic nanoseconds for routing, wall milliseconds for calendars.

use mux_routing::Nanos;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Nanoseconds since it was made.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch: Instant,
}

impl Default for Clock {
    fn default() -> Self {
        // Routing subtracts spans from now; an epoch at zero would make the first minute of a process special.
        let now = Instant::now();
        Self {
            epoch: now.checked_sub(Duration::from_secs(1)).unwrap_or(now),
        }
    }
}

impl Clock {
    /// Now.
    #[must_use]
    pub fn now(&self) -> Nanos {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// The moment `at` as a timer wants it.
    #[must_use]
    pub fn instant(&self, at: Nanos) -> Instant {
        // A year is as good as never, and timers cannot hold much more.
        self.epoch + Duration::from_nanos(at.min(365 * 86_400 * 1_000_000_000))
    }
}

/// Unix milliseconds.
#[must_use]
pub fn unix_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Unix seconds as `2026-01-05 12:00:00Z`.
#[must_use]
pub fn utc(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(
        |_| "?".to_owned(),
        |t| t.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
    )
}
