//! `mux traffic`: recorded requests counted, shown, searched, exported, and those of others imported.

use super::home::{Home, mock};
use super::policy::{bundle, chain, only, openai};
use super::process::{Ended, Process, mux, run};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::Path;

fn path(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

fn lines(ended: &Ended) -> Vec<Value> {
    ended
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Traffic of three requests: one whole, one failed over, one refused.
async fn recorded() -> Home {
    let (a, down) = (mock("a").await, super::home::failing("status=503").await);
    let home = Home::new(&bundle(&[
        openai("a", a.addr),
        openai("down", down.addr),
        only("chat", "a/m"),
        chain("over", &["down/m", "a/m"]),
    ]));
    let gateway = home.start().await;
    for (model, status) in [("@chat", 200), ("@over", 200), ("@none", 404)] {
        let body = json!({"model": model, "messages": [{"role": "user", "content": "hello"}]});
        assert_eq!(gateway.ask(&body).await.status, status);
    }
    gateway.stop().await;
    home
}

#[tokio::test]
async fn what_a_gateway_recorded_is_counted_shown_and_found() {
    let home = recorded().await;

    let stats = home.run(&["traffic", "stats", "--format", "json"]).await;
    let told = &lines(&stats)[0];
    assert_eq!(
        (
            &told["requests"],
            &told["served"],
            &told["failed_over"],
            &told["attempts"]
        ),
        (&json!(3), &json!(2), &json!(1), &json!(3)),
        "{told}"
    );
    let names = |by: &str| -> Vec<&str> {
        told["by"][by]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["name"].as_str().unwrap())
            .collect()
    };
    assert_eq!(
        (names("target"), names("policy").len()),
        (vec!["a/m", "-"], 3)
    );
    let human = home.run(&["traffic", "stats", "--by", "class"]).await;
    assert!(
        human.out.starts_with("3 requests from ") && human.out.contains("class"),
        "{}",
        human.out
    );

    let all = home.run(&["traffic", "cat"]).await;
    assert_eq!(lines(&all).len(), 3);
    assert_eq!(
        lines(&home.run(&["traffic", "cat", "--limit", "2"]).await).len(),
        2
    );
    assert_eq!(
        home.run(&["traffic", "cat", "--until", "2020-01-01"])
            .await
            .out,
        ""
    );
    assert_eq!(
        lines(&home.run(&["traffic", "cat", "--since", "1h"]).await).len(),
        3
    );

    let found = home
        .run(&["traffic", "grep", "attempted=down/m", "class=ok"])
        .await;
    let found = &lines(&found)[..];
    assert_eq!(
        (found.len(), &found[0]["request"]["model"]),
        (1, &json!("@over"))
    );
    let id = found[0]["id"].as_str().unwrap();
    assert_eq!(
        lines(&home.run(&["traffic", "grep", "--id", id]).await),
        found
    );
    assert_eq!(
        home.run(&["traffic", "grep", "--count", "status>=400"])
            .await
            .out,
        "1"
    );
    let none = home
        .run(&["traffic", "grep", "--text", "no such words"])
        .await;
    assert_eq!((none.code, none.out.as_str()), (Some(1), ""));
    let wrong = home.run(&["traffic", "grep", "class"]).await;
    assert!(
        wrong.code == Some(2) && wrong.err.contains("class!=ok"),
        "{}",
        wrong.err
    );
}

#[tokio::test]
async fn what_is_exported_as_a_table_is_imported_as_the_same_traffic() {
    let home = recorded().await;
    let stats = home.run(&["traffic", "stats", "--format", "json"]).await;
    let told = &lines(&stats)[0];
    let csv = home.data().join("all.csv");
    let written = home.run(&["traffic", "export", "--to", path(&csv)]).await;
    assert!(written.err.contains("wrote 3 requests"), "{}", written.err);
    let text = fs::read_to_string(&csv).unwrap();
    assert_eq!(text.lines().count(), 4);
    let attempts = home
        .run(&["traffic", "export", "--as", "csv", "--table", "attempts"])
        .await;
    assert_eq!(attempts.out.lines().count(), 4);
    let refused = home
        .run(&[
            "traffic",
            "export",
            "--to",
            path(&home.data().join("no/such.csv")),
        ])
        .await;
    assert_eq!(refused.code, Some(2));

    // What was exported is read again.
    let (to, imported) = (
        home.data().join("again"),
        ["traffic", "import", "--from", "csv", path(&csv)],
    );
    let ended = home
        .run(&[&imported[..], &["--to", path(&to), "--format", "json"]].concat())
        .await;
    assert_eq!(
        (ended.code, &lines(&ended)[0]["records"]),
        (Some(0), &json!(3))
    );
    let again = run(&[
        "traffic",
        "stats",
        "--format",
        "json",
        "--traffic",
        path(&to),
    ])
    .await;
    for same in ["requests", "served", "input", "output", "cost_usd"] {
        assert_eq!(lines(&again)[0][same], told[same], "{same}");
    }
    // Request by request, in all that a table has and decides what a replay does.
    let of = async |args: &[&str]| lines(&home.run(&[&["traffic", "cat"], args].concat()).await);
    let (before, after) = (of(&[]).await, of(&["--traffic", path(&to)]).await);
    assert_eq!(before.len(), after.len());
    for (was, is) in before.iter().zip(&after) {
        for same in [
            "/id",
            "/at",
            "/request/operation",
            "/request/dialect",
            "/request/model",
            "/request/tags",
            "/request/tokens",
            "/request/streaming",
            "/request/needs",
            "/usage",
            "/cost",
            "/outcome/status",
            "/outcome/class",
            "/outcome/served",
            "/outcome/committed_us",
            "/outcome/total_us",
        ] {
            assert_eq!(is.pointer(same), was.pointer(same), "{same} of {was}");
        }
    }
}

#[tokio::test]
async fn what_others_asked_for_is_called_as_mux_calls_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.csv");
    for dialect in mux_wire::Dialect::ALL {
        let row = format!("{},{},5,1,1", dialect.operation(), dialect.name());
        fs::write(
            &log,
            format!("operation,dialect,time,input,output\n{row}\n"),
        )
        .unwrap();
        let import = mux_traffic::import(
            &log,
            mux_traffic::Foreign::Csv,
            mux_traffic::Assumed::default(),
        );
        let records: Vec<_> = import.unwrap().map(Result::unwrap).collect();
        assert_eq!(records.len(), 1, "{}", dialect.name());
        let facts = &records[0].request;
        assert_eq!(
            (facts.operation.as_str(), facts.dialect.as_str()),
            (dialect.operation(), dialect.name())
        );
    }
}

#[tokio::test]
async fn hostile_lines_and_missing_folders_are_told_and_not_fatal() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.jsonl");
    let good = json!({"v": 99, "id": "r", "at": 5, "later": {"than": "us"}}).to_string();
    let bad = "{\"at\": \"noon\"}\nnot json\n".repeat(8);
    fs::write(&file, format!("{bad}{good}\n")).unwrap();
    let shown = run(&["traffic", "cat", "--traffic", path(&file)]).await;
    // With what this version does not know.
    assert_eq!((shown.code, shown.out.as_str()), (Some(0), good.as_str()));
    assert_eq!(
        shown.err.matches("not a record").count(),
        10,
        "{}",
        shown.err
    );
    let stats = run(&[
        "traffic",
        "stats",
        "--format",
        "json",
        "--traffic",
        path(&file),
    ])
    .await;
    assert_eq!(
        (&lines(&stats)[0]["requests"], &lines(&stats)[0]["unread"]),
        (&json!(1), &json!(16))
    );
    let none = run(&["traffic", "cat", "--data", path(folder.path())]).await;
    assert!(
        none.code == Some(2) && none.err.contains("recordings"),
        "{}",
        none.err
    );
}

/// A packed file of hostile records: in the second line a gigabyte, then wrong types, a record of the future, and a last
/// write that was cut off.
fn hostile(to: &Path) {
    let record = |n: u32| {
        json!({"v": 1, "id": format!("r{n}"), "at": n, "request": {"operation": "chat", "model": "@chat"},
            "outcome": {"status": 200, "class": "ok"}})
    };
    let mut future = record(2);
    (future["v"], future["telepathy"]) = (json!(99), json!({"of": ["minds"]}));
    let mut file = zstd::Encoder::new(Vec::new(), 1).unwrap();
    file.write_all(format!("{}\n{{\"v\":1,\"id\":\"", record(1)).as_bytes())
        .unwrap();
    let letters = vec![b'x'; 1 << 20];
    for _ in 0..1_024 {
        file.write_all(&letters).unwrap();
    }
    let wrong = "{\"v\": \"one\"}\n[7]\n{\"v\":1,\"attempts\":{}}\n\u{0}\u{1}\n";
    file.write_all(format!("\"}}\n{wrong}{future}\n").as_bytes())
        .unwrap();
    let mut bytes = file.finish().unwrap();
    let torn = zstd::encode_all(record(3).to_string().as_bytes(), 1).unwrap();
    bytes.extend(&torn[..torn.len() - 3]);
    fs::write(to, bytes).unwrap();
}

#[tokio::test]
async fn hostile_records_are_counted_and_named_by_whoever_reads_them_in_flat_memory() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("0000000000001-0000.jsonl.zst");
    hostile(&file);
    let policies = folder.path().join("main.mux");
    let nowhere = "127.0.0.1:1".parse().unwrap();
    fs::write(
        &policies,
        bundle(&[openai("a", nowhere), only("chat", "a/m")]),
    )
    .unwrap();
    let replay = ["policy", "test", path(&policies), "--mode", "decisions"];
    for command in [&["traffic", "stats"][..], &replay] {
        let all = [command, &["--format", "json", "--traffic", path(&file)]].concat();
        // Memory that may be written to, in KiB: less than half of the line.
        let mut flat = std::process::Command::new("sh");
        flat.args(["-c", r#"ulimit -d 450000; exec "$0" "$@""#]);
        let whole = mux(&all);
        flat.arg(whole.get_program()).args(whole.get_args());
        let ended = Process::start(flat).end().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let told = &lines(&ended)[0];
        let requests = told.get("requests").or(told.pointer("/report/requests"));
        let unread = told.get("unread").or(told.get("unreadable"));
        assert_eq!(
            (requests, unread, &told["newer"]),
            (Some(&json!(2)), Some(&json!(5)), &json!(1)),
            "{ended:?}"
        );
        for named in [
            ":2: the line is longer than 16 MiB",
            ":3: not a record",
            ":4: not a record: a record is a JSON object",
            ":5: not a record",
            ":6: not a record",
            "ends in the middle of a write",
        ] {
            assert!(ended.err.contains(named), "{named}: {}", ended.err);
        }
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_told_and_a_packed_export_is_not_promised() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.jsonl");
    fs::write(
        &file,
        format!("{}\n", json!({"v": 1, "id": "100", "at": 5})),
    )
    .unwrap();
    let mut full = mux(&["traffic", "cat", "--traffic", path(&file)]);
    full.stdout(fs::File::create("/dev/full").unwrap());
    let ended = full.output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(
        ended.status.code() == Some(2) && told.contains("cannot write `standard output`"),
        "{told}"
    );
    let packed = folder.path().join("b.jsonl.zst");
    let to = ["--to", path(&packed)];
    let refused = run(&[&["traffic", "export", "--traffic", path(&file)], &to[..]].concat()).await;
    assert!(
        refused.code == Some(2) && refused.err.contains("b.jsonl`"),
        "{}",
        refused.err
    );
    assert!(!packed.exists());
    let near = run(&["traffic", "grep", "--id", "1e2", "--traffic", path(&file)]).await;
    assert_eq!((near.code, near.out.as_str()), (Some(1), ""));
}

#[tokio::test]
async fn imported_traffic_replays_under_policies() {
    let folder = tempfile::tempdir().unwrap();
    let (log, to) = (
        folder.path().join("log.jsonl"),
        folder.path().join("records"),
    );
    let policies = folder.path().join("main.mux");
    let nowhere = "127.0.0.1:1".parse().unwrap();
    fs::write(
        &policies,
        bundle(&[
            openai("a", nowhere),
            openai("b", nowhere),
            only("chat", "b/m"),
        ]),
    )
    .unwrap();
    let entry = |n: u32| {
        json!({
            "id": format!("r{n}"), "timestamp": 1_793_527_200 + n, "provider": "a", "latency_ms": 900,
            "request": {"model": "@chat"},
            "response": {"model": "m", "usage": {"prompt_tokens": 100, "completion_tokens": 10}},
        })
        .to_string()
    };
    let text: Vec<String> = (0..5)
        .rev()
        .map(entry)
        .chain(["{\"request\": 7}".to_owned()])
        .collect();
    fs::write(&log, text.join("\n")).unwrap();
    let imported = run(&[
        "traffic",
        "import",
        "--from",
        "openai-log",
        path(&log),
        "--to",
        path(&to),
    ])
    .await;
    assert!(
        imported.out.contains("imported 5 requests"),
        "{}",
        imported.out
    );
    assert!(
        imported.err.contains("log.jsonl:6: not a request log"),
        "{}",
        imported.err
    );
    let shown = run(&["traffic", "cat", "--traffic", path(&to)]).await;
    let order: Vec<Value> = lines(&shown)
        .iter()
        .map(|record| record["id"].clone())
        .collect();
    assert_eq!(
        order,
        ["r0", "r1", "r2", "r3", "r4"],
        "in the order of their arrivals"
    );
    let replayed = run(&[
        "policy",
        "test",
        path(&policies),
        "--format",
        "json",
        "--traffic",
        path(&to),
    ])
    .await;
    let report = &lines(&replayed)[0]["report"];
    assert_eq!(
        (&report["requests"], &report["now"]["routes"]),
        (&json!(5), &json!({"b/m": 5})),
        "{report}"
    );
}
