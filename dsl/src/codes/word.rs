//! Codes about words of short lists: filters, answers, facts that are declared.

use super::code::Code;

pub(super) const CODES: &[Code] = &[
    Code::error(
        "mux::name::affinity",
        "requests cannot stay together by this",
        r"`affinity` keeps requests of one kind with the target that served them, so that its prompt
cache is of use. They can be of one `conversation`, one `end_user`, one `key`, or begin with
the same text: `prefix`, by its first thousand tokens or as many as are written behind it.",
        [
            r#"include "fleet.mux"
plan p {
  fallback {
    try openai/gpt-4.1
    affinity session
  }
}
policy @main { else use plan p }
"#,
            r#"include "fleet.mux"
plan p {
  fallback {
    try openai/gpt-4.1
    affinity conversation
  }
}
policy @main { else use plan p }
"#,
        ],
    ),
    Code::error(
        "mux::name::answer",
        "answers are not judged by this",
        r"`accept when` asks about an answer: why it ended (`finish is stop`), what a judge gave it
(`score of judge >= 0.8`), whether it fits the schema asked for (`schema is valid`), and how
long it is (`output >= 20`). Facts of the request are asked about in rules.",
        [
            r#"include "fleet.mux"
plan p {
  cascade buffer {
    try openai/gpt-4.1-mini { accept when quality is "good" }
    try openai/gpt-4.1
  }
}
policy @main { else use plan p }
"#,
            r#"include "fleet.mux"
plan p {
  cascade buffer {
    try openai/gpt-4.1-mini { accept when schema is valid }
    try openai/gpt-4.1
  }
}
policy @main { else use plan p }
"#,
        ],
    ),
    Code::error(
        "mux::name::combine",
        "answers are not combined in this way",
        r"The answers of an ensemble become one by `first-valid`, `majority on PATH`, `vote on PATH`,
`best by judge` or `merge by TARGET`. `vote` counts each answer by its `weight`.",
        [
            r#"include "fleet.mux"
plan p {
  ensemble buffer {
    ask openai/gpt-4.1
    ask openai/gpt-4.1-mini
    combine average
  }
}
policy @main { else use plan p }
"#,
            r#"include "fleet.mux"
plan p {
  ensemble buffer {
    ask openai/gpt-4.1
    ask openai/gpt-4.1-mini
    combine first-valid
  }
}
policy @main { else use plan p }
"#,
        ],
    ),
    Code::error(
        "mux::name::filter",
        "targets cannot be chosen by this",
        r"`where` asks about targets: `tier`, `provider`, `region`, `context`, `price`, `can`, and the
live figures `p50`, `p95`, `p99`, `error_rate` and `health`. Facts of the request are asked
about in rules: `when tokens > 100k use …`.",
        [
            r#"include "fleet.mux"
plan p {
  cheapest where quality >= standard {
    openai/gpt-4.1-mini
    vllm/llama-3.3-70b
  }
}
policy @main { else use plan p }
"#,
            r#"include "fleet.mux"
plan p {
  cheapest where tier >= standard {
    openai/gpt-4.1-mini
    vllm/llama-3.3-70b
  }
}
policy @main { else use plan p }
"#,
        ],
    ),
    Code::error(
        "mux::name::finish",
        "no answer ends with this",
        r"An answer ends by itself (`stop`), at its limit (`length`), to call tools (`tool_calls`), or
because a filter cut it off (`content_filter`), whatever the provider calls that.",
        [
            r#"include "fleet.mux"
plan p {
  cascade buffer {
    try openai/gpt-4.1-mini { accept when finish is end_turn }
    try openai/gpt-4.1
  }
}
policy @main { else use plan p }
"#,
            r#"include "fleet.mux"
plan p {
  cascade buffer {
    try openai/gpt-4.1-mini { accept when finish is stop }
    try openai/gpt-4.1
  }
}
policy @main { else use plan p }
"#,
        ],
    ),
    Code::error(
        "mux::name::header",
        "there is no such header",
        r"Names of headers are written in lower case; and once a `facts` block declares a header, all
that conditions name must be declared, so that a slip of the pen is found.
Mend the name, or declare it: `facts { header.NAME any }`.",
        [
            r#"include "fleet.mux"
facts { header.x-region any }
policy @main {
  when header.x-regoin is "eu"  use vllm/llama-3.3-70b
  else                          use openai/gpt-4.1
}
"#,
            r#"include "fleet.mux"
facts { header.x-region any }
policy @main {
  when header.x-region is "eu"  use vllm/llama-3.3-70b
  else                          use openai/gpt-4.1
}
"#,
        ],
    ),
    Code::error(
        "mux::name::quantile",
        "there is no percentile of this name",
        r"Times to the first content are measured at three percentiles: `p50`, `p95` and `p99`.
Mend the name.",
        [
            r#"include "fleet.mux"
plan p {
  fastest by p90 over 5m {
    openai/gpt-4.1-mini
    vllm/llama-3.3-70b
  }
}
policy @main { else use plan p }
"#,
            r#"include "fleet.mux"
plan p {
  fastest by p95 over 5m {
    openai/gpt-4.1-mini
    vllm/llama-3.3-70b
  }
}
policy @main { else use plan p }
"#,
        ],
    ),
    Code::error(
        "mux::name::region",
        "no provider is in this region",
        r"Regions are the words that providers list behind `regions`. One that no provider lists makes
a filter or an expectation that nothing can fulfil.
Mend the name, or add the region to the provider that has it.",
        [
            r"provider north {
  kind openai
  regions eu
  model large
}
policy @main {
  else use cheapest where region is europe { north/large }
}
",
            r"provider north {
  kind openai
  regions eu
  model large
}
policy @main {
  else use cheapest where region is eu { north/large }
}
",
        ],
    ),
    Code::error(
        "mux::name::tag",
        "a tag is not declared",
        r"Once a `facts` block declares a tag, all that conditions name must be declared: a tag that is
misspelt in a condition would be absent from every request, and nobody would notice.
Mend the name, or declare it: `facts { tag.NAME any }`.",
        [
            r#"include "fleet.mux"
facts { tag.tier one of "free" "gold" }
policy @main {
  when tag.teir is "gold"  use openai/gpt-4.1
  else                     use openai/gpt-4.1-mini
}
"#,
            r#"include "fleet.mux"
facts { tag.tier one of "free" "gold" }
policy @main {
  when tag.tier is "gold"  use openai/gpt-4.1
  else                     use openai/gpt-4.1-mini
}
"#,
        ],
    ),
    Code::error(
        "mux::name::value",
        "a fact never has this value",
        r"The `facts` block lists the only values that the fact can have; a request with another one
counts as a request without the fact. So this test is never true.
Mend the value, or add it to the list.",
        [
            r#"include "fleet.mux"
facts { tag.tier one of "free" "gold" }
policy @main {
  when tag.tier is "golden"  use openai/gpt-4.1
  else                       use openai/gpt-4.1-mini
}
"#,
            r#"include "fleet.mux"
facts { tag.tier one of "free" "gold" }
policy @main {
  when tag.tier is "gold"  use openai/gpt-4.1
  else                     use openai/gpt-4.1-mini
}
"#,
        ],
    ),
    Code::error(
        "mux::name::who",
        "requests are not told apart by this",
        r"Behind `by` stands what a request is recognised by, so that it always gets the same arm:
`end_user`, `key`, `team`, `conversation`, `tag.NAME` or `header.NAME`. The first of them that
the request has counts.",
        [
            r#"include "fleet.mux"
plan p {
  split by user {
    50% openai/gpt-4.1
    50% openai/gpt-4.1-mini
  }
}
policy @main { else use plan p }
"#,
            r#"include "fleet.mux"
plan p {
  split by end_user key {
    50% openai/gpt-4.1
    50% openai/gpt-4.1-mini
  }
}
policy @main { else use plan p }
"#,
        ],
    ),
    Code::warning(
        "mux::guarantee::bounded",
        "a guarantee could not be proved for all requests",
        r"The rules it is about overlap in so many ways that it would take too long to look
at all requests. It holds for every request that was looked at, and no more is claimed.
Split the policy, or promise less at a time.",
        [
            r#"include "fleet.mux"
policy @main {
  when has images  use openai/gpt-4.1
  else             use vllm/llama-3.3-70b
}
guarantee "these stay on our own machines" {
  when (tag.a is "x" or tag.j is "y") and
       (tag.b is "x" or tag.k is "y") and
       (tag.c is "x" or tag.l is "y") and
       (tag.d is "x" or tag.m is "y") and
       (tag.e is "x" or tag.n is "y") and
       (tag.f is "x" or tag.o is "y") and
       (tag.g is "x" or tag.p is "y") and
       (tag.h is "x" or tag.q is "y") and
       (tag.i is "x" or tag.r is "y")
  expect provider is vllm
}
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
guarantee "nothing is refused" { expect not denied }
"#,
        ],
    ),
    Code::error(
        "mux::guarantee::refuted",
        "a guarantee does not hold",
        r"There is a request for which something can happen that the guarantee rules out: a target it
can reach, a copy that is sent, an attempt too many. The message shows that request, where it
can as a test that fails while the guarantee does not hold. Mend the policy, or promise less.
`mux serve --force` serves it all the same, and the version says so.",
        [
            r#"include "fleet.mux"
policy @main {
  when has images  use openai/gpt-4.1
  else             use vllm/llama-3.3-70b
}
guarantee "nothing leaves our own machines" { expect provider is vllm }
"#,
            r#"include "fleet.mux"
policy @main { else use vllm/llama-3.3-70b }
guarantee "nothing leaves our own machines" { expect provider is vllm }
"#,
        ],
    ),
    Code::warning(
        "mux::guarantee::vacuous",
        "a guarantee is about no request",
        r"No request of any policy can be as the `when` of the guarantee says, so it holds whatever the
rules do, and would go on holding if they sent everything to the wrong place.
Loosen the condition, or delete the guarantee.",
        [
            r#"include "fleet.mux"
policy @main { else use vllm/llama-3.3-70b }
guarantee "long prompts stay here" {
  when tokens > 200k and tokens < 100k
  expect provider is vllm
}
"#,
            r#"include "fleet.mux"
policy @main { else use vllm/llama-3.3-70b }
guarantee "long prompts stay here" {
  when tokens > 100k
  expect provider is vllm
}
"#,
        ],
    ),
    Code::error(
        "mux::guarantee::no-expect",
        "a guarantee promises nothing",
        r"A guarantee says what must hold of everything that its requests can reach. Without an `expect`
line it says nothing, and would always be fulfilled.
Add a line such as `expect region is eu`.",
        [
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
guarantee "nothing is refused" { when has tools }
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
guarantee "nothing is refused" {
  when has tools
  expect not denied
}
"#,
        ],
    ),
    Code::error(
        "mux::guarantee::property",
        "this cannot be promised",
        r"What can be promised of all requests is what can be known before they come: the `region`,
`tier`, `provider` and `target` of everything they can reach, whether it is `private` and what
it `can` do, whether they are `denied`, and the most `attempts`, `cost` and `total` time.
How fast answers are is measured: `replay` holds recorded traffic against it.",
        [
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
guarantee "fast" { expect p95 < 3s }
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 timeout 3s }
guarantee "fast" { expect total <= 60s }
"#,
        ],
    ),
    Code::error(
        "mux::name::class",
        "no error means this",
        r"`quirks` says what an error of a provider means, in the words that routing acts on: one that is
`rate-limited` is tried elsewhere, one that is an `invalid-request` is not.
Mend the word; the message lists them.",
        [
            r"provider groq {
  kind openai
  model large
  quirks { error 498 is busy }
}
policy @main { else use groq/large }
",
            r"provider groq {
  kind openai
  model large
  quirks { error 498 is rate-limited }
}
policy @main { else use groq/large }
",
        ],
    ),
    Code::error(
        "mux::name::mode",
        "a budget has no such mode",
        r"A `hard` budget reserves what a request may cost at worst, so that its cap is never passed; a
`soft` one reserves what it likely costs, and may pass the cap by what is in flight.
Write one of the two.",
        [
            r#"include "fleet.mux"
budget team {
  cap  $50/day
  mode strict
}
policy @main {
  charge team
  else use openai/gpt-4.1
}
"#,
            r#"include "fleet.mux"
budget team {
  cap  $50/day
  mode hard
}
policy @main {
  charge team
  else use openai/gpt-4.1
}
"#,
        ],
    ),
    Code::error(
        "mux::quirk::header",
        "a header that cannot be set by hand",
        r"`quirks` can add headers to every request, but not those that carry credentials, which are
named by `key`, nor those that belong to the connection. Names are letters, digits and `-`.
Delete the line, or name another header.",
        [
            r#"provider groq {
  kind openai
  model large
  quirks { header "Authorization" "Basic" }
}
policy @main { else use groq/large }
"#,
            r#"provider groq {
  kind openai
  key env GROQ_KEY
  model large
  quirks { header "X-Title" "mux" }
}
policy @main { else use groq/large }
"#,
        ],
    ),
];
