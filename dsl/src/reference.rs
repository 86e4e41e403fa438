//! The reference page: every statement, option, fact, unit and code, from the tables that the checker is driven by.
//!
//! Examples are not written here: they are lines of files that are checked by tests, found by walking their trees.

use crate::codes;
use crate::lines::{self, Line};
use crate::load::load;
use crate::parse;
use crate::report::Report;
use crate::source::Sources;
use crate::tree::Item;
use crate::words::{self, Body, Entry, Holds, Opt, Place, Subject, Unit};
use std::collections::HashMap;
use std::fmt::Write as _;

/// Statements and options that no example shows, by their forms. Empty when the page is whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing(pub Vec<&'static str>);

/// The page in Markdown, with examples from policies that `read` gives by their names.
pub fn page(
    roots: &[&str],
    read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
) -> (String, Missing) {
    let mut report = Report::default();
    let loaded = load(roots, read, parse::parse, &mut report);
    let mut examples = Examples {
        sources: &loaded.sources,
        found: HashMap::new(),
    };
    for tree in &loaded.trees {
        let body = lines::read(&tree.body, Place::File, false, &mut report);
        examples.walk(&body, &mut report);
    }
    let mut page = Page {
        text: String::new(),
        examples,
        missing: Missing::default(),
    };
    page.write();
    (page.text, page.missing)
}

/// The first line of the examples that shows a statement, by its entry.
struct Examples<'a> {
    sources: &'a Sources,
    found: HashMap<*const Entry, String>,
}

impl Examples<'_> {
    fn walk(&mut self, body: &[Line<'_>], report: &mut Report) {
        for line in body {
            let text = self.sources.slice(line.stmt.span);
            let text = text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let shown = if line.stmt.block.is_some() {
                format!("{text} {{ … }}")
            } else {
                text
            };
            self.note(line.entry, &shown);
            let strategy = line
                .stmt
                .items
                .iter()
                .filter_map(Item::word)
                .find_map(|w| words::strategy(&w.text));
            if let Some(strategy) = strategy {
                self.note(strategy, &shown);
            }
            let ((_, Some(Body::Must(place))) | (Body::Must(place) | Body::May(place), _)) =
                (line.entry.block, strategy.map(|s| s.block))
            else {
                continue;
            };
            if let Some(block) = &line.stmt.block {
                let inner = lines::within(block, place, report);
                self.walk(&inner, report);
            }
        }
    }

    fn note(&mut self, entry: &'static Entry, shown: &str) {
        self.found
            .entry(std::ptr::from_ref(entry))
            .or_insert_with(|| shown.to_owned());
    }
}

struct Page<'a> {
    text: String,
    examples: Examples<'a>,
    missing: Missing,
}

impl Page<'_> {
    fn write(&mut self) {
        self.text.push_str(
            "# The language, word by word\n\n\
             Made from the tables that the checker is driven by; a test fails when it is stale. Language version ",
        );
        let _ = writeln!(self.text, "{}.\n", words::LANGUAGE);
        self.text.push_str(
            "Words are separated by blanks, statements by line ends. A string stands in double quotes on one line, with the escapes\n\
             `\\\"` for a quote, `\\\\` for a backslash, `\\n` for a line end and `\\t` for a tab.\n\n",
        );
        self.statements();
        self.subjects(
            "Facts",
            "What conditions ask of a request. A test on a fact that is absent is false.",
            words::FACTS,
        );
        self.subjects(
            "Figures",
            "What conditions ask of targets and budgets, `FIGURE of NAME`. A test on a figure with too few samples is false.",
            words::METRICS,
        );
        self.subjects(
            "Filters",
            "What `where` asks of the targets of a list.",
            words::FILTERS,
        );
        self.subjects(
            "Answers",
            "What `accept when` asks of an answer.",
            words::ACCEPTS,
        );
        self.subjects(
            "Given",
            "What a test gives; everything else is absent, healthy and unspent.",
            words::GIVENS,
        );
        self.subjects("Outcomes", "What a test expects.", words::EXPECTS);
        self.subjects(
            "Promises",
            "What a guarantee expects of everything that requests can reach.",
            words::PROMISES,
        );
        self.subjects(
            "Figures of a replay",
            "What a `replay` expects of all requests together.",
            words::FIGURES,
        );
        self.units();
        self.codes();
    }

    fn statements(&mut self) {
        self.text.push_str("## Statements\n");
        let mut places: Vec<Place> = Vec::new();
        for place in words::statements().flat_map(|e| e.within.iter().copied()) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places.sort_by_key(|p| *p != Place::File);
        for place in places {
            let _ = writeln!(self.text, "\n### In {}\n", place.noun());
            for entry in words::statements().filter(|e| e.within.contains(&place)) {
                self.statement(entry, place);
            }
        }
    }

    fn statement(&mut self, entry: &'static Entry, place: Place) {
        let _ = writeln!(self.text, "- `{}`: {}", entry.form, entry.doc);
        let first = entry.within.first() == Some(&place);
        match self.examples.found.get(&std::ptr::from_ref(entry)) {
            Some(example) if first => {
                let _ = writeln!(self.text, "  for example `{}`", example.replace('`', "'"));
            }
            Some(_) => {}
            None => self.missing.0.push(entry.form),
        }
        if first {
            entry.options().for_each(|o| self.option(o));
        }
    }

    fn option(&mut self, option: &Opt) {
        let _ = writeln!(self.text, "  - `{}`: {}", option.form, option.doc);
    }

    fn subjects(&mut self, title: &str, about: &str, table: &[Subject]) {
        let _ = write!(
            self.text,
            "\n## {title}\n\n{about}\n\n| form | holds | may be absent | |\n|---|---|---|---|\n"
        );
        for subject in table {
            let absent = if subject.optional { "yes" } else { "" };
            let form = subject.form.replace('|', "\\|");
            let _ = writeln!(
                self.text,
                "| `{form}` | {} | {absent} | {} |",
                kind(subject.holds),
                subject.doc
            );
        }
    }

    fn units(&mut self) {
        self.text
            .push_str("\n## Units\n\n| unit | of | |\n|---|---|---|\n");
        for Unit { word, of, doc, .. } in words::UNITS {
            let word = if word.is_empty() {
                "none".to_owned()
            } else {
                format!("`{word}`")
            };
            let _ = writeln!(self.text, "| {word} | {} | {doc} |", kind(*of));
        }
        self.text
            .push_str("\nMoney is written with a `$`: `$0.25`, `$3/Mtok`, `$5/day`.\n");
    }

    fn codes(&mut self) {
        self.text.push_str("\n## Codes\n\n`mux policy explain-code CODE` tells more, with an example of each.\n\n| code | | |\n|---|---|---|\n");
        for code in codes::all() {
            let severity = format!("{:?}", code.severity).to_lowercase();
            let _ = writeln!(
                self.text,
                "| `{}` | {severity} | {} |",
                code.code, code.title
            );
        }
    }
}

fn kind(holds: Holds) -> &'static str {
    match holds {
        Holds::Flag => "yes or no",
        Holds::Text => "text",
        Holds::Name => "a name",
        Holds::Count => "a number",
        Holds::Tokens => "tokens",
        Holds::Time => "a time",
        Holds::Share => "a share",
        Holds::Money => "money",
        Holds::Price => "a price",
        Holds::Tier => "a tier",
        Holds::Health => "a state",
        Holds::Moment => "a moment",
    }
}
