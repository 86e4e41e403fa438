//! Nothing is remembered: a fresh instance for each call, one for all of them, and one with several answers in turn say
//! the same.

use bytes::Bytes;

use super::report::Check;
use super::trial::{Case, Outcome, Trial, difference, heard};
use crate::output::Output;
use crate::plan::Plan;
use crate::reply::Reply;

/// Pieces of each answer when several come in turn.
const TURNS: usize = 12;

/// The three modes, and the order in which exchanges come.
pub(super) fn check(trial: &Trial) -> Check {
    let mut check = Check::new("statelessness");
    let cases = trial.cases();
    let fresh: Vec<Outcome> = cases.iter().map(|case| case.whole(&case.fresh)).collect();
    let told = |what: &str, how: String| format!("{what} says something else: {how}");
    for (case, fresh) in cases
        .iter()
        .zip(&fresh)
        .chain(cases.iter().zip(&fresh).rev())
    {
        let reused = difference(fresh, &case.whole(&case.warm));
        check.tried(
            &case.name,
            reused.map(|how| told("an instance that was used before", how)),
        );
    }
    for ((case, fresh), mixed) in cases.iter().zip(&fresh).zip(interleaved(cases)) {
        let mixed = difference(fresh, &mixed);
        check.tried(
            &case.name,
            mixed.map(|how| told("an instance with several answers in turn", how)),
        );
    }
    check
}

/// An answer that is being read.
struct Open<'a> {
    plan: Plan,
    reply: Reply,
    out: Output,
    pieces: std::vec::IntoIter<Bytes>,
    case: &'a Case,
}

/// All of them at once: a piece of each in turn.
fn interleaved(cases: &[Case]) -> Vec<Outcome> {
    let mut open: Vec<Result<Open<'_>, Box<Outcome>>> = cases.iter().map(begun).collect();
    for _ in 0..=TURNS {
        for place in &mut open {
            let Ok(going) = place else { continue };
            if let Some(piece) = going.pieces.next()
                && let Err(fault) = going.reply.push(piece, &mut going.out)
            {
                *place = Err(Box::new(Err(fault)));
            }
        }
    }
    open.into_iter().map(ended).collect()
}

fn begun(case: &Case) -> Result<Open<'_>, Box<Outcome>> {
    if case.is_error() {
        return Err(Box::new(case.whole(&case.warm)));
    }
    let plan = case.exchange.plan(&case.warm, &case.exchange.client());
    let plan = plan.map_err(|fault| Box::new(Err(fault)))?;
    let body = &case.exchange.body;
    let size = body.len().div_ceil(TURNS).max(1);
    let pieces: Vec<Bytes> = body
        .chunks(size)
        .map(|piece| body.slice_ref(piece))
        .collect();
    Ok(Open {
        reply: case.warm.reply(&plan),
        out: Output::default(),
        pieces: pieces.into_iter(),
        plan,
        case,
    })
}

fn ended(open: Result<Open<'_>, Box<Outcome>>) -> Outcome {
    let mut going = match open {
        Ok(going) => going,
        Err(outcome) => return *outcome,
    };
    debug_assert!(going.pieces.len() == 0, "{}", going.case.name);
    going.reply.end(&mut going.out)?;
    Ok(heard(&going.plan, going.out))
}
