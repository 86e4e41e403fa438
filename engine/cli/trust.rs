//! What `mux serve` is told about which plugins to trust.

use crate::ending::Trouble;
use crate::plugin::default_lock;
use clap::{Args, ValueEnum};
use mux_plugins::Trust as Trusted;
use mux_plugins::trust::key;
use std::path::{Path, PathBuf};

/// Which plugin files may be loaded
#[derive(Debug, Args)]
pub(crate) struct Trust {
    /// Which plugin files may be loaded
    #[arg(long = "plugin-trust", value_enum, default_value = "folder")]
    mode: Mode,
    /// The lock of `--plugin-trust pinned` [default: `plugins.lock` in the data folder]
    #[arg(long = "plugin-lock", value_name = "FILE")]
    lock: Option<PathBuf>,
    /// For `--plugin-trust signed`: a public key of minisign, or a file with it; may be given several times
    #[arg(long = "plugin-key", value_name = "KEY|FILE")]
    keys: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Whatever is in the plugin folder
    Folder,
    /// What `mux plugin lock` has written down
    Pinned,
    /// What is signed with minisign, `x.wasm.minisig` beside `x.wasm`
    Signed,
}

impl Trust {
    /// For a gateway with this data folder.
    pub(crate) fn of(self, data: &Path) -> Result<Trusted, Trouble> {
        let misplaced = |option: &str, mode: &str| {
            Err(Trouble::usage(format!(
                "`{option}` says nothing without `--plugin-trust {mode}`"
            )))
        };
        if self.lock.is_some() && self.mode != Mode::Pinned {
            return misplaced("--plugin-lock", "pinned");
        }
        if !self.keys.is_empty() && self.mode != Mode::Signed {
            return misplaced("--plugin-key", "signed");
        }
        Ok(match self.mode {
            Mode::Folder => Trusted::Folder,
            Mode::Pinned => Trusted::Pinned(self.lock.unwrap_or_else(|| default_lock(data))),
            Mode::Signed if self.keys.is_empty() => {
                return Err(Trouble::usage(
                    "`--plugin-trust signed` trusts nobody without a `--plugin-key`",
                ));
            }
            Mode::Signed => {
                let keys = self.keys.iter().map(|text| key(text));
                Trusted::Signed(keys.collect::<Result<_, _>>().map_err(Trouble::Usage)?)
            }
        })
    }
}
