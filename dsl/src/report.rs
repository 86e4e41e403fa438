//! Where the stages of the compiler write down what they find, and how that becomes a sorted, capped list.

use crate::diagnostic::{Diagnostic, Fix, Label, Severity};
use crate::source::{Sources, Span};
use crate::suggest;
use std::collections::HashMap;

/// Most errors, and most warnings, that one run shows: beyond that a reader is not helped.
const CAP: usize = 20;

/// Most places at which one missing name is shown.
const PLACES: usize = 6;

/// Codes of names that another file may declare.
const DECLARED: [&str; 9] = [
    "breaker", "budget", "define", "limit", "model", "plan", "policy", "provider", "set",
];

/// Everything found so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    found: Vec<Finding>,
    /// A policy file could not be read.
    incomplete: bool,
}

/// One problem while it is being described.
#[derive(Debug)]
pub(crate) struct Finding {
    code: &'static str,
    severity: Severity,
    message: String,
    labels: Vec<(Span, String)>,
    help: Option<String>,
    fixes: Vec<(Span, String)>,
}

impl Report {
    /// An error at a place.
    pub(crate) fn error(
        &mut self,
        code: &'static str,
        at: Span,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.add(code, Severity::Error, Some(at), message.into())
    }

    /// A warning at a place.
    pub(crate) fn warning(
        &mut self,
        code: &'static str,
        at: Span,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.add(code, Severity::Warning, Some(at), message.into())
    }

    /// A problem that no place is to blame for.
    pub(crate) fn placeless(
        &mut self,
        code: &'static str,
        severity: Severity,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.add(code, severity, None, message.into())
    }

    /// Whether anything found stops a load.
    pub(crate) fn failed(&self) -> bool {
        self.found.iter().any(|f| f.severity == Severity::Error)
    }

    /// Notes that a policy file could not be read, which is reported by itself.
    pub(crate) fn incomplete(&mut self) {
        self.incomplete = true;
    }

    /// A name that is missing may stand in the file that could not be read: that one is the root cause.
    fn excuse(&mut self) {
        let excused = |f: &Finding| {
            let name = f.code.strip_prefix("mux::name::");
            name.is_some_and(|name| DECLARED.contains(&name))
        };
        if self.incomplete {
            self.found.retain(|f| !excused(f));
        }
    }

    /// A name that is missing in several places is one root cause: the later places become labels of the first.
    fn merge(&mut self) {
        let mut kept: Vec<Finding> = Vec::new();
        let mut first: HashMap<(&'static str, String), usize> = HashMap::new();
        for finding in std::mem::take(&mut self.found) {
            let known = match finding.code.strip_prefix("mux::name::") {
                Some(_) => *first
                    .entry((finding.code, finding.message.clone()))
                    .or_insert(kept.len()),
                None => kept.len(),
            };
            match kept.get_mut(known) {
                Some(first) if first.labels.len() < PLACES => {
                    first.fixes.extend(finding.fixes);
                    let place = finding.labels.into_iter().take(1);
                    first
                        .labels
                        .extend(place.map(|(at, _)| (at, "and here".to_owned())));
                }
                Some(_) => {}
                None => kept.push(finding),
            }
        }
        self.found = kept;
    }

    fn add(
        &mut self,
        code: &'static str,
        severity: Severity,
        at: Option<Span>,
        message: String,
    ) -> &mut Finding {
        let finding = Finding {
            code,
            severity,
            message,
            labels: at.map(|span| (span, String::new())).into_iter().collect(),
            help: None,
            fixes: Vec::new(),
        };
        let last = self.found.len();
        self.found.push(finding);
        #[expect(clippy::indexing_slicing, reason = "it was pushed on the line above")]
        &mut self.found[last]
    }

    /// The list people see: by file and place, errors and warnings capped, with a note on what was left out.
    pub(crate) fn finish(mut self, sources: &Sources) -> Vec<Diagnostic> {
        self.found
            .sort_by_key(|f| f.labels.first().map(|(span, _)| (span.file, span.start)));
        self.excuse();
        self.merge();
        let mut left = [CAP, CAP];
        let mut cut = [0_usize, 0];
        let mut shown = Vec::new();
        for finding in self.found {
            let [errors, warnings] = &mut left;
            let [errors_cut, warnings_cut] = &mut cut;
            let (room, over) = match finding.severity {
                Severity::Error => (errors, errors_cut),
                Severity::Warning => (warnings, warnings_cut),
            };
            if *room == 0 {
                *over += 1;
            } else {
                *room -= 1;
                shown.push(finding.place(sources));
            }
        }
        for (count, severity, kind) in [
            (cut[0], Severity::Error, "error"),
            (cut[1], Severity::Warning, "warning"),
        ] {
            if count > 0 {
                shown.push(Diagnostic {
                    code: "mux::file::more",
                    severity,
                    message: if count == 1 {
                        format!("1 further {kind} is not shown")
                    } else {
                        format!("{count} further {kind}s are not shown")
                    },
                    labels: Vec::new(),
                    help: Some(
                        "mend the ones above first; some of the rest may go with them".into(),
                    ),
                    fixes: Vec::new(),
                });
            }
        }
        shown
    }
}

impl Finding {
    /// What to write under the place.
    pub(crate) fn label(&mut self, text: impl Into<String>) -> &mut Self {
        if let Some((_, label)) = self.labels.first_mut() {
            *label = text.into();
        }
        self
    }

    /// What was probably meant; or else, behind `lead`, what there is.
    pub(crate) fn advise<'k>(
        &mut self,
        word: &str,
        known: impl IntoIterator<Item = &'k str>,
        lead: &str,
    ) -> &mut Self {
        match suggest::advice(word, known) {
            Ok(close) => self.meant(close),
            Err(list) => self.help(format!("{lead} {list}")),
        }
    }

    /// A further place that explains it.
    pub(crate) fn also(&mut self, at: Span, text: impl Into<String>) -> &mut Self {
        self.labels.push((at, text.into()));
        self
    }

    /// What to do.
    pub(crate) fn help(&mut self, text: impl Into<String>) -> &mut Self {
        self.help = Some(text.into());
        self
    }

    /// What to write at a place instead; may be said of several places that do not overlap.
    pub(crate) fn fix(&mut self, at: Span, text: impl Into<String>) -> &mut Self {
        self.fixes.push((at, text.into()));
        self
    }

    /// What was probably meant, as the label of the place and as what to write there.
    pub(crate) fn meant(&mut self, close: &str) -> &mut Self {
        if let Some((at, _)) = self.labels.first() {
            self.fixes.push((*at, close.to_owned()));
        }
        self.label(format!("did you mean `{close}`?"))
    }

    fn place(self, sources: &Sources) -> Diagnostic {
        let label = |(at, (span, text)): (usize, (Span, String))| {
            let (line, column) = sources.position(span);
            Label {
                file: sources.path(span.file).into(),
                span: (span.start, span.end),
                line,
                column,
                text,
                primary: at == 0,
            }
        };
        let fix = |(span, text): (Span, String)| {
            let (line, column) = sources.position(span);
            Fix {
                file: sources.path(span.file).into(),
                span: (span.start, span.end),
                line,
                column,
                text,
            }
        };
        Diagnostic {
            code: self.code,
            severity: self.severity,
            message: self.message,
            labels: self.labels.into_iter().enumerate().map(label).collect(),
            help: self.help,
            fixes: self.fixes.into_iter().map(fix).collect(),
        }
    }
}
