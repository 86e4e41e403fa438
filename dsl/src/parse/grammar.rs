//! The pest grammar and what is asked of it.

use pest::Parser;
use pest::error::InputLocation;
use std::num::NonZeroUsize;
use std::sync::Once;

/// Steps one file may take: far above what a file of the largest size needs, and still well under a few seconds.
const STEPS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(200_000_000);

/// A piece of parsed text.
pub(super) type Pair<'i> = pest::iterators::Pair<'i, Rule>;

pub(super) use generated::Rule;

mod generated {
    #[derive(pest_derive::Parser)]
    #[grammar = "mux.pest"]
    pub(super) struct Grammar;
}

/// Parses a file; in failure, how far it got.
pub(super) fn file(text: &str) -> Result<Pair<'_>, usize> {
    strictly(text).map_or_else(|| tolerantly(text), Ok)
}

/// Parses a file without a mistake of shape.
pub(super) fn strictly(text: &str) -> Option<Pair<'_>> {
    limit();
    generated::Grammar::parse(Rule::s_file, text).ok()?.next()
}

/// Parses a file, and reads on after mistakes.
pub(super) fn tolerantly(text: &str) -> Result<Pair<'_>, usize> {
    limit();
    match generated::Grammar::parse(Rule::file, text) {
        Ok(mut pairs) => pairs.next().ok_or(0),
        Err(error) => Err(start(&error.location)),
    }
}

fn limit() {
    static LIMIT: Once = Once::new();
    LIMIT.call_once(|| pest::set_call_limit(Some(STEPS)));
}

/// How far into one line a statement can be read.
pub(super) fn reach(line: &str) -> usize {
    generated::Grammar::parse(Rule::probe, line)
        .map_or_else(|error| start(&error.location), |_| line.len())
}

fn start(location: &InputLocation) -> usize {
    match location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => *at,
    }
}
