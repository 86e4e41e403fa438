//! Percentiles of times, in one word so that they are published together.

/// Percentiles of the time to first content, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantiles {
    /// Median.
    pub p50: u64,
    /// 95th.
    pub p95: u64,
    /// 99th.
    pub p99: u64,
}

impl Quantiles {
    /// One by one, where they are known.
    pub(crate) fn each(known: Option<Self>) -> [Option<u64>; 3] {
        known.map_or([None; 3], |q| [q.p50, q.p95, q.p99].map(Some))
    }

    /// Bits of each in a word: 35 minutes, more than an attempt may last.
    const BITS: u32 = 21;

    /// One word, so that they are published together; each plus one, and so never 0.
    pub(crate) fn pack(self) -> u64 {
        [self.p50, self.p95, self.p99]
            .into_iter()
            .fold(0, |word, ms| {
                word << Self::BITS | (ms + 1).min((1 << Self::BITS) - 1)
            })
    }

    /// Each plus one, and 0 where it is not known.
    pub(crate) fn parts(word: u64) -> [u32; 3] {
        let part = |place: u32| {
            let bits = word >> (place * Self::BITS) & ((1 << Self::BITS) - 1);
            u32::try_from(bits).unwrap_or(u32::MAX)
        };
        [part(2), part(1), part(0)]
    }

    /// `None` of 0.
    pub(crate) fn unpack(word: u64) -> Option<Self> {
        let [p50, p95, p99] = Self::parts(word).map(|ms| ms.checked_sub(1).map(u64::from));
        Some(Self {
            p50: p50?,
            p95: p95?,
            p99: p99?,
        })
    }
}
