//! Where plans stand in the text, and the targets that they and rules name: for those who point at a line.

use crate::source::Sources;
use crate::tree::{Item, Kind, Stmt, Tree};
use std::collections::HashMap;

/// Places by what stands there.
#[derive(Debug, Default)]
pub(crate) struct Mentions {
    plans: HashMap<Box<str>, Line>,
    /// By the statement that they are a part of: names and their lines.
    named: HashMap<Line, Vec<(Box<str>, u32)>>,
}

/// A file and a line of it, from 1.
pub(crate) type Line = (Box<str>, u32);

impl Mentions {
    /// Reads all files.
    pub(crate) fn of(trees: &[Tree], sources: &Sources) -> Self {
        let mut mentions = Self::default();
        for stmt in trees.iter().flat_map(|tree| &tree.body) {
            let word = |at: usize| stmt.items.get(at).and_then(Item::word);
            match (word(0), word(1)) {
                (Some(plan), Some(name)) if plan.says("plan") => {
                    let line = line(stmt, sources);
                    mentions.plans.insert(name.text.clone(), line);
                    mentions.add(stmt, sources);
                }
                (Some(policy), _) if policy.says("policy") => mentions.rules(stmt, sources),
                _ => {}
            }
        }
        mentions
    }

    /// Where a plan is declared.
    pub(crate) fn plan(&self, name: &str) -> Option<&Line> {
        self.plans.get(name)
    }

    /// The line on which a statement, or one in its block, first names something.
    pub(crate) fn first(&self, statement: &Line, name: &str) -> Option<u32> {
        let named = self.named.get(statement)?;
        let found = named.iter().find(|(own, _)| &**own == name);
        found.map(|(_, line)| *line)
    }

    fn rules(&mut self, stmt: &Stmt, sources: &Sources) {
        for inner in stmt.block.iter().flat_map(|block| &block.body) {
            self.add(inner, sources);
            self.rules(inner, sources);
        }
    }

    fn add(&mut self, stmt: &Stmt, sources: &Sources) {
        let mut named = Vec::new();
        gather(stmt, sources, &mut named);
        self.named.insert(line(stmt, sources), named);
    }
}

fn line(stmt: &Stmt, sources: &Sources) -> Line {
    let (number, _) = sources.position(stmt.span);
    (sources.path(stmt.span.file).into(), number)
}

fn gather(stmt: &Stmt, sources: &Sources, named: &mut Vec<(Box<str>, u32)>) {
    let words = stmt.items.iter().filter_map(Item::word);
    let words = words.filter(|word| word.kind == Kind::Name);
    named.extend(words.map(|word| (word.text.clone(), sources.position(word.span).0)));
    for inner in stmt.block.iter().flat_map(|block| &block.body) {
        gather(inner, sources, named);
    }
}
