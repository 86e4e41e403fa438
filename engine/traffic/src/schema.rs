//! The schema of a record for readers in other languages.

/// JSON Schema (2020-12) of one record, one line of a segment.
#[must_use]
pub fn schema() -> &'static str {
    include_str!("../record.schema.json")
}
