//! The walk-through of the README, run as it is written there.

use super::process::Process;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The section it is.
const TITLE: &str = "## From an idea to all of your traffic";

/// The commands of its fenced blocks.
fn script() -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).expect("a README");
    let section = readme.split(TITLE).nth(1).expect("the section is there");
    let section = section.split("\n## ").next().expect("a first part");
    let blocks = section.split("```sh\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().expect("a block"));
    blocks.collect()
}

#[tokio::test]
async fn whoever_follows_the_readme_gets_from_an_idea_to_all_of_the_traffic_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let policies = folder.path().join("policies");
    fs::create_dir(&policies).unwrap();
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    for entry in fs::read_dir(ours).unwrap().map(Result::unwrap) {
        if entry.path().is_file() {
            fs::copy(entry.path(), policies.join(entry.file_name())).unwrap();
        }
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_mux")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let script = script();
    let mut shell = Command::new("bash");
    shell
        .args(["-euxo", "pipefail", "-c", &script])
        .current_dir(folder.path())
        .env("PATH", path)
        .env("NO_COLOR", "1")
        .env_remove("MUX_DATA");
    let walked = Process::start(shell).end().await;
    assert_eq!(walked.code, Some(0), "{}\n{}", walked.out, walked.err);
    for told in [
        "6 passed, 0 failed",
        "use plan resilient -> use plan in-house",
        "50% of clients",
        "no worse",
        "live is now",
    ] {
        assert!(walked.out.contains(told), "no `{told}` in\n{}", walked.out);
    }
    // The newest first: promoted by itself, after what was done by hand.
    let rows = walked
        .out
        .lines()
        .filter(|line| line.starts_with(['4', '3', '2', '1']));
    let rows: Vec<&str> = rows.filter(|line| line.contains("Z  ")).collect();
    for (row, action) in rows.iter().zip(["promote", "canary", "draft", "save"]) {
        assert!(row.contains(action), "no `{action}` in {row}");
    }
    assert_eq!(rows.len(), 4, "{rows:#?}");
}
