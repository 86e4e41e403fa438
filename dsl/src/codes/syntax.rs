//! Codes about the shape of a text.

use super::code::Code;

pub(super) const CODES: &[Code] = &[
    Code::error(
        "mux::syntax::alias",
        "the name of a policy lacks its `@`",
        r"The name of a policy begins with `@`, where it is declared and wherever it is used, so that
it can never be taken for a model. Clients may send it as `model` with or without the sign.
Write `policy @NAME { … }` and `go @NAME`.",
        [
            r#"include "fleet.mux"
policy main { else use openai/gpt-4.1 }
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
"#,
        ],
    ),
    Code::error(
        "mux::syntax::braces",
        "a block is not written in braces as it should be",
        r"A block begins with `{` at the end of the line it belongs to and ends with `}`. Indentation
is for people and means nothing, so a block that stands in no braces is none; a `{` on a line
of its own belongs to nothing; and what follows a `}` begins on a line of its own.
`mux policy fmt` puts the lines in order once they can be read.",
        [
            r#"include "fleet.mux"
policy @main
  when has images  use openai/gpt-4.1
  else             use openai/gpt-4.1-mini
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
        "mux::syntax::case",
        "a keyword is written in capitals",
        r"Keywords are written in small letters: `when`, `and`, `use`. Names are yours, and there
capitals count: `Gold` and `gold` are two values of a tag.",
        [
            r#"include "fleet.mux"
policy @main {
  WHEN has images USE openai/gpt-4.1
  ELSE USE openai/gpt-4.1-mini
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
        "mux::syntax::character",
        "a character that is not what it looks like",
        r"Some characters cannot be seen, such as a no-break space or one of no width, and some cannot
be told from others, such as the `a` of the Cyrillic alphabet from ours. They come in with text
that is copied from web pages and word processors. They may stand in strings and comments;
elsewhere two names that look alike would be two.
Write the plain character; an editor can make the change that is offered.",
        [
            "include \"fleet.mux\"\npolicy @main { else use\u{A0}openai/gpt-4.1 }\n",
            "include \"fleet.mux\"\npolicy @main { else use openai/gpt-4.1 }\n",
        ],
    ),
    Code::error(
        "mux::syntax::comment",
        "a comment of another language",
        r"A comment begins with `#` and goes to the end of its line, alone or behind a statement.
There are no comments of several lines: each begins with its own `#`.",
        [
            r#"include "fleet.mux"
// the rest of the traffic
policy @main { else use openai/gpt-4.1 }
"#,
            r#"include "fleet.mux"
# the rest of the traffic
policy @main { else use openai/gpt-4.1 }
"#,
        ],
    ),
    Code::error(
        "mux::syntax::escape",
        "a backslash before something that has no escape",
        r#"In a string a backslash stands before what could not be written otherwise: `\"` is a quote,
`\\` a backslash, `\n` a line end, `\t` a tab. Before anything else it has no meaning, and to
guess one would change the text without a word.
Write the backslash twice where it is meant, or leave it out. In patterns `*` and `?` have a
meaning, and nothing takes it away."#,
        [
            r#"include "fleet.mux"
policy @main {
  when tag.team matches "r\d-*"  use openai/gpt-4.1
  else                           use openai/gpt-4.1-mini
}
"#,
            r#"include "fleet.mux"
policy @main {
  when tag.team matches "r\\d-*"  use openai/gpt-4.1
  else                            use openai/gpt-4.1-mini
}
"#,
        ],
    ),
    Code::error(
        "mux::syntax::format",
        "a file is written in another format",
        r"The file is JSON, YAML or TOML. Policies are written in a language of their own, made of
lines of words with blocks in braces: it can be read aloud, diffed line by line, and checked
with a message for every mistake.
A policy of three lines is a whole one; begin with that, and let `mux policy check` help.",
        [
            r#"{ "policy": "main", "else": "openai/gpt-4.1" }
"#,
            r#"include "fleet.mux"
policy @main {
  else use openai/gpt-4.1
}
"#,
        ],
    ),
    Code::error(
        "mux::syntax::keyword",
        "a word of another language",
        r"The line says what is meant in the words of another language. A rule is `when CONDITION`
and what follows from it, `use`, `deny` or `go`; rules are tried from top to bottom and the
first that matches decides, so `else if` is just the next `when`. The last line of a policy
is `else`.",
        [
            r#"include "fleet.mux"
policy @main {
  if tokens > 100k then use openai/gpt-4.1
  default use openai/gpt-4.1-mini
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
        "mux::syntax::punctuation",
        "punctuation of another language",
        r"Words are separated by blanks and statements by line ends, and that is all: no colon or `=`
between a word and its value, no comma between words, no semicolon, no arrow, no brackets
around a list. A list is written one word after the other, or one line after the other in a
block. The help shows the line as it is written here.",
        [
            r"provider openai {
  kind: openai
  regions = [us, eu];
  model gpt-4.1
}
policy @main { else use openai/gpt-4.1 }
",
            r"provider openai {
  kind    openai
  regions us eu
  model gpt-4.1
}
policy @main { else use openai/gpt-4.1 }
",
        ],
    ),
    Code::error(
        "mux::syntax::quotes",
        "quotes where there are none, or others",
        r#"Strings stand in double quotes, `"`, and in no others: word processors like to turn them into
curly ones. Names stand without quotes, wherever they are declared or used; quotes are for
free text: values of tags, messages, addresses, paths."#,
        [
            r#"include "fleet.mux"
policy @main {
  when tag.tier is 'gold'  use "openai/gpt-4.1"
  else                     use openai/gpt-4.1-mini
}
"#,
            r#"include "fleet.mux"
policy @main {
  when tag.tier is "gold"  use openai/gpt-4.1
  else                     use openai/gpt-4.1-mini
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
        "mux::syntax::touching",
        "two words touch",
        r"Words are separated by blanks. Where one begins at the place the other ends, it cannot be told
whether one word was meant or two, and the layout that `mux policy fmt` gives would decide it.
Put a blank between them, or take out what is too much.",
        [
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
test "the free tier" for @main {
  given tag.tier"free"
  expect first is openai/gpt-4.1
}
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
test "the free tier" for @main {
  given tag.tier "free"
  expect first is openai/gpt-4.1
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
    Code::error(
        "mux::syntax::variable",
        "a credential is named as in a shell",
        r#"A policy has no variables. Where a credential is found is said in words: `key env NAME`,
`key file "/path"` or `key secret "SCHEME:REFERENCE"`; it is read by the gateway, and never
becomes a part of the policy."#,
        [
            r"provider openai {
  kind openai
  key  ${OPENAI_API_KEY}
  model gpt-4.1
}
policy @main { else use openai/gpt-4.1 }
",
            r"provider openai {
  kind openai
  key  env OPENAI_API_KEY
  model gpt-4.1
}
policy @main { else use openai/gpt-4.1 }
",
        ],
    ),
];
