//! Units of numbers.

use super::entry::Holds;

/// One unit.
#[derive(Debug)]
pub struct Unit {
    /// As written behind the number; empty where there is none.
    pub word: &'static str,
    /// What it measures.
    pub of: Holds,
    /// Base units in one: milliseconds, tokens, basis points.
    pub factor: u64,
    /// One line of documentation.
    pub doc: &'static str,
    /// Version of the language that brought it.
    pub since: u8,
}

const fn unit(word: &'static str, of: Holds, factor: u64, doc: &'static str) -> Unit {
    Unit {
        word,
        of,
        factor,
        doc,
        since: 1,
    }
}

/// Every unit. Money is written with a `$` before the number, and with what it buys behind it: `$3/Mtok`, `$5/day`.
pub static UNITS: &[Unit] = &[
    unit("ms", Holds::Time, 1, "milliseconds"),
    unit("s", Holds::Time, 1_000, "seconds"),
    unit("m", Holds::Time, 60_000, "minutes"),
    unit("h", Holds::Time, 3_600_000, "hours"),
    unit("d", Holds::Time, 86_400_000, "days"),
    unit("", Holds::Tokens, 1, "tokens"),
    unit("k", Holds::Tokens, 1_000, "thousands of tokens"),
    unit("M", Holds::Tokens, 1_000_000, "millions of tokens"),
    unit("%", Holds::Share, 100, "hundredths of the whole"),
    unit("", Holds::Count, 1, "a plain number"),
];
