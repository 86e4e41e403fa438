//! A version: what it is made of, its id, and what the store tells about it.

use crate::canary::{Canary, Terms};
use serde::{Deserialize, Serialize};

/// A bundle to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewVersion {
    /// [`version_id`] of `files`, `plugins` and `prices`.
    pub id: String,
    /// Hash of what the bundle means, where it is known.
    pub semantic: Option<String>,
    /// Path and content of every source and referenced file.
    pub files: Vec<(String, Vec<u8>)>,
    /// Id and hash of every plugin.
    pub plugins: Vec<(String, String)>,
    /// Hash of the price table.
    pub prices: Option<String>,
    /// Who saved it.
    pub author: String,
    /// When, unix milliseconds.
    pub at_unix_ms: i64,
    /// Why, in the author's words.
    pub note: String,
    /// Whether a refuted guarantee was overridden.
    pub forced: bool,
}

/// What became of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The version's id.
    pub id: String,
    /// Whether the store had not seen it before.
    pub new: bool,
    /// Whether it is the live one now; it is not while an older version is held.
    pub live: bool,
}

/// What a rollback went back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Back {
    /// What is live now.
    #[serde(flatten)]
    pub head: VersionHead,
    /// The canary that was ended; then nothing is held that was not before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
}

/// A version without its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionHead {
    /// Its id: 64 hexadecimal digits.
    pub id: String,
    /// Hash of what the bundle means.
    pub semantic: Option<String>,
    /// Who saved it first.
    pub author: String,
    /// When it was first saved, unix milliseconds.
    pub at_unix_ms: i64,
    /// Why, in the author's words.
    pub note: String,
    /// Whether a refuted guarantee was overridden.
    pub forced: bool,
    /// Number of its files.
    pub files: usize,
    /// Bytes of its files.
    pub bytes: u64,
}

/// A version with everything in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// All but the content.
    pub head: VersionHead,
    /// Path and content of every file, in the order they were handed in.
    pub files: Vec<(String, Vec<u8>)>,
    /// Id and hash of every plugin.
    pub plugins: Vec<(String, String)>,
    /// Hash of the price table.
    pub prices: Option<String>,
}

/// Which versions are which. Each is also a name of its version wherever an id is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refs {
    /// The newest accepted save.
    pub folder: Option<String>,
    /// The one served.
    pub live: Option<String>,
    /// Why `live` does not follow `folder`; absent when it does, or when only a canary keeps it from that.
    pub held: Option<String>,
    /// The newest draft, until it is served or saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<String>,
    /// The version that is tried out beside `live`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
}

/// What somebody did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Saved a version.
    Save,
    /// Saved a version over a refuted guarantee.
    ForcedSave,
    /// Made an older version live and held it.
    Rollback,
    /// Ended the hold.
    Release,
    /// Made a version live that had been kept and not served.
    Promote,
    /// Kept a version that nobody is to be served by yet.
    Draft,
    /// The same over a refuted guarantee.
    ForcedDraft,
    /// Began to try a version out beside the live one.
    Canary,
    /// Ended that; what was live goes on.
    EndCanary,
}

/// One line of the history. `prev` of each is `hash` of the one before: a line cannot be changed unseen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Its number, from 1.
    pub seq: u64,
    /// When, unix milliseconds.
    pub at_unix_ms: i64,
    /// Who.
    pub author: String,
    /// What.
    pub action: Action,
    /// The version it was done with.
    pub version: String,
    /// Why: the note of a save, the reason of a rollback or release.
    pub reason: String,
    /// How a canary that began is run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<Terms>,
    /// Hash of this entry, hexadecimal.
    pub hash: String,
    /// Hash of the entry before, hexadecimal; zeros for the first.
    pub prev: String,
}

/// Id of a bundle: BLAKE3 over its files, plugin hashes and prices, 64 hexadecimal digits.
///
/// Keyed by the context `mux version 1`. Files are sorted by path, plugins by id; counts and lengths are 64-bit little
/// endian before what they count, so no two bundles run together into the same bytes. Order does not matter, names do.
#[must_use]
pub fn version_id(
    files: &[(String, Vec<u8>)],
    plugins: &[(String, String)],
    prices: Option<&str>,
) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("mux version 1");
    let mut files: Vec<_> = files
        .iter()
        .map(|(path, content)| (path.as_bytes(), content.as_slice()))
        .collect();
    let mut plugins: Vec<_> = plugins
        .iter()
        .map(|(id, hash)| (id.as_bytes(), hash.as_bytes()))
        .collect();
    for pairs in [&mut files, &mut plugins] {
        pairs.sort_unstable();
        count(&mut hasher, pairs.len());
        for (name, content) in pairs.iter() {
            measured(&mut hasher, name);
            measured(&mut hasher, content);
        }
    }
    count(&mut hasher, usize::from(prices.is_some()));
    if let Some(prices) = prices {
        measured(&mut hasher, prices.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

fn count(hasher: &mut blake3::Hasher, number: usize) {
    hasher.update(&u64::try_from(number).unwrap_or(u64::MAX).to_le_bytes());
}

fn measured(hasher: &mut blake3::Hasher, bytes: &[u8]) {
    count(hasher, bytes.len());
    hasher.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Pairs<T> = Vec<(String, T)>;

    #[test]
    fn the_id_of_a_known_bundle_never_changes() {
        let files = [
            ("b.mux".to_owned(), Vec::new()),
            ("a.mux".to_owned(), b"plan".to_vec()),
        ];
        let plugins = [("openai".to_owned(), "00ff".to_owned())];
        let id = version_id(&files, &plugins, Some("p1"));
        assert_eq!(
            id,
            "91655d08895ba01fba55db7c6110b78edabd6db072eb6ad8cb12aa1dbd35c177"
        );
        assert_eq!(
            version_id(&[], &[], None),
            "b0eae2c913076c632625c59d3eab6f54adf2434bb5d1bf84222e47c6610bacca"
        );

        // The same bytes spelt out: what another implementation must hash.
        let mut bytes = Vec::new();
        for piece in [
            "\x02",
            "\x05a.mux",
            "\x04plan",
            "\x05b.mux",
            "\x00",
            "\x01",
            "\x06openai",
            "\x0400ff",
            "\x01",
            "\x02p1",
        ] {
            let (number, text) = piece.as_bytes().split_at(1);
            bytes.extend_from_slice(&[number, &[0; 7], text].concat());
        }
        assert_eq!(
            id,
            blake3::Hash::from_bytes(blake3::derive_key("mux version 1", &bytes))
                .to_hex()
                .as_str()
        );
    }

    fn bundle() -> impl Strategy<Value = (Pairs<Vec<u8>>, Pairs<String>, Option<String>)> {
        let files = proptest::collection::btree_map(
            "[ab]{0,2}",
            proptest::collection::vec(0_u8..3, 0..3),
            0..3,
        );
        let plugins = proptest::collection::btree_map("[ab]{0,2}", "[ab]{0,2}", 0..3);
        (files, plugins, proptest::option::of("[ab]{0,2}")).prop_map(|(files, plugins, prices)| {
            (
                files.into_iter().collect(),
                plugins.into_iter().collect(),
                prices,
            )
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn different_bundles_have_different_ids_and_order_does_not_matter(a in bundle(), b in bundle()) {
            let id = |bundle: &(Pairs<Vec<u8>>, Pairs<String>, Option<String>)| version_id(&bundle.0, &bundle.1, bundle.2.as_deref());
            prop_assert_eq!(a == b, id(&a) == id(&b));
            let mut turned = a.clone();
            turned.0.reverse();
            turned.1.reverse();
            prop_assert_eq!(id(&a), id(&turned));
        }
    }
}
