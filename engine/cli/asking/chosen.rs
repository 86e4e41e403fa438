//! Which requests are asked again: so many of those whose prompts were recorded, drawn by the seed and by nothing else.

use super::form::Form;
use crate::ending::Trouble;
use crate::recorded::Recorded;
use mux_dsl::Image;
use mux_routing::chance::Chance;
use mux_traffic::Record;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::path::Path;

/// So many times as many prompts are looked at as requests are wanted: not every one can be asked again.
const SPARE: usize = 4;

/// Of what, and where from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    pub(crate) image: &'a Image,
    pub(crate) policies: &'a Path,
    pub(crate) data: &'a Path,
    pub(crate) recorded: &'a Recorded,
    pub(crate) traffic: &'a Path,
    pub(crate) seed: u64,
}

/// One request to be asked again.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) record: Record,
    pub(crate) body: Value,
    pub(crate) form: Form,
    /// Who served it when it was recorded.
    pub(crate) served: String,
}

/// Requests that cannot be asked again, by the reason.
#[derive(Debug, Default)]
pub(crate) struct Skipped(pub(crate) BTreeMap<&'static str, u64>);

impl Skipped {
    /// ` (3 no chat, 1 not served)`; nothing where there are none.
    pub(crate) fn told(&self) -> String {
        let each = self.0.iter().map(|(why, many)| format!("{many} {why}"));
        let each: Vec<String> = each.collect();
        if each.is_empty() {
            String::new()
        } else {
            format!(" ({})", each.join(", "))
        }
    }
}

/// What a client asked, as it was recorded.
#[derive(Debug, Deserialize)]
struct Prompt {
    id: String,
    body: Value,
}

/// Chooses among those whose prompts are in a folder.
pub(crate) fn choose(
    prompts: &Path,
    about: About<'_>,
    many: usize,
) -> Result<(Vec<Chosen>, Skipped), Trouble> {
    let mut asked = drawn(prompts, about.seed, many.saturating_mul(SPARE))?;
    let since = about.recorded.since();
    let mut skipped = Skipped::default();
    let mut chosen = Vec::new();
    let unreadable = |e: std::io::Error| {
        Trouble::usage(format!("cannot read `{}`: {e}", about.traffic.display()))
    };
    for record in mux_traffic::read(about.traffic).map_err(unreadable)? {
        let Ok(record) = record else { continue };
        if !since.takes(&record) {
            continue;
        }
        let Some(body) = asked.remove(&record.id) else {
            continue;
        };
        match fit(&record, about.image) {
            Ok((form, served)) => chosen.push(Chosen {
                record,
                body,
                form,
                served,
            }),
            Err(why) => *skipped.0.entry(why).or_default() += 1,
        }
    }
    if !asked.is_empty() {
        skipped.0.insert("without a record", asked.len() as u64);
    }
    chosen.sort_by_key(|c| place(about.seed, &c.record.id));
    chosen.truncate(many);
    Ok((chosen, skipped))
}

/// How it is asked again, and whom; else why it is not.
fn fit(record: &Record, image: &Image) -> Result<(Form, String), &'static str> {
    let form = Form::of(&record.request)?;
    let served = record.outcome.served.clone().ok_or("not served")?;
    if image.target(&served).is_none() {
        return Err("served by a target that is gone");
    }
    Ok((form, served))
}

/// Prompts by their ids: those whose place is first, in memory for no more than so many.
fn drawn(prompts: &Path, seed: u64, many: usize) -> Result<HashMap<String, Value>, Trouble> {
    let unreadable = |e: std::io::Error| {
        Trouble::usage(format!(
            "cannot read prompts in `{}`: {e}; `mux serve --record-prompts` records them",
            prompts.display()
        ))
    };
    let mut reader = mux_traffic::read(prompts).map_err(unreadable)?;
    let mut first: BinaryHeap<(u64, String)> = BinaryHeap::new();
    let mut kept: HashMap<String, Value> = HashMap::new();
    while let Some(item) = reader.next() {
        // A prompt is a line like any other record; what cannot be read is passed over.
        let Some(prompt) = item
            .ok()
            .and_then(|_| serde_json::from_slice::<Prompt>(reader.line()).ok())
        else {
            continue;
        };
        first.push((place(seed, &prompt.id), prompt.id.clone()));
        kept.insert(prompt.id, prompt.body);
        if first.len() > many
            && let Some((_, last)) = first.pop()
        {
            kept.remove(&last);
        }
    }
    Ok(kept)
}

/// The place of a request among all, at random and always the same (FNV-1a, Fowler et al. 1991, drawn from once).
fn place(seed: u64, id: &str) -> u64 {
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Chance::nth(seed, hash)
}
