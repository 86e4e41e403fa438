//! What happened to the store: the content of a frame, and which bytes of its body are which object.

use crate::canary::Terms;
use crate::digest::Digest;
use crate::version::Action;
use serde::{Deserialize, Serialize};

/// The kind of frame that holds an [`Event`].
pub(crate) const KIND: u8 = 1;

/// One change, written as JSON at the head of a frame. Fields are only ever added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event {
    /// Unix milliseconds.
    pub(crate) at: i64,
    pub(crate) author: String,
    pub(crate) reason: String,
    pub(crate) action: Action,
    /// The version acted on; what becomes of the refs follows from the action and the refs before.
    pub(crate) version: String,
    /// How a canary that begins is run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) terms: Option<Terms>,
    /// What the version is made of, where it is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) manifest: Option<Manifest>,
    /// The objects in the frame's body, in order: those of the manifest that the journal did not have yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) objects: Vec<Object>,
}

/// What a version is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) semantic: Option<String>,
    pub(crate) files: Vec<FileRef>,
    pub(crate) plugins: Vec<(String, String)>,
    pub(crate) prices: Option<String>,
}

/// A file of a version: its path and the object that is its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileRef {
    pub(crate) path: String,
    pub(crate) object: Object,
}

/// Content, named by its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Object {
    pub(crate) hash: Digest,
    /// Bytes.
    pub(crate) len: u32,
}

impl Event {
    pub(crate) fn encode(&self) -> Result<Vec<u8>, String> {
        serde_json::to_vec(self).map_err(|error| error.to_string())
    }

    /// Takes a body apart into the objects it holds.
    pub(crate) fn pieces<'a>(&self, mut body: &'a [u8]) -> Result<Vec<(Digest, &'a [u8])>, String> {
        let mut pieces = Vec::with_capacity(self.objects.len());
        for object in &self.objects {
            let cut = usize::try_from(object.len)
                .ok()
                .and_then(|len| body.split_at_checked(len));
            let (content, rest) =
                cut.ok_or_else(|| format!("object {} is cut short", object.hash))?;
            pieces.push((object.hash, content));
            body = rest;
        }
        Ok(pieces)
    }

    pub(crate) fn decode(head: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(head).map_err(|error| error.to_string())
    }
}
