//! What each family of models takes, by the model's name.

/// How a family is asked to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thinking {
    /// It does not.
    Never,
    /// With a budget in tokens, no less than this.
    Budget { least: u64 },
    /// By a level; the flag says whether it knows more of them than `low` and `high`.
    Level { fine: bool },
}

/// The rules of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Family {
    pub(crate) thinking: Thinking,
    /// Whether calls are refused that come back without their signature, and tools go together with a schema.
    pub(crate) third: bool,
}

impl Family {
    /// The rules for a model of that name. A name newer than this table is taken for the newest kind.
    pub(crate) fn of(model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or(model);
        let Some(version) = name.strip_prefix("gemini-") else {
            return Self {
                thinking: Thinking::Never,
                third: false,
            };
        };
        let old = ["1.", "2.0", "pro", "exp", "flash", "embedding"];
        if old
            .iter()
            .any(|start| version.starts_with(start) && !version.ends_with("latest"))
        {
            return Self {
                thinking: Thinking::Never,
                third: false,
            };
        }
        if version.starts_with("2.") {
            let least = if version.contains("pro") { 128 } else { 0 };
            return Self {
                thinking: Thinking::Budget { least },
                third: false,
            };
        }
        Self {
            thinking: Thinking::Level {
                fine: !version.starts_with("3-pro"),
            },
            third: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_known_by_its_number() {
        assert_eq!(Family::of("gemini-2.0-flash").thinking, Thinking::Never);
        assert_eq!(
            Family::of("models/gemini-2.5-pro").thinking,
            Thinking::Budget { least: 128 }
        );
        assert_eq!(
            Family::of("gemini-3-pro-preview").thinking,
            Thinking::Level { fine: false }
        );
        assert!(Family::of("gemini-3.6-flash").third);
        assert!(Family::of("gemini-flash-latest").third);
        assert_eq!(Family::of("gemma-3-27b-it").thinking, Thinking::Never);
    }
}
