//! `mux versions show`, `diff` and `log`: what a version is, how two differ in their words, and who did what when.

use super::canary;
use super::kept::{Data, field, listing, open, refs_of, when};
use crate::ending::{Exit, Outcome, Trouble};
use crate::operator::{Said, ask};
use crate::out::{Format, Out, columns};
use crate::unified;
use clap::Args;
use hyper::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Show one version: who saved it, when, on what, and its files
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The version, or enough of its beginning; what is served where absent
    #[arg(value_name = "VERSION")]
    id: Option<String>,
    /// Write the text of this file of it instead
    #[arg(long, value_name = "PATH")]
    file: Option<String>,
}

/// Show how the files of two versions differ, line by line; `mux policy diff` tells what they do differently
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The older one
    #[arg(value_name = "VERSION")]
    was: String,
    /// The newer one; what is served where absent
    #[arg(value_name = "VERSION")]
    is: Option<String>,
}

/// Show who did what, newest first
#[derive(Debug, Args)]
pub(crate) struct Log {
    /// No more than so many
    #[arg(long)]
    limit: Option<usize>,
}

/// A version with its files.
struct Version {
    head: Value,
    files: BTreeMap<String, String>,
    /// Hashes of its adapters, by their ids.
    plugins: Value,
}

fn text(value: &Value, name: &str) -> String {
    field(value, name).as_str().unwrap_or_default().to_owned()
}

/// A version of a running gateway, or of the store itself; what is served without an id.
fn version(data: &Data, id: Option<&str>) -> Result<Version, Trouble> {
    let id = match id {
        Some(id) => id.to_owned(),
        None => match field(field(&listing(data)?, "refs"), "live").as_str() {
            Some(live) => live.to_owned(),
            None => return Err(Trouble::usage("no version is served yet: name one")),
        },
    };
    match ask(&data.data, Method::GET, &format!("/versions/{id}"), None)? {
        Said::Yes(value) => {
            let files = field(&value, "files").as_array().into_iter().flatten();
            Ok(Version {
                head: field(&value, "version").clone(),
                plugins: field(&value, "plugins").clone(),
                files: files
                    .map(|file| (text(file, "path"), text(file, "text")))
                    .collect(),
            })
        }
        Said::No(why) => Err(Trouble::Usage(why)),
        Said::Nobody => {
            let version = open(&data.data)?.version(&id).map_err(Trouble::usage)?;
            let files = version.files.iter();
            Ok(Version {
                head: serde_json::to_value(&version.head).map_err(Trouble::internal)?,
                plugins: version
                    .plugins
                    .iter()
                    .cloned()
                    .collect::<BTreeMap<_, _>>()
                    .into_iter()
                    .collect(),
                files: files
                    .map(|(path, bytes)| {
                        (path.clone(), String::from_utf8_lossy(bytes).into_owned())
                    })
                    .collect(),
            })
        }
    }
}

/// The version that was the newest save before this one was first saved.
fn parent(history: &Value, id: &str) -> Option<String> {
    let mut folder = None;
    for entry in history.as_array().into_iter().flatten() {
        if matches!(
            field(entry, "action").as_str(),
            Some("save" | "forced-save")
        ) {
            if text(entry, "version") == id {
                return folder;
            }
            folder = Some(text(entry, "version"));
        }
    }
    None
}

impl Show {
    pub(crate) fn run(self, data: &Data, out: &mut Out) -> Outcome {
        let Version {
            head,
            files,
            plugins,
        } = version(data, self.id.as_deref())?;
        if let Some(path) = &self.file {
            let Some(content) = files.get(path) else {
                let names: Vec<&str> = files.keys().map(String::as_str).collect();
                return Err(Trouble::usage(format!(
                    "version `{}` has no file `{path}`; it has `{}`",
                    text(&head, "id"),
                    names.join("`, `")
                )));
            };
            out.text(content);
            return Ok(Exit::Good);
        }
        let listing = listing(data)?;
        let id = text(&head, "id");
        let parent = parent(field(&listing, "history"), &id);
        let names = refs_of(&listing, &id);
        match data.format {
            Format::Json => out.json(&json!({
                "version": head, "parent": parent, "refs": names, "files": files.keys().collect::<Vec<_>>(),
                "plugins": plugins,
            })),
            Format::Human => {
                let short = |hash: &Value| -> String { hash.as_str().unwrap_or_default().chars().take(12).collect() };
                let plugins = plugins.as_object().into_iter().flatten();
                let plugins = plugins.map(|(id, hash)| format!("{id} {}", short(hash)));
                let forced = field(&head, "forced").as_bool() == Some(true);
                let rows = [
                    ("version", id),
                    ("semantic", text(&head, "semantic")),
                    ("parent", parent.unwrap_or_else(|| "none".to_owned())),
                    ("saved", when(field(&head, "at_unix_ms").as_i64().unwrap_or_default())),
                    ("by", text(&head, "author")),
                    ("note", text(&head, "note")),
                    ("refs", names.join(" ")),
                    ("forced", if forced { "yes, over a guarantee that does not hold" } else { "no" }.to_owned()),
                    ("files", files.keys().cloned().collect::<Vec<_>>().join(", ")),
                    ("plugins", plugins.collect::<Vec<_>>().join(", ")),
                ];
                let rows: Vec<Vec<String>> =
                    rows.into_iter().map(|(name, told)| vec![name.to_owned(), told]).collect();
                out.line(&columns(&rows));
            }
        }
        Ok(Exit::Good)
    }
}

impl Diff {
    pub(crate) fn run(self, data: &Data, out: &mut Out) -> Outcome {
        let was = version(data, Some(&self.was))?;
        let is = version(data, self.is.as_deref())?;
        let paths: BTreeSet<&String> = was.files.keys().chain(is.files.keys()).collect();
        let none = String::new();
        let changed = paths.into_iter().filter_map(|path| {
            let side = |version: &Version| version.files.get(path).unwrap_or(&none).clone();
            let diff = unified::diff(path, &side(&was), &side(&is));
            (!diff.is_empty()).then(|| (path.clone(), diff))
        });
        let changed: BTreeMap<String, String> = changed.collect();
        match data.format {
            Format::Json => {
                out.json(&json!({"was": was.head, "is": is.head, "files": changed}));
            }
            Format::Human => changed.values().for_each(|diff| out.text(diff)),
        }
        Ok(Exit::Good)
    }
}

impl Log {
    pub(crate) fn run(self, data: &Data, out: &mut Out) -> Outcome {
        let listing = listing(data)?;
        let history = field(&listing, "history")
            .as_array()
            .cloned()
            .unwrap_or_default();
        let newest = history.iter().rev().take(self.limit.unwrap_or(usize::MAX));
        match data.format {
            Format::Json => out.json(&newest.collect::<Vec<_>>()),
            Format::Human => {
                let mut rows = vec![
                    ["#", "when", "by", "what", "version", "why", "hash"]
                        .map(str::to_owned)
                        .to_vec(),
                ];
                let short = |text: String| text.chars().take(12).collect::<String>();
                rows.extend(newest.map(|entry| {
                    vec![
                        field(entry, "seq").to_string(),
                        when(field(entry, "at_unix_ms").as_i64().unwrap_or_default()),
                        text(entry, "author"),
                        match field(entry, "terms") {
                            Value::Null => text(entry, "action"),
                            terms => format!("{} {}", text(entry, "action"), canary::told(terms)),
                        },
                        short(text(entry, "version")),
                        text(entry, "reason"),
                        short(text(entry, "hash")),
                    ]
                }));
                out.line(&if rows.len() == 1 {
                    "nothing happened yet".to_owned()
                } else {
                    columns(&rows)
                });
            }
        }
        Ok(Exit::Good)
    }
}
