//! What every command about versions needs: where they are, and all of them, of a running gateway or of the store itself.

use crate::ending::Trouble;
use crate::operator::{Said, ask};
use crate::out::Format;
use clap::Args;
use hyper::Method;
use mux_gateway::status::Listing;
use mux_store::Store;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Where the state is.
#[derive(Clone, Debug, Args)]
pub(super) struct Data {
    /// The gateway's data folder
    #[arg(long, env = "MUX_DATA", default_value = ".mux", global = true)]
    pub(super) data: PathBuf,
    /// How to write the result
    #[arg(long, default_value = "human", global = true)]
    pub(super) format: Format,
}

/// All versions, refs and history.
pub(super) fn listing(data: &Data) -> Result<Value, Trouble> {
    match ask(&data.data, Method::GET, "/versions", None)? {
        Said::Yes(value) => Ok(value),
        Said::No(why) => Err(Trouble::Usage(why)),
        Said::Nobody => {
            let store = open(&data.data)?;
            let listing = Listing {
                versions: store.versions(),
                refs: store.refs(),
                history: store.history(),
                canary: None,
                unwritten: None,
                branch: None,
                refused: None,
            };
            serde_json::to_value(listing).map_err(Trouble::internal)
        }
    }
}

/// A field, or null where there is none.
pub(super) fn field<'v>(value: &'v Value, name: &str) -> &'v Value {
    value.get(name).unwrap_or(&Value::Null)
}

/// What a version is called at present.
pub(super) fn refs_of(listing: &Value, id: &str) -> Vec<&'static str> {
    let refs = field(listing, "refs");
    let is = |name: &str| field(refs, name).as_str() == Some(id);
    let mut names: Vec<&str> = ["live", "folder", "draft"]
        .into_iter()
        .filter(|name| is(name))
        .collect();
    if field(field(refs, "canary"), "version").as_str() == Some(id) {
        names.push("canary");
    }
    names
}

/// Unix milliseconds as UTC.
pub(super) fn when(ms: i64) -> String {
    let seconds = ms.div_euclid(1_000);
    mux_gateway::clock::utc(seconds)
}

/// The store itself.
pub(crate) fn open(data: &Path) -> Result<Store, Trouble> {
    let dir = data.join("store");
    if !dir.exists() {
        return Err(Trouble::usage(format!(
            "there is no gateway data in `{}`; name the folder with `--data`",
            data.display()
        )));
    }
    Store::open(&dir).map_err(Trouble::usage)
}
