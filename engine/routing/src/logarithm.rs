//! Logarithms that are exact enough for measured times, at a fraction of what exact ones cost: every answer needs two.

use std::f64::consts::{LN_2, SQRT_2};

/// The natural logarithm of a positive, normal number, to seven digits.
pub(crate) fn ln(x: f64) -> f64 {
    const MANTISSA: u64 = (1 << 52) - 1;
    const ONE: u64 = 1023 << 52;
    let bits = x.to_bits();
    // Between 1 and 2; the logarithm of what it is over the root of 2 is a series that ends soon.
    let part = f64::from_bits(bits & MANTISSA | ONE);
    let s = (part - SQRT_2) / (part + SQRT_2);
    let square = s * s;
    let series = 2.0 * s * (1.0 + square * (1.0 / 3.0 + square * (0.2 + square * (1.0 / 7.0))));
    (exponent(bits) - 1022.5) * LN_2 + series
}

fn exponent(bits: u64) -> f64 {
    u32::try_from(bits >> 52).map_or(0.0, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_logarithm_to_seven_digits(exponent in -30.0..60.0_f64) {
            let x = exponent.exp();
            prop_assert!((ln(x) - x.ln()).abs() < 1e-7, "{x}");
        }
    }

    #[test]
    fn powers_of_two_and_their_neighbours_are_no_exception() {
        for power in -10..40 {
            let x = 2.0_f64.powi(power);
            for x in [x, x.next_up(), x.next_down()] {
                assert!((ln(x) - x.ln()).abs() < 1e-7, "{x}");
            }
        }
    }
}
