//! Whose model it is: Converse hands on what differs, in the vendor's own words.

/// A family of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// Claude that does not think.
    Claude,
    /// Claude that thinks within a budget.
    ClaudeBudget,
    /// Claude that thinks as it sees fit, up to an effort.
    ClaudeAdaptive,
    /// Amazon's own.
    Nova,
    /// OpenAI's open models, and others that take `reasoning_effort`.
    Effort,
    Other,
}

const BUDGET: &[&str] = &[
    "claude-3-7",
    "claude-opus-4-1",
    "claude-opus-4-2",
    "claude-opus-4-5",
    "claude-sonnet-4-2",
    "claude-sonnet-4-5",
    "claude-haiku-4-5",
];

impl Family {
    /// The family of a model or of an inference profile.
    pub(crate) fn of(model: &str) -> Self {
        let has = |part: &str| model.contains(part);
        if has("anthropic.") || has("claude-") {
            return if BUDGET.iter().any(|name| has(name)) {
                Self::ClaudeBudget
            } else if has("claude-3") || has("claude-v2") || has("claude-instant") {
                Self::Claude
            } else {
                Self::ClaudeAdaptive
            };
        }
        if has("amazon.nova") {
            Self::Nova
        } else if has("openai.gpt-oss") || has("deepseek.v3") {
            Self::Effort
        } else {
            Self::Other
        }
    }

    pub(crate) fn is_claude(self) -> bool {
        matches!(
            self,
            Self::Claude | Self::ClaudeBudget | Self::ClaudeAdaptive
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_belongs_to_its_models_family() {
        let of = Family::of;
        assert_eq!(
            of("us.anthropic.claude-3-7-sonnet-20250219-v1:0"),
            Family::ClaudeBudget
        );
        assert_eq!(
            of("eu.anthropic.claude-sonnet-4-20250514-v1:0"),
            Family::ClaudeBudget
        );
        assert_eq!(of("anthropic.claude-3-haiku-20240307-v1:0"), Family::Claude);
        assert_eq!(
            of("global.anthropic.claude-opus-4-6-v1"),
            Family::ClaudeAdaptive
        );
        assert_eq!(of("us.amazon.nova-pro-v1:0"), Family::Nova);
        assert_eq!(of("meta.llama3-1-8b-instruct-v1:0"), Family::Other);
    }
}
