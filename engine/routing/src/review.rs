//! A record decided again, from nothing but what is in it: who is called, in which order, and who is passed over. What is
//! taken as given are facts (scores, positions of breakers, waits, the order of the plan); what is worked out again are the
//! decisions that follow from them.

use crate::look::{HELD, Held, Look, POSITIONS, VERDICTS, Verdict, WAYS, Way, meant};
use mux_dsl::image::TargetId;
use mux_traffic::record::{self, Record};

/// Where a record does not say what follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Which of its looks; `None` for the record as a whole.
    pub look: Option<usize>,
    /// What is recorded, and what follows.
    pub what: String,
}

/// Decides a record again.
///
/// # Errors
/// The first decision that is not what follows from the facts.
pub fn review(record: &Record) -> Result<(), Mismatch> {
    let mut looks: Vec<(Look, &str)> = Vec::new();
    for (n, told) in record.looks.iter().enumerate() {
        let wrong = |what: String| Mismatch {
            look: Some(n),
            what,
        };
        let look = read(told).ok_or_else(|| wrong(format!("it cannot be read: {told:?}")))?;
        let follows = look.verdict(record.seed);
        if meant(&VERDICTS, &told.verdict) != Some(follows) {
            return Err(wrong(format!("{told:?}, and it follows {follows:?}")));
        }
        if let Some(other) = instead(&look, &looks, record.seed) {
            return Err(wrong(format!("{told:?}, and it follows `{other}`")));
        }
        looks.push((look, &told.target));
    }
    // Candidates are told in the order they came into question.
    let place = |name: &str| record.candidates.iter().position(|c| c.target == name);
    let mut first: Vec<&str> = Vec::new();
    for (_, target) in &looks {
        if !first.contains(target) {
            first.push(target);
        }
    }
    let places: Vec<_> = first.iter().map(|name| place(name)).collect();
    if places.contains(&None) || !places.is_sorted() {
        return Err(Mismatch {
            look: None,
            what: format!("candidates are told in another order than {first:?}"),
        });
    }
    let called = looks
        .iter()
        .filter(|(look, _)| look.verdict(record.seed) == Verdict::Called);
    let follows: Vec<(&str, u64)> = called.map(|(look, target)| (*target, look.at)).collect();
    let made = record.attempts.iter();
    let made: Vec<(&str, u64)> = made.map(|a| (a.target.as_str(), a.start_us)).collect();
    if made != follows {
        return Err(Mismatch {
            look: None,
            what: format!("attempts {made:?}, and it follows {follows:?}"),
        });
    }
    Ok(())
}

/// The target that had to be looked at in place of one, where there is one.
fn instead<'r>(look: &Look, before: &[(Look, &'r str)], seed: u64) -> Option<&'r str> {
    let verdict = |l: &Look| l.verdict(seed);
    match look.way {
        // In order: never back to what was passed over in the same breath.
        Way::InOrder | Way::HeldBack | Way::GoesOn => {
            let same = before.iter().rev();
            let mut same =
                same.take_while(|(l, _)| (l.at, l.leg, l.way) == (look.at, look.leg, look.way));
            let later = same.find(|(l, _)| l.step >= look.step);
            later.map(|(_, target)| *target)
        }
        // The best score of those that were left as unwell and not looked at since; of equals the first. Legs leave targets
        // for each other as well, so this is told of a request that has one.
        Way::LeastIll if before.iter().any(|(l, _)| l.leg != look.leg) => None,
        Way::LeastIll => {
            let last = |step: usize| before.iter().rev().find(|(l, _)| l.step == step);
            let left = before.iter().filter(|(l, _)| {
                last(l.step).is_some_and(|(last, _)| last == l) && verdict(l) == Verdict::Unwell
            });
            let best = left.max_by_key(|(l, _)| (l.score, usize::MAX - l.step))?;
            (best.0.step != look.step).then_some(best.1)
        }
        // It was called before, or asked for a wait.
        Way::Again => {
            let known = before.iter().any(|(l, _)| {
                let asked = l.held == Some(Held::Wait);
                l.target == look.target && (asked || verdict(l) == Verdict::Called)
            });
            (!known).then(|| before.last().map_or("", |(_, target)| *target))
        }
    }
}

fn read(told: &record::Look) -> Option<Look> {
    let held = match told.held.as_deref() {
        Some(word) => Some(meant(&HELD, word)?),
        None => None,
    };
    Some(Look {
        at: told.at_us,
        leg: usize::try_from(told.leg).ok()?,
        step: usize::try_from(told.step).ok()?,
        // Names stand for themselves here; steps tell targets apart.
        target: TargetId(told.step),
        way: meant(&WAYS, &told.way)?,
        score: told.score,
        stays: told.stays,
        position: meant(&POSITIONS, &told.breaker)?,
        others: told.others,
        held,
    })
}
