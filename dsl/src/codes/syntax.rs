//! Codes about the shape of a text.

use super::code::Code;

pub(super) const CODES: &[Code] = &[
    Code::error(
        "mux::syntax::operator",
        "an operator of another language",
        r"Conditions are written in words, so that they can be read aloud: `is` and `is not` instead
of `==` and `!=`, `and`, `or` and `not` instead of `&&`, `||` and `!`.
Comparisons of numbers are `>`, `>=`, `<` and `<=`, as everywhere.",
        [
            r#"include "fleet.mux"
policy @main {
  when tag.tier == "gold" && !streaming  use openai/gpt-4.1
  else                                   use openai/gpt-4.1-mini
}
"#,
            r#"include "fleet.mux"
policy @main {
  when tag.tier is "gold" and not streaming  use openai/gpt-4.1
  else                                       use openai/gpt-4.1-mini
}
"#,
        ],
    ),
    Code::error(
        "mux::syntax::precedence",
        "`and` and `or` are mixed without parentheses",
        r"`a and b or c` can be read in two ways, and people do read it in both. mux has no rule to
remember about which one binds first: where both occur, parentheses say it.
Write `(a and b) or c`, or `a and (b or c)`.",
        [
            r#"include "fleet.mux"
policy @main {
  when streaming and tokens > 3k or has images  use openai/gpt-4.1
  else                                          use openai/gpt-4.1-mini
}
"#,
            r#"include "fleet.mux"
policy @main {
  when (streaming and tokens > 3k) or has images  use openai/gpt-4.1
  else                                            use openai/gpt-4.1-mini
}
"#,
        ],
    ),
    Code::error(
        "mux::syntax::stray",
        "a `}` closes nothing",
        r"There is a `}` where no block is open. Either it is one too many, or a `}` further up ended
its block too early, and the lines between stand where they were not meant to.
Delete it, or look above for the one that is too many.",
        [
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
}
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
"#,
        ],
    ),
    Code::error(
        "mux::syntax::string",
        "a string has no closing quote",
        r#"A string begins and ends with `"`, on one line. Without the second quote everything up to
the end of the line is taken for text.
Inside a string a quote is written `\"`, and a line end `\n`."#,
        [
            r#"include "fleet.mux"
policy @main {
  when tag.tier is "gold
    use openai/gpt-4.1
  else use openai/gpt-4.1-mini
}
"#,
            r#"include "fleet.mux"
policy @main {
  when tag.tier is "gold"
    use openai/gpt-4.1
  else use openai/gpt-4.1-mini
}
"#,
        ],
    ),
    Code::error(
        "mux::syntax::unclosed",
        "a block is never closed",
        r"A `{` has no `}`. mux closes the block at the next declaration in the first column and
reads on, so that what follows is still checked.
Where the lines are indented, the brace that is pointed at is the one whose `}` is missing.",
        [
            r#"include "fleet.mux"
plan quality {
  fallback within 45s {
    try openai/gpt-4.1      timeout 20s
    try openai/gpt-4.1-mini timeout 20s
}

policy @main { else use plan quality }
"#,
            r#"include "fleet.mux"
plan quality {
  fallback within 45s {
    try openai/gpt-4.1      timeout 20s
    try openai/gpt-4.1-mini timeout 20s
  }
}

policy @main { else use plan quality }
"#,
        ],
    ),
    Code::error(
        "mux::syntax::unreadable",
        "a line cannot be read on",
        r"A line is made of words, numbers and strings with blanks between them; at the place that is
pointed at something else stands. The lines around it are read all the same.
Names are letters, digits and `- _ . / :`; anything else stands in double quotes. Comments
begin with `#`. There are no commas, colons and semicolons.",
        [
            r#"include "fleet.mux"
policy @main {
  when tokens >> 3k  use openai/gpt-4.1
  else               use openai/gpt-4.1-mini
}
"#,
            r#"include "fleet.mux"
policy @main {
  when tokens > 3k  use openai/gpt-4.1
  else              use openai/gpt-4.1-mini
}
"#,
        ],
    ),
];
