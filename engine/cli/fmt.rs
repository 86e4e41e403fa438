//! `mux policy fmt`: writes policies in their canonical layout, or says what that would change.

mod unified;

use crate::ending::{Exit, Outcome, Trouble};
use crate::out::Out;
use clap::Args;
use mux_dsl::{Unformatted, formatted, render, upgraded};
use mux_gateway::source::Source;
use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write, stdin};
use std::path::{Path, PathBuf};

/// Standard input as a path.
const STDIN: &str = "-";

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
}

/// A file as it is and as it is to be.
struct Laid {
    shown: String,
    path: PathBuf,
    was: String,
    result: Result<String, Unformatted>,
}

impl Fmt {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let files = if self.paths.iter().any(|path| path.as_os_str() == STDIN) {
            self.standard_input()?
        } else {
            self.files()?
        };
        let mut readable = true;
        for file in &files {
            match &file.result {
                Ok(_) => {}
                Err(Unformatted::Wrong {
                    diagnostics,
                    sources,
                }) => {
                    readable = false;
                    out.error(&render(diagnostics, sources, out.color()));
                }
                Err(fault @ Unformatted::Fault { .. }) => {
                    return Err(Trouble::internal(format!("{fault}; nothing was written")));
                }
            }
        }
        self.finish(&files, readable, out)
    }

    /// Shows or writes what changes; nothing is written if a file cannot be read.
    fn finish(&self, files: &[Laid], readable: bool, out: &mut Out) -> Outcome {
        let mut changes = false;
        for file in files {
            let Ok(text) = &file.result else {
                continue;
            };
            let differs = *text != file.was;
            changes |= differs;
            if self.diff && differs {
                out.text(&unified::diff(&file.shown, &file.was, text));
            }
            if self.check && differs {
                out.line(&format!("would change: {}", file.shown));
            }
            if self.check || self.diff || !readable {
                continue;
            }
            if file.shown == STDIN {
                out.text(text);
            } else if differs {
                replace(&file.path, text)?;
                out.line(&format!("changed: {}", file.shown));
            }
        }
        Ok(if readable && !(self.check && changes) {
            Exit::Good
        } else {
            Exit::No
        })
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

/// Puts a new text in the place of a file at once: whoever reads it meanwhile gets the old one or the new one, whole.
fn replace(path: &Path, text: &str) -> Result<(), Trouble> {
    let trouble = |e: io::Error| Trouble::usage(format!("cannot write `{}`: {e}", path.display()));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let written = fs::metadata(path).and_then(|meta| {
        let mut file = create(&beside)?;
        file.set_permissions(meta.permissions())?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    });
    written.map_err(|error| {
        // It may not even have come to be.
        let _ = fs::remove_file(&beside);
        trouble(error)
    })
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}
