//! `mux plugin build`: an adapter's folder to a component.

use crate::ending::{Exit, Outcome, Trouble};
use crate::out::Out;
use clap::Args;
use std::path::{Path, PathBuf};

/// Build an adapter's folder to a component
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The folder: of a crate, or with a `package.json` or an `adapter.c`
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// The file to write
    #[arg(long, short, value_name = "FILE.wasm")]
    out: Option<PathBuf>,
}

impl Build {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let file = built(&self.dir, self.out, out)?;
        out.line(&format!(
            "built {}; drop it into a gateway's plugin folder",
            file.display()
        ));
        Ok(Exit::Good)
    }
}

/// Builds the crate in `dir` to `file`, or to one of its name in the working folder.
pub(super) fn built(dir: &Path, file: Option<PathBuf>, out: &mut Out) -> Result<PathBuf, Trouble> {
    let dir = dir
        .canonicalize()
        .map_err(|e| Trouble::usage(format!("`{}`: {e}", dir.display())))?;
    let name = dir
        .file_name()
        .map_or_else(|| "plugin".to_owned(), |n| n.to_string_lossy().into_owned());
    let file = file.unwrap_or_else(|| PathBuf::from(format!("{name}.wasm")));
    let built = mux_plugins::build::build(&dir, &file, &mut |line| out.error(line));
    built.map_err(Trouble::usage)?;
    Ok(file)
}
