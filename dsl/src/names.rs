//! Everything that has a name in a bundle, where it was declared, and whether it is used.

mod declared;

use crate::lines::{self, Line};
use crate::report::Report;
use crate::source::Span;
use crate::suggest;
use crate::tree::{Kind, Tree, Word};
use crate::words::Place;
use declared::Declared;
use std::cell::Cell;
use std::collections::HashMap;

/// The names of a bundle. Position in a table is the id in the image.
#[derive(Debug)]
pub(crate) struct Names<'t> {
    pub(crate) providers: Table<'t>,
    /// By `provider/model`.
    pub(crate) models: Table<'t>,
    pub(crate) plans: Table<'t>,
    /// With the `@`.
    pub(crate) policies: Table<'t>,
    pub(crate) sets: Table<'t>,
    pub(crate) defines: Table<'t>,
    pub(crate) budgets: Table<'t>,
    pub(crate) limits: Table<'t>,
    pub(crate) breakers: Table<'t>,
    pub(crate) declared: Declared,
    /// Lines without a name: `mux`, `health`, `allow`, `test`, `include`.
    pub(crate) others: Vec<Line<'t>>,
}

/// The names of one kind of thing.
#[derive(Debug)]
pub(crate) struct Table<'t> {
    noun: &'static str,
    code: &'static str,
    decls: Vec<Decl<'t>>,
    by: HashMap<Box<str>, usize>,
}

/// One declaration.
#[derive(Debug)]
pub(crate) struct Decl<'t> {
    pub(crate) name: Box<str>,
    /// The name.
    pub(crate) span: Span,
    pub(crate) line: Line<'t>,
    /// The lines of its block.
    pub(crate) body: Vec<Line<'t>>,
    /// Index of the provider, for models.
    pub(crate) owner: usize,
    used: Cell<bool>,
}

impl<'t> Names<'t> {
    /// Collects the declarations of all files.
    pub(crate) fn gather(trees: &'t [Tree], report: &mut Report) -> Self {
        let mut names = Self {
            providers: Table::new("provider", "mux::name::provider"),
            models: Table::new("model", "mux::name::model"),
            plans: Table::new("plan", "mux::name::plan"),
            policies: Table::new("policy", "mux::name::policy"),
            sets: Table::new("set", "mux::name::set"),
            defines: Table::new("condition", "mux::name::define"),
            budgets: Table::new("budget", "mux::name::budget"),
            limits: Table::new("limit", "mux::name::limit"),
            breakers: Table::new("breaker", "mux::name::breaker"),
            declared: Declared::default(),
            others: Vec::new(),
        };
        for tree in trees {
            for line in lines::read(&tree.body, Place::File, false, report) {
                names.declare(line, report);
            }
        }
        names
    }

    fn declare(&mut self, line: Line<'t>, report: &mut Report) {
        let table = match line.entry.word {
            "provider" => &mut self.providers,
            "plan" => &mut self.plans,
            "policy" => &mut self.policies,
            "set" => &mut self.sets,
            "define" => &mut self.defines,
            "budget" => &mut self.budgets,
            "limit" => &mut self.limits,
            "breaker" => &mut self.breakers,
            "facts" => return self.declared.add(&line, report),
            _ => return self.others.push(line),
        };
        let kind = if line.entry.word == "policy" {
            Kind::Alias
        } else {
            Kind::Name
        };
        let Some(word) = line.word().filter(|w| w.kind == kind) else {
            report
                .error(
                    "mux::statement::missing",
                    line.head(),
                    format!("this `{}` has no name", line.entry.word),
                )
                .help(format!("write `{}`", line.entry.form));
            return;
        };
        let body = line.body(report);
        let owner = table.decls.len();
        let Some(index) = table.add(word, word.text.clone(), line, body, owner, report) else {
            return;
        };
        if line.entry.word == "provider" {
            self.declare_models(index, report);
        }
    }

    fn declare_models(&mut self, provider: usize, report: &mut Report) {
        let Some(owner) = self.providers.get(provider) else {
            return;
        };
        for line in owner.body.iter().filter(|l| l.entry.word == "model") {
            if let Some(word) = line.word() {
                let name = format!("{}/{}", owner.name, word.text);
                let body = line.body(report);
                self.models
                    .add(word, name.into(), *line, body, provider, report);
            }
        }
    }

    /// A region that some provider has; an unknown one is reported.
    pub(crate) fn region(&self, word: &Word, report: &mut Report) -> Option<Box<str>> {
        let lines = self.providers.iter().flat_map(|p| &p.body);
        let known: Vec<&str> = lines
            .filter(|l| l.entry.word == "regions")
            .flat_map(|l| l.args)
            .filter_map(|i| i.word())
            .map(|w| w.text.as_ref())
            .collect();
        if known.contains(&word.text.as_ref()) {
            return Some(word.text.clone());
        }
        let finding = report.error(
            "mux::name::region",
            word.span,
            format!("no provider is in a region `{}`", word.text),
        );
        if known.is_empty() {
            finding.help("no provider says where it is: `regions eu us`");
        } else {
            finding.advise(&word.text, known, "the regions are");
        }
        None
    }

    /// Marks every name that occurs in a statement that is not checked further, so that it is not called unused.
    pub(crate) fn touch(&self, line: &Line<'_>) {
        line.stmt.each_word(&mut |word| {
            for table in [
                &self.models,
                &self.plans,
                &self.sets,
                &self.defines,
                &self.budgets,
                &self.breakers,
            ] {
                if let Some(index) = table.by.get(&word.text) {
                    table.mark(*index);
                }
            }
        });
    }
}

impl Decl<'_> {
    /// Whether its block has no line that begins with `word`; `false` where that cannot be known.
    pub(crate) fn lacks(&self, word: &str) -> bool {
        self.line.stmt.block.as_ref().is_some_and(|b| b.lacks(word))
    }

    /// Whether anything names it.
    pub(crate) fn used(&self) -> bool {
        self.used.get()
    }
}

impl<'t> Table<'t> {
    fn new(noun: &'static str, code: &'static str) -> Self {
        Self {
            noun,
            code,
            decls: Vec::new(),
            by: HashMap::new(),
        }
    }

    fn add(
        &mut self,
        word: &Word,
        name: Box<str>,
        line: Line<'t>,
        body: Vec<Line<'t>>,
        owner: usize,
        report: &mut Report,
    ) -> Option<usize> {
        if word.hidden() {
            return None;
        }
        if let Some(earlier) = self.by.get(&name).and_then(|i| self.decls.get(*i)) {
            report
                .error(
                    "mux::name::duplicate",
                    word.span,
                    format!("the {} `{name}` is declared twice", self.noun),
                )
                .label("the second")
                .also(earlier.span, "the first");
            return None;
        }
        let index = self.decls.len();
        self.by.insert(name.clone(), index);
        self.decls.push(Decl {
            name,
            span: word.span,
            line,
            body,
            owner,
            used: Cell::new(false),
        });
        Some(index)
    }

    /// Every declaration, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Decl<'t>> {
        self.decls.iter()
    }

    /// One declaration.
    pub(crate) fn get(&self, index: usize) -> Option<&Decl<'t>> {
        self.decls.get(index)
    }

    /// The index of a name, without marking it used.
    pub(crate) fn index(&self, name: &str) -> Option<u32> {
        self.by.get(name).and_then(|i| u32::try_from(*i).ok())
    }

    /// The index of a name that something uses; an unknown one is reported.
    pub(crate) fn find(&self, word: &Word, report: &mut Report) -> Option<u32> {
        self.resolve(&word.text, word, report)
    }

    /// The index of a name that a test speaks of, which is no use of it; an unknown one is reported.
    pub(crate) fn index_of(&self, word: &Word, report: &mut Report) -> Option<u32> {
        self.index(&word.text).or_else(|| self.find(word, report))
    }

    /// The same as [`Self::find`], where the name is not the word as written.
    pub(crate) fn resolve(&self, name: &str, word: &Word, report: &mut Report) -> Option<u32> {
        if let Some(index) = self.index(name) {
            self.mark(index as usize);
            return Some(index);
        }
        if !word.hidden() {
            self.unknown(name, word, report);
        }
        None
    }

    /// The names of the declarations that nothing uses, with their places.
    pub(crate) fn unused(&self) -> impl Iterator<Item = &Decl<'t>> {
        self.decls.iter().filter(|d| !d.used())
    }

    /// Notes that something uses a declaration.
    pub(crate) fn mark(&self, index: usize) {
        if let Some(decl) = self.decls.get(index) {
            decl.used.set(true);
        }
    }

    fn unknown(&self, name: &str, word: &Word, report: &mut Report) {
        let noun = self.noun;
        let finding = report.error(self.code, word.span, format!("no {noun} called `{name}`"));
        let tail = |d: &&Decl<'_>| {
            d.name
                .split_once('/')
                .is_some_and(|(_, model)| model == name)
        };
        let close = self.decls.iter().find(tail).map(|d| d.name.as_ref());
        match close.map_or_else(
            || suggest::advice(name, self.decls.iter().map(|d| d.name.as_ref())),
            Ok,
        ) {
            // `budget.team`, `like small`: the word is more, or less, than the name.
            Ok(close) => match word.text.strip_suffix(name) {
                Some(before) => finding
                    .label(format!("did you mean `{close}`?"))
                    .fix(word.span, format!("{before}{close}")),
                None => finding.meant(close),
            },
            // `tag.team in legal`
            Err(_) if noun == "set" => finding.help(format!(
                "a set is declared by `set {name} {{ … }}`; a value stands in quotes: `\"{name}\"`"
            )),
            Err(list) if list.is_empty() => finding.help(format!(
                "there is no {noun} in these files; is an `include` missing?"
            )),
            Err(list) => finding.help(format!("the {} are {list}", plural(noun))),
        };
    }
}

fn plural(noun: &str) -> String {
    match noun.strip_suffix('y') {
        Some(start) => format!("{start}ies"),
        None => format!("{noun}s"),
    }
}
