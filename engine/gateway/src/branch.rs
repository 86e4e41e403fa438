//! Policies on a branch of a git repository: fetched by running git, read from its objects, never checked out.
//!
//! A bare repository in the data folder holds what was fetched last, so that a start needs no network. Git never asks
//! anybody anything: where it would, that is an error which says so.

mod follow;

use crate::clock::unix_ms;
pub use follow::Follower;
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What names a branch in the place of a folder begins like this.
const SCHEME: &str = "git+";
/// Where the fetched commit is kept.
const KEPT: &str = "refs/mux/followed";
/// Longest that git may take to hear from another machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often it is looked whether it is over.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Bytes that are read of a file, or of what git says: more than the compiler takes, so that it says so.
const LARGEST: u64 = (1 << 20) + 1;
/// Branches that are named at most where one is missing.
const NAMED: usize = 8;

/// A branch of a repository, and the folder in it.
#[derive(Debug)]
pub struct Branch {
    url: String,
    /// The repository's folder, where it is on this machine.
    local: Option<PathBuf>,
    name: String,
    /// In the repository; empty is its top.
    folder: String,
    /// The bare repository that holds what was fetched.
    kept: PathBuf,
    /// Longest that git may take to hear from where the repository is.
    patience: Duration,
    state: Mutex<State>,
}

#[derive(Clone, Debug, Default)]
struct State {
    commit: Option<Commit>,
    fetched_unix_ms: Option<i64>,
    trouble: Option<String>,
}

/// What is known of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: String,
    /// Who made it.
    pub author: String,
    /// The first line of its message.
    pub subject: String,
}

/// A branch that is followed, for operators.
#[derive(Clone, Debug, Serialize)]
pub struct Following {
    /// Where the repository is, without credentials.
    pub url: String,
    /// The branch.
    pub branch: String,
    /// The folder in it; empty is its top.
    pub folder: String,
    /// The commit that was fetched last.
    pub commit: Option<String>,
    /// The first line of its message.
    pub subject: Option<String>,
    /// When it was last asked for with success, unix milliseconds.
    pub fetched_unix_ms: Option<i64>,
    /// Why it cannot be asked for now.
    pub trouble: Option<String>,
}

impl Branch {
    /// The branch that `git+URL#BRANCH` or `git+URL#BRANCH:FOLDER` names; `None` where the text is a path.
    ///
    /// # Errors
    /// It names no branch.
    pub fn parse(text: &str, data: &Path) -> Result<Option<Self>, String> {
        let Some(rest) = text.strip_prefix(SCHEME) else {
            return Ok(None);
        };
        let shown = redacted(text, rest);
        if torn(rest).is_some() {
            return Err(format!(
                "`{shown}` has a credential with a `/` or `#` in it, which end a host: write `%2F` and `%23`, or give git the credential by a helper"
            ));
        }
        let (url, place) = rest.rsplit_once('#').unwrap_or((rest, ""));
        let (name, folder) = place.split_once(':').unwrap_or((place, ""));
        if url.is_empty() || name.is_empty() {
            return Err(format!(
                "`{shown}` names no branch: write `git+URL#BRANCH`, or `git+URL#BRANCH:FOLDER` where the policies are in a folder"
            ));
        }
        if url.starts_with('-') || name.starts_with('-') {
            return Err(format!("`{shown}` is no repository: it begins with a dash"));
        }
        let local = local(url);
        let url = local.as_ref().map_or_else(
            || url.to_owned(),
            |path| path.to_string_lossy().into_owned(),
        );
        let hash = blake3::hash(format!("{url}#{name}").as_bytes()).to_hex();
        let short: String = hash.chars().take(16).collect();
        let data = std::path::absolute(data).map_err(|e| format!("`{}`: {e}", data.display()))?;
        let branch = Self {
            url,
            local,
            name: name.to_owned(),
            folder: folder.trim_matches('/').to_owned(),
            kept: data.join("git").join(short),
            patience: PATIENCE,
            state: Mutex::default(),
        };
        branch.lock().commit = branch.last();
        Ok(Some(branch))
    }

    /// As given, without credentials.
    #[must_use]
    pub fn shown(&self) -> String {
        let folder = if self.folder.is_empty() { "" } else { ":" };
        let text = format!("{SCHEME}{}#{}{folder}{}", self.url, self.name, self.folder);
        redacted(&text, &self.url)
    }

    /// What operators are told.
    #[must_use]
    pub fn following(&self) -> Following {
        let state = self.lock().clone();
        let (commit, subject) = state.commit.map(|c| (c.id, c.subject)).unzip();
        Following {
            url: redacted(&self.url, &self.url),
            branch: self.name.clone(),
            folder: self.folder.clone(),
            commit,
            subject,
            fetched_unix_ms: state.fetched_unix_ms,
            trouble: state.trouble,
        }
    }

    /// The branch as it was fetched last.
    ///
    /// # Errors
    /// It never was.
    pub fn now(&self) -> Result<Snapshot, String> {
        let state = self.lock();
        let commit = state.commit.clone().ok_or_else(|| {
            let why = state.trouble.as_deref().unwrap_or("it was not fetched yet");
            format!("nothing is known of `{}`: {why}", self.shown())
        })?;
        Ok(Snapshot {
            repository: self.kept.clone(),
            commit,
            branch: self.name.clone(),
            folder: self.folder.clone(),
        })
    }

    /// Asks the repository for the branch as it is; whether anything about it is other than before.
    ///
    /// # Errors
    /// Why it cannot be had; what was fetched before stays.
    pub fn fetch(&self) -> Result<bool, String> {
        let fetched = self.fetched();
        let mut state = self.lock();
        match fetched {
            Ok(commit) => {
                let other = state.trouble.is_some() || state.commit.as_ref() != Some(&commit);
                *state = State {
                    commit: Some(commit),
                    fetched_unix_ms: Some(unix_ms()),
                    trouble: None,
                };
                Ok(other)
            }
            Err(why) => {
                state.trouble = Some(why.clone());
                Err(why)
            }
        }
    }

    fn fetched(&self) -> Result<Commit, String> {
        if !self.kept.join("HEAD").exists() {
            let why = |e: io::Error| format!("cannot make `{}`: {e}", self.kept.display());
            std::fs::create_dir_all(&self.kept).map_err(why)?;
            said(git(&self.kept).args(["init", "--bare", "--quiet"]))?;
        }
        let spec = format!("+refs/heads/{}:{KEPT}", self.name);
        let mut fetch = self.remote();
        fetch.args(["fetch", "--quiet", "--force", "--no-tags", "--depth=1"]);
        fetch.args([
            "--no-write-fetch-head",
            "--end-of-options",
            &self.url,
            &spec,
        ]);
        in_time(&mut fetch, self.patience).map_err(|why| self.explained(&why))?;
        self.last()
            .ok_or_else(|| format!("`{}` was fetched and cannot be read", self.shown()))
    }

    /// Git, told how to reach other machines.
    fn remote(&self) -> Command {
        let mut git = git(&self.kept);
        git.args(["-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=30"]);
        if batch(&self.kept) {
            git.env(
                "GIT_SSH_COMMAND",
                "ssh -o BatchMode=yes -o ConnectTimeout=10",
            );
        }
        git
    }

    /// The commit that is kept.
    fn last(&self) -> Option<Commit> {
        let mut log = git(&self.kept);
        log.args(["log", "-1", "--format=%H%x00%an%x00%s", KEPT, "--"]);
        let told = said(&mut log).ok()?;
        let mut parts = told.trim_end().split('\0').map(str::to_owned);
        Some(Commit {
            id: parts.next().filter(|id| !id.is_empty())?,
            author: parts.next()?,
            subject: parts.next()?,
        })
    }

    /// What git said, and what to do about it.
    fn explained(&self, why: &str) -> String {
        let shown = redacted(&self.url, &self.url);
        // Before anything is left out: what is secret may be part of what git says.
        let says = |words: &[&str]| words.iter().any(|word| why.contains(word));
        let why = redacted(why, &self.url);
        if says(&["couldn't find remote ref", "could not find remote ref"]) {
            return format!(
                "there is no branch `{}` in `{shown}`{}",
                self.name,
                self.others()
            );
        }
        if says(&[
            "could not read Username",
            "could not read Password",
            "terminal prompts disabled",
            "Authentication failed",
            "Permission denied (",
            "Host key verification failed",
            "returned error: 401",
            "returned error: 403",
        ]) {
            return format!(
                "`{shown}` wants a credential, and mux asks nobody at a prompt: give git one by a credential helper, \
                 `GIT_ASKPASS` or a key of ssh, of whoever runs mux; git said: {why}"
            );
        }
        if says(&[
            "does not appear to be a git repository",
            "not found",
            "No such file",
            "does not exist",
        ]) {
            return format!(
                "there is no repository at `{shown}`, or it is hidden from whoever runs mux; git said: {why}"
            );
        }
        format!("`{shown}` cannot be fetched; git said: {why}")
    }

    /// The branches there are, for whom one is missing.
    fn others(&self) -> String {
        let mut list = self.remote();
        list.args(["ls-remote", "--heads", "--end-of-options", &self.url]);
        let told = match in_time(&mut list, self.patience) {
            Ok(told) => told,
            Err(why) => {
                let why = redacted(&why, &self.url);
                return format!("; which ones there are cannot be told: {why}");
            }
        };
        let names = told
            .lines()
            .filter_map(|line| line.split_once("refs/heads/"));
        let names: Vec<&str> = names.map(|(_, name)| name).take(NAMED).collect();
        if names.is_empty() {
            return "; it has no branch yet".to_owned();
        }
        format!("; there is `{}`", names.join("`, `"))
    }

    /// The files that change when the branch does, where the repository is on this machine.
    fn files(&self) -> BTreeSet<PathBuf> {
        let dir = self.local.as_ref().and_then(|local| {
            let mut asked = git(&self.kept);
            asked.env_remove("GIT_DIR").arg("-C").arg(local);
            asked.args(["rev-parse", "--path-format=absolute", "--git-common-dir"]);
            said(&mut asked).ok()
        });
        let Some(dir) = dir.map(|dir| PathBuf::from(dir.trim_end())) else {
            return BTreeSet::new();
        };
        let heads = dir.join("refs/heads");
        let own = heads.join(&self.name);
        // A branch with a slash in its name has folders of its own, which may not be there yet.
        let folders = own.ancestors().take_while(|path| *path != heads);
        let files = folders.map(Path::to_path_buf);
        files
            .chain([dir.join("packed-refs"), dir.join("reftable/tables.list")])
            .collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A branch as it was at a moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    repository: PathBuf,
    commit: Commit,
    branch: String,
    folder: String,
}

impl Snapshot {
    /// Its commit.
    #[must_use]
    pub fn commit(&self) -> &Commit {
        &self.commit
    }

    /// The commit in a few words, for the note of a version.
    #[must_use]
    pub fn note(&self) -> String {
        let short: String = self.commit.id.chars().take(12).collect();
        format!("commit {short} ({}): {}", self.branch, self.commit.subject)
    }

    /// Names of the root files, relative to its folder, in order.
    ///
    /// # Errors
    /// There is no such folder, or no policy in it.
    pub fn roots(&self) -> Result<Vec<String>, String> {
        let object = format!("{}:{}", self.commit.id, self.folder);
        let mut list = git(&self.repository);
        list.args(["ls-tree", "--full-tree", "-z", "--name-only", &object]);
        let listed = said(&mut list).map_err(|_| {
            format!(
                "there is no folder `{}` on the branch `{}`",
                self.folder, self.branch
            )
        })?;
        let names = listed.split('\0').filter(|name| !name.is_empty());
        let policies = |name: &&str| {
            Path::new(name).extension().is_some_and(|e| e == "mux") && !name.starts_with('.')
        };
        let mut roots: Vec<String> = names.filter(policies).map(str::to_owned).collect();
        roots.sort();
        if roots.is_empty() {
            let place = if self.folder.is_empty() {
                "at the top"
            } else {
                self.folder.as_str()
            };
            return Err(format!(
                "there is no `.mux` file {place} of the branch `{0}`; name the folder they are in: `#{0}:FOLDER`",
                self.branch
            ));
        }
        Ok(roots)
    }

    /// Reads one file, named relative to its folder.
    ///
    /// # Errors
    /// In words for a diagnostic.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        let object = format!("{}:{}", self.commit.id, beside(&self.folder, name));
        let mut show = git(&self.repository);
        show.args(["cat-file", "blob", &object]);
        let mut child = show
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| unrunnable(&e))?;
        let mut bytes = Vec::new();
        if let Some(out) = child.stdout.take() {
            out.take(LARGEST)
                .read_to_end(&mut bytes)
                .map_err(|e| e.to_string())?;
        }
        let ended = child.wait().map_err(|e| e.to_string())?;
        // One that is cut off here ends by a closed pipe; the compiler says that it is too large.
        if ended.success() || bytes.len() as u64 == LARGEST {
            Ok(bytes)
        } else {
            Err("no such file in this commit".to_owned())
        }
    }
}

/// A path of a repository, without `..` where it only undoes the part before it.
#[must_use]
pub fn beside(folder: &str, name: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(name.split('/')) {
        match part {
            "" => {}
            "." if !parts.is_empty() => {}
            ".." if parts.last().is_some_and(|p| !matches!(*p, "." | "..")) => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts.join("/")
}

/// A path of this machine, absolute; `None` for what is somewhere else.
fn local(url: &str) -> Option<PathBuf> {
    if let Some(path) = url.strip_prefix("file://") {
        return Some(PathBuf::from(path));
    }
    // `host:path` is a place of ssh.
    let remote = url.contains("://")
        || url
            .split('/')
            .next()
            .is_some_and(|first| first.contains(':'));
    if remote {
        None
    } else {
        std::path::absolute(url).ok()
    }
}

/// The user and the password of a URL, where they hold what ends a host: everything before the last `@`.
fn torn(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let host = rest.split(['/', '#']).next()?;
    // The colons of an address in brackets are its own.
    let address = host.strip_prefix('[').and_then(|host| host.split_once(']'));
    let (_, port) = address.map_or(host, |(_, rest)| rest).split_once(':')?;
    let torn = !host.contains('@') && !port.bytes().all(|byte| byte.is_ascii_digit());
    rest.rsplit_once('@').filter(|_| torn).map(|(user, _)| user)
}

/// Text without the credential of a URL: its password, and where there is none its user, unless that is a login of ssh.
fn redacted(text: &str, url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let host = rest.split(['/', '#']).next().unwrap_or_default();
    let user = torn(url).or_else(|| host.rsplit_once('@').map(|(user, _)| user));
    let Some(user) = user.filter(|user| !user.is_empty()) else {
        return text.to_owned();
    };
    let secret = match user.split_once(':') {
        Some((_, password)) => password,
        None if scheme.starts_with("http") => user,
        None => return text.to_owned(),
    };
    let text = text.replace(&format!("{user}@"), "");
    if secret.is_empty() {
        text
    } else {
        text.replace(secret, "…")
    }
}

/// Git on a repository, which asks nobody anything and says it in English.
fn git(repository: &Path) -> Command {
    let mut git = Command::new("git");
    for of_others in [
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "SSH_ASKPASS",
    ] {
        git.env_remove(of_others);
    }
    git.env("GIT_DIR", repository)
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GCM_INTERACTIVE", "never")
        .env("SSH_ASKPASS_REQUIRE", "never")
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    git
}

/// Whether nobody has said how ssh is to be run, so that it may be told to ask nobody.
fn batch(repository: &Path) -> bool {
    let said_how = ["GIT_SSH_COMMAND", "GIT_SSH"]
        .iter()
        .any(|name| std::env::var_os(name).is_some());
    let mut config = git(repository);
    config.args(["config", "--get", "core.sshCommand"]);
    !said_how && said(&mut config).is_err()
}

/// What git says, or its own words about what went wrong.
fn said(git: &mut Command) -> Result<String, String> {
    told(git.output().map_err(|e| unrunnable(&e))?)
}

/// The same, for so long at most.
fn in_time(git: &mut Command, patience: Duration) -> Result<String, String> {
    let begun = Instant::now();
    let child = git.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|e| unrunnable(&e))?;
    // Read while it runs, or it would wait for somebody who does.
    let pipes = (heard(child.stdout.take()), heard(child.stderr.take()));
    let late = || format!("it took longer than {} s", patience.as_secs());
    let status = loop {
        match child.try_wait().map_err(|e| e.to_string())? {
            Some(status) => break status,
            None if begun.elapsed() > patience => {
                // It may have ended in this moment.
                let _ = child.kill();
                let _ = child.wait();
                return Err(late());
            }
            None => std::thread::sleep(LOOK_EVERY),
        }
    };
    // What it has started and left behind may hold a pipe open: the one that says nothing more is not waited for.
    let rest = || patience.saturating_sub(begun.elapsed()).max(LOOK_EVERY);
    let read = |pipe: Receiver<Vec<u8>>| pipe.recv_timeout(rest()).map_err(|_| late());
    let (stdout, stderr) = if status.success() {
        (read(pipes.0)?, Vec::new())
    } else {
        (Vec::new(), read(pipes.1)?)
    };
    told(Output {
        status,
        stdout,
        stderr,
    })
}

/// What a pipe says, once it has ended: no more than is read of anything.
fn heard(pipe: Option<impl io::Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (all, heard) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was said before an error is what there is.
            let _ = (&mut pipe).take(LARGEST).read_to_end(&mut bytes);
            let _ = io::copy(&mut pipe, &mut io::sink());
        }
        // Nobody waits any more where it took too long.
        let _ = all.send(bytes);
    });
    heard
}

fn told(output: Output) -> Result<String, String> {
    if output.status.success() {
        return String::from_utf8(output.stdout).map_err(|_| "its answer is no UTF-8".to_owned());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let lines = words.lines().map(str::trim).filter(|line| !line.is_empty());
    let told: Vec<&str> = lines.collect();
    Err(told.join("; "))
}

fn unrunnable(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound {
        "git is not installed, or not in `PATH`: mux runs it to follow a branch; install it, or serve a folder".to_owned()
    } else {
        format!("git cannot be run: {error}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::net::{SocketAddr, TcpListener};

    fn parsed(text: &str) -> Result<Option<Branch>, String> {
        Branch::parse(text, Path::new("/nowhere"))
    }

    #[test]
    fn a_branch_is_named_by_where_its_repository_is_and_a_path_is_none() {
        assert!(parsed("policies").unwrap().is_none());
        for (text, url, local, name, folder) in [
            ("git+/srv/p#main", "/srv/p", true, "main", ""),
            ("git+file:///srv/p#a/b:x/y/", "/srv/p", true, "a/b", "x/y"),
            (
                "git+https://h/p.git#main:policies",
                "https://h/p.git",
                false,
                "main",
                "policies",
            ),
            ("git+git@h:p.git#main", "git@h:p.git", false, "main", ""),
        ] {
            let branch = parsed(text).unwrap().unwrap();
            assert_eq!(
                (
                    branch.url.as_str(),
                    branch.local.is_some(),
                    branch.name.as_str(),
                    branch.folder.as_str()
                ),
                (url, local, name, folder),
                "{text}"
            );
        }
        for text in [
            "git+/srv/p",
            "git+/srv/p#",
            "git+#main",
            "git+-x#main",
            "git+/srv/p#-x",
        ] {
            assert!(parsed(text).unwrap_err().contains(text), "{text}");
        }
    }

    #[test]
    fn credentials_of_a_url_are_shown_to_nobody() {
        let text = "git+https://ann:s3cret@h/p#main";
        let branch = parsed(text).unwrap().unwrap();
        let told = [
            branch.shown(),
            branch.following().url,
            branch.explained("fatal: Authentication failed for 'https://ann:s3cret@h/p'"),
            branch.explained("fatal: it says s3cret"),
            parsed("git+https://ann:s3cret@h/p").unwrap_err(),
        ];
        for told in told {
            assert!(!told.contains("s3cret"), "{told}");
        }
        for torn in [
            "git+https://ann:s3/cret@h/p#main",
            "git+https://ann:s3#cret@h/p",
        ] {
            let why = parsed(torn).unwrap_err();
            assert!(!why.contains("s3") && why.contains("%2F"), "{why}");
        }
    }

    #[test]
    fn a_login_of_ssh_is_no_secret_and_git_is_understood_before_anything_is_left_out() {
        let branch = parsed("git+ssh://git@github.example/org/p.git#main");
        let branch = branch.unwrap().unwrap();
        assert_eq!(branch.following().url, "ssh://git@github.example/org/p.git");
        let told = branch.explained("fatal: 'x' does not appear to be a git repository");
        assert!(told.contains("there is no repository at"), "{told}");
        for port in [
            "git+ssh://h:22/p@2#main",
            "git+https://h:8443/p@2#main",
            "git+http://[::1]:3000/p.git#release@2",
            "git+http://[::1]/p@2#main",
        ] {
            assert!(parsed(port).unwrap().is_some(), "{port}");
        }
    }

    /// A server that has one branch, and whose second caller hears nothing.
    fn tongue_tied() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut callers = Vec::new();
            for caller in listener.incoming() {
                let mut caller = caller.unwrap();
                if callers.is_empty() {
                    let refs = format!("{} refs/heads/main\0\n", "1".repeat(40));
                    let line = format!("{:04x}{refs}0000", refs.len() + 4);
                    caller.write_all(line.as_bytes()).unwrap();
                }
                callers.push(caller);
            }
        });
        address
    }

    #[test]
    fn a_missing_branch_is_told_in_time_where_nobody_says_which_ones_there_are() {
        let data = tempfile::tempdir().unwrap();
        let text = format!("git+git://{}/p#mian", tongue_tied());
        let mut branch = Branch::parse(&text, data.path()).unwrap().unwrap();
        branch.patience = Duration::from_secs(2);
        let why = branch.fetch().unwrap_err();
        assert!(
            why.contains("there is no branch `mian`") && why.contains("it took longer than 2 s"),
            "{why}"
        );
    }

    #[test]
    fn however_much_git_says_it_is_heard_to_the_end() {
        let mut loud = Command::new("sh");
        loud.args(["-c", "seq 100000; seq 100000 >&2"]);
        let said = in_time(&mut loud, PATIENCE).unwrap();
        assert!(said.ends_with("100000\n"));
    }

    #[test]
    fn what_git_leaves_behind_with_its_errors_open_is_not_waited_for() {
        let mut left = Command::new("sh");
        left.args(["-c", "exec 3<&0; cat <&3 >/dev/null & echo said"]);
        // Open until it is over, and so is what is left behind.
        left.stdin(Stdio::piped());
        let said = in_time(&mut left, Duration::from_secs(2));
        assert_eq!(said.as_deref(), Ok("said\n"));
    }

    #[test]
    fn paths_are_those_of_the_repository() {
        for (folder, name, path) in [
            ("policies", "main.mux", "policies/main.mux"),
            ("", "main.mux", "main.mux"),
            ("a/b", "../c/d.mux", "a/c/d.mux"),
            ("./policies", "lists/x.txt", "./policies/lists/x.txt"),
            ("./policies", "../x.txt", "./x.txt"),
        ] {
            assert_eq!(beside(folder, name), path);
        }
    }
}
