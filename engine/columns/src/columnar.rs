//! Parquet: columns of a table, some ten thousand rows at a time, so that memory does not grow with the file.

use crate::table::{Cell, Column, Kind, Table};
use mux_traffic::Record;
use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::Result as Written;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

/// Rows of a group: what is held in memory, and what a reader can pass over by its statistics.
const GROUP: usize = 65_536;

/// Writes a table as Parquet.
pub struct Parquet<W: Write + Send> {
    file: SerializedFileWriter<W>,
    table: Table,
    /// Of each column, the cells of the group at hand.
    cells: Vec<Vec<Cell>>,
}

impl<W: Write + Send> fmt::Debug for Parquet<W> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Parquet({:?})", self.table)
    }
}

impl<W: Write + Send> Parquet<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// What `out` refuses.
    pub fn new(out: W, table: Table) -> io::Result<Self> {
        let columns = table.columns();
        let fields: Vec<_> = columns.iter().map(field).collect();
        let schema = format!("message {} {{ {} }}", table.name(), fields.join(" "));
        let schema = parse_message_type(&schema).map_err(io::Error::other)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("mux ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let file = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties));
        Ok(Self {
            file: file.map_err(io::Error::other)?,
            table,
            cells: columns.iter().map(|_| Vec::new()).collect(),
        })
    }

    /// Adds the rows of a record.
    ///
    /// # Errors
    /// What the output refuses.
    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        for row in self.table.rows(record) {
            for (column, cells) in self.table.columns().iter().zip(&mut self.cells) {
                cells.push(column.cell(&row));
            }
        }
        if self.cells.first().is_some_and(|cells| cells.len() >= GROUP) {
            self.group().map_err(io::Error::other)?;
        }
        Ok(())
    }

    /// Writes what is left, and the end of the file, without which it cannot be read.
    ///
    /// # Errors
    /// What the output refuses.
    pub fn end(mut self) -> io::Result<()> {
        if self.cells.first().is_some_and(|cells| !cells.is_empty()) {
            self.group().map_err(io::Error::other)?;
        }
        self.file.close().map(drop).map_err(io::Error::other)
    }

    fn group(&mut self) -> Written<()> {
        let mut group = self.file.next_row_group()?;
        for (column, cells) in self.table.columns().iter().zip(&mut self.cells) {
            if let Some(mut writer) = group.next_column()? {
                match column.kind {
                    Kind::Text => put::<ByteArrayType>(&mut writer, cells, |cell| match cell {
                        Cell::Text(text) => Some(ByteArray::from(text.into_bytes())),
                        _ => None,
                    }),
                    Kind::Flag => put::<BoolType>(&mut writer, cells, |cell| match cell {
                        Cell::Flag(flag) => Some(flag),
                        _ => None,
                    }),
                    Kind::Number | Kind::Time | Kind::Money => {
                        put::<Int64Type>(&mut writer, cells, |cell| match cell {
                            Cell::Number(number) => Some(number),
                            _ => None,
                        })
                    }
                }?;
                writer.close()?;
            }
        }
        group.close().map(drop)
    }
}

/// Writes the cells of a column, and leaves none of them.
fn put<T: DataType>(
    writer: &mut SerializedColumnWriter<'_>,
    cells: &mut Vec<Cell>,
    value: impl Fn(Cell) -> Option<T::T>,
) -> Written<()> {
    let found: Vec<Option<T::T>> = cells.drain(..).map(value).collect();
    let levels: Vec<i16> = found
        .iter()
        .map(|value| i16::from(value.is_some()))
        .collect();
    let values: Vec<T::T> = found.into_iter().flatten().collect();
    writer
        .typed::<T>()
        .write_batch(&values, Some(&levels), None)
        .map(drop)
}

fn field(column: &Column) -> String {
    let name = column.name;
    match column.kind {
        Kind::Text => format!("optional binary {name} (STRING);"),
        Kind::Number => format!("optional int64 {name};"),
        Kind::Flag => format!("optional boolean {name};"),
        Kind::Time => format!("optional int64 {name} (TIMESTAMP(MILLIS,true));"),
        Kind::Money => format!("optional int64 {name} (DECIMAL(18,12));"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    #[test]
    fn every_row_of_several_groups_reads_back() {
        let file = tempfile::tempfile().unwrap();
        let rows = GROUP + 7;
        let mut parquet = Parquet::new(file.try_clone().unwrap(), Table::Requests).unwrap();
        for n in 0..rows {
            let mut record = Record {
                id: format!("r{n}"),
                at: i64::try_from(n).unwrap(),
                cost: 5,
                ..Record::default()
            };
            record.request.streaming = n % 2 == 1;
            parquet.write(&record).unwrap();
        }
        parquet.end().unwrap();
        let file = SerializedFileReader::new(file).unwrap();
        assert_eq!(file.num_row_groups(), 2);
        let mut seen = 0;
        for (n, row) in file.get_row_iter(None).unwrap().enumerate() {
            let row = row.unwrap();
            assert_eq!(row.get_string(0).unwrap(), &format!("r{n}"));
            assert_eq!(
                row.get_timestamp_millis(1).unwrap(),
                i64::try_from(n).unwrap()
            );
            let streaming = Table::Requests
                .columns()
                .iter()
                .position(|c| c.name == "streaming");
            assert_eq!(row.get_bool(streaming.unwrap()).unwrap(), n % 2 == 1);
            seen += 1;
        }
        assert_eq!(seen, rows);
    }
}
