//! What tokens cost: integers all the way, pico-dollars.

use mux_dsl::image::{Pico, Price};
use mux_traffic::record::Usage;

/// Cost of an answer at a price. Sums are taken in `i128` and saturate.
#[must_use]
pub fn cost(price: &Price, usage: &Usage) -> Pico {
    let plain = usage
        .input
        .saturating_sub(usage.cache_read)
        .saturating_sub(usage.cache_write);
    let sum = of(plain, price.input)
        + of(usage.cache_read, price.cached.unwrap_or(price.input))
        + of(usage.cache_write, price.cache_write.unwrap_or(price.input))
        + of(usage.output, price.output);
    Pico::try_from(sum).unwrap_or(Pico::MAX)
}

/// Tokens of an answer nobody has seen yet: what a healthy upstream of a `test` gives.
pub const ANSWER: u32 = 256;

/// What a request is expected to cost: its prompt, and an answer of [`ANSWER`] tokens or of its limit where that is less.
/// A limit says how much a client would stand, not how much it expects.
#[must_use]
pub fn expected(price: &Price, tokens: u32, output_limit: Option<u32>) -> Pico {
    let output = output_limit.map_or(ANSWER, |limit| limit.min(ANSWER));
    let usage = Usage {
        input: u64::from(tokens),
        output: u64::from(output),
        ..Usage::default()
    };
    cost(price, &usage)
}

fn of(tokens: u64, each: Pico) -> i128 {
    i128::from(tokens) * i128::from(each)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_tokens_are_a_part_of_the_prompt_and_paid_once() {
        let price = Price {
            input: 3_000_000,
            output: 15_000_000,
            cached: Some(300_000),
            ..Price::default()
        };
        let usage = Usage {
            input: 1_000,
            output: 100,
            cache_read: 600,
            ..Usage::default()
        };
        assert_eq!(
            cost(&price, &usage),
            400 * 3_000_000 + 600 * 300_000 + 100 * 15_000_000
        );
    }

    #[test]
    fn an_absurd_count_saturates() {
        let price = Price {
            input: Pico::MAX,
            ..Price::default()
        };
        assert_eq!(
            cost(
                &price,
                &Usage {
                    input: u64::MAX,
                    ..Usage::default()
                }
            ),
            Pico::MAX
        );
    }
}
