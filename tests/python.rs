//! What Python makes of mux: the official `openai` and `anthropic` packages against `mux serve`, in front of `mux mock`;
//! `DuckDB` and `DataFusion` of what `mux traffic export` writes.
//!
//! They are installed once, into folders below `target`. Where there is no Python or no registry, a test says that it is
//! skipped.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on stops with a message"
)]

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// A process that goes with its test.
#[derive(Debug)]
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts `mux` and reads what it says until `find` knows the address in it.
fn start(
    arguments: &[&str],
    pipe: impl Fn(&mut Child) -> Box<dyn Read + Send>,
    find: impl Fn(&str) -> Option<String>,
) -> (Process, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mux"))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut lines = BufReader::new(pipe(&mut child)).lines();
    let process = Process(child);
    let mut said = Vec::new();
    let mut heard = lines.by_ref().map_while(Result::ok);
    let address = heard.find_map(|line| {
        let found = find(&line);
        said.push(line);
        found
    });
    let address = address.unwrap_or_else(|| panic!("it does not listen:\n{}", said.join("\n")));
    // Read on, so that it never waits for a full pipe.
    std::thread::spawn(move || lines.for_each(drop));
    (process, address)
}

fn mock(fault: &str) -> (Process, String) {
    let arguments = [
        "mock",
        "--listen",
        "127.0.0.1:0",
        "--latency",
        "0ms",
        "--rate",
        "0",
        "--tokens",
        "5",
        "--fault",
        fault,
    ];
    start(
        &arguments,
        |child| Box::new(child.stdout.take().expect("a pipe")),
        |line| Some(line.rsplit_once("listens on http://")?.1.to_owned()),
    )
}

fn provider(name: &str, address: &str) -> String {
    format!(
        "provider {name} {{\n  kind openai-compatible\n  url \"http://{address}/v1\"\n  model m {{\n    context 8k\n    can tools images json-schema streaming\n  }}\n}}\n"
    )
}

fn gateway(folder: &Path, policies: &str) -> (Process, String) {
    std::fs::write(folder.join("main.mux"), policies).expect("a policy file");
    let data = folder.join("data");
    let arguments = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--log-json",
        "--policies",
        folder.to_str().expect("a plain path"),
        "--data",
        data.to_str().expect("a plain path"),
    ];
    start(
        &arguments,
        |child| Box::new(child.stderr.take().expect("a pipe")),
        |line| {
            let line: Value = serde_json::from_str(line).ok()?;
            line.pointer("/fields/address")?.as_str().map(str::to_owned)
        },
    )
}

/// A Python of its own folder that has the packages; `Err` says why there is none.
fn python(folder: &str, import: &str, packages: &[&str]) -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    let python = folder.join("bin/python");
    let has = || run(Command::new(&python).args(["-c", import])).is_ok();
    if has() {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ];
    run(Command::new(&python).args(install).args(packages))?;
    Ok(python)
}

/// What a script makes of a gateway; `None` where it is skipped.
fn seen(package: &str, versions: &str, script: &str, address: &str) -> Option<Value> {
    let import = format!("import {package}");
    let wanted = format!("{package}{versions}");
    let python = match python(&format!("{package}-python"), &import, &[&wanted]) {
        Ok(python) => python,
        Err(why) => {
            println!("skipped: no Python with the `{package}` package: {why}");
            return None;
        }
    };
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python");
    let output = run(Command::new(python).arg(scripts.join(script)).arg(address));
    let output = output.unwrap_or_else(|why| panic!("the client failed: {why}"));
    Some(serde_json::from_slice(&output.stdout).expect("one JSON object"))
}

/// A gateway in front of providers that answer, are down and break off.
#[derive(Debug)]
struct Front {
    address: String,
    _gateway: Process,
    _folder: TempDir,
    _providers: [Process; 3],
}

impl Front {
    /// `second` names one more that answers, and speaks as Anthropic does.
    fn new(second: Option<&str>) -> Self {
        let (one, good) = mock("");
        let (two, down) = mock("status=503");
        let (three, cut) = mock("cut-after=2");
        let own = |name| provider(name, &good).replace("openai-compatible", "anthropic");
        let chosen = |name| format!("policy @{name} {{ else use {name}/m }}\n");
        let policies = [
            "mux 1\n".to_owned(),
            provider("good", &good),
            second.map(own).unwrap_or_default(),
            provider("down", &down),
            provider("cut", &cut),
            "policy @chat { else use good/m }\n".to_owned(),
            second.map(chosen).unwrap_or_default(),
            "policy @down { else use down/m retry 0 }\n".to_owned(),
            "policy @cut { else use cut/m }\n".to_owned(),
        ];
        let folder = tempfile::tempdir().expect("a folder");
        let (gateway, address) = gateway(folder.path(), &policies.concat());
        Self {
            address,
            _gateway: gateway,
            _folder: folder,
            _providers: [one, two, three],
        }
    }
}

fn run(command: &mut Command) -> Result<Output, String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|e| format!("{}: {e}", command.get_program().to_string_lossy()))?;
    if output.status.success() {
        Ok(output)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn the_official_python_client_works_against_a_gateway() {
    let front = Front::new(None);
    let base = format!("http://{}/v1", front.address);
    let Some(seen) = seen("openai", ">=2,<3", "client.py", &base) else {
        return;
    };
    let text = seen["whole"]["text"].as_str().unwrap();
    assert_eq!(text.split(' ').count(), 5, "{seen}");
    assert_eq!(
        (&seen["whole"]["finish"], &seen["whole"]["output"]),
        (&json!("stop"), &json!(5))
    );
    assert_eq!(seen["streamed"], json!({ "text": text, "output": [5] }));
    assert_eq!(seen["models"], json!(["@chat", "@down", "@cut"]));
    assert_eq!(seen["target"], "good/m");
    assert_eq!(
        (&seen["unknown"]["class"], &seen["unknown"]["code"]),
        (&json!("NotFoundError"), &json!("model_not_found"))
    );
    assert_eq!(
        (&seen["down"]["status"], &seen["down"]["code"]),
        (&json!(503), &json!("overloaded")),
        "{seen}"
    );
    assert_eq!(seen["down"]["attempts"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&seen["cut"]["class"], &seen["cut"]["code"]),
        (&json!("APIError"), &json!("mid_stream_failure")),
        "{seen}"
    );
    println!("openai {} for Python", seen["package"]);
}

#[test]
fn the_official_anthropic_client_works_against_every_kind_of_provider() {
    let front = Front::new(Some("own"));
    let base = format!("http://{}/anthropic", front.address);
    let Some(seen) = seen("anthropic", ">=0.60,<1", "messages.py", &base) else {
        return;
    };
    for name in ["@chat", "@own"] {
        let seen = &seen[name];
        let text = seen["whole"]["text"].as_str().unwrap();
        assert_eq!(text.split(' ').count(), 5, "{name}: {seen}");
        let whole =
            json!({ "text": text, "calls": [], "stop": "end_turn", "input": true, "output": 5 });
        assert_eq!(seen["whole"], whole, "{name}");
        assert_eq!(seen["streamed"]["streamed"], text, "{name}");
        for (field, value) in whole.as_object().unwrap() {
            assert_eq!(seen["streamed"][field], *value, "{name}: {field}");
        }
        let calls = json!([["weather", { "city": "sample" }]]);
        for call in ["call", "streamed_call"] {
            assert_eq!(
                (&seen[call]["calls"], &seen[call]["stop"]),
                (&calls, &json!("tool_use")),
                "{name}"
            );
        }
        assert_eq!(
            (&seen["after"]["stop"], &seen["picture"]["stop"]),
            (&json!("end_turn"), &json!("end_turn"))
        );
        assert_eq!(seen["counted"], true, "{name}");
    }
    assert_eq!(seen["beta"]["output"], 5);
    assert_eq!(seen["models"], json!(["@chat", "@own", "@down", "@cut"]));
    let told = |name: &str| {
        (
            seen[name]["class"].clone(),
            seen[name]["type"].clone(),
            seen[name]["code"].clone(),
        )
    };
    assert_eq!(
        told("unknown"),
        (
            json!("NotFoundError"),
            json!("not_found_error"),
            json!("model_not_found")
        )
    );
    assert_eq!(
        told("unsupported"),
        (
            json!("BadRequestError"),
            json!("invalid_request_error"),
            json!("unsupported")
        )
    );
    let (_, kind, code) = told("down");
    assert_eq!(
        (seen["down"]["status"].as_u64(), kind, code),
        (Some(503), json!("overloaded_error"), json!("overloaded"))
    );
    assert_eq!(seen["down"]["attempts"], 1);
    assert!(
        seen["cut"]["class"].is_string(),
        "an answer that broke off is an error: {seen}"
    );
    println!("anthropic {} for Python", seen["package"]);
}

#[test]
fn the_official_openai_client_gets_responses_and_embeddings_from_every_kind_of_provider() {
    let front = Front::new(Some("other"));
    let base = format!("http://{}/openai/v1", front.address);
    let Some(seen) = seen("openai", ">=2,<3", "responses.py", &base) else {
        return;
    };
    for name in ["@chat", "@other"] {
        let seen = &seen[name];
        let text = seen["whole"]["text"].as_str().unwrap();
        assert_eq!(text.split(' ').count(), 5, "{name}: {seen}");
        assert_eq!(
            (&seen["whole"]["status"], &seen["whole"]["output"]),
            (&json!("completed"), &json!(5)),
            "{name}"
        );
        assert_eq!(
            (&seen["streamed"]["text"], &seen["streamed"]["streamed"]),
            (&json!(text), &json!(text))
        );
        assert_eq!(seen["streamed"]["output"], 5);
        let calls = json!([["weather", { "city": "sample" }]]);
        assert_eq!(
            (&seen["call"]["calls"], &seen["streamed_call"]["calls"]),
            (&calls, &calls),
            "{name}"
        );
        assert_eq!(seen["after"]["status"], "completed");
    }
    let told = |name: &str| (seen[name]["class"].clone(), seen[name]["code"].clone());
    assert_eq!(
        told("stored"),
        (json!("BadRequestError"), json!("unsupported"))
    );
    assert_eq!(
        told("down"),
        (json!("InternalServerError"), json!("overloaded"))
    );
    assert_eq!(
        told("cut"),
        (json!("APIError"), json!("mid_stream_failure")),
        "{seen}"
    );
    assert_eq!(
        seen["embeddings"],
        json!({ "count": 2, "same": true, "length": 4, "input": true })
    );
    assert_eq!(
        told("no_embeddings"),
        (json!("BadRequestError"), json!("unsupported"))
    );
    println!("openai {} for Python", seen["package"]);
}

#[test]
fn exported_parquet_is_read_by_duckdb_and_datafusion() {
    let packages = ["duckdb>=1,<2", "datafusion>=43", "pyarrow"];
    let python = match python("tables-python", "import duckdb, datafusion", &packages) {
        Ok(python) => python,
        Err(why) => {
            println!("skipped: no Python with `duckdb` and `datafusion`: {why}");
            return;
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records.jsonl");
    let line = |n: u64| {
        // Every tenth failed over; every other was streamed.
        let failed = json!({"target": "a/m", "class": "server", "status": 500});
        let served = if n.is_multiple_of(10) { "b/m" } else { "a/m" };
        let good =
            json!({"target": served, "class": "ok", "status": 200, "cost": 1_000_000_000_001_u64});
        let attempts = if n.is_multiple_of(10) {
            vec![failed, good]
        } else {
            vec![good]
        };
        json!({
            "v": 1, "id": format!("r{n}"), "at": 1_793_527_200_250_u64 + n, "priced": true, "attempts": attempts,
            "cost": 1_000_000_000_001_u64, "request": {"model": "@chät, \"quoted\"", "streaming": n % 2 == 1},
            "outcome": {"status": 200, "class": "ok", "served": served}, "usage": {"input": 7, "output": 1},
        })
        .to_string()
            + "\n"
    };
    // More than one group of rows.
    std::fs::write(&records, (0..100_000).map(line).collect::<String>()).unwrap();
    let export = |table: &str| {
        let to = folder.path().join(format!("{table}.parquet"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_mux"));
        command
            .args(["traffic", "export", "--table", table, "--to"])
            .arg(&to);
        let done = run(command.arg("--traffic").arg(&records));
        done.unwrap_or_else(|why| panic!("the export failed: {why}"));
        to
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/tables.py");
    let (requests, attempts) = (export("requests"), export("attempts"));
    let output = run(Command::new(python).arg(script).arg(requests).arg(attempts));
    let output = output.unwrap_or_else(|why| panic!("the tables are not read: {why}"));
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    for reader in ["duckdb", "datafusion"] {
        let told = &seen[reader];
        // Money is a decimal: exact to a pico-dollar.
        assert_eq!(told["cost"], "100000.000000100000", "{seen}");
        let counts =
            ["requests", "targets", "streams", "attempts"].map(|name| told[name].to_string());
        assert_eq!(counts, ["100000", "2", "50000", "10000"], "{seen}");
        let input = told["input"].to_string();
        assert_eq!(input.trim_matches('"'), "700000", "{seen}");
        let first = told["first"].as_str().unwrap().replace('T', " ");
        assert!(first.starts_with("2026-11-01 10:00:00.25"), "{seen}");
    }
    println!("read with {}", seen["packages"]);
}
