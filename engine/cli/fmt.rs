//! `mux policy fmt`: writes policies in their canonical layout, or says what that would change.

use crate::ending::{Exit, Outcome, Trouble};
use crate::found::{Found, Shape, Told};
use crate::out::Out;
use crate::replace::replace;
use crate::unified;
use clap::Args;
use mux_dsl::rendering::{Case, Failure};
use mux_dsl::{Sources, Unformatted, formatted, upgraded};
use mux_gateway::source::Source;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fs;
use std::io::{Read, stdin};
use std::path::{Path, PathBuf};

/// Standard input as a path.
const STDIN: &str = "-";
/// What the command is called where results of several are collected.
const SUITE: &str = "mux policy fmt";

/// Write policies in their canonical layout
#[derive(Debug, Args)]
pub(crate) struct Fmt {
    /// Files, or folders whose `.mux` files are meant; `-` reads standard input and writes standard output
    #[arg(default_value = "policies", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write nothing: name the files that would change, and exit with 1 if there is one
    #[arg(long)]
    check: bool,
    /// Write nothing: show what would change as a unified diff
    #[arg(long)]
    diff: bool,
    /// Raise the `mux 1` line that pins the version of the language, or add it to the root file
    #[arg(long)]
    upgrade: bool,
    #[command(flatten)]
    shape: Shape,
}

/// A file as it is and as it is to be.
struct Laid {
    shown: String,
    path: PathBuf,
    was: String,
    result: Result<String, Unformatted>,
}

impl Laid {
    fn piped(&self) -> bool {
        self.shown == STDIN
    }

    /// What it becomes, where that is something else.
    fn change(&self) -> Option<&str> {
        self.result.as_deref().ok().filter(|text| *text != self.was)
    }
}

/// What is wrong with files that cannot be laid out.
fn wrong(files: &[Laid]) -> Result<Found, Trouble> {
    let (mut wrong, mut all) = (Vec::new(), Sources::default());
    for file in files {
        match &file.result {
            Ok(_) => {}
            Err(Unformatted::Wrong {
                diagnostics,
                sources,
            }) => {
                wrong.extend(diagnostics.iter().cloned());
                all.append(sources.clone());
            }
            Err(fault @ Unformatted::Fault { .. }) => {
                return Err(Trouble::internal(format!("{fault}; nothing was written")));
            }
        }
    }
    // Files are shown by the paths they were named by.
    Ok(Found::new(Path::new(""), wrong, all))
}

impl Fmt {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let files = if self.paths.iter().any(|path| path.as_os_str() == STDIN) {
            self.standard_input()?
        } else {
            self.files()?
        };
        if !self.shape.human() && !self.check && !self.diff && files.iter().any(Laid::piped) {
            return Err(Trouble::usage(
                "standard output is for what `-` becomes; add `--check` or `--diff` to write another format there",
            ));
        }
        let found = wrong(&files)?;
        self.shape.problems(&found, out);
        let readable = found.diagnostics.is_empty();
        if readable && !self.check && !self.diff {
            for file in files.iter().filter(|file| !file.piped()) {
                let Some(text) = file.change() else { continue };
                replace(&file.path, text)?;
                if self.shape.human() {
                    out.line(&format!("changed: {}", file.shown));
                }
            }
        }
        let told = Told {
            suite: SUITE,
            human: self.human(&files, readable),
            json: json!({ "files": self.members(&files) }),
            cases: Some(files.iter().map(|file| self.case(file)).collect()),
            pages: None,
        };
        self.shape.result(&found, &told, out);
        let changes = files.iter().any(|file| file.change().is_some());
        Ok(if readable && !(self.check && changes) {
            Exit::Good
        } else {
            Exit::No
        })
    }

    /// What would change, for people, or what standard input becomes.
    fn human(&self, files: &[Laid], readable: bool) -> String {
        let mut text = String::new();
        for file in files {
            if let (true, Some(change)) = (self.diff, file.change()) {
                text.push_str(&unified::diff(&file.shown, &file.was, change));
            }
            if self.check && file.change().is_some() {
                text.push_str("would change: ");
                text.push_str(&file.shown);
                text.push('\n');
            }
            let writes = file.piped() && !self.check && !self.diff && readable;
            text.extend(file.result.as_deref().ok().filter(|_| writes));
        }
        text
    }

    /// What becomes of each file, for programs.
    fn members(&self, files: &[Laid]) -> Vec<Value> {
        let member = |file: &Laid| {
            let diff = file.change().filter(|_| self.diff);
            json!({
                "file": file.shown,
                "readable": file.result.is_ok(),
                "changes": file.change().is_some(),
                "diff": diff.map(|change| unified::diff(&file.shown, &file.was, change)),
            })
        };
        files.iter().map(member).collect()
    }

    /// A file as a case: it fails where `--check` would have the command fail.
    fn case(&self, file: &Laid) -> Case {
        let failure = match &file.result {
            Err(unformatted) => Some(unformatted.to_string()),
            Ok(_) => file
                .change()
                .filter(|_| self.check)
                .map(|change| unified::diff(&file.shown, &file.was, change)),
        };
        Case {
            name: "it has the canonical layout".to_owned(),
            group: file.shown.clone(),
            place: Some((file.shown.clone(), 1)),
            failure: failure.map(|text| Failure {
                kind: "layout".to_owned(),
                message: format!("`mux policy fmt` would change {}", file.shown),
                text,
            }),
            note: None,
        }
    }

    fn standard_input(&self) -> Result<Vec<Laid>, Trouble> {
        if self.paths.len() > 1 {
            return Err(Trouble::usage(
                "`-` is standard input and stands alone; name it or files",
            ));
        }
        let mut bytes = Vec::new();
        stdin()
            .read_to_end(&mut bytes)
            .map_err(|e| Trouble::usage(format!("cannot read standard input: {e}")))?;
        Ok(self.laid(vec![(
            STDIN.to_owned(),
            PathBuf::new(),
            text(STDIN, bytes)?,
        )]))
    }

    /// Every file that was named, once.
    fn files(&self) -> Result<Vec<Laid>, Trouble> {
        let mut seen = HashSet::new();
        let mut files = Vec::new();
        for path in &self.paths {
            let source = Source::new(path).map_err(Trouble::usage)?;
            let mut bundle = Vec::new();
            for name in source.roots().map_err(Trouble::usage)? {
                let shown = if path.is_dir() {
                    path.join(&name)
                } else {
                    path.clone()
                };
                let shown = shown.display().to_string();
                // A link stays one: what it leads to is replaced.
                let real = fs::canonicalize(source.folder().join(&name))
                    .map_err(|e| Trouble::usage(format!("cannot read `{shown}`: {e}")))?;
                let bytes = source
                    .read(&name)
                    .map_err(|e| Trouble::usage(format!("cannot read `{shown}`: {e}")))?;
                if seen.insert(real.clone()) {
                    let text = text(&shown, bytes)?;
                    bundle.push((shown, real, text));
                }
            }
            files.extend(self.laid(bundle));
        }
        if files.is_empty() {
            return Err(Trouble::usage("there is no `.mux` file in what was named"));
        }
        Ok(files)
    }

    /// Lays out the files of one bundle.
    fn laid(&self, files: Vec<(String, PathBuf, String)>) -> Vec<Laid> {
        let named = files.iter().map(|(shown, _, text)| (&**shown, &**text));
        let results = if self.upgrade {
            upgraded(&named.collect::<Vec<_>>())
        } else {
            named.map(|(shown, text)| formatted(shown, text)).collect()
        };
        let laid = files.into_iter().zip(results);
        laid.map(|((shown, path, was), result)| Laid {
            shown,
            path,
            was,
            result,
        })
        .collect()
    }
}

fn text(shown: &str, bytes: Vec<u8>) -> Result<String, Trouble> {
    String::from_utf8(bytes).map_err(|_| Trouble::usage(format!("`{shown}` is no UTF-8 text")))
}
