//! `mux serve --policies git+…`: a branch that is followed, and the mistakes people make with one.

use super::home::{Gateway, Home, mock};
use super::http::chat;
use super::policy::{bundle, only, openai};
use super::process::Process;
use super::repository::git;
use mux_mock::Mock;
use serde_json::{Value, json};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A repository with policies in `ops/policies`.
struct Repository(TempDir);

impl Repository {
    fn new(text: &str) -> Self {
        let repository = Self(tempfile::tempdir().unwrap());
        fs::create_dir(repository.path()).unwrap();
        git(
            &repository.path(),
            &["init", "--quiet", "--initial-branch", "main"],
        );
        repository.commit(text, "the first");
        repository
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("policies.git")
    }

    fn commit(&self, text: &str, why: &str) -> String {
        let folder = self.path().join("ops/policies");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("main.mux"), text).unwrap();
        git(&self.path(), &["add", "--all"]);
        git(&self.path(), &["commit", "--quiet", "--message", why]);
        git(&self.path(), &["rev-parse", "HEAD"])
    }

    fn branch(&self) -> String {
        format!("git+{}#main:ops/policies", self.path().display())
    }
}

fn text(provider: &Mock, n: usize) -> String {
    bundle(&[
        openai("a", provider.addr),
        only("chat", "a/m"),
        format!("# {n}\n"),
    ])
}

async fn head(gateway: &Gateway) -> Value {
    gateway.admin("/versions").await["versions"][0].clone()
}

#[tokio::test]
async fn a_branch_is_followed_commit_by_commit_and_a_bad_one_is_refused_visibly() {
    let a = mock("a").await;
    let repository = Repository::new(&text(&a, 1));
    let home = Home::new("");
    // So rarely that only the change itself can tell.
    let gateway = home
        .start_on(&repository.branch(), &["--poll", "24h"])
        .await;
    let first = gateway.version().await;
    assert_eq!(
        gateway.ask(&chat("@chat")).await.header("x-mux-version"),
        first
    );
    let commit = git(&repository.path(), &["rev-parse", "HEAD"]);
    let saved = head(&gateway).await;
    assert_eq!(saved["author"], json!("Ana"));
    assert_eq!(
        saved["note"],
        json!(format!("commit {} (main): the first", &commit[..12]))
    );

    let commit = repository.commit(&text(&a, 2), "cheaper");
    let second = gateway.version_after(&first).await;
    assert!(
        head(&gateway).await["note"]
            .as_str()
            .unwrap()
            .ends_with("(main): cheaper")
    );
    assert_eq!(
        gateway.admin("/policy").await["branch"]["commit"],
        json!(commit)
    );

    repository.commit("policy @chat {\n  else use nobody/m\n}\n", "oops");
    let told = gateway
        .policy_when("the commit to be refused", |p| p["ok"] == false)
        .await;
    assert_eq!(told["live"], json!(second));
    let listed = home.run(&["versions"]).await;
    for part in ["follows `main`", ": oops", "refused", "main.mux:2"] {
        assert!(listed.out.contains(part), "{part}: {}", listed.out);
    }
    assert_eq!(
        gateway.ask(&chat("@chat")).await.header("x-mux-version"),
        second
    );

    repository.commit(&text(&a, 3), "mended");
    let third = gateway.version_after(&second).await;

    // Another branch says nothing, and rewritten history is followed all the same.
    git(
        &repository.path(),
        &["checkout", "--quiet", "-b", "feature/x"],
    );
    repository.commit(&text(&a, 4), "elsewhere");
    git(&repository.path(), &["checkout", "--quiet", "main"]);
    git(
        &repository.path(),
        &["reset", "--quiet", "--hard", "HEAD~2"],
    );
    repository.commit(&text(&a, 5), "another third");
    let followed = |v: &Value| {
        let newest = &v["versions"][0];
        let note = newest["note"].as_str().unwrap_or_default();
        note.ends_with(": another third") && v["refs"]["live"] == newest["id"]
    };
    let told = gateway
        .versions_when("the rewritten branch", followed)
        .await;
    assert_ne!(told["refs"]["live"], json!(third));

    // A start needs no repository once there was one.
    let before = gateway.version().await;
    gateway.stop().await;
    fs::rename(repository.path(), repository.path().with_extension("moved")).unwrap();
    let gateway = home.start_on(&repository.branch(), &[]).await;
    assert_eq!(gateway.version().await, before);
    let trouble = gateway
        .versions_when("the trouble", |v| v["branch"]["trouble"].is_string())
        .await;
    let trouble = trouble["branch"]["trouble"].as_str().unwrap();
    assert!(trouble.contains("there is no repository at"), "{trouble}");
}

#[tokio::test]
async fn a_branch_of_another_machine_is_asked_for_every_so_often() {
    let a = mock("a").await;
    let repository = Repository::new(&text(&a, 1));
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut daemon = Command::new("git");
    daemon
        .args([
            "daemon",
            "--export-all",
            "--reuseaddr",
            "--listen=127.0.0.1",
            "--verbose",
        ])
        .arg(format!("--port={port}"))
        .arg(format!("--base-path={}", repository.0.path().display()))
        .stdin(Stdio::null());
    let daemon = Process::start(daemon);
    daemon
        .says("that it listens", |said| {
            said.err
                .iter()
                .any(|line| line.contains("Ready to rumble"))
                .then_some(())
        })
        .await;
    let home = Home::new("");
    let branch = format!("git+git://127.0.0.1:{port}/policies.git#main:ops/policies");
    let gateway = home.start_on(&branch, &["--poll", "50ms"]).await;
    let first = gateway.version().await;
    repository.commit(&text(&a, 2), "cheaper");
    let second = gateway.version_after(&first).await;
    assert_eq!(
        gateway.ask(&chat("@chat")).await.header("x-mux-version"),
        second
    );
}

/// A server that wants to know who asks.
fn private() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut asked = [0; 4096];
            let _ = stream.read(&mut asked);
            let _ = stream.write_all(
                b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"git\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            );
        }
    });
    port
}

#[tokio::test]
async fn mistakes_with_a_branch_are_told_at_once_and_nobody_is_asked_at_a_prompt() {
    let a = mock("a").await;
    let repository = Repository::new(&text(&a, 1));
    let path = repository.path().display().to_string();
    let private = format!("git+http://ann:s3cret@127.0.0.1:{}/p.git#main", private());
    let nowhere = [("PATH", "/nowhere")];
    let plain: [(&str, &str); 0] = [];
    for (policies, environment, words) in [
        (
            format!("git+{path}#mian:ops/policies"),
            &plain[..],
            "no branch `mian`",
        ),
        (
            format!("git+{path}#mian:ops/policies"),
            &plain[..],
            "there is `main`",
        ),
        (format!("git+{path}"), &plain[..], "names no branch"),
        (
            format!("git+{path}x#main"),
            &plain[..],
            "there is no repository at",
        ),
        (private, &plain[..], "wants a credential"),
        (repository.branch(), &nowhere[..], "git is not installed"),
    ] {
        let home = Home::new("");
        let ended = home
            .start_on_in_vain(Path::new(&policies), &[], environment)
            .await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains(words), "{words}: {}", ended.err);
        assert!(!ended.err.contains("s3cret"), "{}", ended.err);
    }
    for (folder, words) in [
        ("", "name the folder they are in"),
        (":ops/none", "no folder `ops/none`"),
    ] {
        let home = Home::new("");
        let policies = format!("git+{path}#main{folder}");
        let ended = home
            .start_on_in_vain(Path::new(&policies), &[], &plain)
            .await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.err.contains(words), "{words}: {}", ended.err);
    }
}
