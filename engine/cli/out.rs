//! Where commands write: results to standard output, everything else to standard error. A closed pipe ends nothing loudly.

use std::io::{BufWriter, IsTerminal, Stderr, Stdout, Write, stderr, stdout};

/// The two streams.
#[derive(Debug)]
pub(crate) struct Out {
    result: Stdout,
    notes: Stderr,
}

impl Default for Out {
    fn default() -> Self {
        Self {
            result: stdout(),
            notes: stderr(),
        }
    }
}

impl Out {
    /// A line of the result.
    pub(crate) fn line(&mut self, text: &str) {
        // Whoever closed the pipe has read enough.
        let _ = writeln!(self.result.lock(), "{text}");
    }

    /// A result of several lines, or of none.
    pub(crate) fn text(&mut self, text: &str) {
        if !text.is_empty() {
            self.line(text.trim_end_matches('\n'));
        }
    }

    /// Standard output for a result that is written piece by piece; what was written before comes before it.
    #[expect(
        clippy::unused_self,
        reason = "whoever writes has an `Out` to write to"
    )]
    pub(crate) fn sink(&self) -> BufWriter<Stdout> {
        BufWriter::new(stdout())
    }

    /// A value as one line of JSON.
    pub(crate) fn json(&mut self, value: &impl serde::Serialize) {
        match serde_json::to_string(value) {
            Ok(text) => self.line(&text),
            Err(error) => self.error(&format!("mux: cannot write the result as JSON: {error}")),
        }
    }

    /// A line for the person at the terminal.
    pub(crate) fn error(&mut self, text: &str) {
        let _ = writeln!(self.notes.lock(), "{}", text.trim_end());
    }

    /// Asks the person at the terminal for a line.
    pub(crate) fn prompt(&mut self, text: &str) {
        let _ = write!(self.notes.lock(), "{text}");
        let _ = self.notes.flush();
    }

    /// Whether diagnostics may be coloured.
    pub(crate) fn color(&self) -> bool {
        self.notes.is_terminal() && std::env::var_os("NO_COLOR").is_none()
    }
}

/// How a command writes its result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Human,
    /// For programs.
    Json,
}

/// Columns as wide as their widest cell, two blanks between them.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|r| r.get(column))
            .map(|c| c.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A duration such as `500ms`, `10s`, `2m`, `1h` or `7d`.
pub(crate) fn duration(text: &str) -> Result<std::time::Duration, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_| {
        format!("`{text}` is no duration; write `500ms`, `10s`, `2m`, `1h` or `7d`")
    })?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => {
            return Err(format!(
                "`{text}` has no unit mux knows; write `500ms`, `10s`, `2m`, `1h` or `7d`"
            ));
        }
    };
    Ok(std::time::Duration::from_millis(
        number.saturating_mul(millis),
    ))
}
