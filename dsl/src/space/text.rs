//! Cells of a fact that is text: values that every test treats alike are one.

use crate::cells::Cells;
use crate::fact::Sense;
use crate::glob::{Glob, combinations};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

/// Most patterns whose combinations are told apart.
const PATTERNS: usize = 64;

/// Most values that are written one by one.
const LISTED: usize = 8;

/// How the values of one fact fall into cells.
#[derive(Debug)]
pub(super) struct Texts {
    table: HashMap<Box<str>, u32, BuildHasherDefault<Mixer>>,
    /// Told apart where the table does not know a value.
    globs: Box<[Glob]>,
    /// Cell by the patterns that fit; sorted.
    by_flags: Box<[(u64, u32)]>,
    /// Where it is absent, if it can be.
    absent: Option<u32>,
    /// Values outside the table count as absent.
    closed: bool,
    kinds: Vec<Kind>,
    sets: Vec<Arc<HashSet<Box<str>>>>,
}

/// What one cell stands for.
#[derive(Debug)]
struct Kind {
    /// One of its values.
    sample: Option<Box<str>>,
    /// It holds only this value.
    only: bool,
    /// Sets its values are in, by index.
    sets: Vec<usize>,
    /// Patterns its values fit, by bit.
    flags: u64,
}

/// All tests on one fact.
pub(super) struct Tests<'s> {
    pub(super) senses: &'s [Sense],
    /// Whether it can be absent.
    pub(super) optional: bool,
    /// The only values it can have, where they are declared.
    pub(super) declared: Option<&'s [Box<str>]>,
}

impl Texts {
    /// Cuts a fact up. `None` where its patterns are too many to be told apart together.
    pub(super) fn cut(tests: &Tests<'_>) -> Option<Self> {
        let mut globs: Vec<Glob> = tests.senses.iter().filter_map(glob).collect();
        globs.sort_unstable();
        globs.dedup();
        if globs.len() > PATTERNS {
            return None;
        }
        let mut cut = Self {
            table: HashMap::default(),
            globs: globs.into(),
            by_flags: Box::default(),
            absent: None,
            closed: tests.declared.is_some(),
            kinds: Vec::new(),
            sets: sets(tests.senses),
        };
        if tests.optional {
            cut.absent = Some(cut.cell(None, false, Vec::new(), 0));
        }
        let tested: HashSet<&str> = tests
            .senses
            .iter()
            .filter_map(|s| {
                if let Sense::Is(value) = s {
                    Some(&**value)
                } else {
                    None
                }
            })
            .collect();
        let known = cut.known(&tested, tests.declared);
        if !cut.closed {
            let is_known = |text: &str| known.contains_key(text);
            let others = if cut.globs.is_empty() {
                vec![(0, other(&is_known))]
            } else {
                combinations(&cut.globs, &is_known)?
            };
            cut.by_flags = others
                .into_iter()
                .map(|(flags, sample)| {
                    (
                        flags,
                        cut.cell(Some(sample.into()), false, Vec::new(), flags),
                    )
                })
                .collect();
        }
        cut.fill(known);
        Some(cut)
    }

    /// Every value that something names, and whether it is tested by itself.
    fn known(
        &self,
        tested: &HashSet<&str>,
        declared: Option<&[Box<str>]>,
    ) -> BTreeMap<Box<str>, bool> {
        if let Some(declared) = declared {
            return declared
                .iter()
                .map(|v| (v.clone(), tested.contains(&**v)))
                .collect();
        }
        let members = self
            .sets
            .iter()
            .flat_map(|s| s.iter().map(|v| (v.clone(), false)));
        let mut known: BTreeMap<_, _> = members.collect();
        known.extend(tested.iter().map(|v| ((*v).into(), true)));
        known
    }

    fn fill(&mut self, known: BTreeMap<Box<str>, bool>) {
        let mut shared: HashMap<(Vec<usize>, u64), u32> = HashMap::new();
        for (value, alone) in known {
            let sets: Vec<usize> = (0..self.sets.len())
                .filter(|at| self.sets.get(*at).is_some_and(|s| s.contains(&value)))
                .collect();
            let flags = self.flags(&value);
            let cell = if alone {
                self.cell(Some(value.clone()), true, sets, flags)
            } else {
                match shared.entry((sets.clone(), flags)) {
                    Entry::Occupied(known) => *known.get(),
                    Entry::Vacant(free) => {
                        let cell = push(&mut self.kinds, Some(value.clone()), false, sets, flags);
                        *free.insert(cell)
                    }
                }
            };
            self.table.insert(value, cell);
        }
    }

    fn cell(&mut self, sample: Option<Box<str>>, only: bool, sets: Vec<usize>, flags: u64) -> u32 {
        push(&mut self.kinds, sample, only, sets, flags)
    }

    /// How many cells there are.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.kinds.len()).unwrap_or(u32::MAX)
    }

    /// The cell of a value.
    #[inline]
    pub(super) fn of(&self, value: Option<&str>) -> u32 {
        let absent = self.absent.unwrap_or(0);
        let Some(value) = value else { return absent };
        if let Some(cell) = self.table.get(value) {
            return *cell;
        }
        match (&*self.by_flags, self.globs.is_empty()) {
            _ if self.closed => absent,
            ([(_, only)], true) => *only,
            (all, _) => {
                let flags = self.flags(value);
                let found = all.binary_search_by_key(&flags, |(f, _)| *f).ok();
                found
                    .and_then(|at| all.get(at))
                    .map_or(absent, |(_, cell)| *cell)
            }
        }
    }

    /// The patterns that a value fits.
    pub(super) fn flags(&self, value: &str) -> u64 {
        let fits = |(at, glob): (usize, &Glob)| u64::from(glob.fits(value)) << at;
        self.globs.iter().enumerate().map(fits).sum()
    }

    /// Whether a pattern is told apart here.
    pub(super) fn knows(&self, sense: &Sense) -> bool {
        glob(sense).is_some_and(|g| self.globs.binary_search(&g).is_ok())
    }

    /// Where a test holds.
    pub(super) fn cells(&self, sense: &Sense) -> Cells {
        let wanted = |kind: &Kind| match sense {
            Sense::Has => kind.sample.is_some(),
            Sense::Is(value) => kind.only && kind.sample.as_deref() == Some(value),
            Sense::In(set) => {
                let at = self.sets.iter().position(|s| s == set);
                at.is_some_and(|at| kind.sets.contains(&at))
            }
            _ => {
                let at = glob(sense).and_then(|g| self.globs.binary_search(&g).ok());
                at.is_some_and(|at| kind.sample.is_some() && kind.flags >> at & 1 == 1)
            }
        };
        if let Sense::Is(value) = sense {
            return match self.table.get(value) {
                Some(cell) => Cells::One(*cell),
                None => Cells::NONE,
            };
        }
        (0..)
            .zip(&self.kinds)
            .filter(|(_, k)| wanted(k))
            .map(|(cell, _)| cell)
            .collect()
    }

    /// Every value that is told apart by itself, with its cell.
    pub(super) fn known_cells(&self) -> Vec<(&str, u32)> {
        self.table
            .iter()
            .map(|(value, cell)| (&**value, *cell))
            .collect()
    }

    /// The only values there are, where others count as absent.
    pub(super) fn declared(&self) -> Option<Vec<&str>> {
        self.closed
            .then(|| self.table.keys().map(|v| &**v).collect())
    }

    /// The cell of every value that is not known, where there is one such cell.
    pub(super) fn other(&self) -> Option<u32> {
        match &*self.by_flags {
            _ if self.closed => self.absent,
            [(_, only)] if self.globs.is_empty() => Some(*only),
            _ => None,
        }
    }

    /// The cells of values that are not known, by the patterns they fit; sorted.
    pub(super) fn combinations(&self) -> &[(u64, u32)] {
        &self.by_flags
    }

    /// The patterns that are told apart, by bit.
    pub(super) fn globs(&self) -> &[Glob] {
        &self.globs
    }

    /// The cell where it is absent.
    pub(super) fn absent(&self) -> Option<u32> {
        self.absent
    }

    /// A value of a cell; `None` for the absent one.
    pub(super) fn sample(&self, cell: u32) -> Option<&str> {
        self.kinds.get(cell as usize)?.sample.as_deref()
    }

    /// A condition for some of the cells, as policies write it. `fact` is what the fact is called.
    pub(super) fn words(
        &self,
        fact: &str,
        cells: &Cells,
        names: &dyn Fn(&HashSet<Box<str>>) -> Option<String>,
    ) -> String {
        if let Some(text) = self.positive(fact, cells, names) {
            return text;
        }
        let rest = cells.not(self.count());
        let present: Cells = rest.iter().filter(|c| Some(*c) != self.absent).collect();
        match (
            self.absent.is_some_and(|a| cells.contains(a)),
            present.is_empty(),
        ) {
            (true, true) => "true".into(),
            (true, false) => match self.positive(fact, &present, names) {
                Some(text) => format!("not ({text})"),
                None => format!("not ({})", self.listed(fact, &present, names)),
            },
            (false, true) => format!("has {fact}"),
            (false, false) => match self.positive(fact, &present, names) {
                Some(text) if self.absent.is_some() => format!("has {fact} and not ({text})"),
                Some(text) => format!("not ({text})"),
                None => self.listed(fact, cells, names),
            },
        }
    }

    /// Where single values, whole sets or whole patterns say it.
    fn positive(
        &self,
        fact: &str,
        cells: &Cells,
        names: &dyn Fn(&HashSet<Box<str>>) -> Option<String>,
    ) -> Option<String> {
        if self.absent.is_some_and(|a| *cells == Cells::One(a)) {
            return Some(format!("not has {fact}"));
        }
        let kinds: Option<Vec<&Kind>> = cells.iter().map(|c| self.kinds.get(c as usize)).collect();
        let kinds = kinds.filter(|k| !k.is_empty())?;
        if kinds.iter().all(|k| k.only) {
            let values: Vec<String> = kinds
                .iter()
                .filter_map(|k| k.sample.as_deref())
                .map(|v| format!("{v:?}"))
                .collect();
            return Some(match values.as_slice() {
                [one] => format!("{fact} is {one}"),
                many => format!("{fact} in {}", many.join(" ")),
            });
        }
        for set in &self.sets {
            if self.cells(&Sense::In(Arc::clone(set))) == *cells {
                let values: Vec<&str> = set.iter().map(|v| &**v).collect();
                let listed = || listed_values(values);
                return Some(format!("{fact} in {}", names(set).unwrap_or_else(listed)));
            }
        }
        if let Some(values) = self.values(cells) {
            return Some(match values.as_slice() {
                [one] => format!("{fact} is {one:?}"),
                _ => format!("{fact} in {}", listed_values(values)),
            });
        }
        (0..)
            .zip(&self.globs)
            .find(|(at, _)| {
                let fitting: Cells = (0..)
                    .zip(&self.kinds)
                    .filter(|(_, k)| k.sample.is_some() && k.flags >> at & 1 == 1)
                    .map(|(c, _)| c)
                    .collect();
                fitting == *cells
            })
            .map(|(_, glob)| glob.words(fact))
    }

    /// All values of some cells, where they are few.
    fn values(&self, cells: &Cells) -> Option<Vec<&str>> {
        if cells.iter().any(|c| self.is_open(c)) {
            return None;
        }
        let known = self.table.iter().filter(|(_, cell)| cells.contains(**cell));
        let values: Vec<&str> = known.take(LISTED + 1).map(|(v, _)| &**v).collect();
        (values.len() <= LISTED).then_some(values)
    }

    /// Whether a cell holds values that nothing names, or none.
    fn is_open(&self, cell: u32) -> bool {
        self.absent == Some(cell) || self.by_flags.iter().any(|(_, open)| *open == cell)
    }

    /// Cell by cell, where nothing shorter says it.
    fn listed(
        &self,
        fact: &str,
        cells: &Cells,
        names: &dyn Fn(&HashSet<Box<str>>) -> Option<String>,
    ) -> String {
        let mut parts = Vec::new();
        for cell in cells.iter() {
            let Some(kind) = self.kinds.get(cell as usize) else {
                continue;
            };
            let one = Cells::One(cell);
            parts.push(match self.positive(fact, &one, names) {
                Some(text) => text,
                None => self.described(fact, kind, names),
            });
        }
        match parts.as_slice() {
            [one] => one.clone(),
            many => format!("({})", many.join(" or ")),
        }
    }

    fn described(
        &self,
        fact: &str,
        kind: &Kind,
        names: &dyn Fn(&HashSet<Box<str>>) -> Option<String>,
    ) -> String {
        let mut parts = Vec::new();
        if self.absent.is_some() {
            parts.push(format!("has {fact}"));
        }
        let literals: Vec<String> = self
            .kinds
            .iter()
            .filter(|k| k.only)
            .filter_map(|k| k.sample.as_deref())
            .map(|v| format!("{v:?}"))
            .collect();
        if !literals.is_empty() {
            parts.push(format!("not ({fact} in {})", literals.join(" ")));
        }
        for (at, set) in self.sets.iter().enumerate() {
            if let Some(name) = names(set) {
                let not = if kind.sets.contains(&at) { "" } else { "not " };
                parts.push(format!("{not}({fact} in {name})"));
            }
        }
        for (at, glob) in self.globs.iter().enumerate() {
            let not = if kind.flags >> at & 1 == 1 {
                ""
            } else {
                "not "
            };
            parts.push(format!("{not}({})", glob.words(fact)));
        }
        format!("({})", parts.join(" and "))
    }
}

/// Values in order, not more than can be read.
fn listed_values(mut values: Vec<&str>) -> String {
    values.sort_unstable();
    let more = values.len().saturating_sub(LISTED);
    values.truncate(LISTED);
    let mut words: Vec<String> = values.into_iter().map(|v| format!("{v:?}")).collect();
    if more > 0 {
        words.push(format!("… and {more} more"));
    }
    words.join(" ")
}

fn push(
    kinds: &mut Vec<Kind>,
    sample: Option<Box<str>>,
    only: bool,
    sets: Vec<usize>,
    flags: u64,
) -> u32 {
    kinds.push(Kind {
        sample,
        only,
        sets,
        flags,
    });
    u32::try_from(kinds.len() - 1).unwrap_or(u32::MAX)
}

/// The pattern of a test that is one.
pub(super) fn glob(sense: &Sense) -> Option<Glob> {
    match sense {
        Sense::Fits(glob) => Some(glob.clone()),
        Sense::StartsWith(start) => Some(Glob::prefix(start)),
        _ => None,
    }
}

/// Every different set that is asked for, in an order of their contents.
fn sets(senses: &[Sense]) -> Vec<Arc<HashSet<Box<str>>>> {
    let mut sets: Vec<Arc<HashSet<Box<str>>>> = Vec::new();
    for sense in senses {
        if let Sense::In(set) = sense
            && !sets.contains(set)
        {
            sets.push(Arc::clone(set));
        }
    }
    sets.sort_by_cached_key(|s| {
        let mut values: Vec<_> = s.iter().cloned().collect();
        values.sort_unstable();
        values
    });
    sets
}

/// A value that nothing names.
fn other(known: &dyn Fn(&str) -> bool) -> String {
    let mut text = "other".to_owned();
    while known(&text) {
        text.push('-');
    }
    text
}

/// A fast, fixed hash for tables that only their author fills: a probe from outside can be slow, never wrong.
#[derive(Clone, Copy, Debug, Default)]
struct Mixer(u64);

impl Hasher for Mixer {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
        let mut last = [0; 8];
        let rest = chunks.remainder();
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        self.write_u64(u64::from_le_bytes(last) ^ (bytes.len() as u64) << 56);
    }

    #[inline]
    fn write_u8(&mut self, _: u8) {}

    #[inline]
    fn write_u64(&mut self, word: u64) {
        // The multiply-fold of wyhash: https://github.com/wangyi-fudan/wyhash.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the two halves of a product"
        )]
        let halves = |product: u128| [product as u64, (product >> 64) as u64];
        let product = u128::from(self.0 ^ word ^ 0x9e37_79b9_7f4a_7c15)
            * u128::from(0xe703_7ed1_a0b4_28db_u64);
        let [low, high] = halves(product);
        self.0 = low ^ high;
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}
