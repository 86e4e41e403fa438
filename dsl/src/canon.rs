//! The canonical form of bundles, `mux-canon-1`, and the hashes made of it.
//!
//! The *semantic* hash tells what a bundle does: two bundles that treat every request alike have the same, whatever their
//! rules, plans and conditions are called, however they are ordered or spread over files. The *source* hash tells how it
//! is written: names and labels count, comments and blanks do not.
//!
//! Everything is written by hand, byte for byte, so that no dependency can move a hash; a change of a single byte of any
//! form here is a new version of the whole, under a new name.

mod bytes;
pub(crate) mod graph;
mod hash;
mod merkle;
mod node;
mod objects;
mod parts;
mod source;
mod written;

use crate::decide::Image;
use crate::image::PolicyId;
use crate::outcome::Outcomes;
use crate::part::Part;
use bytes::Bytes;
use merkle::Merkle;
use serde::Serialize;

pub use hash::{CANON, Canon, Hash};
pub use source::source_hash;

/// The semantic hash of one policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyHash {
    /// Without the `@`.
    pub policy: String,
    /// Of what it does with every request, and of all it refers to.
    pub hash: Hash,
    /// What the hash is made of.
    pub canon: Canon,
}

/// The semantic hash of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Semantic {
    /// Of the bundle as a whole.
    pub hash: Hash,
    /// By name.
    pub policies: Vec<PolicyHash>,
}

impl Image {
    /// The semantic hash, of the whole and by policy.
    #[must_use]
    pub fn semantic(&self) -> Semantic {
        self.canonical().0
    }

    /// The canonical form: every object that the semantic hash is made of, in the order of their hashes, each with its kind.
    /// The hash of an object is BLAKE3 `derive_key` with the context `mux-canon-1 KIND` over its bytes.
    #[must_use]
    pub fn canonical(&self) -> (Semantic, Vec<u8>) {
        let merkle = Merkle::of(self);
        let outcomes = Outcomes::of(self, &graph::guard);
        let ids = (0..).map(PolicyId).zip(&self.policies);
        let mut policies: Vec<PolicyHash> = ids
            .map(|(id, policy)| {
                let (hash, canon) = merkle.policy(id, self, &outcomes);
                PolicyHash {
                    policy: policy.name.to_string(),
                    hash,
                    canon,
                }
            })
            .collect();
        policies.sort_unstable_by(|a, b| a.policy.cmp(&b.policy));
        let mut bytes = Bytes::default();
        merkle.write(self, &mut bytes);
        bytes.count(policies.len());
        for policy in &policies {
            bytes.text(&policy.policy);
            bytes.hash(policy.hash);
        }
        let hash = merkle.objects.put("image", bytes);
        (Semantic { hash, policies }, merkle.objects.written())
    }
}

/// The bytes of a part: the same for those that are the same.
pub(crate) fn bytes_of(part: &Part) -> Box<[u8]> {
    let mut bytes = Bytes::default();
    parts::write(&mut bytes, part);
    bytes.into_vec().into()
}
