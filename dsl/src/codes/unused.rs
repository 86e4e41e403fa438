//! Codes about what is declared and never used.

use super::code::Code;

pub(super) const CODES: &[Code] = &[
    Code::warning(
        "mux::unused::breaker",
        "no plan uses a breaker",
        r"The breaker is declared, and no `fallback` names it, so it protects nothing.
Name it in a `fallback`, or delete it. It is only a warning: in the middle of an incident
nobody should have to tidy up first.",
        [
            r#"include "fleet.mux"
breaker steady { trip when error_rate > 20% over 30s }
policy @main { else use openai/gpt-4.1 }
"#,
            r#"include "fleet.mux"
breaker steady { trip when error_rate > 20% over 30s }
policy @main {
  else use fallback {
    try openai/gpt-4.1
    try openai/gpt-4.1-mini
    breaker steady
  }
}
"#,
        ],
    ),
    Code::warning(
        "mux::unused::budget",
        "no policy charges a budget",
        r"The budget is declared, and no policy charges its requests to it, so it never fills and
never stops anything.
Add `charge NAME` to a policy, or delete the budget.",
        [
            r#"include "fleet.mux"
budget team { cap $50/day per tag.team }
policy @main { else use openai/gpt-4.1 }
"#,
            r#"include "fleet.mux"
budget team { cap $50/day per tag.team }
policy @main {
  charge team
  else use openai/gpt-4.1
}
"#,
        ],
    ),
    Code::warning(
        "mux::unused::define",
        "no rule uses a named condition",
        r"The condition has a name, and no rule asks for it. Perhaps a rule was taken out, or it
repeats the condition instead of naming it.
Use the name, or delete the `define`.",
        [
            r#"include "fleet.mux"
define long when tokens > 150k
policy @main { else use openai/gpt-4.1 }
"#,
            r#"include "fleet.mux"
define long when tokens > 150k
policy @main {
  when long  use openai/gpt-4.1
  else       use openai/gpt-4.1-mini
}
"#,
        ],
    ),
    Code::warning(
        "mux::unused::limit",
        "no policy obeys a limit",
        r"The limit is declared, and no policy names it, so no request is held back by it.
Add `limit NAME` to a policy, or delete the limit.",
        [
            r#"include "fleet.mux"
limit interactive { 600 requests/min per key }
policy @main { else use openai/gpt-4.1 }
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
    Code::warning(
        "mux::unused::plan",
        "no rule uses a plan",
        r"The plan is declared, and no rule and no other plan uses it.
Use it, or delete it; a plan that is kept for an incident can stand in a file of its own that
is included when it is needed.",
        [
            r#"include "fleet.mux"
plan quality { openai/gpt-4.1 timeout 20s }
policy @main { else use openai/gpt-4.1 }
"#,
            r#"include "fleet.mux"
plan quality { openai/gpt-4.1 timeout 20s }
policy @main { else use plan quality }
"#,
        ],
    ),
    Code::warning(
        "mux::unused::provider",
        "no rule reaches a model of a provider",
        r"The provider is declared, and no plan that a rule can reach names one of its models. Clients
cannot use it either, unless the files say `allow direct`.
Use one of its models, or delete the provider.",
        [
            r"provider openai {
  kind openai
  model gpt-4.1
}
provider anthropic {
  kind anthropic
  model claude-sonnet-4.5
}
policy @main { else use openai/gpt-4.1 }
",
            r"provider openai {
  kind openai
  model gpt-4.1
}
provider anthropic {
  kind anthropic
  model claude-sonnet-4.5
}
policy @main {
  else use fallback {
    try openai/gpt-4.1
    try anthropic/claude-sonnet-4.5
  }
}
",
        ],
    ),
    Code::warning(
        "mux::unused::set",
        "no condition asks for a set",
        r"The set is declared, and no condition asks whether something is in it. A list of blocked
users that nothing asks for blocks nobody.
Write a rule such as `when end_user in NAME deny 403 MESSAGE`, or delete the set.",
        [
            r#"include "fleet.mux"
set blocked { "eve@corp.example" }
policy @main { else use openai/gpt-4.1 }
"#,
            r#"include "fleet.mux"
set blocked { "eve@corp.example" }
policy @main {
  when end_user in blocked  deny 403 "account suspended"
  else                      use openai/gpt-4.1
}
"#,
        ],
    ),
];
