//! Where a hash puts a user: the shares of `split` and `canary`, and the target that `affinity` prefers.
//!
//! The hash is SipHash-2-4 (Aumasson and Bernstein, 2012) under the key `6d75782d 73746963 6b792d62 75636b31`, the bytes
//! of `mux-sticky-buck1`, over the bytes of the salt, one byte `ff`, and the bytes of the value. A byte `ff` is in no
//! UTF-8 text, so no two pairs of salt and value are hashed alike. A user's bucket is `hash · 10 000 / 2^64`, rounded
//! down: from 0 to 9 999. Nothing else enters, neither the names of policies, plans and arms nor what arms lead to, so
//! that renaming them, or pointing an arm elsewhere, moves nobody. Two splits of the same salt put a user into the same
//! bucket; experiments that must not depend on each other need different salts.
//!
//! Changing any of this reshuffles every user of every gateway. The tests below hold it.

use mux_dsl::image::BasisPoints;

/// `mux-sticky-buck1`, as two little-endian words.
const KEY: [u64; 2] = [
    u64::from_le_bytes(*b"mux-stic"),
    u64::from_le_bytes(*b"ky-buck1"),
];
/// In no UTF-8 text.
const BETWEEN: u8 = 0xff;

/// The bucket of a value, from 0 to 9 999.
#[must_use]
pub fn bucket(salt: &str, value: &str) -> BasisPoints {
    let scaled = (u128::from(hash(salt, value)) * 10_000) >> 64;
    u32::try_from(scaled).unwrap_or(9_999)
}

/// 64 bits of a salt and a value.
pub(crate) fn hash(salt: &str, value: &str) -> u64 {
    let mut sip = Sip::new(KEY);
    salt.bytes().for_each(|byte| sip.push(byte));
    sip.push(BETWEEN);
    value.bytes().for_each(|byte| sip.push(byte));
    sip.finish()
}

/// How far an arm is from being preferred, in 2^-16 bits: the least `distance / weight` wins. Weighted rendezvous hashing
/// (Schindelhauer and Schomaker, 2005) in integers, so that every machine chooses alike: `-log2` of the hash as a share.
pub(crate) fn distance(hash: u64) -> u32 {
    let hash = hash | 1;
    let whole = hash.leading_zeros();
    // The rest, scaled to [2^63, 2^64): one more bit of the logarithm with every squaring (Clay Turner, 2010).
    let mut rest = u128::from(hash << whole);
    let mut fraction = 0_u32;
    for _ in 0..16 {
        rest = (rest * rest) >> 63;
        fraction <<= 1;
        if rest >> 64 != 0 {
            fraction |= 1;
            rest >>= 1;
        }
    }
    ((whole + 1) << 16) - fraction
}

/// SipHash-2-4, a byte at a time: what is hashed here is short.
struct Sip {
    v: [u64; 4],
    word: u64,
    length: u64,
}

impl Sip {
    fn new([k0, k1]: [u64; 2]) -> Self {
        Self {
            v: [
                k0 ^ 0x736f_6d65_7073_6575,
                k1 ^ 0x646f_7261_6e64_6f6d,
                k0 ^ 0x6c79_6765_6e65_7261,
                k1 ^ 0x7465_6462_7974_6573,
            ],
            word: 0,
            length: 0,
        }
    }

    fn push(&mut self, byte: u8) {
        self.word |= u64::from(byte) << (8 * (self.length % 8));
        self.length += 1;
        if self.length.is_multiple_of(8) {
            self.compress();
            self.word = 0;
        }
    }

    fn compress(&mut self) {
        self.v[3] ^= self.word;
        self.round();
        self.round();
        self.v[0] ^= self.word;
    }

    fn round(&mut self) {
        let [mut a, mut b, mut c, mut d] = self.v;
        a = a.wrapping_add(b);
        b = b.rotate_left(13) ^ a;
        a = a.rotate_left(32);
        c = c.wrapping_add(d);
        d = d.rotate_left(16) ^ c;
        a = a.wrapping_add(d);
        d = d.rotate_left(21) ^ a;
        c = c.wrapping_add(b);
        b = b.rotate_left(17) ^ c;
        c = c.rotate_left(32);
        self.v = [a, b, c, d];
    }

    fn finish(mut self) -> u64 {
        self.word |= self.length << 56;
        self.compress();
        self.v[2] ^= 0xff;
        for _ in 0..4 {
            self.round();
        }
        self.v.iter().fold(0, |sum, word| sum ^ word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Appendix A of the paper: the key `00 … 0f`, the input `00 … 0e`.
    #[test]
    fn the_hash_is_the_one_its_authors_published() {
        let key = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
        let mut sip = Sip::new(key);
        (0..15).for_each(|byte| sip.push(byte));
        assert_eq!(sip.finish(), 0xa129_ca61_49be_45e5);
    }

    #[test]
    fn users_stay_in_the_buckets_they_have_always_had() {
        let golden = [
            ("", "", 2634),
            ("", "ana", 4685),
            ("tone-2026q3", "ana", 3360),
            ("tone-2026q3", "li", 9840),
            ("tone-2026q3", "用户", 1461),
            ("b", "c", 3991),
            ("bc", "", 4519),
        ];
        for (salt, value, expected) in golden {
            assert_eq!(bucket(salt, value), expected, "{salt:?} {value:?}");
        }
    }

    #[test]
    fn a_distance_is_the_negative_logarithm_of_the_share() {
        for (hash, bits) in [
            (u64::MAX, 0.0),
            (1 << 63, 1.0),
            (1 << 62, 2.0),
            (3 << 62, 0.415_037),
            (1, 64.0),
            (0, 64.0),
        ] {
            let got = f64::from(distance(hash)) / 65_536.0;
            assert!((got - bits).abs() < 0.000_1, "{hash:x}: {got}, not {bits}");
        }
    }
}
