//! Ids of calls: Mistral takes nine letters and digits, nothing else.

const LENGTH: usize = 9;
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The id itself where it fits, else one that any two places make of it in the same way.
pub(crate) fn fitting(id: &str) -> String {
    if id.len() == LENGTH && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return id.to_owned();
    }
    // FNV-1a: stable for ever, and nobody gains by making two ids collide in a conversation of his own.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in id.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let mut fitting = String::with_capacity(LENGTH);
    for _ in 0..LENGTH {
        let digit = usize::try_from(hash % 62).unwrap_or_default();
        fitting.extend(ALPHABET.get(digit).map(|byte| char::from(*byte)));
        hash /= 62;
    }
    fitting
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_id_becomes_nine_letters_and_digits_and_always_the_same() {
        for id in [
            "call_abc",
            "",
            "toolu_01A09q90qw90lq917835lq9",
            "turn1_0",
            "dash-dash",
        ] {
            let made = fitting(id);
            assert_eq!(made.len(), 9, "{id}");
            assert!(
                made.bytes().all(|byte| byte.is_ascii_alphanumeric()),
                "{made}"
            );
            assert_eq!(made, fitting(id));
        }
        assert_ne!(fitting("call_1"), fitting("call_2"));
    }

    #[test]
    fn an_id_of_mistrals_own_stays() {
        assert_eq!(fitting("Ah0BFgzqX"), "Ah0BFgzqX");
    }
}
