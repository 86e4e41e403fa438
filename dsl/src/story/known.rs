//! What is known of a request: everything, at the time it is decided; or only what a recorded path tells.

use super::account::{Asked, Fact, Reason, Truth};
use super::value;
use crate::atom::Tables;
use crate::cells::Cells;
use crate::condition::{Cond, Test};
use crate::decide::Image;
use crate::fact::senses;
use crate::request::{Live, Request};
use crate::space::Field;
use std::collections::BTreeMap;

/// A request at a moment, or some of the cells it is in.
#[derive(Clone)]
pub(super) struct Known<'a> {
    pub(super) image: &'a Image,
    pub(super) moment: Option<Moment<'a>>,
    cells: BTreeMap<u16, u32>,
}

/// A request and the figures of its moment.
#[derive(Clone, Copy)]
pub(super) struct Moment<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) live: &'a dyn Live,
}

impl<'a> Known<'a> {
    /// Everything about a request.
    pub(super) fn at(image: &'a Image, moment: Moment<'a>) -> Self {
        Self {
            image,
            moment: Some(moment),
            cells: BTreeMap::new(),
        }
    }

    /// What a path tells: fields and their cells.
    pub(super) fn read(image: &'a Image, cells: BTreeMap<u16, u32>) -> Self {
        Self {
            image,
            moment: None,
            cells,
        }
    }

    /// A condition, and what comes of it.
    pub(super) fn asked(&self, cond: &Cond) -> Asked {
        self.within(cond, &mut Vec::new())
    }

    fn within(&self, cond: &Cond, outer: &mut Vec<String>) -> Asked {
        let mut each = |parts: &[Cond]| -> Vec<Asked> {
            parts.iter().map(|p| self.within(p, outer)).collect()
        };
        match cond {
            Cond::All(parts) => {
                let parts = each(parts);
                let holds = Truth::all(parts.iter().map(Asked::holds));
                Asked::All { holds, parts }
            }
            Cond::Any(parts) => {
                let parts = each(parts);
                let holds = Truth::any(parts.iter().map(Asked::holds));
                Asked::Any { holds, parts }
            }
            Cond::Not(inner) => {
                let part = Box::new(self.within(inner, outer));
                let holds = part.holds().negated();
                Asked::Not { holds, part }
            }
            Cond::Named(named, inner) => {
                outer.push(named.name.to_string());
                let part = Box::new(self.within(inner, outer));
                outer.pop();
                Asked::Named {
                    holds: part.holds(),
                    name: named.name.to_string(),
                    file: named.file.to_string(),
                    line: named.line,
                    part,
                }
            }
            Cond::Test(test) => Asked::Test(Reason {
                holds: self.test(test),
                text: value::said(test),
                file: test.file.to_string(),
                line: test.line,
                value: self.value(test),
                within: outer.clone(),
            }),
        }
    }

    fn test(&self, test: &Test) -> Truth {
        let code = &self.image.code;
        if let Some(Moment { request, live }) = self.moment {
            return test.atom.holds(&code.tables, request, &live).into();
        }
        let parts = senses(&test.atom, &self.image.fleet, &code.tables);
        Truth::all(parts.iter().map(|(fact, sense)| {
            let known = code.space.cells(fact, sense);
            known.map_or(Truth::Unknown, |(field, cells)| {
                let cell = self.cells.get(&field);
                cell.map_or(Truth::Unknown, |cell| cells.contains(*cell).into())
            })
        }))
    }

    fn value(&self, test: &Test) -> String {
        let code = &self.image.code;
        if let Some(moment) = self.moment {
            return value::of(&test.atom, self.image, moment.request, moment.live);
        }
        let parts = senses(&test.atom, &self.image.fleet, &code.tables);
        let words = parts.iter().map(|(fact, sense)| {
            let (field, _) = code.space.cells(fact, sense)?;
            let cell = self.cells.get(&field)?;
            Some(cell_words(code.space.field(field), *cell, &code.tables))
        });
        let words: Vec<String> = words
            .map(|w| w.unwrap_or_else(|| "not read on the way".to_owned()))
            .collect();
        words.join(", ")
    }

    /// The figures of the moment that a condition asks about.
    pub(super) fn figures(&self, cond: &Cond) -> Vec<Fact> {
        let code = &self.image.code;
        let mut figures = Vec::new();
        if self.moment.is_none() {
            return figures;
        }
        cond.each_test(&mut |test| {
            let parts = senses(&test.atom, &self.image.fleet, &code.tables);
            for (fact, _) in parts
                .iter()
                .filter(|(fact, _)| fact.live() || fact.is_time())
            {
                let value = match (self.value(test), fact.words()) {
                    (empty, _) if empty.is_empty() => continue,
                    (value, fact) => Fact { fact, value },
                };
                if !figures.contains(&value) {
                    figures.push(value);
                }
            }
        });
        figures
    }

    /// What is known, as a list.
    pub(super) fn facts(&self) -> Vec<Fact> {
        if let Some(moment) = self.moment {
            return value::given(self.image, moment.request);
        }
        let space = &self.image.code.space;
        let facts = self.cells.iter().map(|(field, cell)| {
            let field = space.field(*field);
            Fact {
                fact: field.fact.words(),
                value: cell_words(field, *cell, &self.image.code.tables),
            }
        });
        facts.collect()
    }
}

/// What is known of a value that is in this cell.
fn cell_words(field: &Field, cell: u32, tables: &Tables) -> String {
    let (fact, words) = (
        field.fact.words(),
        field.words(&Cells::One(cell), &|set| tables.name(set)),
    );
    let bare = words.strip_prefix(&fact).unwrap_or(&words);
    match bare {
        _ if field.is_absent(cell) => "absent".to_owned(),
        "" => "yes".to_owned(),
        text if *text == format!("not {fact}") => "no".to_owned(),
        text => {
            let text = text.trim_start();
            text.strip_prefix("is ").unwrap_or(text).to_owned()
        }
    }
}

/// The tests that settle whether a condition holds; only the first that does where one is enough, unless `every`.
pub(super) fn reasons(asked: &Asked, every: bool) -> Vec<Reason> {
    match asked {
        Asked::Test(reason) => vec![reason.clone()],
        Asked::Not { part, .. } | Asked::Named { part, .. } => reasons(part, every),
        Asked::All { holds, parts } => settling(parts, *holds, Truth::False, every),
        Asked::Any { holds, parts } => settling(parts, *holds, Truth::True, every),
    }
}

/// One part with this outcome is enough where it is `enough`; otherwise all with it are needed.
fn settling(parts: &[Asked], holds: Truth, enough: Truth, every: bool) -> Vec<Reason> {
    let own = parts.iter().filter(|p| p.holds() == holds);
    let take = if holds == enough && !every {
        1
    } else {
        usize::MAX
    };
    let mut found: Vec<Reason> = Vec::new();
    for reason in own.take(take).flat_map(|p| reasons(p, every)) {
        if !found.contains(&reason) {
            found.push(reason);
        }
    }
    found
}
