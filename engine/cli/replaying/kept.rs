//! A replay that was interrupted, in a file: what it is of, how far it was, and all that is needed to go on.

use super::reading::{Files, Place};
use crate::ending::Trouble;
use mux_replay::sample::Samples;
use mux_replay::{decisions, traffic};
use mux_traffic::Record;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::fs::File;
use std::io::{BufReader, BufWriter, IsTerminal, Write, stderr};
use std::path::{Path, PathBuf};

/// Where a replay is kept, and what it is of.
#[derive(Debug)]
pub(crate) struct Keeper {
    path: PathBuf,
    of: Value,
    files: Files,
}

/// What was kept.
#[derive(Debug, Deserialize)]
pub(crate) struct Kept {
    of: Value,
    pub(crate) files: Files,
    pub(crate) at: Place,
    pub(crate) phase: Phase,
}

/// How far it was.
#[derive(Debug, Deserialize)]
pub(crate) enum Phase {
    /// Targets were looked at.
    Learning(Samples, u64),
    /// Requests were carried out; some were read and waited for their turn.
    Replaying(Samples, traffic::Kept, Vec<Record>),
    /// Requests were decided.
    Deciding(decisions::Kept),
}

/// The same as it is written.
#[derive(Debug, Serialize)]
pub(crate) enum Now<'n> {
    Learning(&'n Samples, u64),
    Replaying(&'n RawValue, Box<traffic::Kept>, Vec<&'n Record>),
    Deciding(&'n decisions::Kept),
}

#[derive(Serialize)]
struct Written<'w> {
    of: &'w Value,
    files: &'w Files,
    at: Place,
    phase: Now<'w>,
}

impl Kept {
    /// What a file holds of a replay; `None` where there is none.
    pub(crate) fn of(path: &Path, of: &Value) -> Result<Option<Self>, Trouble> {
        let wrong = |why: &dyn std::fmt::Display| {
            Trouble::usage(format!(
                "`{}` cannot be gone on with: {why}",
                path.display()
            ))
        };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(wrong(&e)),
        };
        let kept: Self = serde_json::from_reader(BufReader::new(file)).map_err(|e| {
            wrong(&format!(
                "it holds no replay ({e}); remove it to begin anew"
            ))
        })?;
        if kept.of != *of {
            return Err(wrong(
                &"it is of another replay, whose policies or options were others; remove it to begin anew",
            ));
        }
        Ok(Some(kept))
    }
}

impl Keeper {
    /// Keeps a replay of that and those files in this file.
    pub(crate) fn new(path: &Path, of: Value, files: Files) -> Self {
        Self {
            path: path.to_owned(),
            of,
            files,
        }
    }

    /// Writes how far it is, in the place of what was written before, or not at all.
    pub(crate) fn keep(&self, at: Place, phase: Now<'_>) -> Result<(), Trouble> {
        let failed = |e: std::io::Error| {
            Trouble::usage(format!("cannot write `{}`: {e}", self.path.display()))
        };
        let mut beside = self.path.clone().into_os_string();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        let mut file = BufWriter::new(File::create(&beside).map_err(failed)?);
        let written = Written {
            of: &self.of,
            files: &self.files,
            at,
            phase,
        };
        serde_json::to_writer(&mut file, &written).map_err(|e| failed(e.into()))?;
        file.flush().map_err(failed)?;
        file.get_ref().sync_all().map_err(failed)?;
        std::fs::rename(&beside, &self.path).map_err(failed)?;
        // A terminal shows how far it is as it goes.
        let mut err = stderr().lock();
        if !err.is_terminal() {
            let path = self.path.display();
            // Whoever listens no more needs no line.
            let _ = writeln!(
                err,
                "{} records are behind it, as `{path}` says",
                at.records
            );
        }
        Ok(())
    }

    /// It is over: there is nothing to go on with.
    pub(crate) fn over(&self) {
        // Where it was never written there is nothing to remove.
        let _ = std::fs::remove_file(&self.path);
    }
}
