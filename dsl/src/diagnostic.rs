//! What is wrong with a bundle, in a form that any renderer can show.
//!
//! As JSON it follows `dsl/diagnostics.schema.json`.

use serde::{Serialize, Serializer};

/// One problem: one root cause, with every place that matters to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable name such as `mux::name::model`.
    pub code: &'static str,
    /// Whether it stops a load.
    pub severity: Severity,
    /// Lower case, no full stop, the user's words in backticks.
    pub message: String,
    /// The primary place first; empty where no place is to blame.
    pub labels: Vec<Label>,
    /// What to do.
    pub help: Option<String>,
    /// Edits that mend it. Each may be made without the others, and none overlaps another.
    pub fixes: Vec<Fix>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Stops a load.
    Error,
    /// Never stops a load.
    Warning,
}

/// A place and what is to be said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Path of the file.
    pub file: String,
    /// Bytes, end exclusive.
    pub span: (usize, usize),
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// May be empty.
    pub text: String,
    /// The place itself, as opposed to one that explains it.
    pub primary: bool,
}

/// A place and what to write there instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// Path of the file.
    pub file: String,
    /// Bytes, end exclusive; empty where something is only added.
    pub span: (usize, usize),
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// What replaces them.
    pub text: String,
}

impl Diagnostic {
    /// The place it is about, if there is one.
    #[must_use]
    pub fn primary(&self) -> Option<&Label> {
        self.labels.first()
    }
}

/// A place as JSON shows it.
#[derive(Serialize)]
struct Spot {
    byte: [usize; 2],
    line: u32,
    col: u32,
}

impl Spot {
    fn new((start, end): (usize, usize), line: u32, col: u32) -> Self {
        Self {
            byte: [start, end],
            line,
            col,
        }
    }
}

impl Serialize for Diagnostic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shape<'d> {
            code: &'d str,
            severity: Severity,
            #[serde(skip_serializing_if = "Option::is_none")]
            file: Option<&'d str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            span: Option<Spot>,
            message: &'d str,
            labels: &'d [Label],
            #[serde(skip_serializing_if = "Option::is_none")]
            help: Option<&'d str>,
            #[serde(skip_serializing_if = "<[Fix]>::is_empty")]
            fixes: &'d [Fix],
        }
        let place = self.primary();
        Shape {
            code: self.code,
            severity: self.severity,
            file: place.map(|l| l.file.as_str()),
            span: place.map(|l| Spot::new(l.span, l.line, l.column)),
            message: &self.message,
            labels: &self.labels,
            help: self.help.as_deref(),
            fixes: &self.fixes,
        }
        .serialize(serializer)
    }
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shape<'l> {
            file: &'l str,
            span: Spot,
            text: &'l str,
            primary: bool,
        }
        Shape {
            file: &self.file,
            span: Spot::new(self.span, self.line, self.column),
            text: &self.text,
            primary: self.primary,
        }
        .serialize(serializer)
    }
}

impl Serialize for Fix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shape<'f> {
            file: &'f str,
            span: Spot,
            text: &'f str,
        }
        Shape {
            file: &self.file,
            span: Spot::new(self.span, self.line, self.column),
            text: &self.text,
        }
        .serialize(serializer)
    }
}
