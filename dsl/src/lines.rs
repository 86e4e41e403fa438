//! A block as lines of known meaning: the statement table applied to a tree.

use crate::report::Report;
use crate::source::Span;
use crate::suggest;
use crate::tree::{Block, Item, Kind, Stmt, Word};
use crate::words::{self, Args, Body, Entry, Place, Slot, TARGET};

/// Most places that a message names where a word could stand.
const HOMES: usize = 4;

/// A statement that the table knows at its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'t> {
    pub(crate) entry: &'static Entry,
    pub(crate) stmt: &'t Stmt,
    /// What follows the first word; everything where the line begins with no keyword.
    pub(crate) args: &'t [Item],
}

impl<'t> Line<'t> {
    /// The keyword, or the whole line.
    pub(crate) fn head(&self) -> Span {
        self.stmt.items.first().map_or(self.stmt.span, Item::span)
    }

    /// The only word that follows, where the table asks for one.
    pub(crate) fn word(&self) -> Option<&'t Word> {
        self.args.first().and_then(Item::word)
    }

    /// The lines of its block.
    pub(crate) fn body(&self, report: &mut Report) -> Vec<Line<'t>> {
        match (&self.stmt.block, self.entry.block) {
            (Some(block), Body::Must(place) | Body::May(place)) => within(block, place, report),
            _ => Vec::new(),
        }
    }
}

/// The known lines of a block.
pub(crate) fn within<'t>(block: &'t Block, place: Place, report: &mut Report) -> Vec<Line<'t>> {
    read(&block.body, place, block.broken, report)
}

/// The known lines among `body`; what is unknown, misplaced, repeated or wrongly filled is reported, unless braces are
/// missing and nothing can be said about places.
pub(crate) fn read<'t>(
    body: &'t [Stmt],
    place: Place,
    broken: bool,
    report: &mut Report,
) -> Vec<Line<'t>> {
    let mut lines: Vec<Line<'t>> = Vec::new();
    for stmt in body {
        let Some(first) = stmt.items.first() else {
            continue;
        };
        let word = keyword(first, place);
        let Some(entry) = words::find(word, place) else {
            if !broken {
                unknown(first, word, place, report);
            }
            continue;
        };
        let open = entry.word.starts_with('<');
        let args = if open || matches!(first, Item::Guard(_)) {
            stmt.items.as_slice()
        } else {
            stmt.items.get(1..).unwrap_or_default()
        };
        let line = Line { entry, stmt, args };
        let same = |l: &&Line<'_>| l.entry.word == entry.word;
        let earlier = if entry.repeats {
            None
        } else {
            lines.iter().find(same)
        };
        if let Some(earlier) = earlier {
            if !broken {
                repeated(&line, earlier, place, report);
            }
        } else if fits(&line, place, report) {
            lines.push(line);
        }
    }
    lines
}

fn keyword(first: &Item, place: Place) -> &str {
    match first {
        Item::Guard(guard) => &guard.head.text,
        Item::Row(_) => "<row>",
        Item::Word(word) => match word.kind {
            Kind::Text => "<text>",
            Kind::Quantity => "<number>",
            Kind::Name if place == Place::Settings => "<setting>",
            Kind::Name if place == Place::Facts => "<fact>",
            Kind::Name if word.text.contains('/') => "<target>",
            _ => &word.text,
        },
    }
}

fn unknown(first: &Item, word: &str, place: Place, report: &mut Report) {
    let at = first.span();
    let shown = match first {
        Item::Row(_) => "|".to_owned(),
        Item::Word(w) if w.kind == Kind::Text => "\"…\"".to_owned(),
        Item::Word(w) => w.text.to_string(),
        Item::Guard(g) => g.head.text.to_string(),
    };
    let renamed = suggest::renamed(word, words::offered(place));
    if let Some(entry) = words::named(word).next().filter(|_| renamed.is_none()) {
        report
            .error(
                "mux::statement::misplaced",
                at,
                format!("`{shown}` cannot stand in {}", place.noun()),
            )
            .label(format!("belongs {}", homes(word)))
            .help(format!("`{}`: {}", entry.form, entry.doc));
        return;
    }
    let finding = report.error(
        "mux::statement::unknown",
        at,
        format!("nothing in {} begins with `{shown}`", place.noun()),
    );
    match suggest::advice(word, words::offered(place)) {
        Ok(close) if matches!(first, Item::Word(_)) => finding.meant(close),
        Ok(close) => finding.label(format!("did you mean `{close}`?")),
        Err(list) if list.is_empty() => finding,
        Err(list) => finding.help(format!("{} can hold {list}", place.noun())),
    };
}

/// Where a word can stand.
fn homes(word: &str) -> String {
    let places = words::named(word).flat_map(|e| e.within);
    let (files, blocks): (Vec<&Place>, Vec<&Place>) = places.partition(|p| **p == Place::File);
    let blocks: Vec<_> = blocks.iter().take(HOMES).map(|p| p.noun()).collect();
    let mut homes = Vec::new();
    if TARGET.iter().any(|o| o.word == word) {
        homes.push("behind a target".to_owned());
    }
    if !files.is_empty() {
        homes.push("outside of all blocks".to_owned());
    }
    if !blocks.is_empty() {
        homes.push(format!("into {}", blocks.join(" or ")));
    }
    homes.join(", or ")
}

fn repeated(line: &Line<'_>, earlier: &Line<'_>, place: Place, report: &mut Report) {
    report
        .error(
            "mux::statement::repeated",
            line.head(),
            format!(
                "`{}` stands twice in {}",
                line.entry.word,
                if place == Place::File {
                    "one file"
                } else {
                    place.noun()
                }
            ),
        )
        .label("the second")
        .also(earlier.head(), "the first");
}

/// Whether the rest of the line and the block are what the table asks for.
fn fits(line: &Line<'_>, place: Place, report: &mut Report) -> bool {
    let entry = line.entry;
    let (slot, most) = match entry.args {
        Args::Own => return block_fits(line, report),
        Args::Nothing => (None, 0),
        Args::One(slot) => (Some(slot), 1),
        Args::Some(slot) => (Some(slot), usize::MAX),
    };
    if let (Some(slot), None) = (slot, line.args.first()) {
        report
            .error(
                "mux::statement::missing",
                line.head(),
                format!("`{}` needs {}", entry.word, slot.noun()),
            )
            .help(format!("write `{}`", entry.form));
        return false;
    }
    if let Some(extra) = line.args.get(most) {
        report
            .error(
                "mux::statement::extra",
                extra.span(),
                format!("nothing more is expected after `{}`", entry.word),
            )
            .help(beside(extra, place).unwrap_or_else(|| format!("write `{}`", entry.form)));
    }
    for item in line.args.iter().take(most) {
        if slot.is_some_and(|slot| !slot.takes(item)) {
            wrong(item, line, slot, report);
            return false;
        }
    }
    block_fits(line, report)
}

/// What to do about a word that begins another statement of this place.
fn beside(extra: &Item, place: Place) -> Option<String> {
    let entry = words::find(&extra.word()?.text, place)?;
    Some(format!(
        "statements stand on lines of their own: begin a new one before `{}`",
        entry.word
    ))
}

fn wrong(item: &Item, line: &Line<'_>, slot: Option<Slot>, report: &mut Report) {
    if item.word().is_some_and(Word::hidden) {
        return;
    }
    let finding = report
        .error(
            "mux::type::mismatch",
            item.span(),
            format!(
                "`{}` takes {}",
                line.entry.word,
                slot.map_or("nothing", Slot::noun)
            ),
        )
        .label(format!("this is {}", described(item)))
        .help(format!("write `{}`", line.entry.form));
    let mended = item.word().zip(slot).and_then(|(w, s)| w.as_kind(s.kind()));
    let number = item.word().is_some_and(|w| w.kind == Kind::Quantity);
    if let Some(text) = mended {
        finding
            .help(format!("write `{} {text}`", line.entry.word))
            .fix(item.span(), text);
    } else if number && slot == Some(Slot::Name) && line.entry.block == Body::None {
        // `limit 100 requests/min` in a policy
        finding.help(format!(
            "give it a name outside of the block, `{0} NAME {{ … }}`, and write `{0} NAME` here",
            line.entry.word
        ));
    }
}

fn block_fits(line: &Line<'_>, report: &mut Report) -> bool {
    match (&line.stmt.block, line.entry.block) {
        (None, Body::Must(_)) => {
            report
                .error(
                    "mux::statement::missing",
                    line.stmt.span,
                    format!("`{}` needs a block", line.entry.word),
                )
                .help(format!("write `{}`", line.entry.form));
            false
        }
        (Some(block), Body::None) => {
            report
                .error(
                    "mux::statement::extra",
                    block.open,
                    format!("`{}` has no block", line.entry.word),
                )
                .help(format!("write `{}`", line.entry.form));
            false
        }
        _ => true,
    }
}

/// What an item looks like, for messages.
pub(crate) fn described(item: &Item) -> &'static str {
    match item {
        Item::Guard(_) => "a condition",
        Item::Row(_) => "a row of a table",
        Item::Word(word) => match word.kind {
            Kind::Name => "a name",
            Kind::Alias => "the name of a policy",
            Kind::Text => "a string",
            Kind::Quantity => "a number",
            Kind::Clock => "a time of day",
            Kind::Date => "a date",
        },
    }
}

impl Slot {
    fn noun(self) -> &'static str {
        match self {
            Self::Name => "a name",
            Self::Alias => "the name of a policy, with its `@`",
            Self::Text => "a string in quotes",
            Self::Quantity => "a number",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Name => Kind::Name,
            Self::Alias => Kind::Alias,
            Self::Text => Kind::Text,
            Self::Quantity => Kind::Quantity,
        }
    }

    fn takes(self, item: &Item) -> bool {
        item.word().is_some_and(|w| w.kind == self.kind())
    }
}
