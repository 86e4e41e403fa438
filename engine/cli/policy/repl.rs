//! `mux policy repl`: facts are kept and changed one by one, and every change shows the decision.

use super::asked::{Asked, Unasked, about};
use super::eval::decision;
use super::facts::Facts;
use crate::ending::{Exit, Outcome, Trouble};
use crate::out::{Format, Out};
use clap::Args;
use std::io::{BufRead, IsTerminal, stdin};
use std::path::PathBuf;

const HELP: &str = "\
FACT VALUE …           give facts, as `given` lines do: tokens 200k tag.tier free has images
set FACT VALUE …       the same
unset FACT             forget a fact
:facts                 what is given
:why                   the whole story: every rule, and the test that decided
:why-not RULE          what keeps a rule from taking the request: its name, its line, FILE:LINE
:plan                  what is carried out, and what bounds it
:clear                 forget all facts
:reload                read the policies again
:help                  this
:quit                  end";

/// Try requests out: facts are kept, and every change shows the decision
#[derive(Debug, Args)]
pub(crate) struct Repl {
    /// Facts to begin with
    #[arg(value_name = "FACT VALUE")]
    words: Vec<String>,
    /// A folder of policies or one file with its includes
    #[arg(long, default_value = "policies")]
    policies: PathBuf,
}

/// What is known so far.
struct Session {
    policies: PathBuf,
    facts: Facts,
    asked: Option<Asked>,
}

impl Repl {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let mut session = Session {
            policies: self.policies,
            facts: Facts::read(&self.words)?,
            asked: None,
        };
        let typed = stdin().is_terminal();
        if typed {
            out.error(
                "facts such as `model @NAME tokens 3k`, then `:why`; `:help` lists everything",
            );
        }
        let mut good = true;
        if !self.words.is_empty() {
            good &= session.decide(out);
        }
        loop {
            if typed {
                out.prompt("> ");
            }
            let mut line = String::new();
            let read = stdin().lock().read_line(&mut line);
            let read =
                read.map_err(|e| Trouble::usage(format!("cannot read what is typed: {e}")))?;
            let words: Vec<&str> = line.split_whitespace().collect();
            if read == 0 || matches!(words.as_slice(), [":quit" | ":q" | "quit" | "exit"]) {
                break;
            }
            good &= session.line(&words, line.trim(), out);
        }
        // Who types sees mistakes at once; a script must learn of them by the exit code.
        Ok(if good || typed { Exit::Good } else { Exit::No })
    }
}

impl Session {
    /// Carries out a line; whether that went well.
    fn line(&mut self, words: &[&str], line: &str, out: &mut Out) -> bool {
        match words {
            [] => true,
            [comment, ..] if comment.starts_with('#') => true,
            [":help" | ":h" | "help"] => {
                out.text(HELP);
                true
            }
            [":facts"] => {
                out.text(&self.facts.lines().join("\n"));
                true
            }
            [":clear"] => {
                self.facts = Facts::default();
                self.asked = None;
                true
            }
            [":reload"] => self.decide(out),
            [":why"] => self.tell(out, |asked| Ok(asked.story().told())),
            [":plan"] => self.tell(out, |asked| Ok(asked.story().plan_told())),
            [":why-not", rule @ ..] => {
                let rule = rule.join(" ");
                self.tell(out, |asked| {
                    let story = asked.story();
                    let why = story.why_not(&rule);
                    why.map(|w| w.told())
                        .ok_or_else(|| super::explain::unknown(&story, &rule))
                })
            }
            [command, ..] if command.starts_with(':') => {
                out.error(&format!(
                    "there is no command `{command}`; `:help` lists them"
                ));
                false
            }
            ["unset", subject @ ..] => self.unset(subject, out),
            _ => self.give(line.strip_prefix("set ").unwrap_or(line), out),
        }
    }

    fn give(&mut self, line: &str, out: &mut Out) -> bool {
        let before = self.facts.clone();
        let given = self.facts.add(&quoting(line));
        if let Err(trouble) = given {
            out.error(&trouble.to_string());
            return false;
        }
        let good = self.decide(out);
        if !good {
            self.facts = before;
        }
        good
    }

    fn unset(&mut self, subject: &[&str], out: &mut Out) -> bool {
        let subject: Vec<String> = subject.iter().map(ToString::to_string).collect();
        if !self.facts.unset(&subject) {
            out.error(&format!(
                "`{}` is not given; `:facts` lists what is",
                subject.join(" ")
            ));
            return false;
        }
        self.decide(out)
    }

    fn decide(&mut self, out: &mut Out) -> bool {
        match about(&self.policies, &self.facts) {
            Ok(asked) => {
                out.text(&decision(&asked.story()));
                self.asked = Some(asked);
                true
            }
            Err(unasked) => {
                say(unasked, out);
                false
            }
        }
    }

    fn tell(
        &mut self,
        out: &mut Out,
        tell: impl FnOnce(&Asked) -> Result<String, Trouble>,
    ) -> bool {
        if self.asked.is_none() {
            match about(&self.policies, &self.facts) {
                Ok(asked) => self.asked = Some(asked),
                Err(unasked) => say(unasked, out),
            }
        }
        match self.asked.as_ref().map(tell) {
            Some(Ok(text)) => out.text(&text),
            Some(Err(trouble)) => {
                out.error(&trouble.to_string());
                return false;
            }
            None => return false,
        }
        true
    }
}

/// Says why there is no answer; the session goes on.
fn say(unasked: Unasked, out: &mut Out) {
    if let Err(trouble) = unasked.end(Format::Human, out) {
        out.error(&trouble.to_string());
    }
}

/// The words of a line; what stands in quotes is one.
fn quoting(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for c in line.chars() {
        quoted ^= c == '"';
        if c.is_whitespace() && !quoted {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
        } else {
            word.push(c);
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::quoting;

    #[test]
    fn what_stands_in_quotes_is_one_word() {
        assert_eq!(
            quoting(" tag.a \"b c\"  tokens 3 "),
            ["tag.a", "\"b c\"", "tokens", "3"]
        );
    }
}
