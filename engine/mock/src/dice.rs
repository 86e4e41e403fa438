//! Chance that repeats itself: the same seed throws the same numbers.

/// `SplitMix64` (Steele, Lea and Flood, 2014).
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The dice of one turn of a seeded game.
    pub(crate) fn new(seed: u64, turn: u64) -> Self {
        let mut dice = Self(seed);
        Self(dice.throw() ^ turn.wrapping_mul(0xd134_2543_de82_ef95))
    }

    pub(crate) fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to but not including 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    pub(crate) fn share(&mut self) -> f64 {
        (self.throw() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// One of `items`; the first when there is none to choose.
    pub(crate) fn pick<T: Copy + Default>(&mut self, items: &[T]) -> T {
        let count = items.len().max(1) as u64;
        let at = usize::try_from(self.throw() % count).unwrap_or_default();
        items.get(at).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_turn_throw_the_same() {
        let throws = |seed, turn| {
            let mut dice = Dice::new(seed, turn);
            (dice.throw(), dice.throw())
        };
        assert_eq!(throws(1, 2), throws(1, 2));
        assert_ne!(throws(1, 2), throws(1, 3));
        assert_ne!(throws(1, 2), throws(2, 2));
    }

    #[test]
    fn shares_spread_over_the_whole_range() {
        let low = (0..10_000)
            .filter(|turn| Dice::new(7, *turn).share() < 0.25)
            .count();
        assert!((2_300..2_700).contains(&low), "{low}");
    }
}
