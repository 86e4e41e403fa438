//! What a provider says is left of its rate limits, in the headers that its adapter names.

use hyper::HeaderMap;
use mux_plugins::manifest::LimitHeader;

/// The whole of a limit, in basis points.
const WHOLE: u64 = 10_000;

/// Share left of the tightest limit, basis points; `None` where the headers say nothing of any.
#[must_use]
pub(crate) fn left(headers: &HeaderMap, limits: &[LimitHeader]) -> Option<u32> {
    let shares = limits.iter().filter_map(|limit| {
        let (whole, left) = (
            number(headers, limit.limit.as_deref()?)?,
            number(headers, limit.remaining.as_deref()?)?,
        );
        let share = left.saturating_mul(WHOLE).checked_div(whole)?;
        u32::try_from(share.min(WHOLE)).ok()
    });
    shares.min()
}

/// A count; some providers write it with a fraction.
fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    whole.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;
    use mux_plugins::manifest::{LimitUnit, ResetFormat};

    fn limit(of: &str) -> LimitHeader {
        LimitHeader {
            unit: LimitUnit::Requests,
            window: "minute".to_owned(),
            limit: Some(format!("x-ratelimit-limit-{of}")),
            remaining: Some(format!("x-ratelimit-remaining-{of}")),
            reset: None,
            reset_as: ResetFormat::UnixSeconds,
        }
    }

    #[test]
    fn the_tightest_limit_counts_and_what_is_no_number_says_nothing() {
        let limits = [limit("requests"), limit("tokens")];
        let mut headers = HeaderMap::new();
        let mut put = |name, value| headers.insert(name, HeaderValue::from_static(value));
        put("x-ratelimit-limit-requests", "1000");
        put("x-ratelimit-remaining-requests", "800");
        put("x-ratelimit-limit-tokens", "40000");
        put("x-ratelimit-remaining-tokens", "1000.5");
        assert_eq!(left(&headers, &limits), Some(250));
        headers.insert(
            "x-ratelimit-remaining-tokens",
            HeaderValue::from_static("many"),
        );
        assert_eq!(left(&headers, &limits), Some(8_000));
        headers.insert("x-ratelimit-limit-requests", HeaderValue::from_static("0"));
        assert_eq!(left(&headers, &limits), None);
    }
}
