//! From an empty folder to an answered request, as `plugins/WRITE-A-PROVIDER.md` says it is done.

use super::home::mock_with;
use super::http::{Ask, chat, streamed};
use super::process::{Process, mux, run};
use mux_mock::Options;
use serde_json::Value;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Whose commands are followed.
const PAGE: &str = include_str!("../../plugins/WRITE-A-PROVIDER.md");

/// What stands in the page between marks of that kind.
fn blocks(kind: &str) -> Vec<&'static str> {
    let begin = format!("```{kind}\n");
    let rest = PAGE.split(begin.as_str()).skip(1);
    rest.map(|rest| rest.split("```").next().expect("an end of the block"))
        .collect()
}

/// A port nobody listens on.
fn port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// The page's commands as one script, a mark before each block; ports are those given, and all that was started ends.
fn script(language: &str, provider: u16, gateway: u16) -> String {
    let mut script = String::from("set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n");
    for (number, block) in blocks("sh").into_iter().enumerate() {
        writeln!(script, "echo '== {number}'\n{block}").expect("text grows");
        if number == 0 {
            writeln!(script, "sed -i 's/:4300/:{provider}/' parrot.mux").expect("text grows");
        }
    }
    script
        .replace(":4300", &format!(":{provider}"))
        .replace(":4000", &format!(":{gateway}"))
        .replace(&format!("s/:{provider}/"), "s/:4300/")
        .replace("new parrot", &format!("new parrot --lang {language}"))
}

fn followed(language: &str, folder: &Path) -> (bool, String, String) {
    let bin = PathBuf::from(env!("CARGO_BIN_EXE_mux"));
    let bin = bin.parent().expect("a folder").to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(bin).chain(std::env::split_paths(&path));
    // Of the environment it takes what `mux` would be given in other tests.
    let clean = mux(&[]);
    let mut bash = Command::new("bash");
    for (name, value) in clean.get_envs() {
        match value {
            Some(value) => bash.env(name, value),
            None => bash.env_remove(name),
        };
    }
    let output = bash
        .args(["-c", &script(language, port(), port())])
        .env("PATH", std::env::join_paths(paths).expect("a path"))
        .current_dir(folder)
        .output()
        .expect("bash");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (
        output.status.success(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Follows the page for an adapter in that language to an answered request. The folder it is in, and what its compiler said.
async fn walked(language: &'static str, checks: &[&str]) -> (tempfile::TempDir, String) {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().to_owned();
    let (done, out, err) = tokio::task::spawn_blocking(move || followed(language, &folder))
        .await
        .expect("the commands of the page");
    assert!(done, "{out}\n{err}");
    let said: Vec<&str> = out.split("== ").skip(1).collect();
    assert_eq!(said.len(), 5, "{out}");

    for check in checks {
        let kept = |line: &&str| line.trim_start().starts_with(check) && line.contains(" ok ");
        assert!(
            said[1].lines().any(|line| kept(&line)),
            "{check}: {}",
            said[1]
        );
    }
    let whole: Value = said[3]
        .lines()
        .filter(|line| line.starts_with('{'))
        .find_map(|line| serde_json::from_str(line).ok())
        .unwrap_or_else(|| panic!("{out}\n{err}"));
    let promised: Value = serde_json::from_str(blocks("json")[0]).expect("the page's answer");
    for (name, value) in promised.as_object().expect("an object") {
        if name != "choices" {
            assert_eq!(&whole[name], value, "{name}: {whole}");
        }
    }
    let message = |answer: &Value| answer["choices"][0]["message"]["content"].clone();
    assert_eq!(message(&whole), message(&promised), "{whole}");
    let pieces = said[4].matches("chat.completion.chunk").count();
    assert!(
        pieces >= 4 && said[4].contains("data: [DONE]"),
        "{}",
        said[4]
    );
    (home, err)
}

/// What every adapter is held to, in whichever language it is.
const KEPT: [&str; 5] = [
    "golden",
    "statelessness",
    "batches",
    "hostile input",
    "budget",
];

#[tokio::test]
async fn a_newcomer_who_follows_the_page_gets_an_answer_from_a_provider_of_their_own() {
    if mux_plugins::build::compiler().is_none() {
        eprintln!("skipped: nothing on this machine compiles to WebAssembly");
        return;
    }
    let (home, _) = walked("rust", &[&KEPT[..], &["native"]].concat()).await;

    // The same component, held to what it does not do.
    let crate_of = home.path().join("parrot");
    let fixture = crate_of.join("fixtures/hello.json");
    let text = std::fs::read_to_string(&fixture).expect("the fixture");
    std::fs::write(
        &fixture,
        text.replace("Hello to you.\", \"finish", "Goodbye.\", \"finish"),
    )
    .expect("a save");
    let component = crate_of.join("parrot.wasm").display().to_string();
    let tested = run(&["plugin", "test", &component, "--format", "json"]).await;
    assert_eq!(tested.code, Some(1), "{} {}", tested.out, tested.err);
    let report: Value = serde_json::from_str(&tested.out).expect("a report");
    let golden = &report["checks"][0];
    assert_eq!(
        (&report["passed"], &golden["verdict"]),
        (&false.into(), &"fail".into())
    );
    assert_eq!(golden["problems"][0]["exchange"], "hello.json", "{report}");

    let again = run(&[
        "plugin",
        "new",
        "parrot",
        "--into",
        &crate_of.display().to_string(),
    ])
    .await;
    assert_eq!(again.code, Some(2), "{}", again.err);
    assert!(again.err.contains("is not empty"), "{}", again.err);
}

#[tokio::test]
async fn an_adapter_in_javascript_keeps_what_all_of_them_promise() {
    if Command::new("npm").arg("--version").output().is_err() {
        eprintln!("skipped: there is no npm on this machine");
        return;
    }
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("parrot").display().to_string();
    let made = run(&["plugin", "new", "parrot", "--lang", "js", "--into", &folder]).await;
    assert_eq!(made.code, Some(0), "{}", made.err);
    let file = home.path().join("parrot.wasm").display().to_string();
    let built = run(&["plugin", "build", &folder, "--out", &file]).await;
    assert_eq!(built.code, Some(0), "{}", built.err);
    let fixtures = format!("{folder}/fixtures");
    let tested = run(&[
        "plugin",
        "test",
        &file,
        "--fixtures",
        &fixtures,
        "--format",
        "json",
    ])
    .await;
    assert_eq!(tested.code, Some(0), "{} {}", tested.out, tested.err);
    let report: Value = serde_json::from_str(&tested.out).expect("a report");
    let golden = &report["checks"][0];
    assert_eq!(
        (&golden["verdict"], &golden["tried"]),
        (&"pass".into(), &5.into()),
        "{report}"
    );
}

#[tokio::test]
async fn an_adapter_in_c_needs_no_library_and_gets_its_answer_too() {
    if mux_plugins::build::c_compiler().is_none() {
        eprintln!("skipped: there is no clang and wasm-ld on this machine");
        return;
    }
    let (home, said) = walked("c", &KEPT).await;
    assert!(!said.contains("warning"), "{said}");
    let component = std::fs::read(home.path().join("parrot/parrot.wasm")).expect("a component");
    let holds = |text: &str| {
        component
            .windows(text.len())
            .any(|at| at == text.as_bytes())
    };
    assert!(holds("parrot knows no role"));
    for leak in [&home.path().display().to_string(), "sdk-c", "wasi"] {
        assert!(!holds(leak), "{leak}");
    }

    let adapter = home.path().join("parrot/adapter.c");
    let folder = home.path().join("parrot").display().to_string();
    std::fs::write(&adapter, "int broken = ;\n").expect("a save");
    let built = run(&["plugin", "build", &folder, "--out", "never.wasm"]).await;
    assert_eq!(built.code, Some(2), "{}", built.err);
    let place = built.err.contains("adapter.c:1:14: error:");
    assert!(
        place && built.err.contains("does not build"),
        "{}",
        built.err
    );

    let mut nowhere = mux(&["plugin", "build", &folder]);
    nowhere.env("PATH", home.path()).env_remove("CC");
    let built = Process::start(nowhere).end().await;
    assert_eq!(built.code, Some(2), "{}", built.err);
    assert!(
        built.err.contains("`apt install clang lld`"),
        "{}",
        built.err
    );
}

/// A tool that listens, and where.
async fn listening(arguments: &[&str]) -> (Process, SocketAddr) {
    let process = Process::start(mux(arguments));
    let address = |text: &str| {
        let (_, rest) = text.split_once("http://127.0.0.1:")?;
        let port = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        format!("127.0.0.1:{port}").parse().ok()
    };
    let found = process.says("where it listens", |said| {
        said.out.iter().find_map(|line| address(line))
    });
    let address = found.await;
    (process, address)
}

#[tokio::test]
async fn what_is_recorded_between_client_and_provider_holds_no_key_and_can_be_played_again() {
    const KEY: &str = "sk-of-somebody-0123456789abcdef";
    let provider = mock_with(Options {
        require_key: Some(KEY.to_owned()),
        ..Options::default()
    })
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().display().to_string();
    let to = format!("http://{}/v1", provider.addr);
    let (recorder, at) = listening(&[
        "plugin",
        "record",
        "--to",
        &to,
        "--listen",
        "127.0.0.1:0",
        "--out",
        &out,
    ])
    .await;
    let ask = |body: &Value, key: &str| {
        Ask::new(hyper::Method::POST, "/chat/completions", body.to_string())
            .header("authorization", &format!("Bearer {key}"))
            .send(at)
    };
    let whole = ask(&chat("m"), KEY).await;
    let pieces = ask(&streamed("m"), KEY).await;
    let refused = ask(&chat("m"), "sk-wrong-0123456789abcdef").await;
    assert_eq!(
        (whole.status, pieces.status, refused.status),
        (200, 200, 401)
    );
    assert!(pieces.done(), "{}", pieces.text());
    drop(recorder);

    let files: Vec<String> = (1..=3)
        .zip([200, 200, 401])
        .map(|(number, status)| format!("{out}/recorded-{number:03}-{status}.json"))
        .collect();
    for file in &files {
        let text = std::fs::read_to_string(file).expect("what was recorded");
        assert!(!text.contains("0123456789abcdef"), "{text}");
    }
    let arguments = [
        "plugin",
        "run",
        "openai",
        "--format",
        "json",
        "--exchange",
        &files[0],
        &files[1],
        &files[2],
    ];
    let read = run(&arguments).await;
    let read: Vec<Value> = read
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("json"))
        .collect();
    assert_eq!(
        read[0]["text"],
        whole.json()["choices"][0]["message"]["content"]
    );
    assert_eq!(read[1]["text"], pieces.said());
    assert_eq!(
        (&read[1]["class"], &read[2]["class"]),
        (&"ok".into(), &"authentication".into())
    );

    let (player, at) = listening(&["plugin", "play", &out, "--listen", "127.0.0.1:0"]).await;
    let ask = |body: Value| Ask::new(hyper::Method::POST, "/any", body.to_string()).send(at);
    assert_eq!(ask(streamed("m")).await.text(), pieces.text());
    assert_eq!(ask(chat("other")).await.json(), whole.json());
    drop(player);

    let said = hidden(&out, &files).await;
    assert_eq!(said.len(), pieces.said().len());
    assert!(
        !said.contains(|c: char| c.is_alphabetic() && c != 'x'),
        "{said}"
    );
}

/// What the second of these says once what was said is left out of it.
async fn hidden(out: &str, files: &[String]) -> String {
    let hidden = format!("{out}/hidden");
    let arguments = [
        "plugin",
        "record",
        "--hide-text",
        "--out",
        &hidden,
        "--exchange",
        &files[0],
        &files[1],
    ];
    assert_eq!(run(&arguments).await.code, Some(0));
    let file = format!("{hidden}/recorded-002-200.json");
    let read = run(&[
        "plugin",
        "run",
        "openai",
        "--format",
        "json",
        "--exchange",
        &file,
    ])
    .await;
    let read: Value = serde_json::from_str(&read.out).expect("json");
    read["text"].as_str().expect("text").to_owned()
}
