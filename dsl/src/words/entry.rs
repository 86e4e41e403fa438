//! What the tables are made of: statements, subjects, and words of short lists.

use super::options::Opt;

/// Where a statement can stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Outside all blocks.
    File,
    /// `provider`
    Provider,
    /// `settings`
    Settings,
    /// `quirks`
    Quirks,
    /// `model`
    Model,
    /// `facts`
    Facts,
    /// `breaker`
    Breaker,
    /// `health`
    Health,
    /// `budget`
    Budget,
    /// `limit`
    Limit,
    /// `set`
    Set,
    /// `defaults`
    Defaults,
    /// `plan`
    Plan,
    /// `fallback`
    Fallback,
    /// `cheapest`
    Cheapest,
    /// `fastest`
    Fastest,
    /// `balance`
    Balance,
    /// `split`
    Split,
    /// `canary`
    Canary,
    /// `cascade`
    Cascade,
    /// A `try` of a cascade.
    Step,
    /// `ensemble`
    Ensemble,
    /// `hedge`
    Hedge,
    /// `policy`
    Policy,
    /// The block of a rule.
    When,
    /// `test`
    Test,
    /// `guarantee`
    Guarantee,
    /// `replay`
    Replay,
}

/// One word a line can begin with. Words in angle brackets stand for lines that begin with no keyword.
#[derive(Debug)]
pub struct Entry {
    /// The word.
    pub word: &'static str,
    /// Where it may stand.
    pub within: &'static [Place],
    /// The whole line, for help texts.
    pub form: &'static str,
    /// What follows it on its line.
    pub args: Args,
    /// What may be said besides on its line; see [`Entry::options`].
    pub groups: &'static [&'static [Opt]],
    /// May stand more than once in one block.
    pub repeats: bool,
    /// What its block holds.
    pub block: Body,
    /// One line of documentation.
    pub doc: &'static str,
    /// Version of the language that brought it.
    pub since: u8,
}

/// What follows the word on its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Args {
    /// Nothing.
    Nothing,
    /// One word of a kind.
    One(Slot),
    /// One or more words of a kind.
    Some(Slot),
    /// A grammar of its own, read by the checker of the block.
    Own,
}

/// What a word must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// A bare name.
    Name,
    /// A name with its `@`.
    Alias,
    /// A string.
    Text,
    /// A number with its unit.
    Quantity,
}

/// What the block behind the line holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// There is none.
    None,
    /// There must be one, with the statements of a place.
    Must(Place),
    /// There may be one, with the statements of a place.
    May(Place),
    /// There must be one where the line names a strategy, with the statements of that; see [`super::strategy`].
    Strategy,
}

/// One thing that can be tested, given, filtered by or expected.
#[derive(Debug)]
pub struct Subject {
    /// The word it begins with; `tag.NAME` and `header.NAME` stand for all of their kind.
    pub name: &'static str,
    /// The whole of it, with what it is compared with.
    pub form: &'static str,
    /// What it is.
    pub holds: Holds,
    /// May be absent or unknown; every test on it is false then.
    pub optional: bool,
    /// One line of documentation.
    pub doc: &'static str,
    /// Version of the language that brought it.
    pub since: u8,
}

/// One word of a short list, such as an outcome.
#[derive(Debug)]
pub struct Choice {
    /// The word.
    pub word: &'static str,
    /// The whole of it, where more follows.
    pub form: &'static str,
    /// One line of documentation.
    pub doc: &'static str,
    /// Version of the language that brought it.
    pub since: u8,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// True or false; compared with nothing.
    Flag,
    /// A string.
    Text,
    /// A bare name.
    Name,
    /// A number without unit.
    Count,
    /// A number of tokens.
    Tokens,
    /// A time.
    Time,
    /// A share.
    Share,
    /// Money.
    Money,
    /// Money for tokens.
    Price,
    /// `economy < standard < frontier`.
    Tier,
    /// `ok`, `degraded` or `down`.
    Health,
    /// Days, hours and a time zone; or, in a test, a moment.
    Moment,
}

impl Place {
    /// What it is called in messages.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::File => "a file",
            Self::Provider => "`provider`",
            Self::Settings => "`settings`",
            Self::Quirks => "`quirks`",
            Self::Model => "`model`",
            Self::Facts => "`facts`",
            Self::Breaker => "`breaker`",
            Self::Health => "`health`",
            Self::Budget => "`budget`",
            Self::Limit => "`limit`",
            Self::Set => "`set`",
            Self::Defaults => "`defaults`",
            Self::Plan => "`plan`",
            Self::Fallback => "`fallback`",
            Self::Cheapest => "`cheapest`",
            Self::Fastest => "`fastest`",
            Self::Balance => "`balance`",
            Self::Split => "`split`",
            Self::Canary => "`canary`",
            Self::Cascade => "`cascade`",
            Self::Step => "a `try` of a `cascade`",
            Self::Ensemble => "`ensemble`",
            Self::Hedge => "`hedge`",
            Self::Policy => "`policy`",
            Self::When => "a `when` block",
            Self::Test => "`test`",
            Self::Guarantee => "`guarantee`",
            Self::Replay => "`replay`",
        }
    }
}

impl Entry {
    /// What may be said besides on its line.
    pub fn options(&self) -> impl Iterator<Item = &'static Opt> {
        self.groups.iter().copied().flatten()
    }

    pub(super) const fn new(
        word: &'static str,
        within: &'static [Place],
        form: &'static str,
        args: Args,
        doc: &'static str,
    ) -> Self {
        Self {
            word,
            within,
            form,
            args,
            groups: &[],
            repeats: false,
            block: Body::None,
            doc,
            since: 1,
        }
    }

    pub(super) const fn repeats(mut self) -> Self {
        self.repeats = true;
        self
    }

    pub(super) const fn holds(mut self, block: Body) -> Self {
        self.block = block;
        self
    }

    pub(super) const fn with(mut self, groups: &'static [&'static [Opt]]) -> Self {
        self.groups = groups;
        self
    }
}

impl Subject {
    pub(super) const fn new(
        name: &'static str,
        form: &'static str,
        holds: Holds,
        doc: &'static str,
    ) -> Self {
        Self {
            name,
            form,
            holds,
            optional: false,
            doc,
            since: 1,
        }
    }

    pub(super) const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }
}

impl Choice {
    pub(super) const fn new(word: &'static str, form: &'static str, doc: &'static str) -> Self {
        Self {
            word,
            form,
            doc,
            since: 1,
        }
    }
}
