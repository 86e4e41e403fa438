//! Codes about values: what is compared with what, units, and times.

use super::code::Code;

pub(super) const CODES: &[Code] = &[
    Code::error(
        "mux::type::comparison",
        "two things cannot be compared in this way",
        r"The comparison does not fit the fact: text is compared with `is`, `in`, `matches` and
`starts with`, numbers with `>`, `>=`, `<`, `<=` and `is`, and what is true or false stands
by itself. In other languages `tag.tier` alone would mean that it is there; here that is
written `has tag.tier`.",
        [
            r#"include "fleet.mux"
policy @main {
  when streaming is "yes"  use openai/gpt-4.1
  else                     use openai/gpt-4.1-mini
}
"#,
            r#"include "fleet.mux"
policy @main {
  when streaming  use openai/gpt-4.1
  else            use openai/gpt-4.1-mini
}
"#,
        ],
    ),
    Code::error(
        "mux::type::fact",
        "this is nothing a condition can begin with",
        r"A condition begins with a fact: something the request says, such as `tokens` or `tag.tier`,
or a live figure with what it is of, such as `p95 of openai/gpt-4.1`. A value cannot stand
first, and a figure needs its `of`.",
        [
            r#"include "fleet.mux"
policy @main {
  when p95 > 4s  use openai/gpt-4.1
  else           use vllm/llama-3.3-70b
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
        "mux::type::mismatch",
        "a value is of another kind than its place",
        r"Every place takes one kind of value: a time, a number of tokens, money, a share, a name, a
string. Units keep them apart, so that `timeout 5k` or `tokens > 30%` cannot slip through.
`m` is minutes and `M` is millions. Values of tags stand in double quotes.",
        [
            r#"include "fleet.mux"
policy @main {
  when tokens > 30%  use openai/gpt-4.1
  else               use openai/gpt-4.1-mini
}
"#,
            r#"include "fleet.mux"
policy @main {
  when tokens > 30k  use openai/gpt-4.1
  else               use openai/gpt-4.1-mini
}
"#,
        ],
    ),
    Code::error(
        "mux::type::negative",
        "a number is negative where that means nothing",
        r"Times, tokens, money and shares begin at nothing. Only a change can be negative, as in the
`expect cost <= -5%` of a replay.",
        [
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 timeout -5s }
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 timeout 5s }
"#,
        ],
    ),
    Code::error(
        "mux::type::range",
        "a number is out of range",
        r"The number is of the right kind, and no such number makes sense at this place: a status of a
refusal is from 400 to 599, a timeout is longer than nothing, a limit lets something through.",
        [
            r#"include "fleet.mux"
policy @main {
  when has audio  deny 200 "no audio here"
  else            use openai/gpt-4.1
}
"#,
            r#"include "fleet.mux"
policy @main {
  when has audio  deny 415 "no audio here"
  else            use openai/gpt-4.1
}
"#,
        ],
    ),
    Code::error(
        "mux::unit::apart",
        "a number and its unit are not one word",
        r"A value with its unit is one word, so that the unit can never be lost at a line end or be
taken for the next word: `20s`, `80%`, `128k`. Money has its sign in front: `$100`,
`$100/day`, `$3/Mtok`.",
        [
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 timeout 20 seconds }
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 timeout 20s }
"#,
        ],
    ),
    Code::error(
        "mux::unit::digits",
        "a comma stands in a number",
        r"A comma groups digits in one country and ends the whole number in another, so numbers have
none. Write `100k` or `1M`; digits may be grouped by `_`: `131_072`.",
        [
            r#"include "fleet.mux"
policy @main {
  when tokens > 100,000  use openai/gpt-4.1
  else                   use openai/gpt-4.1-mini
}
"#,
            r#"include "fleet.mux"
policy @main {
  when tokens > 100k  use openai/gpt-4.1
  else                use openai/gpt-4.1-mini
}
"#,
        ],
    ),
    Code::error(
        "mux::unit::fine",
        "a number is finer than can be measured",
        r"Times are kept in milliseconds, tokens as whole tokens, shares in hundredths of a percent
and money in millionths of a millionth of a dollar. A number between two of those would have
to be rounded, and mux never rounds what a policy says.",
        [
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 timeout 1.2345s }
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 timeout 1.235s }
"#,
        ],
    ),
    Code::error(
        "mux::unit::missing",
        "a number has no unit",
        r"A plain `20` could be seconds, milliseconds or minutes, and each is some tool's default.
Numbers carry their unit: `300ms`, `20s`, `5m`; shares carry `%`, money its `$`.
Only counts stand alone: tokens (also `128k` and `1M`), retries and statuses.",
        [
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 timeout 20 }
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 timeout 20s }
"#,
        ],
    ),
    Code::error(
        "mux::unit::unknown",
        "there is no unit of this name",
        r"Time: `ms` `s` `m` `h` `d`. Tokens: `k` and `M`. Money: `$` in front, with `/Mtok` for
prices and `/hour`, `/day`, `/week` or `/month` for budgets. Rates: `requests/min`,
`tokens/min`, and `/s`, `/hour`, `/day`. Shares: `%`. The unit follows without a blank.",
        [
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 timeout 20sec }
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 timeout 20s }
"#,
        ],
    ),
    Code::error(
        "mux::time::moment",
        "there is no such moment",
        r"`given now` sets the clock of a test, and the calendar does not have this moment: there is
no 30th of February, and a day has 24 hours.
Write `given now 2026-03-29T02:30 Europe/Berlin`, or `… UTC`.",
        [
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
test "late" for @main {
  given now 2026-02-30T10:00 UTC
  expect first is openai/gpt-4.1
}
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
test "late" for @main {
  given now 2026-02-28T10:00 UTC
  expect first is openai/gpt-4.1
}
"#,
        ],
    ),
    Code::error(
        "mux::time::range",
        "these are no hours or days of the week",
        r"Hours are written `08:00-18:00`, days `mon` to `sun` or as a range such as `mon-fri`, which
includes both ends. Hours whose end is before their start end on the next day: `22:00-06:00`.",
        [
            r#"include "fleet.mux"
policy @main {
  when time in weekdays 08:00-18:00 UTC  use openai/gpt-4.1
  else                                   use openai/gpt-4.1-mini
}
"#,
            r#"include "fleet.mux"
policy @main {
  when time in mon-fri 08:00-18:00 UTC  use openai/gpt-4.1
  else                                  use openai/gpt-4.1-mini
}
"#,
        ],
    ),
    Code::error(
        "mux::time::zone",
        "a time of day does not say by which clock",
        r"Without a zone it would be the clock of the machine, which is often set to UTC and may
differ between two gateways that serve the same policy.
End the condition with a zone: `Europe/Berlin`, `America/New_York`, or `UTC`.",
        [
            r#"include "fleet.mux"
policy @main {
  when time in mon-fri 08:00-18:00  use openai/gpt-4.1
  else                              use openai/gpt-4.1-mini
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
    Code::warning(
        "mux::set::repeated",
        "a value stands twice in a set",
        r"A set holds each value once, so the second one changes nothing. Often the list was pasted
together, or one of the two was meant to be another value.
Delete one of them.",
        [
            r#"include "fleet.mux"
set staff { "ana@corp.example" "li@corp.example" "ana@corp.example" }
policy @main {
  when end_user in staff  use openai/gpt-4.1
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
];
