//! Versions to store, and seeded chance.

use mux_store::{NewVersion, version_id};

/// A version whose only file holds `text`.
pub(crate) fn version(text: &str) -> NewVersion {
    with_files(vec![("main.mux".to_owned(), text.as_bytes().to_vec())])
}

pub(crate) fn with_files(files: Vec<(String, Vec<u8>)>) -> NewVersion {
    let plugins = vec![("openai".to_owned(), "00ff".to_owned())];
    NewVersion {
        id: version_id(&files, &plugins, Some("prices")),
        semantic: Some("5e".to_owned()),
        files,
        plugins,
        prices: Some("prices".to_owned()),
        author: "ann".to_owned(),
        at_unix_ms: 1_700_000_000_000,
        note: "a note".to_owned(),
        forced: false,
    }
}

/// The n-th of a row of versions: one file they share and one of up to 40 KB that only it has.
pub(crate) fn numbered(n: u64) -> NewVersion {
    let mut chance = Chance(n);
    let len = chance.below(40_000);
    let own = (0..len)
        .map(|_| u8::try_from(chance.below(256)).unwrap())
        .collect();
    with_files(vec![
        ("shared.mux".to_owned(), b"shared".repeat(100)),
        (format!("{n}.mux"), own),
    ])
}

/// Splitmix64, seeded: the same run every time.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}
