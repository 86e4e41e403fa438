//! Records as tables, for spreadsheets and databases: CSV and Parquet.
//!
//! There are two tables, [`Table::Requests`] and [`Table::Attempts`], joined by `id`. Each is described once, as a list of
//! columns, and written in either format by that list. Money is exact: dollars with twelve decimals.

mod columnar;
mod csv;
mod table;

pub use columnar::Parquet;
pub use csv::Csv;
pub use table::Table;
