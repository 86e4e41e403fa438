//! `mux policy build`: a bundle in one file.

use crate::bundle::{read, strict};
use crate::ending::{Exit, Outcome, Trouble};
use crate::out::{Format, Out};
use clap::Args;
use mux_dsl::{Severity, render};
use serde_json::json;
use std::fs;
use std::path::PathBuf;

/// Write a bundle into one file, with its canonical form and hashes
///
/// The file holds the sources, every file they name, the hash of each, and what all of it was compiled to in canonical form.
/// Every `mux policy` command takes it in the place of a folder and holds it against its hashes first. It is not signed.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// A folder (its `.mux` files are one bundle) or one file with its includes
    #[arg(default_value = "policies")]
    path: PathBuf,
    /// Where to write it, by custom `NAME.muxb`
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// How to write the result
    #[arg(long, default_value = "human")]
    format: Format,
}

impl Build {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let read = read(&self.path, strict)?;
        let roots: Vec<&str> = read.roots.iter().map(String::as_str).collect();
        let Some(pack) = read.compiled.packed(&roots) else {
            let mut errors = read.compiled.diagnostics;
            errors.retain(|d| d.severity == Severity::Error);
            out.error(&render(&errors, &read.compiled.sources, out.color()));
            return Ok(Exit::No);
        };
        let bytes = pack.to_bytes();
        let written = self.output.display();
        fs::write(&self.output, &bytes)
            .map_err(|e| Trouble::usage(format!("cannot write `{written}`: {e}")))?;
        let files = pack.files().count();
        match self.format {
            Format::Json => out.json(&json!({
                "v": 1,
                "file": self.output,
                "bytes": bytes.len(),
                "files": files,
                "semantic": pack.semantic,
                "source": pack.source,
            })),
            Format::Human => out.line(&format!(
                "{written}: {files} files, {} bytes, semantic {:#}, source {:#}",
                bytes.len(),
                pack.semantic,
                pack.source
            )),
        }
        Ok(Exit::Good)
    }
}
