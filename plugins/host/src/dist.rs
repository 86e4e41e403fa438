//! The components that come with mux.

/// Id and bytes of each component built into the binary.
#[must_use]
pub fn embedded() -> &'static [(&'static str, &'static [u8])] {
    &[
        ("anthropic", include_bytes!("../../dist/anthropic.wasm")),
        ("azure", include_bytes!("../../dist/azure.wasm")),
        ("bedrock", include_bytes!("../../dist/bedrock.wasm")),
        ("cohere", include_bytes!("../../dist/cohere.wasm")),
        ("gemini", include_bytes!("../../dist/gemini.wasm")),
        ("mistral", include_bytes!("../../dist/mistral.wasm")),
        ("ollama", include_bytes!("../../dist/ollama.wasm")),
        ("openai", include_bytes!("../../dist/openai.wasm")),
        ("vertex", include_bytes!("../../dist/vertex.wasm")),
    ]
}

/// An adapter that does nothing but cross the border and back: what others are timed against.
#[must_use]
pub fn floor() -> &'static [u8] {
    include_bytes!("../../dist/floor.wasm")
}
