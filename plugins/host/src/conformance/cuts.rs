//! However the network cuts an answer, and so however its frames are grouped, the same is said.

use bytes::Bytes;

use super::chance::Chance;
use super::report::Check;
use super::trial::{Case, Trial, difference};

/// Answers up to this long are cut in two at every byte, in bytes.
const EVERY: usize = 1_500;
/// How many places longer ones are cut at.
const PLACES: usize = 64;
/// How often an answer is cut at random into many pieces.
const RANDOM: u64 = 8;

/// Byte by byte, in two at every place, and in random pieces.
pub(super) fn check(trial: &Trial) -> Check {
    let mut check = Check::new("batches");
    for case in trial.cases().iter().filter(|case| !case.is_error()) {
        let body = &case.exchange.body;
        let whole = case.whole(&case.warm);
        let mut compare = |how: &str, pieces: Vec<Bytes>| {
            let cut = case.hear(&case.warm, pieces);
            let apart = difference(&whole, &cut);
            check.tried(&case.name, apart.map(|what| format!("{how}: {what}")));
        };
        compare("byte by byte", pieces(body, 1..body.len()));
        for at in places(case) {
            compare(&format!("cut at byte {at}"), pieces(body, [at]));
        }
        for seed in 0..RANDOM {
            let mut chance = Chance::new(seed);
            let step = match seed % 3 {
                0 => 3,
                1 => 40,
                _ => 400,
            };
            let cuts = std::iter::successors(Some(0), |at| Some(at + 1 + chance.below(step)));
            let cuts = cuts.take_while(|at| *at < body.len());
            compare("in random pieces", pieces(body, cuts));
        }
    }
    check
}

fn places(case: &Case) -> Vec<usize> {
    let length = case.exchange.body.len();
    let step = if length <= EVERY { 1 } else { length / PLACES };
    (1..length).step_by(step.max(1)).collect()
}

/// The body cut at these places, which rise.
fn pieces(body: &Bytes, cuts: impl IntoIterator<Item = usize>) -> Vec<Bytes> {
    let mut rest = body.clone();
    let mut gone = 0;
    let mut pieces = Vec::new();
    for at in cuts {
        let piece = rest.split_to(at.saturating_sub(gone).min(rest.len()));
        gone += piece.len();
        if !piece.is_empty() {
            pieces.push(piece);
        }
    }
    pieces.push(rest);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_put_together_are_the_body() {
        let body = Bytes::from_static(b"abcdef");
        assert_eq!(pieces(&body, [2, 5]), ["ab", "cde", "f"]);
        assert_eq!(pieces(&body, 1..6).len(), 6);
        assert_eq!(pieces(&body, [0, 9]).concat(), b"abcdef");
    }
}
