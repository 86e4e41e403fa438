//! What a checking command found, in the format that was asked for. Every such command writes through here.

use crate::out::Out;
use clap::{Args, ValueEnum};
use mux_dsl::rendering::{self, Case, Listing};
use mux_dsl::{Diagnostic, Severity, Sources};
use serde::Serialize;
use std::env::{current_dir, var, var_os};
use std::path::{Path, PathBuf};

/// How a checking command writes what it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: problems to standard error, results to standard output
    Human,
    /// One JSON value, in the shape of `dsl/diagnostics.schema.json`
    Json,
    /// Commands of a GitHub workflow, shown beside the lines of a pull request
    Github,
    /// `JUnit` XML
    Junit,
    /// TAP 14
    Tap,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// For the comment of a pull request
    Markdown,
    /// One page that needs nothing but itself
    Html,
}

/// What makes a command fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// Warnings, too
    Warnings,
}

/// The options that every checking command has.
#[derive(Debug, Args)]
pub(crate) struct Shape {
    /// How to write what was found [default: human, with annotations as well in a GitHub workflow]
    #[arg(long)]
    format: Option<Format>,
    /// For people, but without colour and box drawing
    #[arg(long)]
    plain: bool,
    /// Let warnings fail the command
    #[arg(long)]
    deny: Option<Deny>,
}

/// What is wrong with a bundle, and where that is seen from.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) sources: Sources,
    base: String,
}

/// What a command has to say beside diagnostics.
#[derive(Debug)]
pub(crate) struct Told<J> {
    /// What the command is called where results of several are collected.
    pub(crate) suite: &'static str,
    /// The result for people; may be empty.
    pub(crate) human: String,
    /// The members it adds to the JSON of the diagnostics.
    pub(crate) json: J,
    /// What was run; absent where the diagnostics themselves are the cases.
    pub(crate) cases: Option<Vec<Case>>,
    /// The result as documents, where it has a form of its own there.
    pub(crate) pages: Option<Pages>,
}

/// A result as documents.
#[derive(Debug)]
pub(crate) struct Pages {
    pub(crate) markdown: String,
    pub(crate) html: String,
}

/// Diagnostics, and the members a command adds.
#[derive(Serialize)]
struct Whole<'w, J> {
    #[serde(flatten)]
    listing: Listing<'w>,
    #[serde(flatten)]
    more: &'w J,
}

impl Found {
    /// The diagnostics of the bundle at `path`.
    pub(crate) fn new(path: &Path, diagnostics: Vec<Diagnostic>, sources: Sources) -> Self {
        Self {
            diagnostics,
            sources,
            base: base(path),
        }
    }

    /// How many errors or warnings there are.
    pub(crate) fn count(&self, severity: Severity) -> usize {
        let same = |d: &&Diagnostic| d.severity == severity;
        self.diagnostics.iter().filter(same).count()
    }

    /// A path of the sources as the user sees it.
    pub(crate) fn path(&self, file: &str) -> String {
        rendering::joined(&self.base, file)
    }
}

impl Shape {
    /// Shows people what is wrong, before anything is run.
    pub(crate) fn problems(&self, found: &Found, out: &mut Out) {
        if self.human() && !found.diagnostics.is_empty() {
            let text = if self.plain {
                rendering::plain(&found.diagnostics, &found.sources)
            } else {
                rendering::render(&found.diagnostics, &found.sources, out.color())
            };
            out.error(&text);
        }
    }

    /// Writes the result.
    pub(crate) fn result<J: Serialize>(&self, found: &Found, told: &Told<J>, out: &mut Out) {
        let (diagnostics, sources) = (&*found.diagnostics, &found.sources);
        let run = told.cases.as_deref().unwrap_or_default();
        let annotations = || {
            let own = rendering::github(diagnostics, sources, &found.base);
            own + &rendering::github_cases(run)
        };
        let cases = || {
            let own = || rendering::cases(diagnostics, sources, &found.base, self.strict());
            told.cases.clone().unwrap_or_else(own)
        };
        match self.format {
            None | Some(Format::Human) => {
                out.text(&told.human);
                if self.format.is_none() && in_workflow() {
                    out.text(&annotations());
                }
            }
            Some(Format::Json) => out.json(&Whole {
                listing: Listing::new(diagnostics),
                more: &told.json,
            }),
            Some(Format::Github) => out.text(&annotations()),
            Some(Format::Junit) => out.text(&rendering::junit(told.suite, &cases())),
            Some(Format::Tap) => out.text(&rendering::tap(&cases())),
            Some(Format::Markdown) => {
                let plain = || format!("```text\n{}\n```\n", plain(found, told));
                out.text(
                    &told
                        .pages
                        .as_ref()
                        .map_or_else(plain, |p| p.markdown.clone()),
                );
            }
            Some(Format::Html) => {
                let plain = || page(told.suite, &plain(found, told));
                out.text(&told.pages.as_ref().map_or_else(plain, |p| p.html.clone()));
            }
            Some(Format::Sarif) => out.text(&rendering::sarif(
                (diagnostics, sources),
                run,
                &found.base,
                env!("CARGO_PKG_VERSION"),
            )),
        }
    }

    /// Whether warnings of the bundle fail the command.
    pub(crate) fn denies(&self, found: &Found) -> bool {
        self.strict() && found.count(Severity::Warning) > 0
    }

    fn strict(&self) -> bool {
        self.deny == Some(Deny::Warnings)
    }

    /// Whether the result is for people.
    pub(crate) fn human(&self) -> bool {
        matches!(self.format, None | Some(Format::Human))
    }
}

/// What people would see at a terminal.
fn plain<J>(found: &Found, told: &Told<J>) -> String {
    let problems = rendering::plain(&found.diagnostics, &found.sources);
    format!("{problems}{}", told.human)
}

/// Lines as a page.
fn page(title: &str, text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><pre>{text}</pre></html>\n"
    )
}

fn in_workflow() -> bool {
    var("GITHUB_ACTIONS").is_ok_and(|v| v == "true")
}

/// The way from the root of the repository, or from where the command runs, to the folder of a bundle.
pub(crate) fn base(path: &Path) -> String {
    let folder = if path.is_dir() {
        path
    } else {
        path.parent().unwrap_or(path)
    };
    let root = var_os("GITHUB_WORKSPACE")
        .map(PathBuf::from)
        .or_else(|| current_dir().ok());
    let whole = std::path::absolute(folder).ok();
    let below = root
        .zip(whole)
        .and_then(|(root, whole)| Some(whole.strip_prefix(root).ok()?.to_path_buf()));
    let base = below.unwrap_or_else(|| folder.to_path_buf());
    base.to_string_lossy().replace('\\', "/")
}
