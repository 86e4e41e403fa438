//! Everything that was hashed, by hash.

use super::bytes::Bytes;
use super::hash::Hash;
use super::parts;
use crate::part::Part;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Objects with their kinds.
#[derive(Debug, Default)]
pub(super) struct Objects(RefCell<BTreeMap<Hash, (&'static str, Vec<u8>)>>);

impl Objects {
    /// Keeps an object and tells its hash.
    pub(super) fn put(&self, kind: &'static str, bytes: Bytes) -> Hash {
        let bytes = bytes.into_vec();
        let hash = Hash::of(kind, &bytes);
        self.0.borrow_mut().insert(hash, (kind, bytes));
        hash
    }

    /// Keeps a part.
    pub(super) fn part(&self, kind: &'static str, part: &Part) -> Hash {
        let mut bytes = Bytes::default();
        parts::write(&mut bytes, part);
        self.put(kind, bytes)
    }

    /// All of them, in the order of their hashes.
    pub(super) fn written(&self) -> Vec<u8> {
        let objects = self.0.borrow();
        let mut all = Bytes::default();
        all.count(objects.len());
        for (kind, bytes) in objects.values() {
            all.text(kind);
            all.bytes(bytes);
        }
        all.into_vec()
    }
}
