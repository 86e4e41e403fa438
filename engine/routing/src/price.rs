//! What tokens cost: integers all the way, pico-dollars.

use crate::arrival::Arrival;
use mux_dsl::image::{Pico, Price, Target};
use mux_traffic::record::Usage;

/// Cost of an answer at a price. Every token is paid once: what is counted as a part of the prompt or the answer is no more
/// paid as the rest of it, and parts that together are more than their whole are cut down to it, in the order of [`Usage`].
/// Sums are taken in `i128` and saturate.
#[must_use]
pub fn cost(price: &Price, usage: &Usage) -> Pico {
    let mut prompt = usage.input;
    let read = take(&mut prompt, usage.cache_read);
    let mut written = take(&mut prompt, usage.cache_write);
    let written_1h = take(&mut written, usage.cache_write_1h);
    let heard = take(&mut prompt, usage.audio_input);
    let mut answer = usage.output;
    let reasoning = take(&mut answer, usage.reasoning);
    let spoken = take(&mut answer, usage.audio_output);
    let write = price.cache_write.unwrap_or(price.input);
    let sum = of(prompt, price.input)
        + of(read, price.cached.unwrap_or(price.input))
        + of(written, write)
        + of(written_1h, price.cache_write_1h.unwrap_or(write))
        + of(heard, price.audio_input.unwrap_or(price.input))
        + of(answer, price.output)
        + of(reasoning, price.reasoning.unwrap_or(price.output))
        + of(spoken, price.audio_output.unwrap_or(price.output));
    Pico::try_from(sum).unwrap_or(Pico::MAX)
}

/// Cost of an answer of a target to a request that came at a moment, unix milliseconds; `None` where no price is known.
#[must_use]
pub fn cost_at(target: &Target, usage: &Usage, at: i64) -> Option<Pico> {
    let price = target.price_at(at, usage.input, usage.output > 0)?;
    Some(cost(&price, usage))
}

/// What a request is expected to cost at a target; `None` where no price is known.
#[must_use]
pub fn expected(target: &Target, arrival: &Arrival) -> Option<Pico> {
    let facts = &arrival.facts;
    let answered = facts.output_limit != Some(0);
    let price = target.price_at(arrival.at, facts.tokens.into(), answered)?;
    Some(price.expected(facts.tokens, facts.output_limit))
}

/// The most an answer can cost: every token of the prompt at its dearest price, and as many tokens of output as there can be.
/// Prompts are estimated before a provider counts them, so a tenth is added to theirs. `None` where no price is known.
#[must_use]
pub fn worst_of(target: &Target, prompt: u32, output: u32) -> Option<Pico> {
    let prompt = u64::from(prompt).saturating_mul(11).div_ceil(10);
    let price = target.dearest(prompt)?;
    let sum = of(prompt, price.dearest_input()) + of(output.into(), price.dearest_output());
    Some(Pico::try_from(sum).unwrap_or(Pico::MAX))
}

/// Takes a part out of a whole, as much of it as there is.
fn take(whole: &mut u64, part: u64) -> u64 {
    let taken = part.min(*whole);
    *whole -= taken;
    taken
}

fn of(tokens: u64, each: Pico) -> i128 {
    i128::from(tokens) * i128::from(each)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mux_dsl::image::{Features, PriceList, ProviderId, Rates};
    use proptest::prelude::*;
    use std::sync::Arc;

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
    fn every_class_has_its_price_and_stands_in_for_what_is_not_listed() {
        let price = Price {
            input: 2,
            output: 10,
            cached: Some(1),
            cache_write: Some(3),
            cache_write_1h: Some(4),
            reasoning: Some(20),
            audio_input: Some(50),
            audio_output: Some(70),
        };
        let usage = Usage {
            input: 10_000,
            output: 1_000,
            cache_read: 4_000,
            cache_write: 3_000,
            cache_write_1h: 1_000,
            reasoning: 300,
            audio_input: 500,
            audio_output: 200,
            estimated: false,
        };
        let input = 2_500 * 2 + 4_000 + 2_000 * 3 + 1_000 * 4 + 500 * 50;
        let output = 500 * 10 + 300 * 20 + 200 * 70;
        assert_eq!(cost(&price, &usage), input + output);
        let plain = Price {
            input: 2,
            output: 10,
            ..Price::default()
        };
        assert_eq!(cost(&plain, &usage), 10_000 * 2 + 1_000 * 10);
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

    prop_compose! {
        fn price()(
            input in 0..1_000_000_000_i64, output in 0..1_000_000_000_i64,
            parts in prop::array::uniform6(prop::option::of(0..1_000_000_000_i64)),
        ) -> Price {
            let [cached, cache_write, cache_write_1h, reasoning, audio_input, audio_output] = parts;
            Price { input, output, cached, cache_write, cache_write_1h, reasoning, audio_input, audio_output }
        }
    }

    /// Parts that fit in their wholes.
    fn sound() -> impl Strategy<Value = Usage> {
        prop::array::uniform8(0..1_000_000_u64).prop_map(|n| Usage {
            input: n[0] + n[1] + n[2] + n[3] + n[4],
            cache_read: n[1],
            cache_write: n[2] + n[3],
            cache_write_1h: n[3],
            audio_input: n[4],
            output: n[5] + n[6] + n[7],
            reasoning: n[6],
            audio_output: n[7],
            estimated: false,
        })
    }

    /// Anything a provider may say.
    fn said() -> impl Strategy<Value = Usage> {
        prop::array::uniform8(any::<u64>()).prop_map(|n| Usage {
            input: n[0],
            cache_read: n[1],
            cache_write: n[2],
            cache_write_1h: n[3],
            audio_input: n[4],
            output: n[5],
            reasoning: n[6],
            audio_output: n[7],
            estimated: false,
        })
    }

    fn both(a: &Usage, b: &Usage) -> Usage {
        Usage {
            input: a.input + b.input,
            output: a.output + b.output,
            cache_read: a.cache_read + b.cache_read,
            cache_write: a.cache_write + b.cache_write,
            reasoning: a.reasoning + b.reasoning,
            cache_write_1h: a.cache_write_1h + b.cache_write_1h,
            audio_input: a.audio_input + b.audio_input,
            audio_output: a.audio_output + b.audio_output,
            estimated: false,
        }
    }

    fn listed(price: Price, steps: &[(u32, Price)]) -> Target {
        let rates = Rates {
            from: None,
            daily: None,
            price,
            steps: steps.into(),
        };
        let list = PriceList::new("a test", vec![rates], false, 0).map(Arc::new);
        Target {
            name: "p/m".into(),
            provider: ProviderId(0),
            model: "m".into(),
            context: None,
            output: None,
            price: None,
            listed: list,
            tier: None,
            can: Features::default(),
            concurrency: None,
        }
    }

    proptest! {
        #[test]
        fn what_two_answers_cost_together_is_what_each_costs(price in price(), a in sound(), b in sound()) {
            prop_assert_eq!(cost(&price, &both(&a, &b)), cost(&price, &a) + cost(&price, &b));
        }

        #[test]
        fn more_tokens_never_cost_less(price in price(), usage in sound(), more in sound()) {
            prop_assert!(cost(&price, &both(&usage, &more)) >= cost(&price, &usage));
        }

        #[test]
        fn no_answer_costs_less_than_nothing_whatever_a_provider_says(price in price(), usage in said()) {
            prop_assert!(cost(&price, &usage) >= 0);
        }

        #[test]
        fn nothing_costs_more_than_the_most_it_can(
            price in price(), longer in price(), above in 0..2_000_000_u32, usage in sound(),
        ) {
            let target = listed(price, &[(above, longer)]);
            let cost = cost_at(&target, &usage, 0);
            let (prompt, output) = (usage.input.try_into().unwrap(), usage.output.try_into().unwrap());
            prop_assert!(worst_of(&target, prompt, output) >= cost);
        }

        #[test]
        fn a_prompt_of_just_the_length_of_a_step_does_not_take_it(
            price in price(), longer in price(), longest in price(), above in 1..1_000_000_u32, further in 1..1_000_000_u32,
        ) {
            let target = listed(price, &[(above, longer), (above + further, longest)]);
            let of = |input: u32| {
                let usage = Usage { input: input.into(), ..Usage::default() };
                cost_at(&target, &usage, 0).unwrap()
            };
            let at = |each: Pico, tokens: u32| each * i64::from(tokens);
            prop_assert_eq!(of(above), at(price.input, above));
            prop_assert_eq!(of(above + 1), at(longer.input, above + 1));
            prop_assert_eq!(of(above + further), at(longer.input, above + further));
            prop_assert_eq!(of(above + further + 1), at(longest.input, above + further + 1));
        }
    }
}
