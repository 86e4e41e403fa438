//! The components that come with mux.

use std::ptr;
use std::sync::LazyLock;

/// A place for each, which is what they are known by.
static EMBEDDED: [(&str, &[u8]); 9] = [
    ("anthropic", include_bytes!("../../dist/anthropic.wasm")),
    ("azure", include_bytes!("../../dist/azure.wasm")),
    ("bedrock", include_bytes!("../../dist/bedrock.wasm")),
    ("cohere", include_bytes!("../../dist/cohere.wasm")),
    ("gemini", include_bytes!("../../dist/gemini.wasm")),
    ("mistral", include_bytes!("../../dist/mistral.wasm")),
    ("ollama", include_bytes!("../../dist/ollama.wasm")),
    ("openai", include_bytes!("../../dist/openai.wasm")),
    ("vertex", include_bytes!("../../dist/vertex.wasm")),
];
static FLOOR: &[u8] = include_bytes!("../../dist/floor.wasm");

/// Id and bytes of each component built into the binary.
#[must_use]
pub fn embedded() -> &'static [(&'static str, &'static [u8])] {
    &EMBEDDED
}

/// An adapter that does nothing but cross the border and back: what others are timed against.
#[must_use]
pub fn floor() -> &'static [u8] {
    FLOOR
}

/// The hash of a component. Of those that come with mux it was taken when they were built, a tenth of what loading one
/// takes.
pub(crate) fn hash(component: &[u8]) -> blake3::Hash {
    known_hash(component).unwrap_or_else(|| blake3::hash(component))
}

fn known_hash(component: &[u8]) -> Option<blake3::Hash> {
    static KNOWN: LazyLock<Vec<(&[u8], blake3::Hash)>> = LazyLock::new(known);
    let own = KNOWN.iter().find(|(own, _)| ptr::eq(*own, component));
    own.map(|(_, hash)| *hash)
}

/// The components that come with mux, and their hashes.
fn known() -> Vec<(&'static [u8], blake3::Hash)> {
    let lines = include_str!("../../dist/SOURCES").lines();
    let hash = |id: &str| {
        let mut words = lines
            .clone()
            .map(str::split_whitespace)
            .find_map(|mut words| (words.next()? == id).then_some(words))?;
        blake3::Hash::from_hex(words.next()?).ok()
    };
    let all = embedded().iter().copied().chain([("floor", floor())]);
    all.filter_map(|(id, bytes)| Some((bytes, hash(id)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_with_mux_has_the_hashes_it_was_built_with() {
        let known = known();
        assert_eq!(known.len(), embedded().len() + 1);
        for (bytes, known) in known {
            assert_eq!(known, blake3::hash(bytes));
            assert_eq!(known_hash(bytes), Some(known));
            let other = [bytes, b"\0"].concat();
            assert_eq!(hash(&other), blake3::hash(&other));
            assert_eq!(known_hash(&other), None);
            assert_eq!(known_hash(&bytes[..bytes.len() - 1]), None);
        }
    }
}
