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
        "mux::plan::unsupported",
        "this version cannot run a part of the language",
        r"The statement is in the language, but the mux that checks the file cannot carry it out. To
read over it would change what happens to requests, so the policy is not loaded.
Use what the help offers for now, or run a version that can.",
        [
            r#"include "fleet.mux"
policy @main {
  when has images {
    use    openai/gpt-4.1
    shadow 10% openai/gpt-4.1-mini
  }
  else use openai/gpt-4.1-mini
}
"#,
            r#"include "fleet.mux"
policy @main {
  when has images  use openai/gpt-4.1
  else             use openai/gpt-4.1-mini
}
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
        r"The condition of the rule lets requests through that need something, such as images or
tools, and no target the rule can reach has it. They would all be refused.
Send those requests to a model that can, by a rule above or by another plan; the help names
an example of such a request.",
        [
            r#"include "fleet.mux"
policy @main {
  when has images  use vllm/llama-3.3-70b
  else             use openai/gpt-4.1-mini
}
"#,
            r#"include "fleet.mux"
policy @main {
  when has images  use openai/gpt-4.1
  else             use vllm/llama-3.3-70b
}
"#,
        ],
    ),
];
