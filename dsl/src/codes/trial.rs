//! Codes about tests and replays.

use super::code::Code;

pub(super) const CODES: &[Code] = &[
    Code::error(
        "mux::test::empty",
        "a table has no rows",
        r"The table of a test has its line of names and no case below it, so it tests nothing and
passes.
Add a row below the names, or delete the table.",
        [
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
test "sizes" for @main {
  | tokens | expect |
}
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
test "sizes" for @main {
  | tokens | expect         |
  | 3k     | openai/gpt-4.1 |
}
"#,
        ],
    ),
    Code::error(
        "mux::test::no-expect",
        "a test expects nothing",
        r"A test, or a row of its table, that expects nothing cannot fail, and so says nothing. Where
other tools fill in a default, a forgotten cell passes for years.
Add a line such as `expect plan is NAME`; a table has a column `expect`, filled in every row.",
        [
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
test "long prompts" for @main {
  given tokens 200k
}
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
test "long prompts" for @main {
  given tokens 200k
  expect first is openai/gpt-4.1
}
"#,
        ],
    ),
    Code::error(
        "mux::test::no-model",
        "a test does not say which model is asked for",
        r"Every request asks for a model or for a policy, and the test does not say which. Nothing
could be decided for it.
Add `given model @POLICY`, or write `test NAME for @POLICY`.",
        [
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
test "long prompts" {
  given tokens 200k
  expect first is openai/gpt-4.1
}
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
test "long prompts" for @main {
  given tokens 200k
  expect first is openai/gpt-4.1
}
"#,
        ],
    ),
    Code::error(
        "mux::test::outcome",
        "this is no outcome of a request",
        r"An expectation is one outcome and its value: `expect plan is quality`, `expect denied is
429`, `expect cost < $0.25`. It is no choice between several, and conditions on the request
belong into `given`.
Write one `expect` line for each thing that must hold; all of them must.",
        [
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
test "served" for @main {
  expect served is openai/gpt-4.1 or failed
}
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
test "served" for @main {
  expect served is openai/gpt-4.1
}
"#,
        ],
    ),
    Code::error(
        "mux::test::row",
        "a row has more or fewer cells than the table has columns",
        r"Every row of a table has one cell for each name in its first row. With one cell too few,
all values behind it would belong to another fact.
A cell with `-` says that the fact is absent.",
        [
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
test "tiers" for @main {
  | tag.tier | tokens | expect         |
  | "gold"   | openai/gpt-4.1 |
}
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
test "tiers" for @main {
  | tag.tier | tokens | expect         |
  | "gold"   | -      | openai/gpt-4.1 |
}
"#,
        ],
    ),
    Code::error(
        "mux::replay::figure",
        "an expectation of a replay is one figure and its bound",
        r"A replay compares recorded traffic with what the policy does now, and each of its lines
bounds one figure: `expect changed <= 2%`, `expect cost <= +5%`.
Write one `expect` line for each figure.",
        [
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
replay "recordings" against "live" {
  expect changed <= 2% and denied <= 1%
}
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
replay "recordings" against "live" {
  expect changed <= 2%
  expect denied  <= 1%
}
"#,
        ],
    ),
    Code::warning(
        "mux::test::undeclared",
        "a test gives a value that is not declared",
        r"A `facts` block says which values a fact has, and the test gives another. Requests may carry
anything: one with a value that is not declared is decided as if it had none, and that is what
the test sees.
Leave it where that is what you test; else correct the value, or declare it.",
        [
            r#"include "fleet.mux"
facts { tag.tier one of "free" "pro" }
policy @main {
  when tag.tier is "pro"  use openai/gpt-4.1
  else                    use openai/gpt-4.1-mini
}
test "strangers" for @main {
  given tag.tier "gold"
  expect first is openai/gpt-4.1-mini
}
"#,
            r#"include "fleet.mux"
facts { tag.tier one of "free" "pro" }
policy @main {
  when tag.tier is "pro"  use openai/gpt-4.1
  else                    use openai/gpt-4.1-mini
}
test "those who pay" for @main {
  given tag.tier "pro"
  expect first is openai/gpt-4.1
}
"#,
        ],
    ),
];
