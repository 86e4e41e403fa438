//! A long replay that is interrupted, and goes on.

use super::policy::chain;
use super::process::{Process, Said, mux};
use super::replay::{changed, policy, recorded, test};
use rustix::process::Signal;
use std::path::PathBuf;

#[tokio::test]
async fn a_replay_that_is_killed_goes_on_where_it_was_and_ends_the_same() {
    let (home, traffic) = recorded().await;
    // Two thousand requests, of those that were recorded.
    let records = home.records();
    let mut lines = String::new();
    for n in 0..100 {
        for record in &records {
            let mut record = record.clone();
            record.id = format!("{}-{n}", record.id);
            record.at += n * 1_000;
            lines.push_str(&serde_json::to_string(&record).unwrap());
            lines.push('\n');
        }
    }
    std::fs::remove_dir_all(&traffic).unwrap();
    std::fs::create_dir(&traffic).unwrap();
    let (first, second) = lines.split_at(lines[..lines.len() / 3].rfind('\n').unwrap() + 1);
    for (name, lines) in [("1.jsonl", first), ("2.jsonl", second)] {
        std::fs::write(PathBuf::from(&traffic).join(name), lines).unwrap();
    }
    policy(
        &home,
        "policy @chat",
        &chain("chat", &["b/m timeout 5s", "a/m timeout 5s"]),
    );
    let before = changed(&home);
    let (policies, data) = (home.policies(), home.data());
    for mode in ["simulated", "decisions"] {
        let file = home.policies().join(format!("../{mode}.kept"));
        let plain = [
            "--mode",
            mode,
            "--stage",
            "500",
            "--format",
            "json",
            "--by",
            "tag.team",
            "--against",
            before.to_str().unwrap(),
        ];
        let whole = test(&home, &traffic, &plain).await;
        assert_eq!(whole.code, Some(0), "{whole:?}");
        let kept = ["--resume", file.to_str().unwrap()];
        let own = [
            "policy",
            "test",
            policies.to_str().unwrap(),
            "--traffic",
            &traffic,
            "--data",
            data.to_str().unwrap(),
        ];
        let arguments = [&own[..], &plain, &kept].concat();
        let (mut killed, mut went_on) = (0, false);
        let ended = loop {
            let process = Process::start(mux(&arguments));
            let stage = |said: &Said| {
                let kept = said.err.iter().any(|l| l.contains("records are behind it"));
                let over = said.out.iter().any(|l| l.starts_with('{'));
                (kept || over).then_some(kept && !over)
            };
            if process.says("how far it is", stage).await {
                process.signal(Signal::KILL);
            }
            let ended = process.end().await;
            went_on |= ended.err.contains("going on as");
            if ended.code.is_some() {
                break ended;
            }
            killed += 1;
        };
        assert!(
            killed > 0 && went_on,
            "{mode}: killed {killed} times, {ended:?}"
        );
        assert_eq!(ended.out, whole.out, "{mode}, killed {killed} times");
        assert!(!file.exists(), "there is nothing to go on with");
    }
    let file = home.policies().join("../other.kept");
    std::fs::write(&file, "{}").unwrap();
    let wrong = test(&home, &traffic, &["--resume", file.to_str().unwrap()]).await;
    assert!(
        wrong.code == Some(2) && wrong.err.contains("remove it to begin anew"),
        "{wrong:?}"
    );
}
