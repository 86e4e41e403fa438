//! Which rows of the sources are about a `kind` of provider.

/// The sources' names of the providers behind a kind, the nearest first; then those whose models it offers, too.
pub(crate) fn providers(kind: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match kind {
        "anthropic" => (&["anthropic"], &[]),
        "openai" => (&["openai"], &[]),
        "azure" => (
            &["azure"],
            &["openai", "anthropic", "deepseek", "x-ai", "xai"],
        ),
        "gemini" => (&["google"], &[]),
        "vertex" => (
            &["google", "google-vertex", "google-vertex-anthropic"],
            &["anthropic"],
        ),
        "bedrock" => (&["aws", "amazon-bedrock"], &[]),
        "mistral" => (&["mistral"], &[]),
        "cohere" => (&["cohere"], &[]),
        "groq" => (&["groq"], &[]),
        "fireworks" => (&["fireworks", "fireworks-ai"], &[]),
        "deepseek" => (&["deepseek"], &[]),
        "xai" => (&["x-ai", "xai"], &[]),
        "cerebras" => (&["cerebras"], &[]),
        "together" => (&["together", "togetherai"], &[]),
        "perplexity" => (&["perplexity"], &[]),
        "openrouter" => (&["openrouter"], &[]),
        // What everybody runs for themselves costs what its machines cost.
        _ => (&[], &[]),
    }
}

/// Kinds whose prices are known to the sources.
pub(crate) const PRICED: [&str; 16] = [
    "anthropic",
    "azure",
    "bedrock",
    "cerebras",
    "cohere",
    "deepseek",
    "fireworks",
    "gemini",
    "groq",
    "mistral",
    "openai",
    "openrouter",
    "perplexity",
    "together",
    "vertex",
    "xai",
];

/// Whether some kind asks for the rows of a provider.
pub(crate) fn asks_for(provider: &str) -> bool {
    PRICED.iter().any(|kind| {
        let (own, others) = providers(kind);
        own.contains(&provider) || others.contains(&provider)
    })
}
