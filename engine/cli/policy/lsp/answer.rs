//! What is answered to each question of an editor.

use super::folder::Folders;
use super::position::{Encoding, path, uri};
use crate::testing;
use mux_dsl::assist::{Place, Workspace};
use mux_dsl::formatted;
use serde_json::{Map, Value, json};
use std::path::Path;

/// Why a question has no answer.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) code: i32,
    pub(super) message: String,
}

/// A question nobody here knows.
const UNKNOWN: i32 = -32601;
/// A question that cannot be answered as it stands.
const FAILED: i32 = -32803;

impl Refused {
    fn because(why: impl Into<String>) -> Self {
        Self {
            code: FAILED,
            message: why.into(),
        }
    }
}

/// A question about a place in a file.
struct Asked<'f> {
    workspace: &'f Workspace,
    folder: &'f Path,
    file: String,
    text: &'f str,
    at: usize,
    encoding: Encoding,
}

/// Answers a question.
pub(super) fn answer(
    folders: &mut Folders,
    encoding: Encoding,
    method: &str,
    params: &Value,
) -> Result<Value, Refused> {
    if method == "workspace/executeCommand" {
        return run(folders, params);
    }
    let Some(path) = params
        .pointer("/textDocument/uri")
        .and_then(Value::as_str)
        .and_then(path)
    else {
        return Err(Refused {
            code: UNKNOWN,
            message: format!("mux does not know `{method}`"),
        });
    };
    let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
    let Some((workspace, file)) = folders.of(&path) else {
        return Ok(Value::Null);
    };
    let Some(text) = workspace.text(&file) else {
        return Ok(Value::Null);
    };
    let at = encoding.offset(text, params.get("position").unwrap_or(&Value::Null));
    let asked = Asked {
        workspace,
        folder: &folder,
        file,
        text,
        at,
        encoding,
    };
    match method {
        "textDocument/hover" => Ok(asked.hover()),
        "textDocument/completion" => Ok(asked.complete()),
        "textDocument/definition" => Ok(asked
            .workspace
            .definition(&asked.file, at)
            .map_or(Value::Null, |p| asked.location(&p))),
        "textDocument/references" => Ok(asked
            .workspace
            .references(&asked.file, at)
            .iter()
            .map(|p| asked.location(p))
            .collect()),
        "textDocument/prepareRename" => Ok(asked.renamable()),
        "textDocument/rename" => asked.rename(
            params
                .pointer("/newName")
                .and_then(Value::as_str)
                .unwrap_or_default(),
        ),
        "textDocument/formatting" => asked.format(),
        "textDocument/codeAction" => Ok(asked.fixes(params)),
        "textDocument/codeLens" => Ok(asked.lenses(&path)),
        _ => Err(Refused {
            code: UNKNOWN,
            message: format!("mux does not know `{method}`"),
        }),
    }
}

impl Asked<'_> {
    fn hover(&self) -> Value {
        self.workspace
            .hover(&self.file, self.at)
            .map_or(Value::Null, |hover| {
                json!({
                    "contents": { "kind": "markdown", "value": hover.text },
                    "range": self.encoding.range(self.text, hover.span),
                })
            })
    }

    fn complete(&self) -> Value {
        let all = self.workspace.complete(&self.file, self.at);
        let item = |c: &mux_dsl::assist::Completion| {
            // Numbers of the protocol: keyword, property, variable, value, reference.
            let kind = match c.kind {
                "keyword" => 14,
                "option" => 10,
                "fact" | "figure" => 6,
                "value" => 12,
                _ => 18,
            };
            json!({ "label": c.label, "kind": kind, "detail": c.form, "documentation": c.doc })
        };
        all.iter().map(item).collect()
    }

    fn location(&self, place: &Place) -> Value {
        let text = self.workspace.text(&place.file).unwrap_or_default();
        json!({ "uri": uri(&self.folder.join(&place.file)), "range": self.encoding.range(text, place.span) })
    }

    fn renamable(&self) -> Value {
        let places = self.workspace.references(&self.file, self.at);
        let here = places
            .iter()
            .find(|p| p.file == self.file && (p.span.0..=p.span.1).contains(&self.at));
        here.map_or(Value::Null, |p| self.encoding.range(self.text, p.span))
    }

    fn rename(&self, to: &str) -> Result<Value, Refused> {
        let edits = self
            .workspace
            .rename(&self.file, self.at, to)
            .map_err(Refused::because)?;
        let mut changes: Map<String, Value> = Map::new();
        for (place, text) in edits {
            let location = self.location(&place);
            let of = changes
                .entry(uri(&self.folder.join(&place.file)))
                .or_insert_with(|| json!([]));
            if let Some(list) = of.as_array_mut() {
                list.push(json!({ "range": location.get("range"), "newText": text }));
            }
        }
        Ok(json!({ "changes": changes }))
    }

    fn format(&self) -> Result<Value, Refused> {
        // What is shown has credentials struck out, and is never written back: such a file is not laid out.
        let laid =
            formatted(&self.file, self.text).map_err(|why| Refused::because(why.to_string()))?;
        if laid == self.text {
            return Ok(json!([]));
        }
        Ok(
            json!([{ "range": self.encoding.range(self.text, (0, self.text.len())), "newText": laid }]),
        )
    }

    /// Edits that mend what is wrong in the range that was asked about.
    fn fixes(&self, params: &Value) -> Value {
        let end = |which: &str| {
            params
                .get("range")
                .and_then(|r| r.get(which))
                .unwrap_or(&Value::Null)
        };
        let from = self.encoding.offset(self.text, end("start"));
        let to = self.encoding.offset(self.text, end("end"));
        let all = self
            .workspace
            .compiled()
            .diagnostics
            .iter()
            .flat_map(|d| d.fixes.iter().map(move |f| (d, f)));
        let near =
            all.filter(|(_, fix)| fix.file == self.file && fix.span.0 <= to && from <= fix.span.1);
        let action = |(diagnostic, fix): (&mux_dsl::Diagnostic, &mux_dsl::Fix)| {
            let was = self.text.get(fix.span.0..fix.span.1).unwrap_or_default();
            let title = if was.is_empty() {
                format!("add `{}`", fix.text)
            } else {
                format!("write `{}` instead of `{was}`", fix.text)
            };
            json!({
                "title": title,
                "kind": "quickfix",
                "isPreferred": true,
                "diagnostics": params.pointer("/context/diagnostics").and_then(Value::as_array).into_iter().flatten().filter(|d| d.get("code").and_then(Value::as_str) == Some(diagnostic.code)).collect::<Vec<_>>(),
                "edit": { "changes": { uri(&self.folder.join(&fix.file)): [{ "range": self.encoding.range(self.text, fix.span), "newText": fix.text }] } },
            })
        };
        near.map(action).collect()
    }

    fn lenses(&self, path: &Path) -> Value {
        let lens = |lens: &mux_dsl::assist::Lens| {
            json!({
                "range": self.encoding.range(self.text, lens.place.span),
                "command": { "title": "run test", "command": "mux.runTest", "arguments": [uri(path), lens.name] },
            })
        };
        self.workspace.lenses(&self.file).iter().map(lens).collect()
    }
}

/// Runs a test or proves a guarantee: the arguments are the address of a file and a name.
fn run(folders: &mut Folders, params: &Value) -> Result<Value, Refused> {
    let command = params
        .get("command")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if command != "mux.policy.runTest" {
        return Err(Refused {
            code: UNKNOWN,
            message: format!("mux does not know the command `{command}`"),
        });
    }
    let argument = |at: &str| params.pointer(at).and_then(Value::as_str);
    let Some(path) = argument("/arguments/0").and_then(path) else {
        return Err(Refused::because(
            "the first argument is the address of a policy file",
        ));
    };
    let name = argument("/arguments/1").unwrap_or_default();
    let Some((workspace, _)) = folders.of(&path) else {
        return Err(Refused::because("there is no such file"));
    };
    let Some(image) = workspace.image() else {
        return Err(Refused::because(
            "the policies have errors, so that nothing can be run",
        ));
    };
    let (passed, told) = testing::one(image, name)
        .ok_or_else(|| Refused::because(format!("no test is called `{name}`")))?;
    Ok(json!({ "passed": passed, "message": told }))
}
