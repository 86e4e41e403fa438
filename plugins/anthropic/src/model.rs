//! What each family of models takes, by the model's name.

/// How a family is asked to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thinking {
    /// It does not.
    Never,
    /// With a budget in tokens.
    Budget,
    /// As it sees fit, up to an effort; the flag says whether `xhigh` is known.
    Adaptive { xhigh: bool },
}

/// Which sampling parameters a family takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sampling {
    /// `temperature` and `top_p` in any combination.
    Any,
    /// One of the two.
    One,
    /// None.
    Nothing,
}

/// The rules of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Family {
    /// The most tokens it writes, taken where the client sets no limit.
    pub(crate) max_output: u64,
    pub(crate) thinking: Thinking,
    pub(crate) sampling: Sampling,
    /// Whether it takes `output_config.format` and strict tools.
    pub(crate) structured: bool,
}

const fn family(
    max_output: u64,
    thinking: Thinking,
    sampling: Sampling,
    structured: bool,
) -> Family {
    Family {
        max_output,
        thinking,
        sampling,
        structured,
    }
}

/// First match wins; the names are looked for after `claude-`.
const FAMILIES: &[(&str, Family)] = &[
    ("2", family(4096, Thinking::Never, Sampling::Any, false)),
    (
        "instant",
        family(4096, Thinking::Never, Sampling::Any, false),
    ),
    ("3-5-", family(8192, Thinking::Never, Sampling::Any, false)),
    (
        "3-7-",
        family(64_000, Thinking::Budget, Sampling::Any, false),
    ),
    ("3-", family(4096, Thinking::Never, Sampling::Any, false)),
    (
        "opus-4-1",
        family(32_000, Thinking::Budget, Sampling::One, true),
    ),
    (
        "opus-4-5",
        family(64_000, Thinking::Budget, Sampling::One, true),
    ),
    (
        "opus-4-6",
        family(
            128_000,
            Thinking::Adaptive { xhigh: false },
            Sampling::One,
            true,
        ),
    ),
    (
        "opus-4-0",
        family(32_000, Thinking::Budget, Sampling::Any, false),
    ),
    (
        "opus-4-2",
        family(32_000, Thinking::Budget, Sampling::Any, false),
    ),
    (
        "sonnet-4-5",
        family(64_000, Thinking::Budget, Sampling::One, true),
    ),
    (
        "sonnet-4-6",
        family(
            64_000,
            Thinking::Adaptive { xhigh: false },
            Sampling::One,
            true,
        ),
    ),
    (
        "sonnet-4-0",
        family(64_000, Thinking::Budget, Sampling::Any, false),
    ),
    (
        "sonnet-4-2",
        family(64_000, Thinking::Budget, Sampling::Any, false),
    ),
    (
        "haiku-4-5",
        family(64_000, Thinking::Budget, Sampling::One, true),
    ),
    (
        "",
        family(
            64_000,
            Thinking::Adaptive { xhigh: true },
            Sampling::Nothing,
            true,
        ),
    ),
];

/// Other vendors' models behind the same interface: send what the client said and let them judge.
const FOREIGN: Family = family(8192, Thinking::Budget, Sampling::Any, true);

impl Family {
    /// The rules for a model of that name.
    pub(crate) fn of(model: &str) -> Self {
        let Some((_, name)) = model.split_once("claude-") else {
            return FOREIGN;
        };
        let found = FAMILIES.iter().find(|(start, _)| name.starts_with(start));
        found.map_or(FOREIGN, |(_, family)| *family)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dated_name_belongs_to_its_family() {
        assert_eq!(
            Family::of("claude-sonnet-4-5-20250929"),
            Family::of("claude-sonnet-4-5")
        );
        assert_eq!(Family::of("claude-sonnet-4-20250514").max_output, 64_000);
        assert_eq!(Family::of("claude-3-5-sonnet-20240620").max_output, 8192);
        assert_eq!(Family::of("claude-3-haiku-20240307").max_output, 4096);
    }

    #[test]
    fn a_model_newer_than_this_table_is_taken_for_the_newest_kind() {
        assert_eq!(
            Family::of("claude-opus-9").thinking,
            Thinking::Adaptive { xhigh: true }
        );
    }

    #[test]
    fn a_foreign_model_gets_a_modest_limit() {
        assert_eq!(Family::of("deepseek-v4").max_output, 8192);
    }
}
