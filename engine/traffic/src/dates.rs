//! Moments as people, logs and traces write them, as unix milliseconds.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Numbers from here on are milliseconds, from the next on microseconds, then nanoseconds: each covers the years from 1973.
const MILLIS: f64 = 1e11;
const MICROS: f64 = 1e14;
const NANOS: f64 = 1e17;

/// Unix milliseconds of a date with a time (UTC where it names no zone), a date, or a number of seconds, milliseconds,
/// microseconds or nanoseconds since 1970.
#[must_use]
pub fn moment(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        return since_1970(number);
    }
    let zoned = || text.parse::<Timestamp>().ok();
    let utc = |when: DateTime| when.to_zoned(TimeZone::UTC).ok().map(|z| z.timestamp());
    let plain = || utc(text.strip_suffix(" UTC").unwrap_or(text).parse().ok()?);
    let day = || {
        utc(text
            .parse::<Date>()
            .ok()?
            .to_datetime(jiff::civil::Time::midnight()))
    };
    zoned()
        .or_else(plain)
        .or_else(day)
        .map(Timestamp::as_millisecond)
}

/// The same of a number, whose size says what it counts.
#[must_use]
pub(crate) fn since_1970(number: f64) -> Option<i64> {
    let millis = match number.abs() {
        size if size >= NANOS => number / 1e6,
        size if size >= MICROS => number / 1e3,
        size if size >= MILLIS => number,
        _ => number * 1e3,
    };
    // As jiff reads it: a range, and no number that is none.
    let since = SignedDuration::try_from_secs_f64(millis / 1e3).ok()?;
    // To the nearest: in a float of seconds a millisecond may lie just below itself.
    let nearest = (since.as_nanos() + 500_000).div_euclid(1_000_000);
    Timestamp::from_millisecond(i64::try_from(nearest).ok()?)
        .ok()
        .map(Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_moment_is_read_however_it_is_written() {
        for text in [
            "2023-11-16T18:17:03.979Z",
            "2023-11-16 18:17:03.9790000",
            "2023-11-16 19:17:03.979+01",
            "2023-11-16 18:17:03.979 UTC",
            "1700158623.979",
            "1700158623979",
            "1700158623979000",
            "1700158623979000000",
        ] {
            assert_eq!(moment(text), Some(1_700_158_623_979), "{text}");
        }
        assert_eq!(moment("1970-01-02"), Some(86_400_000));
        assert_eq!(moment("45"), Some(45_000));
        for ms in 1_795_785_764_000..1_795_785_765_000 {
            assert_eq!(moment(&ms.to_string()), Some(ms));
        }
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in ["", "noon", "NaN", "inf", "1e300", "-1e300", "2023-13-01"] {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}
