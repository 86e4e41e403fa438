//! Codes about statements: which line may stand where, and what belongs to it.

use super::code::Code;

pub(super) const CODES: &[Code] = &[
    Code::error(
        "mux::statement::extra",
        "something stands on a line that has no room for it",
        r"The line is complete before the place that is pointed at: the statement takes no further
word there, or no block. One line is one statement, so two of them on one line look like this.
Delete what is too much, or give it a line of its own.",
        [
            r#"include "fleet.mux"
provider west { kind openai regions us
  model large
}
policy @main { else use west/large }
"#,
            r#"include "fleet.mux"
provider west {
  kind    openai
  regions us
  model large
}
policy @main { else use west/large }
"#,
        ],
    ),
    Code::error(
        "mux::statement::form",
        "a part of a statement has another form",
        r"The statement is known, and at the place that is pointed at something else was due: a time,
a name, a string in quotes, a condition. The help shows the whole line as it should be;
words in capitals stand for what you choose, and what stands in brackets may be left out.",
        [
            r#"include "fleet.mux"
policy @main {
  rule long-prompts use openai/gpt-4.1
  else              use openai/gpt-4.1-mini
}
"#,
            r#"include "fleet.mux"
policy @main {
  rule long-prompts when tokens > 150k  use openai/gpt-4.1
  else                                  use openai/gpt-4.1-mini
}
"#,
        ],
    ),
    Code::error(
        "mux::statement::misplaced",
        "a statement stands in the wrong block",
        r"The word is one that mux knows, but it belongs into another kind of block. Usually a brace
closes too early or too late, or a line was put beside the block it is about.
The label says where the statement belongs.",
        [
            r"provider openai {
  kind    openai
  context 1M
  model gpt-4.1
}
policy @main { else use openai/gpt-4.1 }
",
            r"provider openai {
  kind openai
  model gpt-4.1 {
    context 1M
  }
}
policy @main { else use openai/gpt-4.1 }
",
        ],
    ),
    Code::error(
        "mux::statement::missing",
        "a part of a statement is missing",
        r"The line stops before it has said everything: a name, a value or a block is due. mux never
fills in a default for what a statement is about.
The help shows the whole line as it should be.",
        [
            r"provider openai {
  kind openai
  regions
  model gpt-4.1
}
policy @main { else use openai/gpt-4.1 }
",
            r"provider openai {
  kind openai
  regions us eu
  model gpt-4.1
}
policy @main { else use openai/gpt-4.1 }
",
        ],
    ),
    Code::error(
        "mux::statement::repeated",
        "a statement stands twice",
        r"Something that can be said once in a block is said twice, and the two may disagree. mux
takes neither the first nor the last: which one was meant cannot be seen from outside.
Delete one of them.",
        [
            r#"include "fleet.mux"
policy @main {
  else use openai/gpt-4.1
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
        "mux::statement::unknown",
        "no statement begins with this word",
        r"The first word of a line says what the line is, and there is no statement of that name in
this block. A line that mux does not understand is never skipped: it was meant to do something.
Where a word is close, it is suggested; otherwise the help lists what the block can hold.",
        [
            r#"include "fleet.mux"
polcy @main { else use openai/gpt-4.1 }
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
"#,
        ],
    ),
];
