//! `mux policy fmt`: what it writes, what it leaves alone, and how it ends.

use super::home::Home;
use super::process::{Ended, mux, run};
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Stdio;

const CROOKED: &str = "provider a { # ours\n kind openai-compatible\n url \"http://127.0.0.1:9/v1\"\n model m {context 8k}\n}\npolicy @chat{ else use a/m }";
const STRAIGHT: &str = "provider a {  # ours
  kind  openai-compatible
  url   \"http://127.0.0.1:9/v1\"
  model m { context 8k }
}

policy @chat { else use a/m }
";
const BROKEN: &str = "policy @chat {\n else use a/m\n";

/// `mux policy fmt` with a folder and options.
async fn fmt(path: &Path, options: &[&str]) -> Ended {
    let path = path.to_str().unwrap();
    run(&[&["policy", "fmt", path], options].concat()).await
}

/// The same with standard input.
fn piped(input: &str, options: &[&str]) -> (Option<i32>, String, String) {
    let mut command = mux(&["policy", "fmt", "-"]);
    let command = command.args(options).stdin(Stdio::piped());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let ended = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (ended.status.code(), text(ended.stdout), text(ended.stderr))
}

#[tokio::test]
async fn a_file_is_written_in_its_place_once_and_keeps_its_permissions() {
    let home = Home::new(CROOKED);
    let main = home.policies().join("main.mux");
    fs::set_permissions(&main, Permissions::from_mode(0o640)).unwrap();
    let list = home.policies().join("list.txt");
    fs::write(&list, "  ana\n\n\n").unwrap();

    let first = fmt(&home.policies(), &[]).await;
    assert_eq!(first.code, Some(0), "{first:?}");
    assert_eq!(first.out, format!("changed: {}", main.display()));
    assert_eq!(fs::read_to_string(&main).unwrap(), STRAIGHT);
    let mode = fs::metadata(&main).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);

    let second = fmt(&home.policies(), &[]).await;
    assert_eq!((second.code, &*second.out), (Some(0), ""));
    assert_eq!(fs::read_to_string(&list).unwrap(), "  ana\n\n\n");
    let left = fs::read_dir(home.policies()).unwrap().count();
    assert_eq!(left, 2, "nothing is left beside the files");
}

#[tokio::test]
async fn a_link_stays_a_link_and_what_it_leads_to_is_written() {
    let home = Home::new("");
    let real = home.policies().join("real.txt");
    let link = home.policies().join("link.mux");
    fs::write(&real, CROOKED).unwrap();
    symlink(&real, &link).unwrap();
    assert_eq!(fmt(&link, &[]).await.code, Some(0));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&real).unwrap(), STRAIGHT);
}

#[tokio::test]
async fn a_check_names_what_would_change_and_changes_nothing() {
    let home = Home::new(CROOKED);
    let main = home.policies().join("main.mux");
    let straight = home.policies().join("straight.mux");
    fs::write(&straight, STRAIGHT).unwrap();
    let checked = fmt(&home.policies(), &["--check"]).await;
    assert_eq!(checked.code, Some(1));
    assert_eq!(checked.out, format!("would change: {}", main.display()));
    assert_eq!(fs::read_to_string(&main).unwrap(), CROOKED);
    assert_eq!(fmt(&straight, &["--check"]).await.code, Some(0));
}

#[tokio::test]
async fn a_diff_shows_what_would_change_and_changes_nothing() {
    let home = Home::new(&STRAIGHT.replace("  kind  ", "  kind "));
    let main = home.policies().join("main.mux");
    let shown = fmt(&home.policies(), &["--diff"]).await;
    assert_eq!(shown.code, Some(0));
    let path = main.display();
    assert_eq!(
        shown.out,
        format!(
            "--- {path}\n+++ {path}\n@@ -1,5 +1,5 @@\n provider a {{  # ours\n-  kind openai-compatible\n+  kind  openai-compatible\n   url   \"http://127.0.0.1:9/v1\"\n   model m {{ context 8k }}\n }}"
        )
    );
    assert!(fs::read_to_string(&main).unwrap().contains("  kind openai"));
    assert_eq!(fmt(&main, &["--diff", "--check"]).await.code, Some(1));
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_refused_and_nothing_is_written() {
    let home = Home::new(CROOKED);
    let main = home.policies().join("main.mux");
    fs::write(home.policies().join("broken.mux"), BROKEN).unwrap();
    let refused = fmt(&home.policies(), &[]).await;
    assert_eq!((refused.code, &*refused.out), (Some(1), ""));
    assert!(
        refused.err.contains("mux::syntax::unclosed") && refused.err.contains("broken.mux:1"),
        "{}",
        refused.err
    );
    assert_eq!(fs::read_to_string(&main).unwrap(), CROOKED);

    let secret = "provider a { key \"sk-live-0123456789abcdef\" }\n";
    fs::write(home.policies().join("broken.mux"), secret).unwrap();
    let refused = fmt(&home.policies(), &["--diff"]).await;
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.err.contains("mux::secret::literal"),
        "{}",
        refused.err
    );
    assert!(
        !format!("{refused:?}").contains("0123456789"),
        "{refused:?}"
    );

    let missing = fmt(Path::new("/nowhere/at/all"), &[]).await;
    assert!(
        missing.code == Some(2) && missing.err.contains("/nowhere/at/all"),
        "{missing:?}"
    );
    fs::write(home.policies().join("broken.mux"), b"\xff\xfe").unwrap();
    assert_eq!(fmt(&home.policies(), &[]).await.code, Some(2));
}

#[test]
fn standard_input_is_written_to_standard_output() {
    let (code, out, err) = piped(CROOKED, &[]);
    assert_eq!((code, &*out, &*err), (Some(0), STRAIGHT, ""));
    let (code, out, err) = piped(BROKEN, &[]);
    assert_eq!((code, &*out), (Some(1), ""));
    assert!(err.contains("mux::syntax::unclosed"), "{err}");
    assert_eq!(piped(CROOKED, &["--check"]).0, Some(1));
    assert_eq!(piped(STRAIGHT, &["--check"]).0, Some(0));
    assert_eq!(piped("", &[]), (Some(0), String::new(), String::new()));
    assert_eq!(piped(STRAIGHT, &["more"]).0, Some(2), "`-` stands alone");
}

#[tokio::test]
async fn an_upgrade_pins_the_version_once_in_a_folder() {
    let home = Home::new("include \"fleet.mux\"\n");
    let fleet = home.policies().join("fleet.mux");
    fs::write(&fleet, STRAIGHT).unwrap();
    for _ in 0..2 {
        assert_eq!(fmt(&home.policies(), &["--upgrade"]).await.code, Some(0));
        let main = fs::read_to_string(home.policies().join("main.mux")).unwrap();
        assert_eq!(main, "mux 1\ninclude \"fleet.mux\"\n");
        assert_eq!(fs::read_to_string(&fleet).unwrap(), STRAIGHT);
    }
}

#[tokio::test]
async fn the_projects_own_policies_are_laid_out() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checked = fmt(&root.join("policies"), &["--check"]).await;
    assert_eq!((checked.code, &*checked.out), (Some(0), ""), "{checked:?}");
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let shown: Vec<&str> = readme.split("```mux\n").skip(1).collect();
    assert!(shown.len() > 1);
    for rest in shown {
        let (code, out, _) = piped(rest.split("```").next().unwrap(), &["--check", "--diff"]);
        assert_eq!((code, &*out), (Some(0), ""));
    }
}

#[tokio::test]
async fn a_check_is_told_in_the_formats_that_machines_read() {
    let home = Home::new(CROOKED);
    let told = fmt(&home.policies(), &["--check", "--format", "json"]).await;
    let json: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(told.code, Some(1), "{told:?}");
    assert_eq!(
        (&json["errors"], &json["files"][0]["changes"]),
        (&0.into(), &true.into())
    );
    let main = home.policies().join("main.mux");
    assert_eq!(fs::read_to_string(&main).unwrap(), CROOKED);
    let told = fmt(&home.policies(), &["--check", "--format", "tap"]).await;
    assert!(told.out.contains("not ok 1"), "{told:?}");

    fs::write(&main, BROKEN).unwrap();
    let told = fmt(&home.policies(), &["--check", "--format", "json"]).await;
    let json: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!((told.code, told.err.as_str()), (Some(1), ""));
    assert_eq!(json["files"][0]["readable"], false, "{json}");
    assert_ne!(json["diagnostics"], serde_json::json!([]), "{json}");

    let (code, out, _) = piped(CROOKED, &["--format", "json"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
}
