//! Every code a diagnostic can have: what it means, why mux minds, how to mend it, and an example of both.
//!
//! A test holds the table against the sources, and compiles the examples.

mod code;
mod file;
mod fleet;
mod name;
mod plan;
mod rule;
mod statement;
mod strategy;
mod syntax;
mod trial;
mod unused;
mod value;
mod word;

pub use code::Code;

use crate::suggest;

/// What the examples include as `fleet.mux`.
pub const FLEET: &str = r#"provider openai {
  kind openai
  key  env OPENAI_API_KEY
  model gpt-4.1 {
    context 1M
    output  32k
    price   input $2/Mtok output $8/Mtok
    tier    frontier
    can     tools images json-schema streaming
  }
  model gpt-4.1-mini {
    like  gpt-4.1
    price input $0.40/Mtok output $1.60/Mtok
    tier  standard
  }
}

provider vllm {
  kind openai-compatible
  url  "http://vllm.llm.svc:8000/v1"
  private
  model llama-3.3-70b {
    context 128k
    output  8k
    price   input $0.10/Mtok output $0.30/Mtok
    tier    standard
    can     tools images json-schema streaming
  }
}
"#;

/// Every code, in the order of the alphabet within its subject.
pub fn all() -> impl Iterator<Item = &'static Code> {
    [
        file::CODES,
        syntax::CODES,
        statement::CODES,
        name::CODES,
        value::CODES,
        fleet::CODES,
        plan::CODES,
        rule::CODES,
        trial::CODES,
        unused::CODES,
        strategy::CODES,
        word::CODES,
    ]
    .into_iter()
    .flatten()
}

/// A code by its name, with or without the `mux::` in front.
#[must_use]
pub fn find(name: &str) -> Option<&'static Code> {
    all().find(|c| c.code == name || c.short() == name)
}

/// The code whose name is closest to `name`, where one is close.
#[must_use]
pub fn closest(name: &str) -> Option<&'static Code> {
    let name = name.strip_prefix(code::PREFIX).unwrap_or(name);
    let close = suggest::closest(name, all().map(Code::short))
        .or_else(|| suggest::closest(name, all().filter_map(last)));
    close.and_then(|close| all().find(|c| c.short() == close || last(c) == Some(close)))
}

/// The last part of a name.
fn last(code: &Code) -> Option<&'static str> {
    code.code.rsplit("::").next()
}
