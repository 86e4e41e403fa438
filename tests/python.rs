//! The official `openai` package for Python against `mux serve`, in front of `mux mock`.
//!
//! It is installed once, into a folder below `target`. Where there is no Python or no registry, the test says that it is
//! skipped.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on stops with a message"
)]

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

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

/// A Python that has the package; `Err` says why there is none.
fn python() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("openai-python");
    let python = folder.join("bin/python");
    let has = || run(Command::new(&python).args(["-c", "import openai"])).is_ok();
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
        "openai>=2,<3",
    ];
    run(Command::new(&python).args(install))?;
    Ok(python)
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
    let python = match python() {
        Ok(python) => python,
        Err(why) => {
            println!("skipped: no Python with the `openai` package: {why}");
            return;
        }
    };
    let (_good, good) = mock("");
    let (_down, down) = mock("status=503");
    let (_cut, cut) = mock("cut-after=2");
    let folder = tempfile::tempdir().unwrap();
    let policies = [
        "mux 1\n".to_owned(),
        provider("good", &good),
        provider("down", &down),
        provider("cut", &cut),
        "policy @chat { else use good/m }\n".to_owned(),
        "policy @down { else use down/m retry 0 }\n".to_owned(),
        "policy @cut { else use cut/m }\n".to_owned(),
    ];
    let (_gateway, address) = gateway(folder.path(), &policies.concat());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/client.py");
    let output = run(Command::new(python)
        .arg(script)
        .arg(format!("http://{address}/v1")));
    let output = output.unwrap_or_else(|why| panic!("the client failed: {why}"));
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();

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
