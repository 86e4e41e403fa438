//! What two versions of policies do differently, from a real repository and from a gateway's own versions; hashes, and
//! bundles in one file.

use super::home::{Home, mock};
use super::http::chat;
use super::policy::{bundle, chain, only, openai};
use super::process::{Ended, Process, mux, run};
use super::repository::git;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const MAIN: &str = "mux 1
include \"../fleet.mux\"
plan steady {
  fallback within 30s {
    try a/big timeout 20s
    try a/m   timeout 9s
  }
}
set blocked from \"lists/blocked.txt\"
policy @chat {
  when end_user in blocked     deny 403 \"no\"
  when tokens > 4k             use plan steady
  else                         use a/m
}
";

const FLEET: &str = "provider a {
  kind openai-compatible
  url \"http://127.0.0.1:9/v1\"
  model m { context 8k }
  model big { context 200k }
}
";

/// A repository with policies, one commit for each change.
struct Repository(TempDir);

impl Repository {
    fn new() -> Self {
        let repository = Self(tempfile::tempdir().unwrap());
        repository.git(&["init", "--quiet", "--initial-branch", "main"]);
        fs::create_dir_all(repository.path().join("ops/policies/lists")).unwrap();
        repository.write("ops/policies/main.mux", MAIN);
        repository.write("ops/fleet.mux", FLEET);
        repository.write("ops/policies/lists/blocked.txt", "eve\n");
        repository.commit();
        repository
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.path().join(path), text).unwrap();
    }

    fn edit(&self, from: &str, to: &str) {
        let path = self.path().join("ops/policies/main.mux");
        let text = fs::read_to_string(path).unwrap();
        assert!(text.contains(from), "{from}");
        self.write("ops/policies/main.mux", &text.replace(from, to));
    }

    fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "a change"]);
    }

    fn git(&self, arguments: &[&str]) {
        git(self.path(), arguments);
    }

    /// Runs `mux policy` somewhere in it.
    async fn policy(&self, folder: &str, arguments: &[&str]) -> Ended {
        let mut command = mux(&[&["policy"], arguments].concat());
        command.current_dir(self.path().join(folder));
        Process::start(command).end().await
    }
}

fn parsed(ended: &Ended) -> Value {
    serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{ended:?}"))
}

#[tokio::test]
async fn a_revision_is_compared_with_the_files_as_they_are() {
    let repository = Repository::new();
    let same = repository
        .policy("ops", &["diff", "HEAD", "--exit-code"])
        .await;
    assert_eq!((same.code, same.err.as_str()), (Some(0), ""), "{same:?}");
    assert!(same.out.contains("nothing differs"), "{}", same.out);

    repository.edit("timeout 20s", "timeout 8s");
    repository.edit("tokens > 4k", "tokens > 5k");
    let human = repository
        .policy("ops", &["diff", "HEAD", "--exit-code"])
        .await;
    assert_eq!(human.code, Some(1), "{human:?}");
    for part in [
        "@chat",
        "use plan steady -> use a/m",
        "when not (end_user in blocked) and tokens > 4k and tokens <= 5k",
        "main.mux:12 -> main.mux:13",
        "plan steady (for @chat)",
        "try a/big: timeout 20s -> 8s",
    ] {
        assert!(human.out.contains(part), "no `{part}` in\n{}", human.out);
    }
    assert!(
        !human.out.contains("given"),
        "tests are told where they are asked for"
    );
    let tests = repository.policy("ops", &["diff", "HEAD", "--tests"]).await;
    assert_eq!(
        tests.code,
        Some(0),
        "without `--exit-code` a difference is an answer like any other"
    );
    assert!(tests.out.contains("given tokens 4001"), "{}", tests.out);

    let markdown = repository
        .policy("ops", &["diff", "HEAD", "--format", "markdown"])
        .await;
    assert!(
        markdown.out.contains("#### `@chat`") && markdown.out.contains("| when | was | now |"),
        "{}",
        markdown.out
    );
}

#[tokio::test]
async fn two_revisions_are_compared_by_the_paths_of_the_repository() {
    let repository = Repository::new();
    repository.write("ops/policies/lists/blocked.txt", "eve\nmallory\n");
    repository.commit();
    let told = repository
        .policy(
            "",
            &[
                "diff",
                "HEAD~1:ops/policies",
                "HEAD:ops/policies/main.mux",
                "--format",
                "json",
            ],
        )
        .await;
    let diff = parsed(&told);
    let regions: Vec<&Value> = diff["policies"][0]["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["regions"][0]["when"])
        .collect();
    assert_eq!(
        regions,
        [
            "end_user is \"mallory\" and tokens > 4k",
            "end_user is \"mallory\" and tokens <= 4k"
        ],
        "{diff:#}"
    );
    assert_eq!((&diff["v"], &diff["same"]), (&json!(1), &json!(false)));
    assert_ne!(diff["was"]["semantic"], diff["now"]["semantic"]);
    // The same from a folder below, with paths as seen from there.
    let below = repository
        .policy(
            "ops",
            &[
                "diff",
                "HEAD~1:./policies",
                "main",
                "--policies",
                "policies",
                "--format",
                "json",
            ],
        )
        .await;
    assert_eq!(parsed(&below)["policies"], diff["policies"], "{below:?}");

    for (named, why) in [
        ("HEAD:nowhere", "there is no `nowhere`"),
        ("HEAD:ops/policies/lists", "there is no `.mux` file"),
        ("no-such-thing", "is no file, no folder, no version"),
        ("--upload-pack=x", "unexpected argument"),
    ] {
        let wrong = repository
            .policy("", &["diff", named, "HEAD:ops/policies"])
            .await;
        assert!(
            wrong.code == Some(2) && wrong.err.contains(why),
            "{named}: {wrong:?}"
        );
    }
    repository.edit("use a/m\n", "use a/n\n");
    let broken = repository.policy("ops", &["diff", "HEAD"]).await;
    assert!(
        broken.code == Some(2) && broken.err.contains("did you mean"),
        "{broken:?}"
    );
}

#[tokio::test]
async fn the_tests_that_a_difference_comes_with_hold_on_their_sides() {
    let repository = Repository::new();
    repository.edit("tokens > 4k", "tokens > 5k and not streaming");
    repository.edit("deny 403", "deny 451");
    let diff = parsed(
        &repository
            .policy("ops", &["diff", "HEAD", "--format", "json"])
            .await,
    );
    let changes = diff["policies"][0]["changes"].as_array().unwrap();
    let regions = changes
        .iter()
        .flat_map(|c| c["regions"].as_array().unwrap());
    let tests: Vec<&Value> = regions.map(|r| &r["tests"]).collect();
    assert!(tests.len() > 2, "{diff:#}");
    let write = |side: usize| {
        let blocks: Vec<&str> = tests.iter().map(|t| t[side].as_str().unwrap()).collect();
        repository.write("ops/policies/told_test.mux", &blocks.concat());
    };
    write(1);
    let now = repository.policy("ops", &["test"]).await;
    assert_eq!(now.code, Some(0), "{now:?}");
    assert!(
        now.out.contains(&format!("{} passed", tests.len())),
        "{}",
        now.out
    );
    write(0);
    repository.git(&["checkout", "--quiet", "ops/policies/main.mux"]);
    let was = repository.policy("ops", &["test"]).await;
    assert_eq!(was.code, Some(0), "{was:?}");
}

#[tokio::test]
async fn a_hash_tells_behaviour_from_writing() {
    let repository = Repository::new();
    let hash = async || {
        parsed(
            &repository
                .policy("ops", &["hash", "--format", "json"])
                .await,
        )
    };
    let first = hash().await;
    repository.edit("steady", "sturdy");
    let renamed = hash().await;
    assert_eq!(renamed["semantic"], first["semantic"]);
    assert_ne!(renamed["source"], first["source"]);
    repository.edit("> 4k", "> 5k");
    assert_ne!(hash().await["semantic"], first["semantic"]);

    let human = repository.policy("ops", &["hash", "--policies"]).await;
    let rows: Vec<Vec<&str>> = human
        .out
        .lines()
        .map(|l| l.split_whitespace().collect())
        .collect();
    let heads: Vec<&str> = rows.iter().map(|r| r[0]).collect();
    assert_eq!(heads, ["semantic", "source", "@chat"], "{}", human.out);
    assert!(
        rows.iter()
            .all(|r| r[1].len() == 12 && r[2].len() == 64 && r[2].starts_with(r[1]))
    );
    repository.edit("use a/m\n", "use a/n\n");
    assert_eq!(repository.policy("ops", &["hash"]).await.code, Some(1));
}

#[tokio::test]
async fn a_bundle_in_one_file_is_as_good_as_its_folder_until_somebody_changes_it() {
    let repository = Repository::new();
    let built = repository
        .policy("ops", &["build", "policies", "-o", "x.muxb"])
        .await;
    assert_eq!(built.code, Some(0), "{built:?}");
    assert!(built.out.contains("x.muxb: 3 files"), "{}", built.out);
    let folder = repository.policy("ops", &["hash", "policies"]).await;
    let packed = repository.policy("ops", &["hash", "x.muxb"]).await;
    assert_eq!(packed.out, folder.out, "{packed:?}");
    for arguments in [
        &["check", "x.muxb"][..],
        &["test", "x.muxb"],
        &["diff", "x.muxb", "policies", "--exit-code"],
    ] {
        let ended = repository.policy("ops", arguments).await;
        assert_eq!(ended.code, Some(0), "{arguments:?} {ended:?}");
    }

    let path = repository.path().join("ops/x.muxb");
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(8).position(|w| w == b"deny 403").unwrap();
    bytes[at + 5] = b'5';
    fs::write(&path, bytes).unwrap();
    let changed = repository.policy("ops", &["check", "x.muxb"]).await;
    assert!(
        changed.code == Some(2) && changed.err.contains("changed or damaged"),
        "{changed:?}"
    );
    repository.edit("use a/m\n", "use a/n\n");
    let broken = repository.policy("ops", &["build", "-o", "y.muxb"]).await;
    assert!(
        broken.code == Some(1) && !repository.path().join("ops/y.muxb").exists(),
        "{broken:?}"
    );
}

#[tokio::test]
async fn versions_of_a_gateway_are_compared_while_it_runs_and_after() {
    let a = mock("a").await;
    let text = |limit: &str| {
        bundle(&[
            openai("a", a.addr),
            chain("chat", &[&format!("a/m timeout {limit}")]),
            only("other", "a/m"),
        ])
    };
    let home = Home::new(&text("9s"));
    let gateway = home.start().await;
    let first = gateway.version().await;
    home.save(&format!("# only a comment\n{}", text("9s")));
    let second = gateway.version_after(&first).await;
    home.save(&text("5s"));
    let third = gateway.version_after(&second).await;
    for _ in 0..3 {
        assert_eq!(gateway.ask(&chat("@chat")).await.status, 200);
    }
    assert_eq!(gateway.ask(&chat("@other")).await.status, 200);

    let listed = parsed(&home.run(&["versions", "--format", "json"]).await);
    let semantics: Vec<&str> = listed["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v["semantic"].as_str().unwrap())
        .collect();
    assert_eq!(
        semantics[1], semantics[2],
        "a comment is another version that does the same"
    );
    assert_ne!(semantics[0], semantics[1]);
    assert_eq!(gateway.admin("/policy").await["semantic"], semantics[0]);
    let table = home.run(&["versions"]).await.out;
    assert!(
        table.lines().nth(1).unwrap().contains(&semantics[0][..12]),
        "{table}"
    );

    let online = home.run(&["policy", "diff", &first[..12], &third]).await;
    assert_eq!(online.code, Some(0), "{online:?}");
    assert!(online.out.contains("timeout 9s -> 5s"), "{}", online.out);
    let same = home
        .run(&["policy", "diff", &first, &second, "--exit-code"])
        .await;
    assert!(
        same.code == Some(0) && same.out.contains("nothing differs"),
        "{same:?}"
    );
    assert_eq!(gateway.stop().await.code, Some(0));
    let offline = home.run(&["policy", "diff", &first[..12], &third]).await;
    assert_eq!(offline.out, online.out, "{offline:?}");

    let recordings = home.data().join("recordings");
    let recordings = recordings.to_str().unwrap();
    let counted = home
        .run(&["policy", "diff", &first, &third, "--traffic", recordings])
        .await;
    assert!(
        counted
            .out
            .contains("of 4 recorded requests, 3 are treated differently (75.00%)"),
        "{counted:?}"
    );
    let nothing = tempfile::tempdir().unwrap();
    let none = run(&[
        "policy",
        "diff",
        home.policies().to_str().unwrap(),
        home.policies().to_str().unwrap(),
        "--traffic",
        nothing.path().to_str().unwrap(),
    ])
    .await;
    assert!(
        none.code == Some(2) && none.err.contains("holds no recorded traffic"),
        "{none:?}"
    );
}
