//! Decimal numbers as texts, in whole pico-dollars a token. No floating point: `0.1` is a tenth.

use mux_dsl::image::Pico;

/// The most that anybody asks for a million tokens, dollars: what is above is a slip of the pen.
pub(crate) const MOST: u64 = 10_000;

/// Dollars for a million tokens as pico-dollars for one, rounded to the nearest, halves up. The error says what is wrong.
pub(crate) fn per_mtok(text: &str) -> Result<Pico, String> {
    let wrong = |what: &str| Err(format!("`{text}` {what}"));
    if text.starts_with('-') {
        return wrong("is less than nothing");
    }
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => match exponent.parse::<i32>() {
            Ok(exponent) if exponent.abs() <= 30 => (digits, exponent),
            _ => return wrong("is no price"),
        },
        None => (text, 0),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{part}");
    if all.is_empty() || all.len() > 40 || !all.bytes().all(|b| b.is_ascii_digit()) {
        return wrong("is no price");
    }
    // A dollar for a million tokens is a million pico-dollars for one.
    let places = i64::from(exponent) + 6 - i64::try_from(part.len()).unwrap_or(i64::MAX);
    let cut = match usize::try_from(places) {
        Ok(more) => {
            return narrow(&format!("{all}{}", "0".repeat(more)), false)
                .ok_or_else(|| too_much(text));
        }
        Err(_) => usize::try_from(-places).unwrap_or(usize::MAX),
    };
    let kept = all.len().checked_sub(cut);
    let (head, next) = match kept {
        Some(kept) => (all.get(..kept).unwrap_or(""), all.as_bytes().get(kept)),
        None => ("", None),
    };
    narrow(head, next.is_some_and(|digit| *digit >= b'5')).ok_or_else(|| too_much(text))
}

fn narrow(digits: &str, up: bool) -> Option<Pico> {
    let digits = digits.trim_start_matches('0');
    let amount: u64 = if digits.is_empty() {
        0
    } else {
        digits.parse().ok()?
    };
    let amount = amount.checked_add(u64::from(up))?;
    (amount <= MOST * 1_000_000)
        .then_some(amount)?
        .try_into()
        .ok()
}

fn too_much(text: &str) -> String {
    format!("`{text}` is more than ${MOST} for a million tokens")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_price_is_exact_to_the_pico_dollar() {
        for (text, pico) in [
            ("3", 3_000_000),
            ("0.1", 100_000),
            ("0.003625", 3_625),
            ("15.0", 15_000_000),
            ("0", 0),
            ("0.00", 0),
            ("0.0000004", 0),
            ("0.0000005", 1),
            ("0.0833333333333333", 83_333),
            ("0.08333333333333334", 83_333),
            ("0.049999999999999996", 50_000),
            ("1e-2", 10_000),
            ("2.5E1", 25_000_000),
            ("10000", 10_000_000_000),
        ] {
            assert_eq!(per_mtok(text), Ok(pico), "{text}");
        }
    }

    #[test]
    fn nonsense_is_named() {
        for text in [
            "-1", "-0.5", "", ".", "free", "NaN", "inf", "1,5", "0x1", "10000.01", "1e9", "1e99",
            "1.2.3",
        ] {
            assert!(
                per_mtok(text).unwrap_err().contains(&format!("`{text}`")),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn six_places_come_back_as_they_were(pico in 0..10_000_000_000_i64) {
            let text = format!("{}.{:06}", pico / 1_000_000, pico % 1_000_000);
            prop_assert_eq!(per_mtok(&text), Ok(pico));
        }

        #[test]
        fn no_text_is_taken_for_more_than_it_says(text in ".{0,12}") {
            if let Ok(pico) = per_mtok(&text) {
                prop_assert!((0..=10_000_000_000).contains(&pico));
            }
        }
    }
}
