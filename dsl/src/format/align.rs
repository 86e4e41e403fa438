//! Columns: what stands under each other in lines that are alike.
//!
//! A column that is straight already stays where it is, however wide; a crooked one is made as narrow as it can be.
//! What is left is straight, hence laying out twice changes nothing.

use super::column::{Class, Column};
use super::form::{Flat, Form, Shape, WIDTH};

/// Widest condition that pushes the verbs of other rules to the right.
const REACH: usize = 60;

/// Aligns the lines of one block, which stand at `indent`.
pub(super) fn align(forms: &mut [Form<'_>], indent: usize) {
    verbs(forms, indent);
    let rounds = forms
        .iter()
        .filter_map(|form| form.flat().map(|flat| flat.columns.len()));
    for round in 0..rounds.max().unwrap_or(0) {
        for run in runs(forms, round) {
            settle(forms, &run, round);
        }
    }
}

/// The verbs of all rules of a block, whatever stands between them.
fn verbs(forms: &mut [Form<'_>], indent: usize) {
    let flats = forms.iter_mut().filter_map(Form::flat_mut);
    let mut rules: Vec<Rule<'_, '_>> = flats.filter_map(Rule::of).collect();
    let start = straight(&rules, indent).or_else(|| narrow(&rules));
    for rule in &mut rules {
        let width = rule.flat.before(rule.verb);
        let start = start.filter(|start| *start > width && rule.fits(*start, indent));
        rule.flat
            .part(rule.verb, start.map_or(1, |start| start - width));
    }
}

/// A rule on one line.
struct Rule<'f, 't> {
    verb: usize,
    flat: &'f mut Flat<'t>,
}

impl<'f, 't> Rule<'f, 't> {
    fn of(flat: &'f mut Flat<'t>) -> Option<Self> {
        let column = flat.columns.first().filter(|c| c.class == Class::Verb)?;
        let verb = column.at;
        Some(Self { verb, flat })
    }

    /// Whether the line is short enough with its verb at `start`.
    fn fits(&self, start: usize, indent: usize) -> bool {
        let before = self.flat.before(self.verb);
        let rest = self.flat.before(self.flat.pieces.len()) - before - 1;
        indent + start + rest <= WIDTH
    }
}

/// Where the verbs of all rules start, if that is one place.
fn straight(rules: &[Rule<'_, '_>], indent: usize) -> Option<usize> {
    let start = |rule: &Rule<'_, '_>| rule.flat.before(rule.verb) + rule.flat.written(rule.verb);
    let first = start(rules.first().filter(|_| rules.len() > 1)?);
    let all = rules
        .iter()
        .all(|r| start(r) == first && r.fits(first, indent));
    all.then_some(first)
}

/// Where the verbs of several rules start at least.
fn narrow(rules: &[Rule<'_, '_>]) -> Option<usize> {
    let widths = rules.iter().map(|rule| rule.flat.before(rule.verb));
    let most = widths.filter(|width| *width <= REACH).max()?;
    (rules.len() > 1).then_some(most + Class::Verb.space())
}

/// Runs of neighbours that share their column of this round, as places in `forms`.
fn runs(forms: &[Form<'_>], round: usize) -> Vec<Vec<usize>> {
    let mut runs: Vec<Vec<usize>> = Vec::new();
    let mut open: Option<&Flat<'_>> = None;
    for (place, form) in forms.iter().enumerate() {
        if form.blank {
            open = None;
        }
        let flat = match &form.shape {
            Shape::Comment(_) => continue,
            Shape::Flat(flat) => flat,
            Shape::Tall(_) => {
                open = None;
                continue;
            }
        };
        match flat.columns.get(round) {
            Some(column) if column.class != Class::Verb => {
                let joins = open.is_some_and(|before| joins(before, flat, round));
                match runs.last_mut().filter(|_| joins) {
                    Some(run) => run.push(place),
                    None => runs.push(vec![place]),
                }
                open = Some(flat);
            }
            None if flat.pieces.len() == 1 => {}
            _ => open = None,
        }
    }
    runs
}

/// Whether two neighbours share a column: both want one, or what they have is straight.
fn joins(one: &Flat<'_>, other: &Flat<'_>, round: usize) -> bool {
    let (Some(a), Some(b)) = (one.columns.get(round), other.columns.get(round)) else {
        return false;
    };
    let alike = match a.class {
        Class::Value => round == 0 || one.kin == other.kin,
        _ => one.kin == other.kin,
    };
    a.class == b.class && alike && ((a.wants && b.wants) || one.start(a) == other.start(b))
}

/// Lays a run straight.
fn settle(forms: &mut [Form<'_>], run: &[usize], round: usize) {
    let lines: Vec<(Column, &Flat<'_>)> = run
        .iter()
        .filter_map(|place| forms.get(*place)?.flat())
        .filter_map(|flat| Some((*flat.columns.get(round)?, flat)))
        .collect();
    let gaps = gaps(&lines);
    for (place, (at, gap)) in run.iter().zip(gaps) {
        if let Some(flat) = forms.get_mut(*place).and_then(Form::flat_mut) {
            flat.part(at, gap);
        }
    }
}

/// The piece that each line of a run has in its column, and the blanks before it.
fn gaps(lines: &[(Column, &Flat<'_>)]) -> Vec<(usize, usize)> {
    let written = |(c, flat): &(Column, &Flat<'_>)| (c.at, flat.written(c.at));
    if let [(column, flat)] = lines {
        return vec![(column.at, flat.written(column.at).min(column.alone))];
    }
    let starts = lines
        .windows(2)
        .all(|pair| matches!(pair, [(a, one), (b, other)] if one.start(a) == other.start(b)));
    if starts {
        return lines.iter().map(written).collect();
    }
    let wanting = lines.iter().filter(|(column, _)| column.wants);
    let width = wanting.map(|(column, flat)| flat.before(column.at)).max();
    let crooked = lines.iter().map(|(column, flat)| match width {
        Some(width) if column.wants => (
            column.at,
            width + column.class.space() - flat.before(column.at),
        ),
        _ => (column.at, 1),
    });
    crooked.collect()
}

impl Class {
    /// Blanks between a column and the widest piece before it.
    fn space(self) -> usize {
        match self {
            Self::Meaning | Self::Sign => 1,
            Self::Verb | Self::Value | Self::Option => 2,
        }
    }
}

impl<'t> Form<'t> {
    fn flat(&self) -> Option<&Flat<'t>> {
        match &self.shape {
            Shape::Flat(flat) => Some(flat),
            Shape::Comment(_) | Shape::Tall(_) => None,
        }
    }

    fn flat_mut(&mut self) -> Option<&mut Flat<'t>> {
        match &mut self.shape {
            Shape::Flat(flat) => Some(flat),
            Shape::Comment(_) | Shape::Tall(_) => None,
        }
    }
}

impl Flat<'_> {
    /// Where a column starts as written, what stands before it being laid out already.
    fn start(&self, column: &Column) -> usize {
        self.before(column.at) + self.written(column.at)
    }
}
