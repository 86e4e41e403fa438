//! Random values of the shapes that traffic and providers have.

use mux_routing::chance::Chance;
use mux_routing::{Nanos, SECOND};

/// From 0 up to, but not including, 1.
#[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
pub fn uniform(chance: &mut Chance) -> f64 {
    (chance.bits() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Around 0 with a deviation of 1 (Box and Muller 1958).
pub fn normal(chance: &mut Chance) -> f64 {
    let radius = (-2.0 * (1.0 - uniform(chance)).ln()).sqrt();
    radius * (std::f64::consts::TAU * uniform(chance)).cos()
}

/// Around a median, the logarithm with a deviation of `sigma`.
pub fn lognormal(chance: &mut Chance, median: f64, sigma: f64) -> f64 {
    median * (sigma * normal(chance)).exp()
}

/// Times between events that know nothing of each other.
pub fn exponential(chance: &mut Chance, mean: f64) -> f64 {
    -mean * (1.0 - uniform(chance)).ln()
}

/// At least `least`, with a tail that is heavier the smaller `alpha` is.
pub fn pareto(chance: &mut Chance, least: f64, alpha: f64) -> f64 {
    least / (1.0 - uniform(chance)).powf(1.0 / alpha)
}

/// Seconds as time; what cannot be is 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a float becomes the nearest time there is"
)]
#[must_use]
pub fn time(seconds: f64) -> Nanos {
    (seconds * SECOND as f64) as Nanos
}

/// Time in seconds.
#[expect(clippy::cast_precision_loss, reason = "microseconds of days are exact")]
#[must_use]
pub fn seconds(time: Nanos) -> f64 {
    time as f64 / SECOND as f64
}
