//! Codes about files as a whole.

use super::code::Code;

pub(super) const CODES: &[Code] = &[
    Code::error(
        "mux::file::binary",
        "a file is no text",
        r"A policy, or the list a set is read from, holds bytes that are no UTF-8 text.
mux reads it as text or not at all: guessing an encoding would let a name match in one
place and not in another. Save the file as UTF-8, or name the file that was meant.",
        [
            r#"include "fleet.mux"
set blocked from "photo.png"
policy @main {
  when end_user in blocked  deny 403 "account suspended"
  else                      use openai/gpt-4.1
}
"#,
            r#"include "fleet.mux"
set blocked from "blocked.txt"
policy @main {
  when end_user in blocked  deny 403 "account suspended"
  else                      use openai/gpt-4.1
}
"#,
        ],
    ),
    Code::error(
        "mux::file::depth",
        "braces or parentheses are nested too deep",
        r"No file that people write nests braces or parentheses more than 32 deep; one that does
is a mistake or an attack, and reading on would cost more than it is worth.
Give the inner part a name with `plan` or `define`, and use the name.",
        [
            r#"include "fleet.mux"
policy @main {
  when ((((((((((((((((((((((((((((((((( streaming )))))))))))))))))))))))))))))))))
    use openai/gpt-4.1
  else use openai/gpt-4.1-mini
}
"#,
            r#"include "fleet.mux"
policy @main {
  when streaming use openai/gpt-4.1
  else           use openai/gpt-4.1-mini
}
"#,
        ],
    ),
    Code::error(
        "mux::file::empty",
        "there is nothing in the files",
        r"The files hold nothing but blanks and comments. A gateway that loaded them would refuse
every request, which is hardly what an empty file is meant to say.
A policy begins with `policy @NAME {` and ends with `else use …`.",
        [
            "# to do\n",
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
"#,
        ],
    ),
    Code::error(
        "mux::file::more",
        "there are more problems than are shown",
        r"One run shows the first 20 errors and the first 20 warnings. Beyond that a reader is not
helped: one slip at the top of a file often causes the rest.
Mend the ones that are shown, and check again. It is an error if an error was left out.",
        [
            r"provider openai {
  kind openai
  model gpt-4.1 {
    can a b c d e f g h i j k l m n o p q r s t u
  }
}
policy @main { else use openai/gpt-4.1 }
",
            r"provider openai {
  kind openai
  model gpt-4.1 {
    can tools images json-schema streaming reasoning audio
  }
}
policy @main { else use openai/gpt-4.1 }
",
        ],
    ),
    Code::error(
        "mux::file::size",
        "a file is too large",
        r"A file of a bundle may have 1 MiB. A policy of that size cannot be reviewed, and a list
of that size belongs into a service that is asked, not into a file that is reloaded.
Split the policy with `include`, or shorten the list.",
        [
            r#"include "fleet.mux"
set users from "everyone.txt"
policy @main {
  when end_user in users  use openai/gpt-4.1
  else                    deny 403 "unknown user"
}
"#,
            r#"include "fleet.mux"
set blocked from "blocked.txt"
policy @main {
  when end_user in blocked  deny 403 "account suspended"
  else                      use openai/gpt-4.1
}
"#,
        ],
    ),
    Code::error(
        "mux::file::unreadable",
        "a file cannot be read",
        r"A file that was named on the command line, by `include` or by `set … from` is not there,
or the system does not let mux read it. A bundle with a part missing is not loaded at all.
Paths are relative to the file that names them, not to where mux was started.",
        [
            r#"include "fleeet.mux"
policy @main { else use openai/gpt-4.1 }
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
"#,
        ],
    ),
    Code::error(
        "mux::cycle::include",
        "files include each other",
        r"Following `include` from file to file leads back to where it began, or through more than
64 files. Each file loads once, so such a loop says nothing that one line less would not.
Delete one of the `include` lines, or move what both need into a file of its own.",
        [
            r#"include "example.mux"
include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
"#,
            r#"include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
"#,
        ],
    ),
    Code::error(
        "mux::version::unknown",
        "the file is written in a version this mux does not read",
        r"The first line of a file may say in which version of the language it is written. This mux
does not know that version, and reading the file as if it did might change what it means.
Write `mux 1`, or run a mux that reads the version.",
        [
            r#"mux 9
include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
"#,
            r#"mux 1
include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
"#,
        ],
    ),
    Code::error(
        "mux::secret::literal",
        "a credential is written in a policy file",
        r"Policies are reviewed, versioned, copied and shown in error messages; a credential in one
of them is known to everyone who sees any of that. mux hides the value in all its output.
Say where the credential is found: `key env NAME`, `key file PATH` or `key secret REFERENCE`.
Rotate this one: it has been on disk.",
        [
            r#"provider openai {
  kind openai
  key  "correct horse battery staple"
  model gpt-4.1
}
policy @main { else use openai/gpt-4.1 }
"#,
            r"provider openai {
  kind openai
  key  env OPENAI_API_KEY
  model gpt-4.1
}
policy @main { else use openai/gpt-4.1 }
",
        ],
    ),
    Code::error(
        "mux::secret::reference",
        "a secret reference does not say which store to ask",
        r"`key secret` names a secret in a store, as `SCHEME:REFERENCE`. Without a scheme mux cannot
know whether a vault, a cloud or a file holds it.
The gateway's `--secret-command` knows the schemes; put the one that is meant in front.",
        [
            r#"provider openai {
  kind openai
  key  secret "kv/llm/openai"
  model gpt-4.1
}
policy @main { else use openai/gpt-4.1 }
"#,
            r#"provider openai {
  kind openai
  key  secret "vault:kv/llm/openai#api_key"
  model gpt-4.1
}
policy @main { else use openai/gpt-4.1 }
"#,
        ],
    ),
    Code::error(
        "mux::secret::shape",
        "something looks like a credential",
        r"A word or a string has the shape of a key: a beginning that a provider gives its keys, or
a long run of random letters and digits. It may stand anywhere, even in a comment.
Take it out, keep it in the environment, a file or a vault, and rotate it.
A digest of 64 hexadecimal digits, which `key is` compares with, is not taken for one.",
        [
            r#"# the old one was AKIAEXAMPLEEXAMPLE12
include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
"#,
            r#"# the old one was rotated in March
include "fleet.mux"
policy @main { else use openai/gpt-4.1 }
"#,
        ],
    ),
];
