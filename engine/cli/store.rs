//! `mux store`: the folder that versions are kept in, looked through, mended, copied and put back.

use crate::ending::{Exit, Outcome, Trouble};
use crate::out::{Format, Out};
use crate::versions::open;
use clap::{Args, Subcommand};
use mux_store::{Copied, Report, Store as Kept};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Look after the store of versions; the gateway that uses it must not be running
#[derive(Debug, Subcommand)]
pub(crate) enum Store {
    /// Mend what can be mended, as every start does, read everything back and check it
    Verify(Verify),
    /// The same: what is damaged comes from whichever copy is whole, journal, index or backup
    Repair(Repair),
    /// Write everything to one file
    Export(Export),
    /// Make a store of what `mux store export` wrote, or of a backup
    Import(Import),
    /// Give back the space that the index does not need
    Compact(Compact),
}

/// Where the store is.
#[derive(Debug, Args)]
struct Place {
    /// The gateway's data folder
    #[arg(long, env = "MUX_DATA", default_value = ".mux")]
    data: PathBuf,
    /// How to write the result
    #[arg(long, default_value = "human")]
    format: Format,
}

impl Place {
    fn dir(&self) -> PathBuf {
        self.data.join("store")
    }

    fn open(&self) -> Result<Kept, Trouble> {
        open(&self.data)
    }
}

/// Mend what can be mended, as every start does, read everything back and check it
#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    place: Place,
}

/// Mend what can be mended
#[derive(Debug, Args)]
pub(crate) struct Repair {
    #[command(flatten)]
    place: Place,
}

/// Write everything to one file
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The file, which appears when it is whole
    #[arg(value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    place: Place,
}

/// Make a store of an export or a backup
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file
    #[arg(value_name = "FILE")]
    from: PathBuf,
    #[command(flatten)]
    place: Place,
}

/// Give back the space that the index does not need
#[derive(Debug, Args)]
pub(crate) struct Compact {
    #[command(flatten)]
    place: Place,
}

impl Store {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        match self {
            // Opening mends; verifying tells what that was, and what is left.
            Self::Verify(Verify { place }) | Self::Repair(Repair { place }) => {
                looked_through(&place, out)
            }
            Self::Export(Export { to, place }) => {
                let copied = place.open()?.export(&to).map_err(Trouble::usage)?;
                told(&copied, "wrote", &to, place.format, out);
                Ok(Exit::Good)
            }
            Self::Import(Import { from, place }) => {
                let dir = place.dir();
                let copied = Kept::import(&dir, &from).map_err(Trouble::usage)?;
                // As a gateway would, so that what it finds is known now.
                let store = Kept::open(&dir).map_err(Trouble::usage)?;
                let report = store.verify().map_err(Trouble::usage)?;
                told(&copied, "imported", &from, place.format, out);
                Ok(Exit::when(report.problems.is_empty()))
            }
            Self::Compact(Compact { place }) => {
                let store = place.open()?;
                let before = size(&place.dir());
                store.compact().map_err(Trouble::usage)?;
                store.close().map_err(Trouble::usage)?;
                let after = size(&place.dir());
                match place.format {
                    Format::Json => out.json(&json!({"before": before, "after": after})),
                    Format::Human => out.line(&format!("{before} bytes before, {after} now")),
                }
                Ok(Exit::Good)
            }
        }
    }
}

fn looked_through(place: &Place, out: &mut Out) -> Outcome {
    let store = place.open()?;
    let notices = store.notices();
    let report = store.verify().map_err(Trouble::usage)?;
    let Report {
        versions,
        objects,
        events,
        problems,
    } = &report;
    match place.format {
        Format::Json => out.json(&json!({
            "versions": versions, "objects": objects, "events": events, "mended": notices, "problems": problems,
            "read_only": store.reads_only(),
        })),
        Format::Human => {
            let what = if store.reads_only() {
                out.line("read-only: the disk takes no writes, so nothing is mended");
                "found"
            } else {
                "mended"
            };
            for notice in &notices {
                out.line(&format!("{what}: {notice}"));
            }
            for problem in problems {
                out.line(&format!("wrong: {problem}"));
            }
            let verdict = if problems.is_empty() { "all is well" } else { "not all is well" };
            out.line(&format!("{versions} versions, {objects} files, {events} events: {verdict}"));
            if !problems.is_empty() {
                let backups = place.dir().join("backups");
                out.line(&format!("the copies in `{}` can be imported into another data folder", backups.display()));
            }
        }
    }
    Ok(Exit::when(problems.is_empty()))
}

fn told(copied: &Copied, what: &str, file: &Path, format: Format, out: &mut Out) {
    let Copied { events, bytes } = copied;
    match format {
        Format::Json => out.json(&json!({"events": events, "bytes": bytes, "file": file})),
        Format::Human => out.line(&format!(
            "{what} {events} events, {bytes} bytes: `{}`",
            file.display()
        )),
    }
}

/// Bytes of all files in a folder.
fn size(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(about) if about.is_dir() => size(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
