//! A habit of another language, and how the same is written here.

use std::ops::Range;

/// A place where a habit shows, with what is to be written there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) habit: Habit,
    /// Where it shows.
    pub(super) at: Range<usize>,
    /// What is written instead, in order.
    pub(super) parts: Vec<(Range<usize>, String)>,
}

/// What people bring along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Habit {
    Colon,
    Equals,
    Comma,
    Semicolon,
    Arrow,
    Brackets,
    Dash,
    Quotes,
    NameInQuotes,
    ValueWithout,
    Comment,
    Case,
    /// The words that were written, and ours.
    Keyword(String, &'static str),
    /// A word that stands for nothing here.
    Filler(String),
    /// Something is used without saying `use`.
    Verb,
    /// An operator that was written, and ours.
    Operator(String, &'static str),
    Apart,
    Money,
    Digits,
    /// A block by its indentation.
    Indented,
    /// A brace on a line of its own.
    BraceBelow,
    /// A rule behind a brace.
    Chained,
    /// Several lines of a block on one.
    Inline,
    /// A row of a table that is not closed.
    Bar,
    /// The line under the head of a table.
    Underline,
    /// The name of a policy without its sign.
    Alias,
    /// Values joined by `or`.
    Either,
    /// A comparison without what is compared.
    Again,
    /// Whether something is there, as a comparison.
    Presence,
    /// Hours of the day in another form.
    Hours,
    /// Days of the week in another form.
    Days,
    /// A policy without its keyword.
    Policy,
    /// A line of a policy that is for every request.
    Always,
    /// A fact of a test without its keyword.
    Given,
    /// An expectation that is only a value.
    Expected,
    /// Text without quotes.
    TextWithout,
    /// Several targets on one line, and the strategy they belong to.
    Several(&'static str),
    /// A condition behind what follows from it.
    Postfix,
    /// An arm without the word in front that is due.
    Arm(&'static str),
    /// A rate in other words.
    Rate,
    /// A credential as shells and templates name it.
    Variable,
    /// A character that is not what it looks like, its name, and ours.
    Character(char, &'static str, &'static str),
}

impl Edit {
    /// One place, replaced by a text.
    pub(super) fn new(habit: Habit, at: Range<usize>, text: impl Into<String>) -> Self {
        Self {
            habit,
            parts: vec![(at.clone(), text.into())],
            at,
        }
    }

    /// The same, where what is replaced is more or less than the place.
    pub(super) fn of(habit: Habit, at: Range<usize>, part: Range<usize>, text: &str) -> Self {
        Self {
            habit,
            at,
            parts: vec![(part, text.to_owned())],
        }
    }

    /// From its first part to its last.
    pub(super) fn extent(&self) -> Range<usize> {
        let start = self.parts.first().map_or(self.at.start, |p| p.0.start);
        let end = self.parts.last().map_or(self.at.end, |p| p.0.end);
        start..end
    }

    /// The same with the place where it shows.
    pub(super) fn whole(&self) -> Range<usize> {
        let extent = self.extent();
        extent.start.min(self.at.start)..extent.end.max(self.at.end)
    }
}

impl Habit {
    /// The code of its diagnostic.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Colon
            | Self::Equals
            | Self::Comma
            | Self::Semicolon
            | Self::Arrow
            | Self::Brackets
            | Self::Bar
            | Self::Underline
            | Self::Dash => "mux::syntax::punctuation",
            Self::Quotes | Self::NameInQuotes | Self::ValueWithout | Self::TextWithout => {
                "mux::syntax::quotes"
            }
            Self::Comment => "mux::syntax::comment",
            Self::Case => "mux::syntax::case",
            Self::Keyword(..)
            | Self::Filler(_)
            | Self::Verb
            | Self::Policy
            | Self::Always
            | Self::Given
            | Self::Expected
            | Self::Postfix
            | Self::Arm(_) => "mux::syntax::keyword",
            Self::Operator(..) | Self::Either | Self::Again | Self::Presence => {
                "mux::syntax::operator"
            }
            Self::Hours | Self::Days => "mux::time::range",
            Self::Apart | Self::Money => "mux::unit::apart",
            Self::Digits => "mux::unit::digits",
            Self::Rate => "mux::unit::unknown",
            Self::Indented | Self::BraceBelow | Self::Chained | Self::Inline | Self::Several(_) => {
                "mux::syntax::braces"
            }
            Self::Alias => "mux::syntax::alias",
            Self::Variable => "mux::syntax::variable",
            Self::Character(..) => "mux::syntax::character",
        }
    }

    /// What is wrong.
    pub(super) fn message(&self) -> String {
        match self {
            Self::Colon => "no colon stands behind a word".into(),
            Self::Equals => "no `=` stands between a word and its value".into(),
            Self::Comma => "no comma stands between words".into(),
            Self::Semicolon => "no semicolon ends a line".into(),
            Self::Arrow => "no arrow stands between a condition and what follows from it".into(),
            Self::Brackets => "no brackets stand around a list".into(),
            Self::Dash => "no dash stands in front of a line".into(),
            Self::Quotes => "strings stand in double quotes".into(),
            Self::NameInQuotes => "names stand without quotes".into(),
            Self::ValueWithout => "the values of a set stand in double quotes".into(),
            Self::Comment => "comments begin with `#`".into(),
            Self::Case => "keywords are written in small letters".into(),
            Self::Keyword(theirs, ours) => format!("`{theirs}` is written `{ours}`"),
            Self::Filler(word) => format!("there is no `{word}`"),
            Self::Verb => "what is used has `use` in front of it".into(),
            Self::Operator(theirs, _) => format!("`{theirs}` is no operator here"),
            Self::Apart => "a number and its unit are one word".into(),
            Self::Money => "money is written with a `$` in front".into(),
            Self::Digits => "no comma stands in a number".into(),
            Self::Indented => "a block stands in braces; indentation means nothing".into(),
            Self::BraceBelow => "a block begins on the line it belongs to".into(),
            Self::Chained => "what follows a block begins on a line of its own".into(),
            Self::Inline => "each line of a block stands on a line of its own".into(),
            Self::Bar => "a row of a table ends with `|`".into(),
            Self::Underline => "no line stands under the head of a table".into(),
            Self::Alias => "the name of a policy begins with `@`".into(),
            Self::Variable => "a credential is named by the way it is found".into(),
            Self::Either => "`or` stands between conditions, and not between values".into(),
            Self::Again => "a comparison begins with what is compared".into(),
            Self::Presence => "`has` asks whether something is there".into(),
            Self::Hours => "hours are written as `08:00-18:00`".into(),
            Self::Days => "days are `mon tue wed thu fri sat sun`, or a range of them".into(),
            Self::Postfix => "a rule begins with its condition".into(),
            Self::Arm(word) => format!("each of these has `{}` in front", word.trim_end()),
            Self::Rate => "rates are written as `600 requests/min` or `2M tokens/min`".into(),
            Self::Character(c, what, _) => format!("this is `U+{:04X}`, {what}", u32::from(*c)),
            Self::Policy => "a policy begins with `policy`".into(),
            Self::Always => "what happens to every other request stands behind `else`".into(),
            Self::Given => "a fact of a test stands behind `given`".into(),
            Self::Expected => "an expectation is an outcome and its value".into(),
            Self::TextWithout => "text stands in double quotes".into(),
            Self::Several("fallback") => {
                "what is tried in turn stands in the block of a `fallback`".into()
            }
            Self::Several(strategy) => {
                format!("what is chosen from stands in a block: `{strategy} {{ … }}`")
            }
        }
    }
}
