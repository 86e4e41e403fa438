//! How long an upstream asks to be left alone.

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, header::RETRY_AFTER};

/// The longest wait believed.
pub const LONGEST: Duration = Duration::from_mins(5);

/// Reads `retry-after-ms`, `x-ms-retry-after-ms` and `retry-after` (seconds, also with a fraction, or an HTTP
/// date), the first that makes sense. Clamped to between nothing and [`LONGEST`]; a date in the past means nothing.
///
/// Heed it on 429 and 5xx only: some providers send it with good answers too.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now_unix_ms: i64) -> Option<Duration> {
    const IN_MS: [HeaderName; 2] = [
        HeaderName::from_static("retry-after-ms"),
        HeaderName::from_static("x-ms-retry-after-ms"),
    ];
    let in_ms = IN_MS
        .iter()
        .flat_map(|name| headers.get_all(name))
        .find_map(|value| number(value, 1_000.0));
    in_ms.or_else(|| {
        let values = headers.get_all(RETRY_AFTER);
        values
            .iter()
            .find_map(|value| number(value, 1.0).or_else(|| date(value, now_unix_ms)))
    })
}

/// A decimal number of which `per_second` make a second.
fn number(value: &HeaderValue, per_second: f64) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    // Rust also reads `inf` and `nan`, which no server means.
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | '.')) {
        return None;
    }
    let number: f64 = text.parse().ok()?;
    if number.is_nan() {
        return None;
    }
    Some(Duration::from_secs_f64(
        (number / per_second).clamp(0.0, LONGEST.as_secs_f64()),
    ))
}

fn date(value: &HeaderValue, now_unix_ms: i64) -> Option<Duration> {
    let at = httpdate::parse_http_date(value.to_str().ok()?.trim()).ok()?;
    let now = UNIX_EPOCH + Duration::from_millis(u64::try_from(now_unix_ms).unwrap_or_default());
    Some(at.duration_since(now).unwrap_or_default().min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT, the date every HTTP document uses.
    const THEN: i64 = 784_111_777_000;

    fn read(pairs: &[(&'static str, &str)]) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        retry_after(&headers, THEN)
    }

    fn wait_ms(pairs: &[(&'static str, &str)]) -> Option<u128> {
        read(pairs).map(|wait| wait.as_millis())
    }

    #[test]
    fn every_spelling_of_a_wait_is_read() {
        assert_eq!(wait_ms(&[("retry-after", "7")]), Some(7_000));
        assert_eq!(wait_ms(&[("retry-after", " 1.5 ")]), Some(1_500));
        assert_eq!(wait_ms(&[("retry-after-ms", "250")]), Some(250));
        assert_eq!(wait_ms(&[("x-ms-retry-after-ms", "40")]), Some(40));
        assert_eq!(
            wait_ms(&[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")]),
            Some(10_000)
        );
        assert_eq!(
            wait_ms(&[("retry-after", "Sunday, 06-Nov-94 08:49:38 GMT")]),
            Some(1_000)
        );
        assert_eq!(
            wait_ms(&[("retry-after", "Sun Nov  6 08:49:39 1994")]),
            Some(2_000)
        );
    }

    #[test]
    fn the_finer_header_wins_and_garbage_falls_through() {
        assert_eq!(
            wait_ms(&[("retry-after", "1"), ("retry-after-ms", "0")]),
            Some(0)
        );
        assert_eq!(
            wait_ms(&[("retry-after-ms", "soon"), ("retry-after", "3")]),
            Some(3_000)
        );
        assert_eq!(
            wait_ms(&[("retry-after", "later"), ("retry-after", "4")]),
            Some(4_000)
        );
    }

    #[test]
    fn waits_are_clamped() {
        assert_eq!(wait_ms(&[("retry-after", "-5")]), Some(0));
        assert_eq!(read(&[("retry-after", "86400")]), Some(LONGEST));
        assert_eq!(read(&[("retry-after", "1e309")]), Some(LONGEST));
        assert_eq!(
            read(&[("retry-after", "99999999999999999999999999")]),
            Some(LONGEST)
        );
        assert_eq!(
            read(&[("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")]),
            Some(LONGEST)
        );
        assert_eq!(
            wait_ms(&[("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT")]),
            Some(0)
        );
    }

    #[test]
    fn garbage_is_no_wait() {
        for text in [
            "",
            "soon",
            "NaN",
            "inf",
            "infinity",
            "-nan",
            "0x10",
            "1,5",
            "1s",
            "Sun, 32 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(read(&[("retry-after", text)]), None, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), THEN), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic_or_wait_longer_than_five_minutes(bytes: Vec<u8>, now: i64, name in 0..3_usize) {
            let name = ["retry-after", "retry-after-ms", "x-ms-retry-after-ms"][name];
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                headers.insert(name, value);
            }
            prop_assert!(retry_after(&headers, now).is_none_or(|wait| wait <= LONGEST));
        }

        #[test]
        fn whole_seconds_come_back_as_written(seconds in 0..=300_u64) {
            prop_assert_eq!(read(&[("retry-after", &seconds.to_string())]), Some(Duration::from_secs(seconds)));
        }
    }
}
