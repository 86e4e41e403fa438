//! Which commit of git a folder stands on, read from the files of the repository: a save never waits for a process.

use std::fs;
use std::path::{Path, PathBuf};

/// The branch, where one is checked out, and the commit of the repository around `path`; `None` where there is none.
#[must_use]
pub(crate) fn around(path: &Path) -> Option<(Option<String>, String)> {
    let path = fs::canonicalize(path).ok()?;
    let git = path
        .ancestors()
        .map(|dir| dir.join(".git"))
        .find(|git| git.exists())?;
    let git = opened(git)?;
    let head = fs::read_to_string(git.join("HEAD")).ok()?;
    let Some(name) = head.trim().strip_prefix("ref: ") else {
        return Some((None, id(&head)?));
    };
    let branch = name.strip_prefix("refs/heads/").unwrap_or(name).to_owned();
    Some((Some(branch), resolved(&git, name)?))
}

/// The folder of a repository; where it is a file, it names the folder of a worktree.
fn opened(git: PathBuf) -> Option<PathBuf> {
    if git.is_dir() {
        return Some(git);
    }
    let text = fs::read_to_string(&git).ok()?;
    Some(git.parent()?.join(text.trim().strip_prefix("gitdir: ")?))
}

fn resolved(git: &Path, name: &str) -> Option<String> {
    let loose = |dir: &Path| id(&fs::read_to_string(dir.join(name)).ok()?);
    // Worktrees share the branches of the repository they belong to.
    let common = fs::read_to_string(git.join("commondir")).ok();
    let common = common.map_or_else(|| git.to_owned(), |dir| git.join(dir.trim()));
    loose(git).or_else(|| loose(&common)).or_else(|| {
        let packed = fs::read_to_string(common.join("packed-refs")).ok()?;
        let line = packed
            .lines()
            .find(|line| line.split_once(' ').is_some_and(|(_, of)| of == name))?;
        id(line.split_once(' ')?.0)
    })
}

fn id(text: &str) -> Option<String> {
    let text = text.trim();
    let good = matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
    good.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commit_is_found_loose_packed_detached_and_in_a_worktree() {
        let dir = tempfile::tempdir().unwrap();
        let (git, policies) = (dir.path().join(".git"), dir.path().join("a/policies"));
        fs::create_dir_all(git.join("refs/heads")).unwrap();
        fs::create_dir_all(&policies).unwrap();
        assert_eq!(around(&policies), None);
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        assert_eq!(around(&policies), None);
        fs::write(
            git.join("packed-refs"),
            format!("# pack-refs\n{one} refs/heads/main\n"),
        )
        .unwrap();
        let on = |branch: &str, commit: &str| Some((Some(branch.to_owned()), commit.to_owned()));
        assert_eq!(around(&policies), on("main", &one));
        fs::write(git.join("refs/heads/main"), format!("{two}\n")).unwrap();
        assert_eq!(around(&policies), on("main", &two));
        let tree = dir.path().join("tree");
        fs::create_dir_all(git.join("worktrees/tree")).unwrap();
        fs::create_dir(&tree).unwrap();
        fs::write(
            tree.join(".git"),
            format!("gitdir: {}\n", git.join("worktrees/tree").display()),
        )
        .unwrap();
        fs::write(git.join("worktrees/tree/commondir"), "../..\n").unwrap();
        fs::write(git.join("worktrees/tree/HEAD"), "ref: refs/heads/main\n").unwrap();
        assert_eq!(around(&tree), on("main", &two));
        fs::write(git.join("HEAD"), format!("{one}\n")).unwrap();
        assert_eq!(around(&policies), Some((None, one)));
    }
}
