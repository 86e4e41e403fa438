//! What is peculiar to each provider, and what gateways are known to have got wrong about it. A test a behaviour.
#![expect(clippy::indexing_slicing, reason = "a test")]

mod anthropic;
mod bedrock;
mod cohere;
mod gemini;
mod mistral;
mod ollama;
