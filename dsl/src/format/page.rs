//! The page that lines are written on, with the comments behind them.

/// What has been written.
#[derive(Debug, Default)]
pub(super) struct Page<'t> {
    rows: Vec<Row<'t>>,
}

#[derive(Debug)]
struct Row<'t> {
    /// An empty line stands before it.
    blank: bool,
    indent: usize,
    text: String,
    /// A comment behind it.
    note: Option<&'t str>,
}

impl<'t> Page<'t> {
    /// Begins a line.
    pub(super) fn line(&mut self, blank: bool, indent: usize, text: String) {
        self.rows.push(Row {
            blank,
            indent,
            text,
            note: None,
        });
    }

    /// Continues the last line.
    pub(super) fn append(&mut self, text: &str) {
        if let Some(row) = self.rows.last_mut() {
            row.text.push_str(text);
        }
    }

    /// Writes a comment behind the last line.
    pub(super) fn note(&mut self, note: Option<&'t str>) {
        if let (Some(row), Some(note)) = (self.rows.last_mut(), note) {
            row.note = Some(note);
        }
    }

    /// All of it; comments behind neighbouring lines stand under each other.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for run in self.rows.chunk_by(Row::shares_notes) {
            let width = run.iter().map(Row::width).max().unwrap_or(0);
            for row in run {
                if row.blank {
                    text.push('\n');
                }
                text.extend(std::iter::repeat_n(' ', row.indent));
                text.push_str(&row.text);
                if let Some(note) = row.note {
                    text.extend(std::iter::repeat_n(' ', width - row.width() + 2));
                    text.push_str(note);
                }
                text.push('\n');
            }
        }
        text
    }
}

impl Row<'_> {
    fn width(&self) -> usize {
        self.text.chars().count()
    }

    fn shares_notes(&self, next: &Self) -> bool {
        let both = self.note.is_some() && next.note.is_some();
        both && !next.blank && self.indent == next.indent
    }
}
