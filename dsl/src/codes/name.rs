//! Codes about names that nothing has.

use super::code::Code;

pub(super) const CODES: &[Code] = &[
    Code::error(
        "mux::name::breaker",
        "there is no breaker of this name",
        r"A `fallback` names a breaker that no file of the bundle declares. A breaker says when a
target is not called for a while, and leaving it out would keep calling a target that fails.
Declare it with `breaker NAME { trip when … }`, or mend the name.",
        [
            r#"include "fleet.mux"
breaker steady { trip when error_rate > 20% over 30s }
plan quality {
  fallback {
    try openai/gpt-4.1
    try openai/gpt-4.1-mini
    breaker stedy
  }
}
policy @main { else use plan quality }
"#,
            r#"include "fleet.mux"
breaker steady { trip when error_rate > 20% over 30s }
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
        "mux::name::budget",
        "there is no budget of this name",
        r"A rule, a policy or a test names a budget that no file of the bundle declares. Nothing
would be charged to it, and a condition on it would never be true.
Declare it with `budget NAME { cap … }`, mend the name, or include the file that has it.",
        [
            r#"include "fleet.mux"
budget team { cap $50/day per tag.session }
policy @main {
  charge teem
  else use openai/gpt-4.1
}
"#,
            r#"include "fleet.mux"
budget team { cap $50/day per tag.session }
policy @main {
  charge team
  else use openai/gpt-4.1
}
"#,
        ],
    ),
    Code::error(
        "mux::name::define",
        "there is no fact or condition of this name",
        r"A condition asks for something that is neither a fact of requests nor named by a `define`.
In other languages that would quietly be false; here it is an error, since a rule that can
never match looks exactly like one that works.
Facts are `tokens`, `streaming`, `end_user`, `tag.NAME` and a few more; `has images` asks
what a request needs.",
        [
            r#"include "fleet.mux"
define long when tokens > 150k
policy @main {
  when lang  use openai/gpt-4.1
  else       use openai/gpt-4.1-mini
}
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
    Code::error(
        "mux::name::duplicate",
        "a name is given twice",
        r"Two things of one kind have the same name, perhaps in two files of the bundle. Whoever uses
the name could mean either, and the order of files would decide which.
Rename one of them, or delete it.",
        [
            r#"include "fleet.mux"
plan quality { openai/gpt-4.1 }
plan quality { openai/gpt-4.1-mini }
policy @main { else use plan quality }
"#,
            r#"include "fleet.mux"
plan quality { openai/gpt-4.1 }
plan cheap   { openai/gpt-4.1-mini }
policy @main {
  when has images  use plan quality
  else             use plan cheap
}
"#,
        ],
    ),
    Code::error(
        "mux::name::fact",
        "a test gives a fact that does not exist",
        r"`given`, or a column of a table, names a fact that requests do not have. A test that sets
something no rule can read would pass or fail for another reason than it says.
Facts are `model`, `tokens`, `streaming`, `tag.NAME`, `has …`, `budget.NAME` and a few more.",
        [
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
test "gold" for @main {
  given tier "gold"
  expect first is openai/gpt-4.1
}
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
test "gold" for @main {
  given tag.tier "gold"
  expect first is openai/gpt-4.1
}
"#,
        ],
    ),
    Code::error(
        "mux::name::feature",
        "there is no capability of this name",
        r"`has`, or the `can` line of a model, names a capability that mux does not know, so it could
neither be seen in a request nor be kept away from models that lack it.
The capabilities are `tools`, `images`, `json-schema`, `streaming`, `reasoning` and `audio`.",
        [
            r#"include "fleet.mux"
policy @main {
  when has pictures  use openai/gpt-4.1
  else               use openai/gpt-4.1-mini
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
        "mux::name::figure",
        "a replay has no figure of this name",
        r"A replay compares recorded traffic with what the policy does now, and expects something of
a figure that it does not compute.
The figures are `changed`, `denied`, `failed_over`, `errors`, `p50`, `p95` and `cost`.",
        [
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
replay "recordings" against "live" {
  expect chnged <= 2%
}
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
replay "recordings" against "live" {
  expect changed <= 2%
}
"#,
        ],
    ),
    Code::error(
        "mux::name::health",
        "there is no health state of this name",
        r"The health of a target or a provider is `ok`, `degraded` or `down`; the condition asks for
something else, and would never be true.
What the three mean is said by the `health` block.",
        [
            r#"include "fleet.mux"
policy @main {
  when health of vllm is broken  use openai/gpt-4.1
  else                           use vllm/llama-3.3-70b
}
"#,
            r#"include "fleet.mux"
policy @main {
  when health of vllm is down  use openai/gpt-4.1
  else                         use vllm/llama-3.3-70b
}
"#,
        ],
    ),
    Code::error(
        "mux::name::limit",
        "there is no limit of this name",
        r"A policy obeys a limit that no file of the bundle declares; its requests would not be
limited at all.
Declare it with `limit NAME { 600 requests/min per key }`, or mend the name.",
        [
            r#"include "fleet.mux"
limit interactive { 600 requests/min per key }
policy @main {
  limit interactiv
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
    Code::error(
        "mux::name::metric",
        "there is no live figure of this name",
        r"`… of …` asks for a live figure, and there is none of that name for that kind of thing.
There are `p50`, `p95`, `p99`, `error_rate`, `inflight`, `headroom`, `breaker` and `health` of
a target, `health` of a provider, and `used of budget NAME`.",
        [
            r#"include "fleet.mux"
policy @main {
  when p96 of vllm/llama-3.3-70b > 4s  use openai/gpt-4.1
  else                                 use vllm/llama-3.3-70b
}
"#,
            r#"include "fleet.mux"
policy @main {
  when p95 of vllm/llama-3.3-70b > 4s  use openai/gpt-4.1
  else                                 use vllm/llama-3.3-70b
}
"#,
        ],
    ),
    Code::error(
        "mux::name::model",
        "there is no model of this name",
        r"A target is written `PROVIDER/MODEL`, and no file of the bundle declares this one. A model
of the same name at two providers is two targets, so the provider cannot be left out.
Declare it with `model NAME` inside its `provider`, mend the name, or include the fleet.",
        [
            r#"include "fleet.mux"
policy @main { else use gpt-4.1 }
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
"#,
        ],
    ),
    Code::error(
        "mux::name::option",
        "a target or strategy has no option of this name",
        r"Behind a target, or on the line of a strategy, stands a word that is none of its options.
A misspelt `timeout` that was skipped would leave a request waiting for minutes.
Options of a target are `timeout`, `connect`, `idle`, `total` and `retry`.",
        [
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 timeot 20s }
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 timeout 20s }
"#,
        ],
    ),
    Code::error(
        "mux::name::outcome",
        "there is no outcome of this name",
        r"After `on` stand outcomes of an attempt: a status such as `429`, `5xx`, `network`,
`timed-out` or `auth`. After `expect` stand outcomes of a test: `plan`, `rule`, `first`,
`attempts`, `served`, `denied`, `cost`, `total` and a few more.
A name that is neither would never happen, and the line would do nothing.",
        [
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 retry 2 on timeout }
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 retry 2 on timed-out }
"#,
        ],
    ),
    Code::error(
        "mux::name::plan",
        "there is no plan of this name",
        r"A rule or a strategy uses a plan that no file of the bundle declares.
Declare it with `plan NAME { … }`, mend the name, or include the file that has it.",
        [
            r#"include "fleet.mux"
plan quality { openai/gpt-4.1 timeout 20s }
policy @main { else use plan qualty }
"#,
            r#"include "fleet.mux"
plan quality { openai/gpt-4.1 timeout 20s }
policy @main { else use plan quality }
"#,
        ],
    ),
    Code::error(
        "mux::name::policy",
        "there is no policy of this name",
        r"`go`, a test or a table names a policy that no file of the bundle declares. The name of a
policy begins with `@`; it is what clients send as `model`.
Declare it with `policy @NAME { … }`, mend the name, or include the file that has it.",
        [
            r#"include "fleet.mux"
policy @main { else go @everydy }
policy @everyday { else use openai/gpt-4.1 }
"#,
            r#"include "fleet.mux"
policy @main { else go @everyday }
policy @everyday { else use openai/gpt-4.1 }
"#,
        ],
    ),
    Code::error(
        "mux::name::price",
        "there is no price class of this name",
        r"A `price` line names a class of tokens that mux does not count.
The classes are `input`, `output`, `cached` (read from the provider's cache) and
`cache-write`; the first two are needed, the others default to the price of input.",
        [
            r"provider openai {
  kind openai
  model gpt-4.1 { price prompt $2/Mtok completion $8/Mtok }
}
policy @main { else use openai/gpt-4.1 }
",
            r"provider openai {
  kind openai
  model gpt-4.1 { price input $2/Mtok output $8/Mtok }
}
policy @main { else use openai/gpt-4.1 }
",
        ],
    ),
    Code::error(
        "mux::name::provider",
        "there is no provider of this name",
        r"A condition or a test asks for the health of a provider that no file of the bundle has.
Declare it with `provider NAME { … }`, mend the name, or include the fleet.",
        [
            r#"include "fleet.mux"
policy @main {
  when health of vlm is down  use openai/gpt-4.1
  else                        use vllm/llama-3.3-70b
}
"#,
            r#"include "fleet.mux"
policy @main {
  when health of vllm is down  use openai/gpt-4.1
  else                         use vllm/llama-3.3-70b
}
"#,
        ],
    ),
    Code::error(
        "mux::name::scope",
        "nothing can be counted per this",
        r"Budgets and limits are counted per `key`, `team`, `end_user`, `model` or `tag.NAME`, or,
without `per`, once for all. A counter per anything else would never see two requests together.
A tag is written with its `tag.` in front.",
        [
            r#"include "fleet.mux"
budget team { cap $50/day per session }
policy @main {
  charge team
  else use openai/gpt-4.1
}
"#,
            r#"include "fleet.mux"
budget team { cap $50/day per tag.session }
policy @main {
  charge team
  else use openai/gpt-4.1
}
"#,
        ],
    ),
    Code::error(
        "mux::name::script",
        "an upstream cannot do this",
        r"The `upstream` line of a test says what a provider does, and this is nothing it can do.
It `replies STATUS after TIME`, `hangs`, `refuses` the connection, or
`streams N tokens/s then drops after N tokens`.",
        [
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
test "an outage" for @main {
  upstream openai/gpt-4.1 fails
  expect failed
}
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
test "an outage" for @main {
  upstream openai/gpt-4.1 replies 503
  expect failed
}
"#,
        ],
    ),
    Code::error(
        "mux::name::set",
        "there is no set of this name",
        r"A condition asks whether something is in a set that no file of the bundle declares. A name
behind `in` is a set; values themselves stand in quotes.
Declare it with `set NAME { … }` or `set NAME from FILE`, or mend the name.",
        [
            r#"include "fleet.mux"
set staff { "ana@corp.example" "li@corp.example" }
policy @main {
  when end_user in stuff  use openai/gpt-4.1
  else                    use openai/gpt-4.1-mini
}
"#,
            r#"include "fleet.mux"
set staff { "ana@corp.example" "li@corp.example" }
policy @main {
  when end_user in staff  use openai/gpt-4.1
  else                    use openai/gpt-4.1-mini
}
"#,
        ],
    ),
    Code::error(
        "mux::name::tier",
        "there is no tier of this name",
        r"A tier is the quality class of a model, and there are three, in this order: `economy`,
`standard` and `frontier`. They are compared by that order.
The tier of a customer is another thing: it is a tag, such as `tag.tier`.",
        [
            r"provider openai {
  kind openai
  model gpt-4.1 { tier premium }
}
policy @main { else use openai/gpt-4.1 }
",
            r"provider openai {
  kind openai
  model gpt-4.1 { tier frontier }
}
policy @main { else use openai/gpt-4.1 }
",
        ],
    ),
    Code::error(
        "mux::name::zone",
        "there is no time zone of this name",
        r"A time zone is named by continent and city, as in the IANA database: `Europe/Berlin`,
`America/New_York`; or it is `UTC`. Abbreviations such as `CET` and `EST` are not taken, since
they do not say what happens in summer.
mux carries the database itself, so a policy means the same on every machine.",
        [
            r#"include "fleet.mux"
policy @main {
  when time in mon-fri 08:00-18:00 Europe/Berlim  use openai/gpt-4.1
  else                                            use openai/gpt-4.1-mini
}
"#,
            r#"include "fleet.mux"
policy @main {
  when time in mon-fri 08:00-18:00 Europe/Berlin  use openai/gpt-4.1
  else                                            use openai/gpt-4.1-mini
}
"#,
        ],
    ),
];
