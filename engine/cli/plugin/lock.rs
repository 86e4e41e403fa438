//! `mux plugin lock`: approve the adapters of a folder as they are.

use crate::ending::{Exit, Outcome, Trouble};
use crate::out::{Format, Out, columns};
use clap::Args;
use mux_plugins::{Host, Limits, Lock as Approved, Locked};
use std::path::{Path, PathBuf};

/// Approve the adapters of a folder as they are, for `mux serve --plugin-trust pinned`
#[derive(Debug, Args)]
pub(crate) struct Lock {
    /// The plugin folder [default: `plugins` in the data folder]
    #[arg(long)]
    plugins: Option<PathBuf>,
    /// Where the gateway keeps its data
    #[arg(long, env = "MUX_DATA", default_value = ".mux")]
    data: PathBuf,
    /// The lock to write [default: `plugins.lock` in the data folder]
    #[arg(long = "lock", value_name = "FILE")]
    file: Option<PathBuf>,
    /// Leave approved what was, of files that are still there: a gateway may go back to it
    #[arg(long)]
    keep: bool,
    /// How to write the result
    #[arg(long, default_value = "human")]
    format: Format,
}

impl Lock {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let folder = self.plugins.unwrap_or_else(|| self.data.join("plugins"));
        let lock = self.file.unwrap_or_else(|| default_lock(&self.data));
        let mut locked = Vec::new();
        let mut bad = false;
        let host = Host::new(Limits::default()).map_err(Trouble::internal)?;
        for path in components(&folder)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let bytes = std::fs::read(&path).map_err(|error| error.to_string());
            let loaded =
                bytes.and_then(|bytes| host.load(&name, &bytes).map_err(|error| error.to_string()));
            match loaded {
                Ok(plugin) => locked.push(Locked::of(&name, &plugin)),
                Err(why) => {
                    bad = true;
                    out.error(&format!("mux: `{}`: {why}", path.display()));
                }
            }
        }
        if bad {
            out.error(&format!(
                "mux: `{}` is left as it is: mend or remove what does not load",
                lock.display()
            ));
            return Ok(Exit::No);
        }
        // None yet, or one that is damaged: all is new.
        let before = Approved::read(&lock).map_or(Vec::new(), |lock| lock.plugins);
        if self.keep {
            let still_there = |known: &&Locked| locked.iter().any(|now| now.file == known.file);
            let kept: Vec<Locked> = before.iter().filter(still_there).cloned().collect();
            locked.extend(kept);
        }
        let now = Approved::new(locked);
        now.write(&lock)
            .map_err(|error| Trouble::usage(format!("`{}`: {error}", lock.display())))?;
        match self.format {
            Format::Json => out.json(&now),
            Format::Human => out.line(&shown(&now.plugins, &before, &lock)),
        }
        Ok(Exit::Good)
    }
}

/// The lock of a data folder.
pub(crate) fn default_lock(data: &Path) -> PathBuf {
    data.join("plugins.lock")
}

fn components(folder: &Path) -> Result<Vec<PathBuf>, Trouble> {
    let entries = std::fs::read_dir(folder)
        .map_err(|error| Trouble::usage(format!("`{}`: {error}", folder.display())))?;
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    let mut found: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "wasm"))
        .collect();
    found.sort();
    Ok(found)
}

/// What is approved now, and what of it was not before.
fn shown(now: &[Locked], before: &[Locked], lock: &Path) -> String {
    let mut rows = vec![
        ["file", "id", "version", "hash", "asks", ""]
            .map(str::to_owned)
            .to_vec(),
    ];
    for plugin in now {
        let mut known = before.iter().filter(|known| known.file == plugin.file);
        let news = match known.next() {
            None => "new",
            Some(first) if first == plugin || known.any(|known| known == plugin) => "",
            Some(_) => "changed",
        };
        rows.push(vec![
            plugin.file.clone(),
            plugin.id.clone(),
            plugin.version.clone(),
            plugin.blake3.chars().take(12).collect(),
            plugin.upstreams.join(", "),
            news.to_owned(),
        ]);
    }
    let gone = before
        .iter()
        .filter(|known| now.iter().all(|plugin| plugin.file != known.file));
    rows.extend(gone.map(|known| {
        let mut row = vec![known.file.clone(), known.id.clone()];
        row.extend(["", "", "", "not approved any more"].map(str::to_owned));
        row
    }));
    format!("{}\nwritten to {}", columns(&rows), lock.display())
}
