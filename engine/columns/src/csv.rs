//! CSV as RFC 4180 has it: a head, commas, quotes where they are needed.

use crate::table::{Cell, Column, Kind, Table};
use mux_traffic::Record;
use std::io::{self, Write};

/// Writes a table as CSV.
#[derive(Debug)]
pub struct Csv<W> {
    out: W,
    table: Table,
}

impl<W: Write> Csv<W> {
    /// Writes the head.
    ///
    /// # Errors
    /// What `out` refuses.
    pub fn new(mut out: W, table: Table) -> io::Result<Self> {
        let names: Vec<_> = table.columns().iter().map(|column| column.name).collect();
        writeln!(out, "{}", names.join(","))?;
        Ok(Self { out, table })
    }

    /// Writes the rows of a record.
    ///
    /// # Errors
    /// What the output refuses.
    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        for row in self.table.rows(record) {
            let cells = self
                .table
                .columns()
                .iter()
                .map(|column| shown(column, column.cell(&row)));
            writeln!(self.out, "{}", cells.collect::<Vec<_>>().join(","))?;
        }
        Ok(())
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// What the output refuses.
    pub fn end(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn shown(column: &Column, cell: Cell) -> String {
    match (cell, column.kind) {
        (Cell::Empty, _) => String::new(),
        (Cell::Flag(flag), _) => flag.to_string(),
        (Cell::Number(pico), Kind::Money) => dollars(pico),
        // Milliseconds since 1970: what spreadsheets and databases both understand.
        (Cell::Number(number), _) => number.to_string(),
        (Cell::Text(text), _) => {
            let guard = if is_formula(&text) { "'" } else { "" };
            if guard.is_empty() && !text.contains([',', '"', '\n', '\r']) {
                return text;
            }
            format!("\"{guard}{}\"", text.replace('"', "\"\""))
        }
    }
}

/// Whether a spreadsheet would carry out what a client sent, say as a model. A bare `@name` is how policies are called, and
/// no function without its brackets.
fn is_formula(text: &str) -> bool {
    let of_a_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    match text.strip_prefix('@') {
        Some(name) => !name.chars().all(of_a_name),
        None => text.starts_with(['=', '+', '-', '\t', '\r']),
    }
}

/// Pico-dollars as dollars, exactly.
fn dollars(pico: i64) -> String {
    const ONE: u64 = 1_000_000_000_000;
    let (sign, size) = (if pico < 0 { "-" } else { "" }, pico.unsigned_abs());
    format!("{sign}{}.{:012}", size / ONE, size % ONE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mux_traffic::record::Attempt;

    fn written(table: Table, record: &Record) -> Vec<String> {
        let mut out = Vec::new();
        let mut csv = Csv::new(&mut out, table).unwrap();
        csv.write(record).unwrap();
        csv.end().unwrap();
        String::from_utf8(out)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn what_clients_send_stays_in_its_cell_and_is_no_formula() {
        let mut record = Record {
            id: "a,\"b\"".to_owned(),
            cost: -1_234_567_890_123,
            ..Record::default()
        };
        record.request.model = "=cmd|x".to_owned();
        let lines = written(Table::Requests, &record);
        assert_eq!(lines.len(), 2);
        assert!(
            lines[1].starts_with("\"a,\"\"b\"\"\",0,,,,\"'=cmd|x\","),
            "{}",
            lines[1]
        );
        assert!(lines[1].contains(",-1.234567890123,"), "{}", lines[1]);
    }

    #[test]
    fn no_text_gets_past_the_guard_and_policies_keep_their_names() {
        for (text, expected) in [
            ("=a(1,2)", "\"'=a(1,2)\""),
            ("+\"x\"", "\"'+\"\"x\"\"\""),
            ("-1\n2", "\"'-1\n2\""),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("@chat", "@chat"),
            ("@team/chat-v1.2", "@team/chat-v1.2"),
            ("gpt-5", "gpt-5"),
        ] {
            let column = &Table::Requests.columns()[0];
            assert_eq!(shown(column, Cell::Text(text.to_owned())), expected);
        }
    }

    #[test]
    fn a_table_of_attempts_has_a_row_for_each() {
        let attempt = |target: &str| Attempt {
            target: target.to_owned(),
            cost: Some(1),
            ..Attempt::default()
        };
        let record = Record {
            id: "r".to_owned(),
            attempts: vec![attempt("a/m"), attempt("b/m")],
            ..Record::default()
        };
        let lines = written(Table::Attempts, &record);
        assert!(
            lines[1].starts_with("r,0,1,a/m,") && lines[2].starts_with("r,0,2,b/m,"),
            "{lines:?}"
        );
        assert!(lines[2].ends_with(",0.000000000001"));
        assert_eq!(lines.len(), 3);
    }
}
