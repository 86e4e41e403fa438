//! Codes about policies and their rules.

use super::code::Code;

pub(super) const CODES: &[Code] = &[
    Code::error(
        "mux::policy::no-else",
        "a policy does not say what to do with every request",
        r"Rules are tried from top to bottom, and a request that matches none of them has nowhere to
go. mux has no hidden default: what happens to all other requests is written down.
End the policy with `else use …`, or refuse them with `else deny 403 MESSAGE`.",
        [
            r#"include "fleet.mux"
policy @main {
  when has images  use openai/gpt-4.1
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
    Code::warning(
        "mux::policy::none",
        "there is no policy in the files",
        r"The files declare providers or plans and nothing that clients could ask for. That is fine
for a part that others include, and useless for a gateway.
Clients reach a policy by its name: `policy @NAME { else use … }`.",
        [
            r#"include "fleet.mux"
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
"#,
        ],
    ),
    Code::error(
        "mux::policy::depth",
        "a request can pass through too many policies",
        r"With `go` one policy asks another, and a decision may pass through 8 of them, since it is
recorded with the way it took. Nobody can follow a longer chain at night either.
Let some of the policies decide by themselves.",
        [
            r#"include "fleet.mux"
policy @a { else go @b }
policy @b { else go @c }
policy @c { else go @d }
policy @d { else go @e }
policy @e { else go @f }
policy @f { else go @g }
policy @g { else go @h }
policy @h { else go @i }
policy @i { else use openai/gpt-4.1 }
"#,
            r#"include "fleet.mux"
policy @a { else go @i }
policy @i { else use openai/gpt-4.1 }
"#,
        ],
    ),
    Code::error(
        "mux::cycle::go",
        "policies ask each other",
        r"Following `go` from policy to policy leads back to where it began, so that no decision would
ever be made. The message names the whole loop.
One of the policies must decide by itself, with `use` or `deny`.",
        [
            r#"include "fleet.mux"
policy @main { else go @everyday }
policy @everyday { else go @main }
"#,
            r#"include "fleet.mux"
policy @main { else go @everyday }
policy @everyday { else use openai/gpt-4.1 }
"#,
        ],
    ),
    Code::error(
        "mux::rule::empty",
        "a rule does not say what to do",
        r"A rule ends with `use …`, `deny STATUS MESSAGE` or `go @POLICY`, on its line, on the next
line, or in its block. Without one the requests it takes would get no answer.",
        [
            r#"include "fleet.mux"
policy @main {
  when has images { }
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
        "mux::rule::unreachable",
        "a rule can never run",
        r"The first rule that matches decides, and rules above this one take every request it could
take. It looks as if it did something, and does not.
Move it above the rule that the message names, if it is the exception; or delete it.",
        [
            r#"include "fleet.mux"
policy @main {
  when tokens > 100k  use openai/gpt-4.1
  when tokens > 200k  deny 413 "too long"
  else                use openai/gpt-4.1-mini
}
"#,
            r#"include "fleet.mux"
policy @main {
  when tokens > 200k  deny 413 "too long"
  when tokens > 100k  use openai/gpt-4.1
  else                use openai/gpt-4.1-mini
}
"#,
        ],
    ),
    Code::error(
        "mux::cycle::define",
        "named conditions use each other",
        r"Following the conditions that a `define` names leads back to where it began, so that none of
them says anything. The message names the whole loop.
One of them must be made of facts.",
        [
            r#"include "fleet.mux"
define long  when heavy or tokens > 100k
define heavy when long  or has images
policy @main {
  when heavy  use openai/gpt-4.1
  else        use openai/gpt-4.1-mini
}
"#,
            r#"include "fleet.mux"
define long  when tokens > 100k
define heavy when long or has images
policy @main {
  when heavy  use openai/gpt-4.1
  else        use openai/gpt-4.1-mini
}
"#,
        ],
    ),
    Code::error(
        "mux::define::fact",
        "a condition has the name of a fact",
        r"Where a condition says `streaming` or `tokens`, the fact of that name is meant, so a condition
of the same name could never be asked for, and the rules would do something else than they
seem to say.
Give the condition another name.",
        [
            r#"include "fleet.mux"
define streaming when tag.mode is "live"
policy @main {
  when streaming  use openai/gpt-4.1-mini
  else            use openai/gpt-4.1
}
"#,
            r#"include "fleet.mux"
define live when tag.mode is "live"
policy @main {
  when live  use openai/gpt-4.1-mini
  else       use openai/gpt-4.1
}
"#,
        ],
    ),
    Code::error(
        "mux::define::size",
        "a condition grows too large",
        r"A named condition stands for what it says, so conditions that name each other several times
multiply: a few lines can stand for millions of tests. 10 000 tests is the most, and 128 the
deepest chain of names.
Name fewer of them twice.",
        [
            r#"include "fleet.mux"
define a when tokens > 1 and tokens > 2 and tokens > 3 and tokens > 4 and tokens > 5
define b when a and a and a and a and a and a and a and a and a and a
define c when b and b and b and b and b and b and b and b and b and b
define d when c and c and c and c and c and c and c and c and c and c
define e when d and d and d and d and d and d and d and d and d and d
policy @main {
  when e  use openai/gpt-4.1
  else    use openai/gpt-4.1-mini
}
"#,
            r#"include "fleet.mux"
define a when tokens > 1 and tokens > 2 and tokens > 3 and tokens > 4 and tokens > 5
define b when a and streaming
policy @main {
  when b  use openai/gpt-4.1
  else    use openai/gpt-4.1-mini
}
"#,
        ],
    ),
    Code::warning(
        "mux::cond::constant",
        "a test is always true, or never, where it stands",
        r"The rules above have already taken every request for which this test would say otherwise, or
no request can ever meet it. It decides nothing, so the condition means less than it seems to.
Leave the test out, or mend the rule above that takes its requests.",
        [
            r#"include "fleet.mux"
policy @main {
  when tokens > 100k                   use openai/gpt-4.1
  when tokens <= 100k and has images   use openai/gpt-4.1
  else                                 use openai/gpt-4.1-mini
}
"#,
            r#"include "fleet.mux"
policy @main {
  when tokens > 100k  use openai/gpt-4.1
  when has images     use openai/gpt-4.1
  else                use openai/gpt-4.1-mini
}
"#,
        ],
    ),
    Code::warning(
        "mux::rule::redundant",
        "a rule changes nothing",
        r"Every request this rule takes would get the same from the rules below it. Whoever reads it
looks for a difference that is not there. Of two rules that stand in for each other either can
go, and not both; the message says so.
Delete it, or mend what it does.",
        [
            r#"include "fleet.mux"
policy @main {
  when has images  use openai/gpt-4.1
  else             use openai/gpt-4.1
}
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
"#,
        ],
    ),
    Code::warning(
        "mux::rule::shadowed",
        "a part of a rule never decides",
        r"A rule above takes every request of one alternative of this condition, so that part of it
never decides anything, while the rest does.
Delete that part, or move the rule up.",
        [
            r#"include "fleet.mux"
policy @main {
  when tokens > 100k                use openai/gpt-4.1
  when tokens > 200k or has images  use vllm/llama-3.3-70b
  else                              use openai/gpt-4.1-mini
}
"#,
            r#"include "fleet.mux"
policy @main {
  when tokens > 100k  use openai/gpt-4.1
  when has images     use vllm/llama-3.3-70b
  else                use openai/gpt-4.1-mini
}
"#,
        ],
    ),
];
