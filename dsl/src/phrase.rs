//! Base units as policies write them: `20s`, `12.5%`, `150k`, `$0.40`.

use crate::image::{BasisPoints, Compare, Millis, Pico};

/// Pico-dollars for one token that are one dollar for a million of them.
const PER_MTOK: Pico = 1_000_000;

/// A duration, in the largest unit that tells it exactly.
pub(crate) fn time(millis: Millis) -> String {
    let units = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1_000, "s"),
    ];
    // One minute is told as 60 seconds, as deadlines are written.
    let whole = units.into_iter().find(|(unit, _)| {
        millis > 0 && millis.is_multiple_of(*unit) && (millis > *unit || *unit < 60_000)
    });
    match whole {
        Some((unit, word)) => format!("{}{word}", millis / unit),
        None => format!("{millis}ms"),
    }
}

/// A share of all.
pub(crate) fn share(points: BasisPoints) -> String {
    let (whole, part) = (points / 100, points % 100);
    match part {
        0 => format!("{whole}%"),
        p if p.is_multiple_of(10) => format!("{whole}.{}%", p / 10),
        p => format!("{whole}.{p:02}%"),
    }
}

/// A number of tokens, or of other things that are counted.
pub(crate) fn count(number: u64) -> String {
    match number {
        n if n > 0 && n.is_multiple_of(1_000_000) => format!("{}M", n / 1_000_000),
        n if n > 0 && n.is_multiple_of(1_000) => format!("{}k", n / 1_000),
        n => n.to_string(),
    }
}

/// An amount of money.
pub(crate) fn money(pico: Pico) -> String {
    dollars(pico, 1_000_000_000_000, 12)
}

/// A price, given for one token in pico-dollars.
#[must_use]
pub fn price(pico: Pico) -> String {
    format!("{}/Mtok", dollars(pico, PER_MTOK, 6))
}

fn dollars(amount: Pico, unit: Pico, digits: usize) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    let amount = amount.unsigned_abs();
    let unit = unit.unsigned_abs();
    let (whole, part) = (amount / unit, amount % unit);
    if part == 0 {
        return format!("{sign}${whole}");
    }
    let part = format!("{part:0digits$}");
    let part = part.trim_end_matches('0');
    format!("{sign}${whole}.{part:0<2}")
}

/// The sign of a comparison.
pub(crate) fn sign(compare: Compare) -> &'static str {
    match compare {
        Compare::Is => "is",
        Compare::IsNot => "is not",
        Compare::Less => "<",
        Compare::AtMost => "<=",
        Compare::More => ">",
        Compare::AtLeast => ">=",
    }
}

/// `1st`, `2nd`, `11th`.
pub(crate) fn nth(number: usize) -> String {
    let ending = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use super::{count, money, nth, price, share, time};

    #[test]
    fn numbers_are_told_as_policies_write_them() {
        let told = [
            time(0),
            time(1_500),
            time(20_000),
            time(60_000),
            time(120_000),
            time(172_800_000),
            share(1_250),
            share(2),
            share(10_000),
            count(0),
            count(150_000),
            count(1_000_001),
            count(2_000_000),
            money(250_000_000_000),
            money(400_000_000_000_000),
            money(-1_500_000_000_000),
            price(3_000_000),
            price(400_000),
            price(75_000),
        ];
        assert_eq!(
            told.join(" "),
            "0ms 1500ms 20s 60s 2m 2d 12.5% 0.02% 100% 0 150k 1000001 2M $0.25 $400 -$1.50 $3/Mtok $0.40/Mtok $0.075/Mtok"
        );
        let ranks: Vec<String> = [1, 2, 3, 4, 11, 12, 21, 113].into_iter().map(nth).collect();
        assert_eq!(ranks.join(" "), "1st 2nd 3rd 4th 11th 12th 21st 113th");
    }
}
