//! Tables: the bars of neighbouring rows under each other.

use super::form::{Flat, Form, Shape};
use super::piece::Sort;

/// Aligns the cells of every table of a block.
pub(super) fn align(forms: &mut [Form<'_>]) {
    let mut rows: Vec<&mut Flat<'_>> = Vec::new();
    for form in forms {
        match &mut form.shape {
            Shape::Flat(flat) if flat.is_row() => {
                if form.blank {
                    table(&mut rows);
                }
                rows.push(flat);
            }
            Shape::Comment(_) if !form.blank => {}
            _ => table(&mut rows),
        }
    }
    table(&mut rows);
}

/// Lays one table out and forgets it.
fn table(rows: &mut Vec<&mut Flat<'_>>) {
    let bars: Vec<Vec<usize>> = rows.iter().map(|row| bars(row)).collect();
    let cells = bars.iter().map(Vec::len).max().unwrap_or(0);
    for cell in 1..cells {
        let ends: Vec<Option<Cell>> = rows
            .iter()
            .zip(&bars)
            .map(|(row, bars)| Cell::of(row, bars, cell))
            .collect();
        let width = column(ends.iter().flatten());
        for (row, end) in rows.iter_mut().zip(ends) {
            if let Some(end) = end {
                let lead = usize::from(end.width == 0);
                row.part(end.bar, lead + width - end.width + 1);
            }
        }
    }
    rows.clear();
}

fn bars(row: &Flat<'_>) -> Vec<usize> {
    let pieces = row.pieces.iter().enumerate();
    pieces
        .filter(|(_, piece)| piece.sort == Sort::Bar)
        .map(|(at, _)| at)
        .collect()
}

/// Columns for the words of one column of cells: as written where it is straight.
fn column<'c>(cells: impl Iterator<Item = &'c Cell> + Clone) -> usize {
    let narrow = cells.clone().map(|cell| cell.width).max().unwrap_or(0);
    let mut written = cells.map(|cell| cell.written);
    let first = written.next().unwrap_or(0);
    if first >= narrow && written.all(|width| width == first) {
        first
    } else {
        narrow
    }
}

/// The words between two bars.
struct Cell {
    width: usize,
    /// The same with all blanks behind them but one.
    written: usize,
    /// The piece that ends it.
    bar: usize,
}

impl Cell {
    /// The cell before bar number `end` of a row.
    fn of(row: &Flat<'_>, bars: &[usize], end: usize) -> Option<Self> {
        let from = *bars.get(end.checked_sub(1)?)? + 1;
        let bar = *bars.get(end)?;
        let words = row.before(bar) - row.before(from);
        let width = words.saturating_sub(1);
        let blanks = row.pieces.get(bar)?.blanks;
        let lead = usize::from(width == 0);
        Some(Self {
            width,
            written: (width + blanks).saturating_sub(1 + lead),
            bar,
        })
    }
}
