//! Codes about plans: how a request is carried out.

use super::code::Code;

pub(super) const CODES: &[Code] = &[
    Code::error(
        "mux::plan::empty",
        "a plan does nothing",
        r"The block of the plan, or of its `fallback`, names no target, so a request that gets the
plan could not be answered.
Name a target, or write `fallback { try … }`.",
        [
            r#"include "fleet.mux"
plan quality { fallback within 45s { } }
policy @main { else use plan quality }
"#,
            r#"include "fleet.mux"
plan quality {
  fallback within 45s {
    try openai/gpt-4.1       timeout 20s
    try vllm/llama-3.3-70b   timeout 20s
  }
}
policy @main { else use plan quality }
"#,
        ],
    ),
    Code::error(
        "mux::plan::several",
        "a plan is more than one thing",
        r"A plan is one target or one strategy. With two of them it does not say whether the second
comes after the first fails, takes a share of the requests, or is asked as well.
To try them one after the other, put both into `fallback { try … try … }`.",
        [
            r#"include "fleet.mux"
plan quality {
  openai/gpt-4.1
  vllm/llama-3.3-70b
}
policy @main { else use plan quality }
"#,
            r#"include "fleet.mux"
plan quality {
  fallback {
    try openai/gpt-4.1
    try vllm/llama-3.3-70b
  }
}
policy @main { else use plan quality }
"#,
        ],
    ),
    Code::error(
        "mux::cycle::plan",
        "plans use each other",
        r"Following the plans that a plan uses leads back to where it began, so that a request would
go round until its deadline. The message names the whole loop.
One of the plans must end in targets.",
        [
            r#"include "fleet.mux"
plan quality  { fallback { try plan everyday } }
plan everyday { fallback { try openai/gpt-4.1-mini
                           try plan quality } }
policy @main { else use plan quality }
"#,
            r#"include "fleet.mux"
plan quality  { fallback { try openai/gpt-4.1
                           try plan everyday } }
plan everyday { openai/gpt-4.1-mini }
policy @main { else use plan quality }
"#,
        ],
    ),
    Code::warning(
        "mux::time::budget",
        "an attempt may not get the time it wants",
        r"`within` is the deadline of the whole `fallback`. If every attempt above is as slow as its
timeouts and retries allow, less than this attempt's `timeout` is left for it.
Raise `within`, or shorten the timeouts above; what is left is what the attempt gets.",
        [
            r#"include "fleet.mux"
plan quality {
  fallback within 30s {
    try openai/gpt-4.1      timeout 20s
    try vllm/llama-3.3-70b  timeout 20s
  }
}
policy @main { else use plan quality }
"#,
            r#"include "fleet.mux"
plan quality {
  fallback within 40s {
    try openai/gpt-4.1      timeout 20s
    try vllm/llama-3.3-70b  timeout 20s
  }
}
policy @main { else use plan quality }
"#,
        ],
    ),
    Code::error(
        "mux::target::cannot-serve",
        "requests reach a model that cannot serve them",
        r"Requests that need tools, images or an answer bound to a schema can get to this rule, and no
target it leads to has what they need. They would all be refused with 400.
Send those requests to a model that can, or refuse them with your own words, by a rule above;
the help shows such a request and such a rule.",
        [
            r#"include "fleet.mux"
provider local {
  kind openai-compatible
  url  "http://127.0.0.1:8000/v1"
  model small { can tools json-schema streaming }
}
policy @main { else use local/small }
"#,
            r#"include "fleet.mux"
provider local {
  kind openai-compatible
  url  "http://127.0.0.1:8000/v1"
  model small { can tools json-schema streaming }
}
policy @main {
  when has images  use openai/gpt-4.1
  else             use local/small
}
"#,
        ],
    ),
    Code::warning(
        "mux::target::window",
        "prompts get here that are too long for every model",
        r"The policy tells long prompts apart, and lets some of them get to this rule that are longer
than the context window of every target it leads to. At run time they are refused with 400.
Send them to a model with a wider window by a rule above, or mend the bound.",
        [
            r#"include "fleet.mux"
policy @main {
  when tokens > 150k  use vllm/llama-3.3-70b
  else                use openai/gpt-4.1
}
"#,
            r#"include "fleet.mux"
policy @main {
  when tokens > 100k  use openai/gpt-4.1
  else                use vllm/llama-3.3-70b
}
"#,
        ],
    ),
];
