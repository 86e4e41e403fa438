//! Policies as they are in a revision of a git repository, read by running git.

use crate::bundle::{Read, compiled, forced};
use crate::ending::Trouble;
use mux_gateway::branch::beside;
use std::path::Path;
use std::process::{Command, Output};

/// The commit that a revision names, where this is a repository and there is one.
pub(super) fn commit(revision: &str) -> Option<String> {
    // A word that begins with a dash would be an option.
    if revision.starts_with('-') || revision.is_empty() {
        return None;
    }
    let spec = format!("{revision}^{{commit}}");
    let output = git(&[
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        &spec,
    ])
    .ok()?;
    let told = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| told.trim().to_owned())
}

/// Compiles a folder or a file of a commit; paths begin at the root of the repository, or, with `./`, where mux runs.
pub(super) fn read(commit: &str, path: &str) -> Result<Read, Trouble> {
    let path = path.trim_end_matches('/');
    let kind = said(&["cat-file", "-t", &format!("{commit}:{path}")])
        .map_err(|_| Trouble::usage(format!("there is no `{path}` in {}", short(commit))))?;
    let (folder, roots) = if kind.trim() == "tree" {
        (path, roots(commit, path)?)
    } else {
        let (folder, file) = path.rsplit_once('/').unwrap_or((".", path));
        let folder = if path.contains('/') { folder } else { "" };
        (folder, vec![file.to_owned()])
    };
    Ok(compiled(roots, None, forced, &mut |name| {
        let object = format!("{commit}:{}", beside(folder, name));
        let output = git(&["cat-file", "blob", &object]).map_err(|e| e.to_string())?;
        let missing = || format!("no such file in {}", short(commit));
        output
            .status
            .success()
            .then_some(output.stdout)
            .ok_or_else(missing)
    }))
}

/// The files of a folder that are a bundle together.
fn roots(commit: &str, folder: &str) -> Result<Vec<String>, Trouble> {
    let object = format!("{commit}:{folder}");
    let listed =
        said(&["ls-tree", "--full-tree", "-z", "--name-only", &object]).map_err(Trouble::usage)?;
    let mut roots: Vec<String> = listed
        .split('\0')
        .filter(|name| Path::new(name).extension().is_some_and(|e| e == "mux"))
        .filter(|name| !name.starts_with('.'))
        .map(str::to_owned)
        .collect();
    roots.sort();
    if roots.is_empty() {
        return Err(Trouble::usage(format!(
            "there is no `.mux` file in `{folder}` of {}",
            short(commit)
        )));
    }
    Ok(roots)
}

fn said(arguments: &[&str]) -> Result<String, String> {
    let output = git(arguments).map_err(|e| format!("git cannot be run: {e}"))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(format!("git: {}", why.trim()));
    }
    String::from_utf8(output.stdout).map_err(|_| "git: the answer is no UTF-8 text".to_owned())
}

fn git(arguments: &[&str]) -> std::io::Result<Output> {
    Command::new("git").args(arguments).output()
}

/// The beginning of a commit id, as people know it.
pub(super) fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}
