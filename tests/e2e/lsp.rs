//! The language server as an editor sees it: the real command, over pipes.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const FLEET: &str = "provider openai {
  kind  openai
  key   env KEY
  model gpt-4.1 {
    context 1M
    price   input $2/Mtok  output $8/Mtok
    can     tools images json-schema streaming
  }
}
";
const POLICY: &str = "policy @chat { else use openai/gpt-4.1 timeout 20s }

test \"it is used\" for @chat {
  expect first is openai/gpt-4.1
}
";

struct Editor {
    server: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    next: u64,
    /// What was last said about each file.
    said: std::collections::BTreeMap<String, Value>,
    folder: tempfile::TempDir,
}

impl Editor {
    fn start(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("a file");
        }
        let mut server = Command::new(env!("CARGO_BIN_EXE_mux"))
            .args(["policy", "lsp", "--stdio"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let to = server.stdin.take().expect("a pipe");
        let from = BufReader::new(server.stdout.take().expect("a pipe"));
        let mut editor = Self {
            server,
            to,
            from,
            next: 0,
            said: std::collections::BTreeMap::new(),
            folder,
        };
        let answer = editor.ask(
            "initialize",
            &json!({ "capabilities": { "general": { "positionEncodings": ["utf-16"] } } }),
        );
        assert_eq!(answer["capabilities"]["positionEncoding"], "utf-16");
        editor.tell("initialized", &json!({}));
        editor
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        write!(self.to, "Content-Length: {}\r\n\r\n{text}", text.len()).expect("the server reads");
        self.to.flush().expect("the server reads");
    }

    fn receive(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(
                self.from.read_line(&mut line).expect("the server writes") > 0,
                "the server ended"
            );
            match line.trim_end().split_once(": ") {
                Some(("Content-Length", n)) => length = n.parse().expect("a length"),
                Some(_) => {}
                None => break,
            }
        }
        let mut text = vec![0; length];
        self.from.read_exact(&mut text).expect("a whole message");
        serde_json::from_slice(&text).expect("JSON")
    }

    fn tell(&mut self, method: &str, params: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    fn answer(&mut self, method: &str, params: &Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let message = self.receive();
            if message["method"] == "textDocument/publishDiagnostics" {
                let uri = message["params"]["uri"]
                    .as_str()
                    .expect("an address")
                    .to_owned();
                self.said
                    .insert(uri, message["params"]["diagnostics"].clone());
            } else if message["id"] == id {
                return message;
            }
        }
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        let answer = self.answer(method, params);
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].clone()
    }

    fn uri(&self, name: &str) -> String {
        format!("file://{}", self.folder.path().join(name).display())
    }

    fn open(&mut self, name: &str, text: &str) {
        let uri = self.uri(name);
        self.tell("textDocument/didOpen", &json!({ "textDocument": { "uri": uri, "languageId": "mux", "version": 1, "text": text } }));
    }

    /// The codes said about a file, once everything told before has been taken in.
    fn codes(&mut self, name: &str) -> Vec<String> {
        self.place("textDocument/hover", name, 0, 0);
        let uri = self.uri(name);
        let all = self
            .said
            .get(&uri)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        all.iter()
            .map(|d| d["code"].as_str().expect("a code").to_owned())
            .collect()
    }

    fn place(&mut self, method: &str, name: &str, line: u32, character: u32) -> Value {
        let params = json!({ "textDocument": { "uri": self.uri(name) }, "position": { "line": line, "character": character } });
        self.ask(method, &params)
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn an_editor_is_told_what_is_wrong_and_that_it_is_mended() {
    let mut editor = Editor::start(&[("fleet.mux", FLEET), ("chat.mux", POLICY)]);
    editor.open(
        "chat.mux",
        "policy @chat { else use openai/gpt-4.1 timeout 20sec }\n",
    );
    assert_eq!(editor.codes("chat.mux"), ["mux::unit::unknown"]);
    let uri = editor.uri("chat.mux");
    let range =
        json!({ "start": { "line": 0, "character": 50 }, "end": { "line": 0, "character": 50 } });
    let actions = editor.ask("textDocument/codeAction", &json!({ "textDocument": { "uri": uri }, "range": range, "context": { "diagnostics": [] } }));
    let edit = &actions[0]["edit"]["changes"][&uri][0];
    assert_eq!(edit["newText"], "s", "{actions}");
    editor.tell("textDocument/didChange", &json!({ "textDocument": { "uri": uri, "version": 2 }, "contentChanges": [{ "text": POLICY }] }));
    assert!(editor.codes("chat.mux").is_empty());
}

#[test]
fn a_key_in_an_open_file_is_named_and_never_sent_back() {
    let mut editor = Editor::start(&[]);
    editor.open(
        "bad.mux",
        "provider acme {\n  kind openai\n  key \"sk-live-0123456789abcdef\"\n}\n",
    );
    assert!(
        editor
            .codes("bad.mux")
            .contains(&"mux::secret::literal".to_owned())
    );
    let all = format!("{:?}", editor.said);
    assert!(!all.contains("0123456789"), "{all}");
    let uri = editor.uri("bad.mux");
    let answer = editor.answer(
        "textDocument/formatting",
        &json!({ "textDocument": { "uri": uri }, "options": {} }),
    );
    assert!(
        !answer["error"].is_null(),
        "a file that was struck out is not written back: {answer}"
    );
}

#[test]
fn names_lead_across_files_and_are_changed_in_all_of_them() {
    let mut editor = Editor::start(&[("fleet.mux", FLEET), ("chat.mux", POLICY)]);
    editor.open("chat.mux", POLICY);
    let hover = editor.place("textDocument/hover", "chat.mux", 0, 30);
    let text = hover["contents"]["value"]
        .as_str()
        .expect("text")
        .to_owned();
    assert!(
        text.contains("$2 input") && text.contains("1000000 tokens"),
        "{text}"
    );
    let definition = editor.place("textDocument/definition", "chat.mux", 0, 30);
    assert_eq!(definition["uri"], editor.uri("fleet.mux"));
    assert_eq!(
        definition["range"]["start"],
        json!({ "line": 3, "character": 8 })
    );
    let params = json!({ "textDocument": { "uri": editor.uri("chat.mux") }, "position": { "line": 0, "character": 30 }, "newName": "gpt-5" });
    let edits = editor.ask("textDocument/rename", &params);
    let of = |name: &str| edits["changes"][name].as_array().map_or(0, Vec::len);
    assert_eq!(
        (of(&editor.uri("fleet.mux")), of(&editor.uri("chat.mux"))),
        (1, 2),
        "{edits}"
    );
    let items = editor.place("textDocument/completion", "chat.mux", 0, 24);
    let labels: Vec<_> = items
        .as_array()
        .expect("a list")
        .iter()
        .map(|i| i["label"].clone())
        .collect();
    assert!(labels.contains(&json!("openai/gpt-4.1")), "{labels:?}");
}

#[test]
fn a_test_is_run_and_a_file_laid_out_from_the_editor() {
    let mut editor = Editor::start(&[("fleet.mux", FLEET), ("chat.mux", POLICY)]);
    let ragged = POLICY.replace("  expect", "      expect");
    editor.open("chat.mux", &ragged);
    let uri = editor.uri("chat.mux");
    let lenses = editor.ask(
        "textDocument/codeLens",
        &json!({ "textDocument": { "uri": uri } }),
    );
    assert_eq!(
        lenses[0]["command"]["arguments"],
        json!([uri, "it is used"])
    );
    let run = editor.ask(
        "workspace/executeCommand",
        &json!({ "command": "mux.policy.runTest", "arguments": [uri, "it is used"] }),
    );
    assert_eq!(
        run,
        json!({ "passed": true, "message": "ok    it is used" })
    );
    let edits = editor.ask(
        "textDocument/formatting",
        &json!({ "textDocument": { "uri": uri }, "options": {} }),
    );
    assert_eq!(edits[0]["newText"], POLICY);
    let answer = editor.answer(
        "textDocument/nonsense",
        &json!({ "textDocument": { "uri": uri } }),
    );
    assert_eq!(answer["error"]["code"], -32601);
}

#[test]
fn the_server_ends_when_it_is_asked_to() {
    let mut editor = Editor::start(&[]);
    editor.ask("shutdown", &Value::Null);
    editor.tell("exit", &Value::Null);
    let status = editor.server.wait().expect("it ends");
    assert_eq!(status.code(), Some(0));
    assert!(Path::new(editor.folder.path()).exists());
}
