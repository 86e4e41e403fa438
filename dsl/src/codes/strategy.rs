//! Codes about strategies, and what they ask about.

use super::code::Code;

pub(super) const CODES: &[Code] = &[
    Code::error(
        "mux::canary::ramp",
        "the steps of a ramp make no sense",
        r"A ramp lists the shares that a canary gets one after the other, so each is larger than the
one before, and the first is the share that its arm is written with.
Put the steps into rising order, and begin with the share of the arm.",
        [
            r#"include "fleet.mux"
plan p {
  canary by key {
    base openai/gpt-4.1
    5%   openai/gpt-4.1-mini
    ramp 10% 50% 100% every 1h
  }
}
policy @main { else use plan p }
"#,
            r#"include "fleet.mux"
plan p {
  canary by key {
    base openai/gpt-4.1
    5%   openai/gpt-4.1-mini
    ramp 5% 50% 100% every 1h
  }
}
policy @main { else use plan p }
"#,
        ],
    ),
    Code::warning(
        "mux::cascade::accept",
        "an `accept` is missing, or can change nothing",
        r"A step of a cascade is left for the next when its answer is not accepted. Without `accept`
every answer is taken; and the last step is taken as it is, since nothing follows it.
Write `accept when …` at every step but the last.",
        [
            r#"include "fleet.mux"
plan p {
  cascade buffer {
    try openai/gpt-4.1-mini
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
        "mux::ensemble::quorum",
        "more answers are waited for than are asked",
        r"A quorum is the number of answers that are waited for. With more than are asked, every
request would wait in vain.
Lower the quorum, or ask more.",
        [
            r#"include "fleet.mux"
plan p {
  ensemble buffer {
    ask openai/gpt-4.1
    ask openai/gpt-4.1-mini
    quorum 3
    combine first-valid
  }
}
policy @main { else use plan p }
"#,
            r#"include "fleet.mux"
plan p {
  ensemble buffer {
    ask openai/gpt-4.1
    ask openai/gpt-4.1-mini
    quorum 2
    combine first-valid
  }
}
policy @main { else use plan p }
"#,
        ],
    ),
    Code::error(
        "mux::hedge::extra",
        "a hedge has too few targets",
        r"A hedge asks one target, and `extra` further ones when the answer is late. It needs a target
for each of them.
Add a target; the same one may stand twice.",
        [
            r#"include "fleet.mux"
plan p {
  hedge after 800ms { openai/gpt-4.1-mini }
}
policy @main { else use plan p }
"#,
            r#"include "fleet.mux"
plan p {
  hedge after 800ms {
    openai/gpt-4.1-mini
    vllm/llama-3.3-70b
  }
}
policy @main { else use plan p }
"#,
        ],
    ),
    Code::error(
        "mux::judge::missing",
        "a score is asked for, and there is no judge",
        r"`score of judge` and `combine best by judge` ask what a judge gives an answer. A judge is a
model, and a file that says in plain words what makes an answer good.
Add a line `judge PROVIDER/MODEL rubric FILE` to the block.",
        [
            r#"include "fleet.mux"
plan p {
  ensemble buffer {
    ask openai/gpt-4.1
    ask openai/gpt-4.1-mini
    combine best by judge
  }
}
policy @main { else use plan p }
"#,
            r#"include "fleet.mux"
plan p {
  ensemble buffer {
    judge openai/gpt-4.1-mini rubric "quality.md"
    ask openai/gpt-4.1
    ask openai/gpt-4.1-mini
    combine best by judge
  }
}
policy @main { else use plan p }
"#,
        ],
    ),
    Code::warning(
        "mux::unused::judge",
        "nothing asks for what a judge scores",
        r"The judge is named, and neither an `accept` nor `combine best by judge` asks for its score,
so it is never called.
Use the score, or delete the `judge`.",
        [
            r#"include "fleet.mux"
plan p {
  ensemble buffer {
    judge openai/gpt-4.1-mini rubric "quality.md"
    ask openai/gpt-4.1
    ask openai/gpt-4.1-mini
    combine first-valid
  }
}
policy @main { else use plan p }
"#,
            r#"include "fleet.mux"
plan p {
  ensemble buffer {
    judge openai/gpt-4.1-mini rubric "quality.md"
    ask openai/gpt-4.1
    ask openai/gpt-4.1-mini
    combine best by judge
  }
}
policy @main { else use plan p }
"#,
        ],
    ),
    Code::error(
        "mux::split::weights",
        "shares are not 100% in all",
        r"The shares of a split, and those of a `balance` that has any, say which part of the requests
each arm gets. Unless they are exactly 100% in all, some requests have no arm or two.
Mend the shares; `33.33%` and `33.34%` can be written.",
        [
            r#"include "fleet.mux"
plan p {
  split by key {
    50% openai/gpt-4.1
    40% openai/gpt-4.1-mini
  }
}
policy @main { else use plan p }
"#,
            r#"include "fleet.mux"
plan p {
  split by key {
    60% openai/gpt-4.1
    40% openai/gpt-4.1-mini
  }
}
policy @main { else use plan p }
"#,
        ],
    ),
    Code::error(
        "mux::type::path",
        "a path into an answer is none",
        r#"`combine majority on` and `combine vote on` compare the values at one place of the answers,
which are JSON. Such a path begins with `$`, which stands for the whole answer.
Write it as `"$.label"`."#,
        [
            r#"include "fleet.mux"
plan p {
  ensemble buffer {
    ask openai/gpt-4.1
    ask openai/gpt-4.1-mini
    combine majority on "label"
  }
}
policy @main { else use plan p }
"#,
            r#"include "fleet.mux"
plan p {
  ensemble buffer {
    ask openai/gpt-4.1
    ask openai/gpt-4.1-mini
    combine majority on "$.label"
  }
}
policy @main { else use plan p }
"#,
        ],
    ),
    Code::error(
        "mux::secret::header",
        "a header that holds a credential is asked about",
        r"`authorization`, `cookie`, `x-api-key` and their like carry credentials. Policies never see
them, so that none can end up in a trace or a recording.
To tell clients apart, ask for `key` or `team`.",
        [
            r#"include "fleet.mux"
policy @main {
  when has header.authorization  use openai/gpt-4.1
  else                           use openai/gpt-4.1-mini
}
"#,
            r#"include "fleet.mux"
policy @main {
  when has key  use openai/gpt-4.1
  else          use openai/gpt-4.1-mini
}
"#,
        ],
    ),
    Code::warning(
        "mux::cond::absent",
        "a test with `is not` that fails where the fact is absent",
        r#"A test on a fact that the request does not have is false, one with `is not` and `not in`
included: `tag.tier is not "gold"` does not take requests without the tag.
If they should pass, write `not (tag.tier is "gold")`; if they should not, say so by asking
`has tag.tier` in the same condition or around it."#,
        [
            r#"include "fleet.mux"
policy @main {
  when tag.tier is not "gold"  use openai/gpt-4.1-mini
  else                         use openai/gpt-4.1
}
"#,
            r#"include "fleet.mux"
policy @main {
  when not (tag.tier is "gold")  use openai/gpt-4.1-mini
  else                           use openai/gpt-4.1
}
"#,
        ],
    ),
    Code::warning(
        "mux::hedge::tools",
        "a hedge can send requests with tools twice",
        r"A hedge sends the request to a second target when the first is late. Tools that the client
runs are safe, since it gets one answer; a tool that a provider runs itself would run twice.
Put a rule for requests with tools above this one, or add `and not has tools` to it.",
        [
            r#"include "fleet.mux"
plan p {
  hedge after 800ms {
    openai/gpt-4.1-mini
    vllm/llama-3.3-70b
  }
}
policy @main { else use plan p }
"#,
            r#"include "fleet.mux"
plan p {
  hedge after 800ms {
    openai/gpt-4.1-mini
    vllm/llama-3.3-70b
  }
}
policy @main {
  when has tools  use openai/gpt-4.1
  else            use plan p
}
"#,
        ],
    ),
    Code::error(
        "mux::list::empty",
        "a filter leaves nobody",
        r"No target of the list can ever pass its filter, and there is no `otherwise`, so a request that
gets here could not be answered. A target that does not say what is asked for does not pass.
Add `otherwise …`, or loosen the filter.",
        [
            r#"include "fleet.mux"
plan p {
  cheapest where context >= 2M {
    openai/gpt-4.1-mini
    vllm/llama-3.3-70b
  }
}
policy @main { else use plan p }
"#,
            r#"include "fleet.mux"
plan p {
  cheapest where context >= 100k {
    openai/gpt-4.1-mini
    vllm/llama-3.3-70b
  }
}
policy @main { else use plan p }
"#,
        ],
    ),
    Code::warning(
        "mux::list::live",
        "a filter can leave nobody for a while",
        r"The filter asks for live figures, and a figure that is not known yet, as after a start, does
not pass. Without `otherwise` a request has nowhere to go then.
Add `otherwise …`, which is taken while no candidate passes.",
        [
            r#"include "fleet.mux"
plan p {
  fastest where p95 < 4s {
    openai/gpt-4.1-mini
    vllm/llama-3.3-70b
  }
}
policy @main { else use plan p }
"#,
            r#"include "fleet.mux"
plan p {
  fastest where p95 < 4s {
    openai/gpt-4.1-mini
    vllm/llama-3.3-70b
    otherwise openai/gpt-4.1
  }
}
policy @main { else use plan p }
"#,
        ],
    ),
    Code::warning(
        "mux::list::never",
        "a target is never a candidate",
        r"The target stands in the list and can never pass its filter, so it is never chosen. Often its
model does not say what the filter asks for, such as a `tier`.
Delete it from the list, loosen the filter, or mend the model.",
        [
            r#"include "fleet.mux"
plan p {
  cheapest where tier >= frontier {
    openai/gpt-4.1
    vllm/llama-3.3-70b
  }
}
policy @main { else use plan p }
"#,
            r#"include "fleet.mux"
plan p {
  cheapest where tier >= standard {
    openai/gpt-4.1
    vllm/llama-3.3-70b
  }
}
policy @main { else use plan p }
"#,
        ],
    ),
    Code::error(
        "mux::plan::depth",
        "strategies are nested too deep",
        r"A strategy may hold another, four deep at most, named plans counted as if they were written
out. What is deeper, nobody can follow at night, and its worst case is beyond anyone.
Choose by rules what is chosen by plans here.",
        [
            r#"include "fleet.mux"
plan p {
  fallback {
    try cheapest {
      balance {
        fallback {
          try hedge after 1s { openai/gpt-4.1
            vllm/llama-3.3-70b }
        }
      }
    }
  }
}
policy @main { else use plan p }
"#,
            r#"include "fleet.mux"
plan p {
  fallback {
    try cheapest { openai/gpt-4.1-mini }
    try openai/gpt-4.1
  }
}
policy @main { else use plan p }
"#,
        ],
    ),
    Code::error(
        "mux::plan::illegal",
        "streaming requests reach what answers in one piece",
        r"A cascade judges an answer before the client gets it, and an ensemble waits for several. A
client that asks for a stream would wait, and then get everything at once.
Write `buffer` to say that this is meant, or add `and not streaming` to the rule.",
        [
            r#"include "fleet.mux"
plan p {
  ensemble {
    ask openai/gpt-4.1
    ask openai/gpt-4.1-mini
    combine first-valid
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
    Code::warning(
        "mux::sticky::absent",
        "requests may lack what they are recognised by",
        r"A split or canary gives one kind of request always the same arm, by the first fact behind `by`
that the request has. One that has none of them goes by its key, and where it has no key either,
gets an arm by chance, each time anew: a user may see both.
Name a further fact, such as `by end_user key`, or ask `has …` in the rule.",
        [
            r#"include "fleet.mux"
plan p {
  split by end_user {
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
];
