//! Numbers as steps: from one bound that a test asks for to the next, and how they are written.

use crate::cells::Cells;
use crate::fact::{Fact, Sense};
use crate::image::Compare;

/// Where a number test cuts: at the first value of each side.
pub(super) fn bounds(sense: &Sense) -> Vec<u64> {
    let Sense::Number(compare, value) = sense else {
        return Vec::new();
    };
    let next = value.checked_add(1);
    let cuts = match compare {
        Compare::Less | Compare::AtLeast => [Some(*value), None],
        Compare::More | Compare::AtMost => [None, next],
        Compare::Is | Compare::IsNot => [Some(*value), next],
    };
    cuts.into_iter().flatten().filter(|b| *b > 0).collect()
}

#[inline]
pub(super) fn step(bounds: &[u64], optional: bool, value: Option<u64>) -> u32 {
    let Some(value) = value else { return 0 };
    let below = bounds.partition_point(|b| *b <= value);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a bundle has fewer bounds than bytes, and those are below 2³²"
    )]
    let below = below as u32;
    below + u32::from(optional)
}

pub(super) fn compared(bounds: &[u64], optional: bool, compare: Compare, value: u64) -> Cells {
    let first = u32::from(optional);
    let end = u32::try_from(bounds.len()).unwrap_or(u32::MAX) + 1 + first;
    let from = |value: Option<u64>| value.map_or(end, |v| step(bounds, optional, Some(v)));
    let (at, next) = (from(Some(value)), from(value.checked_add(1)));
    match compare {
        Compare::Less => Cells::span(first, at),
        Compare::AtMost => Cells::span(first, next),
        Compare::More => Cells::span(next, end),
        Compare::AtLeast => Cells::span(at, end),
        Compare::Is => Cells::span(at, next),
        Compare::IsNot => Cells::span(first, at).or(&Cells::span(next, end)),
    }
}

/// `tokens > 120k and tokens <= 150k`, and the like.
pub(super) fn steps_words(fact: &Fact, bounds: &[u64], optional: bool, cells: &Cells) -> String {
    let name = fact.words();
    let first = u32::from(optional);
    let end = u32::try_from(bounds.len()).unwrap_or(u32::MAX) + 1 + first;
    if optional && *cells == Cells::span(first, end) && *fact == Fact::OutputLimit {
        return format!("has {name}");
    }
    let absent = optional && cells.contains(0);
    if absent {
        let rest = cells.not(end);
        return format!("not ({})", steps_words(fact, bounds, optional, &rest));
    }
    let mut parts = Vec::new();
    let mut from = None;
    for cell in first..=end {
        match (from, cell < end && cells.contains(cell)) {
            (None, true) => from = Some(cell),
            (Some(start), false) => {
                parts.push(range_words(
                    fact,
                    &name,
                    bounds,
                    start - first,
                    cell - first,
                    optional,
                ));
                from = None;
            }
            _ => {}
        }
    }
    match parts.as_slice() {
        [one] => one.clone(),
        many => format!(
            "({})",
            many.iter()
                .map(|p| if p.contains(" and ") {
                    format!("({p})")
                } else {
                    p.clone()
                })
                .collect::<Vec<_>>()
                .join(" or ")
        ),
    }
}

/// One run of steps, from and up to but not including.
fn range_words(
    fact: &Fact,
    name: &str,
    bounds: &[u64],
    from: u32,
    to: u32,
    optional: bool,
) -> String {
    let low = from.checked_sub(1).and_then(|b| bounds.get(b as usize));
    let high = bounds.get((to - 1) as usize);
    match (low, high) {
        (Some(low), Some(high)) if *high == low + 1 => format!("{name} is {}", amount(fact, *low)),
        (Some(low), Some(high)) => format!(
            "{} and {}",
            above(fact, name, *low),
            below(fact, name, *high)
        ),
        (Some(low), None) => above(fact, name, *low),
        (None, Some(high)) => below(fact, name, *high),
        (None, None) if optional => format!("{name} >= {}", amount(fact, 0)),
        (None, None) => "true".into(),
    }
}

/// `>` where the bound is one above a round number, which is how people write it.
fn above(fact: &Fact, name: &str, low: u64) -> String {
    let under = low - 1;
    if amount(fact, under).len() < amount(fact, low).len() {
        format!("{name} > {}", amount(fact, under))
    } else {
        format!("{name} >= {}", amount(fact, low))
    }
}

fn below(fact: &Fact, name: &str, high: u64) -> String {
    let under = high - 1;
    if amount(fact, under).len() < amount(fact, high).len() {
        format!("{name} <= {}", amount(fact, under))
    } else {
        format!("{name} < {}", amount(fact, high))
    }
}

/// A number of a fact with its unit.
pub(crate) fn amount(fact: &Fact, value: u64) -> String {
    match fact {
        Fact::P50(_) | Fact::P95(_) | Fact::P99(_) => match value {
            v if v > 0 && v.is_multiple_of(60_000) => format!("{}m", v / 60_000),
            v if v > 0 && v.is_multiple_of(1_000) => format!("{}s", v / 1_000),
            v => format!("{v}ms"),
        },
        Fact::Used(_) | Fact::ErrorRate(_) | Fact::Headroom(_) => {
            let (whole, part) = (value / 100, value % 100);
            match part {
                0 => format!("{whole}%"),
                p if p.is_multiple_of(10) => format!("{whole}.{}%", p / 10),
                p => format!("{whole}.{p:02}%"),
            }
        }
        Fact::Inflight(_) => value.to_string(),
        _ => match value {
            v if v > 0 && v.is_multiple_of(1_000_000) => format!("{}M", v / 1_000_000),
            v if v > 0 && v.is_multiple_of(1_000) => format!("{}k", v / 1_000),
            v => v.to_string(),
        },
    }
}
