//! Whether an answer is good enough for the cascade that asked for it.

use crate::attempt::Attempt;
use mux_dsl::image::{Accept, Compare};

/// What a condition on an answer says; what is not known decides nothing, unless something else decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Yes,
    No,
    Unknown,
}

impl From<bool> for Verdict {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

impl From<Option<bool>> for Verdict {
    fn from(holds: Option<bool>) -> Self {
        holds.map_or(Self::Unknown, Self::from)
    }
}

/// Whether an answer meets a condition.
pub(crate) fn good_enough(accept: &Accept, a: &Attempt) -> Verdict {
    let told = a.told.as_deref();
    match accept {
        Accept::All(parts) => first(parts, a, Verdict::No, Verdict::Yes),
        Accept::Any(parts) => first(parts, a, Verdict::Yes, Verdict::No),
        Accept::Not(inner) => match good_enough(inner, a) {
            Verdict::Yes => Verdict::No,
            Verdict::No => Verdict::Yes,
            Verdict::Unknown => Verdict::Unknown,
        },
        Accept::Finish(finish) => told.and_then(|t| t.finish).map(|f| f == *finish).into(),
        Accept::Score(compare, score) => a.score.map(|s| holds(*compare, s, *score)).into(),
        // A request that asks for no schema has none that an answer could miss.
        Accept::Schema => told.map(|t| t.fits != Some(false)).into(),
        Accept::Output(compare, tokens) => {
            let output = a.usage.map(|u| u32::try_from(u.output).unwrap_or(u32::MAX));
            output.map(|o| holds(*compare, o, *tokens)).into()
        }
    }
}

/// What decides at once decides; else what is not known leaves it open.
fn first(parts: &[Accept], a: &Attempt, deciding: Verdict, otherwise: Verdict) -> Verdict {
    let mut verdict = otherwise;
    for part in parts {
        let says = good_enough(part, a);
        if says == deciding {
            return deciding;
        }
        if says == Verdict::Unknown {
            verdict = Verdict::Unknown;
        }
    }
    verdict
}

fn holds(compare: Compare, left: u32, right: u32) -> bool {
    compare.holds(&left, &right)
}
