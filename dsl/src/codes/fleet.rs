//! Codes about providers and models, and what protects them.

use super::code::Code;

pub(super) const CODES: &[Code] = &[
    Code::error(
        "mux::provider::no-kind",
        "a provider does not say which dialect it speaks",
        r"`kind` names the adapter that turns requests into the provider's own form and its answers
back. The name of the provider says nothing about that: it is yours to choose.
Add a line such as `kind openai`; many self-hosted servers speak `openai-compatible`.",
        [
            r"provider openai {
  key env OPENAI_API_KEY
  model gpt-4.1
}
policy @main { else use openai/gpt-4.1 }
",
            r"provider openai {
  kind openai
  key  env OPENAI_API_KEY
  model gpt-4.1
}
policy @main { else use openai/gpt-4.1 }
",
        ],
    ),
    Code::warning(
        "mux::kind::unknown",
        "no adapter of this name is loaded",
        r"The gateway that checks the policy has no adapter of this name, neither built in nor in its
plugin folder. Its models cannot be called. It is only a warning, since the policy may be
checked on another machine than the one that serves it.
Add the component to the plugin folder, or mend the name.",
        [
            r"provider openai {
  kind opnai
  model gpt-4.1
}
policy @main { else use openai/gpt-4.1 }
",
            r"provider openai {
  kind openai
  model gpt-4.1
}
policy @main { else use openai/gpt-4.1 }
",
        ],
    ),
    Code::error(
        "mux::url::form",
        "this is no address of an API",
        r"`url` is the base address of the provider's API, with its scheme and its host:
`https://HOST/PATH`. Only `http` and `https` can be spoken.",
        [
            r#"provider vllm {
  kind openai-compatible
  url  "llm.example.com"
  model llama-3.3-70b
}
policy @main { else use vllm/llama-3.3-70b }
"#,
            r#"provider vllm {
  kind openai-compatible
  url  "https://llm.example.com/v1"
  model llama-3.3-70b
}
policy @main { else use vllm/llama-3.3-70b }
"#,
        ],
    ),
    Code::error(
        "mux::url::plain",
        "an address is not encrypted",
        r"With `http` prompts, answers and the credential travel in the clear. That is fine within a
machine or a cluster, and then the provider says so with the line `private`.
Write `https`, or add `private`.",
        [
            r#"provider vllm {
  kind openai-compatible
  url  "http://llm.example.com/v1"
  model llama-3.3-70b
}
policy @main { else use vllm/llama-3.3-70b }
"#,
            r#"provider vllm {
  kind openai-compatible
  url  "http://llm.example.com/v1"
  private
  model llama-3.3-70b
}
policy @main { else use vllm/llama-3.3-70b }
"#,
        ],
    ),
    Code::error(
        "mux::url::private",
        "an address is not on the public internet",
        r"The address belongs to a private network, to the machine's own links or to the metadata
service of a cloud. A policy that came from elsewhere could reach into your network that way.
If it is meant, say so with the line `private`.",
        [
            r#"provider vllm {
  kind openai-compatible
  url  "https://10.0.0.7/v1"
  model llama-3.3-70b
}
policy @main { else use vllm/llama-3.3-70b }
"#,
            r#"provider vllm {
  kind openai-compatible
  url  "https://10.0.0.7/v1"
  private
  model llama-3.3-70b
}
policy @main { else use vllm/llama-3.3-70b }
"#,
        ],
    ),
    Code::error(
        "mux::cycle::like",
        "models are like each other",
        r"`like` takes over what another model says, and following it from model to model leads back
to where it began, so nobody says anything.
One of the models must state its facts itself.",
        [
            r"provider openai {
  kind openai
  model gpt-4.1      { like gpt-4.1-mini }
  model gpt-4.1-mini { like gpt-4.1 }
}
policy @main { else use openai/gpt-4.1 }
",
            r"provider openai {
  kind openai
  model gpt-4.1      { context 1M }
  model gpt-4.1-mini { like gpt-4.1 }
}
policy @main { else use openai/gpt-4.1 }
",
        ],
    ),
    Code::error(
        "mux::breaker::no-trip",
        "a breaker does not say when it opens",
        r"A breaker keeps requests away from a target that fails; without `trip` it never would.
Add a line such as `trip when error_rate > 20% over 30s`.",
        [
            r#"include "fleet.mux"
breaker steady { cool 15s }
plan quality {
  fallback {
    try openai/gpt-4.1
    try openai/gpt-4.1-mini
    breaker steady
  }
}
policy @main { else use plan quality }
"#,
            r#"include "fleet.mux"
breaker steady {
  trip when error_rate > 20% over 30s
  cool 15s
}
plan quality {
  fallback {
    try openai/gpt-4.1
    try openai/gpt-4.1-mini
    breaker steady
  }
}
policy @main { else use plan quality }
"#,
        ],
    ),
    Code::error(
        "mux::budget::no-cap",
        "a budget does not say how much may be spent",
        r"A budget without a `cap` would let everything through while looking like a brake.
Add a line such as `cap $50/day per key`; the window is an hour, a day, a week or a month.",
        [
            r#"include "fleet.mux"
budget team { warn 80% }
policy @main {
  charge team
  else use openai/gpt-4.1
}
"#,
            r#"include "fleet.mux"
budget team {
  cap  $50/day per tag.team
  warn 80%
}
policy @main {
  charge team
  else use openai/gpt-4.1
}
"#,
        ],
    ),
    Code::error(
        "mux::limit::empty",
        "a limit limits nothing",
        r"The block of the limit has no line, so policies that obey it are not limited at all.
Add a line such as `600 requests/min per key` or `2M tokens/min per key`.",
        [
            r#"include "fleet.mux"
limit interactive { }
policy @main {
  limit interactive
  else use openai/gpt-4.1
}
"#,
            r#"include "fleet.mux"
limit interactive { 600 requests/min per key }
policy @main {
  limit interactive
  else use openai/gpt-4.1
}
"#,
        ],
    ),
];
