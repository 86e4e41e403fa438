//! The dialects that clients speak, one for each thing that can be asked.

/// A dialect of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Dialect {
    /// OpenAI's chat completions, which everything else is turned into.
    #[default]
    Chat,
    /// Anthropic's Messages.
    Messages,
    /// OpenAI's Responses.
    Responses,
    /// OpenAI's embeddings.
    Embeddings,
    /// Anthropic's question how many tokens a request of Messages has.
    Count,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Chat,
        Self::Messages,
        Self::Responses,
        Self::Embeddings,
        Self::Count,
    ];

    /// Its name in manifests, policies and records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "openai-chat",
            Self::Messages => "anthropic-messages",
            Self::Responses => "openai-responses",
            Self::Embeddings => "openai-embeddings",
            Self::Count => "anthropic-count-tokens",
        }
    }

    /// The dialect of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == name)
    }

    /// What is asked in it: the operation of manifests, policies and records.
    #[must_use]
    pub fn operation(self) -> &'static str {
        match self {
            Self::Chat | Self::Messages | Self::Responses => "chat",
            Self::Embeddings => "embeddings",
            Self::Count => "count-tokens",
        }
    }

    /// The word by which a policy says at which path of a provider it is spoken.
    #[must_use]
    pub fn place(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Responses => "responses",
            Self::Chat | Self::Embeddings | Self::Count => self.operation(),
        }
    }

    /// Whether requests in it are turned into chat requests where a provider does not speak it.
    #[must_use]
    pub fn translates(self) -> bool {
        matches!(self, Self::Messages | Self::Responses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dialect_is_found_by_its_name() {
        for dialect in Dialect::ALL {
            assert_eq!(Dialect::named(dialect.name()), Some(dialect));
        }
        assert_eq!(Dialect::named("latin"), None);
    }
}
