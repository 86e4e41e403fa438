//! Diagnostics for a person: the lines they are about, with what is to be said beneath them.

use crate::diagnostic::{Diagnostic, Label, Severity};
use crate::source::Sources;
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// All diagnostics, one after the other, ending in a newline.
#[must_use]
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, color: bool) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    written(
        diagnostics,
        sources,
        &renderer.decor_style(DecorStyle::Unicode),
    )
}

/// The same without colour and without box drawing: nothing that a screen reader stumbles over.
#[must_use]
pub fn plain(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let renderer = Renderer::plain().decor_style(DecorStyle::Ascii);
    written(diagnostics, sources, &renderer)
}

fn written(diagnostics: &[Diagnostic], sources: &Sources, renderer: &Renderer) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        text.push_str(&renderer.render(&[group(diagnostic, sources)]));
        text.push_str("\n\n");
    }
    text.truncate(text.trim_end().len());
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn group<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level
        .primary_title(printable(&diagnostic.message))
        .id(diagnostic.code);
    let mut group = Group::with_title(title);
    let mut files: Vec<&str> = Vec::new();
    for label in &diagnostic.labels {
        if !files.contains(&label.file.as_str()) {
            files.push(&label.file);
        }
    }
    for file in files {
        let labels = diagnostic.labels.iter().filter(|l| l.file == file);
        let text = sources.shown(file).unwrap_or_default();
        group = group.element(
            Snippet::source(text)
                .path(file)
                .annotations(labels.map(|l| annotation(l, text))),
        );
    }
    match &diagnostic.help {
        Some(help) => {
            let lines: Vec<_> = help.lines().map(printable).collect();
            group.element(Level::HELP.message(lines.join("\n")))
        }
        None => group,
    }
}

fn annotation<'a>(label: &'a Label, text: &str) -> annotate_snippets::Annotation<'a> {
    let kind = if label.primary {
        AnnotationKind::Primary
    } else {
        AnnotationKind::Context
    };
    let (start, end) = label.span;
    let annotation = kind.span(start.min(text.len())..end.min(text.len()));
    if label.text.is_empty() {
        annotation
    } else {
        annotation.label(printable(&label.text))
    }
}

/// Control characters from a source would move the cursor or colour the terminal.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect()
}
