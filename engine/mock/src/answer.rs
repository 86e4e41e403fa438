//! What the provider says, in no dialect yet.

use serde_json::Value;

use crate::dice::Dice;
use crate::reply::{Reply, ToolCall};
use crate::request::Asked;

/// A whole answer, cut into the pieces a stream sends.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// Distinguishes this answer's ids from every other's.
    pub(crate) number: u64,
    pub(crate) model: String,
    /// Text, or the arguments of `tool` as JSON, a token a piece.
    pub(crate) pieces: Vec<String>,
    /// The tool called, if one is.
    pub(crate) tool: Option<String>,
    pub(crate) finish: Finish,
    pub(crate) input_tokens: u64,
}

/// Why an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    Stop,
    Length,
    Tool,
}

impl Answer {
    /// The scripted reply if there is one, a tool call if the prompt says so, made-up text of `tokens` words otherwise.
    pub(crate) fn compose(
        asked: &Asked,
        scripted: Option<Reply>,
        tokens: u32,
        seed: u64,
        number: u64,
    ) -> Self {
        let scripted = scripted.unwrap_or_default();
        let prompted = || {
            let tool = asked.called_tool()?;
            Some(ToolCall {
                name: tool.name.clone(),
                arguments: tool.sample_arguments(),
            })
        };
        let call = if scripted.text.is_some() {
            None
        } else {
            scripted.tool.or_else(prompted)
        };
        let (mut pieces, tool) = match (call, scripted.text) {
            (Some(call), _) => (fragments(&arguments(&call.arguments)), Some(call.name)),
            (None, Some(text)) => (words(&text), None),
            (None, None) => (invented(seed, tokens), None),
        };
        let limit = asked
            .max_tokens
            .and_then(|limit| usize::try_from(limit).ok())
            .unwrap_or(usize::MAX);
        let finish = match &tool {
            _ if pieces.len() > limit => Finish::Length,
            Some(_) => Finish::Tool,
            None => Finish::Stop,
        };
        pieces.truncate(limit);
        Self {
            number,
            model: asked.model.clone(),
            pieces,
            tool,
            finish,
            input_tokens: asked.input_tokens,
        }
    }

    pub(crate) fn output_tokens(&self) -> u64 {
        self.pieces.len() as u64
    }

    pub(crate) fn text(&self) -> String {
        self.pieces.concat()
    }

    /// The id of the tool call, which differs from answer to answer.
    pub(crate) fn call_id(&self, prefix: &str) -> String {
        format!("{prefix}{:08x}", self.number)
    }
}

fn arguments(arguments: &Value) -> String {
    if arguments.is_null() {
        String::from("{}")
    } else {
        arguments.to_string()
    }
}

/// Pieces of at most eight characters, as models cut arguments anywhere.
fn fragments(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    letters
        .chunks(8)
        .map(|piece| piece.iter().collect())
        .collect()
}

/// Words with the white space after them, so that together they are the text again.
fn words(text: &str) -> Vec<String> {
    text.split_inclusive(char::is_whitespace)
        .map(str::to_owned)
        .collect()
}

fn invented(seed: u64, tokens: u32) -> Vec<String> {
    let mut dice = Dice::new(seed, 0);
    (0..tokens)
        .map(|at| {
            if at == 0 {
                dice.pick(VOCABULARY).to_owned()
            } else {
                format!(" {}", dice.pick(VOCABULARY))
            }
        })
        .collect()
}

const VOCABULARY: &[&str] = &[
    "river", "lantern", "quiet", "harbour", "copper", "meadow", "under", "seven", "bright",
    "wander", "stone", "letter", "the", "of", "and", "slowly", "amber", "window", "north", "cloud",
    "garden", "silver", "morning", "a", "to", "in", "wood", "paper", "clock", "tide", "signal",
    "orchard",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Dialect;

    fn asked(prompt: &str, rest: &str) -> Asked {
        let body =
            format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{prompt}"}}]{rest}}}"#);
        Asked::read(Dialect::OpenAi, body.as_bytes()).unwrap()
    }

    #[test]
    fn the_same_seed_tells_the_same_story() {
        let tell = |seed| Answer::compose(&asked("hi", ""), None, 12, seed, 1).text();
        assert_eq!(tell(3), tell(3));
        assert_ne!(tell(3), tell(4));
        assert_eq!(tell(3).split(' ').count(), 12);
    }

    #[test]
    fn a_limit_cuts_the_answer_and_says_so() {
        let answer = Answer::compose(&asked("hi", r#","max_tokens":3"#), None, 12, 0, 1);
        assert_eq!((answer.pieces.len(), answer.finish), (3, Finish::Length));
    }

    #[test]
    fn a_prompt_can_ask_for_a_tool() {
        let tools = r#","tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object","required":["city","days"],"properties":{"city":{"type":"string"},"days":{"type":"integer"}}}}}]"#;
        let answer = Answer::compose(&asked("Please call weather.", tools), None, 12, 0, 1);
        assert_eq!(
            (answer.tool.as_deref(), answer.finish),
            (Some("weather"), Finish::Tool)
        );
        assert_eq!(answer.text(), r#"{"city":"sample","days":1}"#);
        assert_eq!(
            Answer::compose(&asked("call nobody", tools), None, 12, 0, 1).tool,
            None
        );
        assert_eq!(
            Answer::compose(&asked("call weather", ""), None, 12, 0, 1).tool,
            None
        );
    }

    #[test]
    fn a_script_is_sent_word_for_word() {
        let answer = Answer::compose(
            &asked("hi", ""),
            Some(Reply::text("to  be\nor not")),
            12,
            0,
            1,
        );
        assert_eq!(answer.text(), "to  be\nor not");
        let answer = Answer::compose(
            &asked("hi", ""),
            Some(Reply::tool("f", Value::Null)),
            12,
            0,
            1,
        );
        assert_eq!(
            (answer.text().as_str(), answer.tool.as_deref()),
            ("{}", Some("f"))
        );
    }
}
