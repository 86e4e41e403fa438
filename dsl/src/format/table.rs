//! Tables: the bars of neighbouring rows under each other.

use super::form::{Flat, Form, Shape};
use super::piece::{Sort, width};

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
    let mut columns: Vec<Column> = Vec::new();
    for row in rows.iter() {
        for (at, cell) in cells(row).into_iter().enumerate() {
            match columns.get_mut(at) {
                Some(column) => column.take(&cell),
                None => columns.push(Column::new(&cell)),
            }
        }
    }
    for row in rows.drain(..) {
        for (cell, column) in cells(row).into_iter().zip(&columns) {
            row.part(cell.bar, cell.lead + column.width() - cell.width + 1);
        }
    }
}

/// The words between two bars.
struct Cell {
    width: usize,
    /// The same with all blanks behind them but one.
    written: usize,
    /// The blank before the words, where there are none.
    lead: usize,
    /// The piece that ends it.
    bar: usize,
}

/// The cells of a row.
fn cells(row: &Flat<'_>) -> Vec<Cell> {
    let mut cells = Vec::new();
    let mut start = 0;
    for (bar, piece) in row.pieces.iter().enumerate() {
        if piece.sort != Sort::Bar {
            continue;
        }
        let words = row.pieces.get(start..bar).unwrap_or_default();
        let width = width(words);
        let lead = usize::from(words.is_empty());
        if bar > 0 {
            cells.push(Cell {
                width,
                written: (width + piece.blanks).saturating_sub(1 + lead),
                lead,
                bar,
            });
        }
        start = bar + 1;
    }
    cells
}

/// Cells under each other.
struct Column {
    /// The widest.
    narrow: usize,
    /// What all are written as, if that is the same.
    written: Option<usize>,
}

impl Column {
    fn new(cell: &Cell) -> Self {
        Self {
            narrow: cell.width,
            written: Some(cell.written),
        }
    }

    fn take(&mut self, cell: &Cell) {
        self.narrow = self.narrow.max(cell.width);
        self.written = self.written.filter(|written| *written == cell.written);
    }

    /// As written where it is straight, and as narrow as it can be where it is not.
    fn width(&self) -> usize {
        self.written
            .filter(|written| *written >= self.narrow)
            .unwrap_or(self.narrow)
    }
}
