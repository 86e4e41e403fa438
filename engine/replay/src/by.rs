//! What requests can have in common, so that figures are told for each.

use mux_traffic::record::Record;
use std::fmt;
use std::str::FromStr;

/// A fact that figures are told by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// A tag.
    Tag(String),
    /// The client's key.
    Key,
    /// Team of the key.
    Team,
    /// What the client asked for.
    Model,
    /// The end user.
    EndUser,
    /// Who served it when it was recorded.
    Target,
    /// `stream` or `whole`.
    Streaming,
}

/// What stands for a fact that a request does not have.
const NONE: &str = "(none)";

impl By {
    /// The value of a request.
    #[must_use]
    pub fn value<'r>(&self, record: &'r Record) -> &'r str {
        let facts = &record.request;
        let value = match self {
            Self::Tag(name) => {
                let found = facts.tags.iter().find(|(n, _)| n == name);
                found.map(|(_, value)| value.as_str())
            }
            Self::Key => facts.key.as_deref(),
            Self::Team => facts.team.as_deref(),
            Self::Model => Some(facts.model.as_str()),
            Self::EndUser => facts.end_user.as_deref(),
            Self::Target => record.outcome.served.as_deref(),
            Self::Streaming if facts.streaming => Some("stream"),
            Self::Streaming => Some("whole"),
        };
        value.unwrap_or(NONE)
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(name) => write!(f, "tag.{name}"),
            Self::Key => f.write_str("key"),
            Self::Team => f.write_str("team"),
            Self::Model => f.write_str("model"),
            Self::EndUser => f.write_str("end_user"),
            Self::Target => f.write_str("target"),
            Self::Streaming => f.write_str("streaming"),
        }
    }
}

impl FromStr for By {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "key" => Self::Key,
            "team" => Self::Team,
            "model" => Self::Model,
            "end_user" => Self::EndUser,
            "target" => Self::Target,
            "streaming" => Self::Streaming,
            _ => match text.strip_prefix("tag.") {
                Some(name) if !name.is_empty() => Self::Tag(name.to_owned()),
                _ => {
                    return Err(format!(
                        "figures cannot be told by `{text}`; write `tag.NAME`, `key`, `team`, `model`, `end_user`, `target` or `streaming`"
                    ));
                }
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_is_read_as_it_is_written() {
        for text in [
            "tag.team",
            "key",
            "team",
            "model",
            "end_user",
            "target",
            "streaming",
        ] {
            assert_eq!(text.parse::<By>().unwrap().to_string(), text);
        }
        assert!("tag.".parse::<By>().is_err() && "colour".parse::<By>().is_err());
    }
}
