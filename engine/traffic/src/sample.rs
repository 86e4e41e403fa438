//! Which requests are recorded where not all are.

use std::str::FromStr;

/// All, in basis points.
const ALL: u32 = 10_000;

/// A share of requests, chosen by their ids: neither by what they are, nor by the seed that their ways are drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample(u32);

impl Default for Sample {
    /// All of them.
    fn default() -> Self {
        Self(ALL)
    }
}

impl Sample {
    /// Whether the request of this id belongs to it.
    #[must_use]
    pub fn takes(self, id: &str) -> bool {
        // The lowest bits of the hash say little of the last letter alone; the highest say something of all.
        (u128::from(hash(id)) * u128::from(ALL)) >> 64 < u128::from(self.0)
    }

    /// The share in basis points, where it is not all.
    #[must_use]
    pub fn share(self) -> Option<u32> {
        (self.0 < ALL).then_some(self.0)
    }
}

impl FromStr for Sample {
    type Err = String;

    /// A percentage, such as `10%` or `0.5%`.
    fn from_str(text: &str) -> Result<Self, String> {
        let points = || {
            let number = text.strip_suffix('%')?.trim();
            let (whole, part) = number.split_once('.').unwrap_or((number, ""));
            let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
            if whole.is_empty() || part.len() > 2 || !digits(whole) || !digits(part) {
                return None;
            }
            let points: u32 = format!("{whole}{part:0<2}").parse().ok()?;
            (1..=ALL).contains(&points).then_some(Self(points))
        };
        points().ok_or_else(|| {
            format!("`{text}` is no share; write `10%`, or `0.01%`, which is the least")
        })
    }
}

/// FNV-1a, its bits spread over all places at the end (as `MurmurHash3` does).
pub(crate) fn hash(id: &str) -> u64 {
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_as_large_as_it_is_said_to_be() {
        for (share, least, most) in [
            ("100%", 100_000, 100_000),
            ("10%", 9_700, 10_300),
            ("0.5%", 430, 570),
        ] {
            let sample: Sample = share.parse().unwrap();
            let taken = (0..100_000)
                .filter(|n| sample.takes(&format!("req-{n}")))
                .count();
            assert!((least..=most).contains(&taken), "{share}: {taken}");
        }
    }

    #[test]
    fn what_is_no_share_is_refused() {
        assert_eq!("12.5%".parse(), Ok(Sample(1_250)));
        assert_eq!("100%".parse::<Sample>().unwrap().share(), None);
        for text in ["", "10", "%", "0%", "101%", "-1%", "1.234%", "x%", "1.%%"] {
            assert!(text.parse::<Sample>().is_err(), "{text}");
        }
    }
}
