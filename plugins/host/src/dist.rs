//! The components that come with mux.

/// Name and bytes of each component built into the binary.
#[must_use]
pub fn embedded() -> &'static [(&'static str, &'static [u8])] {
    &[
        ("anthropic", include_bytes!("../../dist/anthropic.wasm")),
        ("openai", include_bytes!("../../dist/openai.wasm")),
    ]
}
