//! Days and times of day as texts, in milliseconds.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

/// Midnight (UTC) at the beginning of a day such as `2026-08-17`, unix milliseconds.
pub(crate) fn day(text: &str) -> Result<i64, String> {
    let date: Date = text
        .parse()
        .map_err(|_| format!("`{text}` is no day such as `2026-08-17`"))?;
    let at = date.to_zoned(TimeZone::UTC);
    at.map(|at| at.timestamp().as_millisecond())
        .map_err(|_| format!("`{text}` is no day that a clock shows"))
}

/// A time of day (UTC) such as `16:30:00`, milliseconds since midnight.
pub(crate) fn time(text: &str) -> Result<u32, String> {
    let wrong = || format!("`{text}` is no time of day (UTC) such as `16:30:00`");
    let time: Time = text.parse().map_err(|_| wrong())?;
    let part = |part: i8, each: u32| u32::try_from(part).unwrap_or(0) * each;
    Ok(part(time.hour(), 3_600_000) + part(time.minute(), 60_000) + part(time.second(), 1_000))
}

/// The day (UTC) of a moment, unix milliseconds, such as `2026-08-17`.
#[must_use]
pub fn day_of(unix_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(unix_ms).unwrap_or_default();
    at.strftime("%Y-%m-%d").to_string()
}
