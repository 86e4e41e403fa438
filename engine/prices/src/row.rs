//! What a catalogue is made of: editions of sources, and a row for each model of each provider.

use crate::clause::Clause;
use mux_dsl::image::{Pico, Price};

/// One source as it was at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edition {
    /// `genai-prices` or `models.dev`.
    pub source: String,
    /// Which one, in the source's own words.
    pub version: String,
    /// The day it was taken, `2026-11-27`.
    pub date: String,
    /// Whose work it is.
    pub notice: String,
    /// Its rows; the first that matches counts.
    pub rows: Vec<Row>,
}

/// What one model costs at one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The source's name of the provider.
    pub provider: String,
    /// The source's name of the model, in lower case.
    pub model: String,
    /// Which other names it goes by.
    pub names: Vec<Clause>,
    /// Of several that hold the last one counts; the first where none does.
    pub rates: Vec<Listed>,
}

/// Prices that hold under a condition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// From this day on (UTC), `2026-08-17`.
    pub from: Option<String>,
    /// Only from one time of day to another (UTC), `00:30:00`.
    pub daily: Option<(String, String)>,
    /// What each class costs; absent classes are not listed.
    pub classes: Vec<(Class, Tiers)>,
}

/// What one class costs, by the size of the prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tiers {
    /// Pico-dollars a token.
    pub base: Pico,
    /// Above so many tokens of the prompt, every token of the class costs this instead. Ascending.
    pub above: Vec<(u32, Pico)>,
}

/// What a token can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Of the prompt.
    Input,
    /// Of the prompt, read from the provider's cache.
    Cached,
    /// Of the prompt, written to the provider's cache for some minutes.
    CacheWrite,
    /// Of the prompt, written to the provider's cache for an hour.
    CacheWrite1h,
    /// Of the prompt, sound.
    AudioInput,
    /// Of the answer.
    Output,
    /// Of the answer, reasoning.
    Reasoning,
    /// Of the answer, sound.
    AudioOutput,
}

impl Class {
    /// All of them, in the order they are written in.
    pub const ALL: [Self; 8] = [
        Self::Input,
        Self::Cached,
        Self::CacheWrite,
        Self::CacheWrite1h,
        Self::AudioInput,
        Self::Output,
        Self::Reasoning,
        Self::AudioOutput,
    ];

    /// Its word in policies and catalogues.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Cached => "cached",
            Self::CacheWrite => "cache-write",
            Self::CacheWrite1h => "cache-write-1h",
            Self::AudioInput => "audio-input",
            Self::Output => "output",
            Self::Reasoning => "reasoning",
            Self::AudioOutput => "audio-output",
        }
    }
}

impl Row {
    /// Whether what an answer costs is not listed, as of a model that gives none.
    #[must_use]
    pub fn is_for_prompts_only(&self) -> bool {
        let says = |listed: &Listed| listed.of(Class::Output).is_some();
        !self.rates.iter().all(says)
    }
}

impl Listed {
    /// What a class costs.
    #[must_use]
    pub fn of(&self, class: Class) -> Option<&Tiers> {
        let found = self.classes.iter().find(|(of, _)| *of == class);
        found.map(|(_, tiers)| tiers)
    }

    /// The sizes of prompts above which some class costs something else, ascending.
    #[must_use]
    pub fn sizes(&self) -> Vec<u32> {
        let each = self.classes.iter().flat_map(|(_, tiers)| &tiers.above);
        let mut sizes: Vec<u32> = each.map(|(above, _)| *above).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    /// All classes for prompts of so many tokens; `None` where it is not said what a prompt costs. What is not said of answers
    /// is left at nothing: see [`Row::is_for_prompts_only`].
    #[must_use]
    pub fn price(&self, prompt: u64) -> Option<Price> {
        let at = |class| self.of(class).map(|tiers| tiers.at(prompt));
        Some(Price {
            input: at(Class::Input)?,
            output: at(Class::Output).unwrap_or(0),
            cached: at(Class::Cached),
            cache_write: at(Class::CacheWrite),
            cache_write_1h: at(Class::CacheWrite1h),
            reasoning: at(Class::Reasoning),
            audio_input: at(Class::AudioInput),
            audio_output: at(Class::AudioOutput),
        })
    }
}

impl Tiers {
    /// The same for prompts of any size.
    #[must_use]
    pub const fn flat(base: Pico) -> Self {
        Self {
            base,
            above: Vec::new(),
        }
    }

    /// For a prompt of so many tokens.
    #[must_use]
    pub fn at(&self, prompt: u64) -> Pico {
        let mut reached = self.above.iter().rev();
        let reached = reached.find(|(above, _)| prompt > u64::from(*above));
        reached.map_or(self.base, |(_, each)| *each)
    }
}
