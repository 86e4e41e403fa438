//! What an answer has beside its text: where that comes from, how likely it was, pictures, and what only its provider
//! understands.

use std::slice;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Answer;
use crate::chat::citation::Citation;
use crate::chat::wire::{Choice, Delta, Odds, Said};
use crate::error::Fault;

impl<E: Default + Serialize + DeserializeOwned> Answer<E> {
    /// Characters of text that a choice has said so far; nothing where the adapter did not ask for them
    /// (`Progress::opened_with`).
    #[must_use]
    pub fn characters(&self, choice: u32) -> Option<u64> {
        let mut choices = self.progress.choices.iter();
        let told = choices.find(|told| told.index == choice);
        let counted = self.progress.counts_characters();
        counted.then(|| told.map_or(0, |told| told.characters))
    }

    /// Where a piece of the text comes from.
    ///
    /// # Errors
    /// Those of writing.
    pub fn cite(&mut self, choice: u32, citation: Citation) -> Result<(), Fault> {
        self.told(choice)?;
        if self.progress.stream {
            return self.delta(
                choice,
                Delta {
                    annotations: slice::from_ref(&citation),
                    ..Delta::default()
                },
            );
        }
        let whole = self.whole.entry(choice).or_default();
        whole.citations.push(citation);
        Ok(())
    }

    /// A picture, base64 of that media type.
    ///
    /// # Errors
    /// Those of writing.
    pub fn show(&mut self, choice: u32, media_type: &str, data: &str) -> Result<(), Fault> {
        self.told(choice)?.spoke = true;
        let url = format!("data:{media_type};base64,{data}");
        let image = json!({ "type": "image_url", "image_url": { "url": url } });
        if self.progress.stream {
            return self.delta(
                choice,
                Delta {
                    images: slice::from_ref(&image),
                    ..Delta::default()
                },
            );
        }
        self.whole.entry(choice).or_default().images.push(image);
        Ok(())
    }

    /// How likely tokens of the text were, each as OpenAI writes it.
    ///
    /// # Errors
    /// Those of writing.
    pub fn weigh(&mut self, choice: u32, tokens: Vec<Value>) -> Result<(), Fault> {
        if tokens.is_empty() {
            return Ok(());
        }
        self.told(choice)?;
        if self.progress.stream {
            let choice = Choice {
                index: choice,
                said: Said::Delta(Delta::default()),
                logprobs: Some(Odds { content: &tokens }),
                finish_reason: None,
                native_finish_reason: None,
            };
            return self.write(vec![choice], None);
        }
        self.whole.entry(choice).or_default().odds.extend(tokens);
        Ok(())
    }

    /// What the chat form has no word for, by the provider's name; told once.
    ///
    /// # Errors
    /// Those of writing.
    pub fn add_extra(&mut self, choice: u32, extra: Value) -> Result<(), Fault> {
        self.told(choice)?;
        if self.progress.stream {
            return self.delta(
                choice,
                Delta {
                    extra_content: Some(&extra),
                    ..Delta::default()
                },
            );
        }
        self.whole.entry(choice).or_default().extra = Some(extra);
        Ok(())
    }
}
