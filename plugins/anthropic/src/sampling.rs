//! Temperature and its relatives, within what the model takes.

use mux_plugin_sdk::chat::Chat;

use crate::model::{Family, Sampling};

/// Sampling parameters as they are sent.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Sampled {
    pub(crate) temperature: Option<f64>,
    pub(crate) top_p: Option<f64>,
    pub(crate) top_k: Option<u64>,
}

impl Sampled {
    /// What of the client's sampling this model takes; the rest is dropped with a warning.
    pub(crate) fn read(
        chat: &Chat<'_>,
        family: Family,
        thinking: bool,
        warnings: &mut Vec<String>,
    ) -> Self {
        let mut sampled = Self {
            temperature: chat.temperature.map(|given| clamp(given, warnings)),
            top_p: chat.top_p,
            top_k: chat.top_k,
        };
        if thinking || family.sampling == Sampling::Nothing {
            let why = if thinking {
                "it cannot be combined with thinking"
            } else {
                "this model takes no sampling parameters"
            };
            sampled.drop_all(why, warnings);
        }
        if family.sampling == Sampling::One
            && sampled.temperature.is_some()
            && sampled.top_p.take().is_some()
        {
            warnings.push(String::from(
                "`top_p` was dropped: this model takes it or `temperature`",
            ));
        }
        sampled
    }

    /// A temperature of 1 is the default anyway and goes without a word.
    fn drop_all(&mut self, why: &str, warnings: &mut Vec<String>) {
        let said = [
            (
                "temperature",
                self.temperature.take().is_some_and(|t| t < 1.0),
            ),
            ("top_p", self.top_p.take().is_some_and(|p| p < 1.0)),
            ("top_k", self.top_k.take().is_some()),
        ];
        for (name, _) in said.into_iter().filter(|(_, said)| *said) {
            warnings.push(format!("`{name}` was dropped: {why}"));
        }
    }
}

/// The chat form goes up to 2, this provider to 1.
fn clamp(temperature: f64, warnings: &mut Vec<String>) -> f64 {
    if temperature > 1.0 {
        warnings.push(String::from("`temperature` was lowered to 1"));
    }
    temperature.min(1.0)
}
