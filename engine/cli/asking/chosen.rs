//! Which requests are asked again: so many of those whose prompts were recorded, drawn by the seed and by nothing else.

use super::questions::Questions;
use crate::ending::Trouble;
use crate::recorded::{Recorded, Since};
use mux_routing::chance::Chance;
use mux_traffic::Record;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::path::Path;

/// So many times as many prompts are looked at as requests are wanted: not every one can be asked again.
const SPARE: usize = 4;

/// Which recorded requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Among<'a> {
    pub(crate) prompts: &'a Path,
    pub(crate) traffic: &'a Path,
    pub(crate) recorded: &'a Recorded,
    pub(crate) seed: u64,
    /// How many are wanted.
    pub(crate) many: usize,
}

/// One request to be asked again.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) record: Record,
    /// What was asked.
    pub(crate) body: Value,
    pub(crate) questions: Questions,
}

/// Requests that cannot be asked again, by the reason.
#[derive(Debug, Default)]
pub(crate) struct Skipped(pub(crate) BTreeMap<String, u64>);

impl Skipped {
    fn one(&mut self, why: String) {
        *self.0.entry(why).or_default() += 1;
    }

    /// `3 no chat; 1 not served`; `None` where there are none.
    pub(crate) fn told(&self) -> Option<String> {
        let each = self.0.iter().map(|(why, many)| format!("{many} {why}"));
        let each: Vec<String> = each.collect();
        (!each.is_empty()).then(|| each.join("; "))
    }
}

/// What a client asked, as it was recorded.
#[derive(Debug, Deserialize)]
struct Prompt {
    id: String,
    body: Value,
}

/// Chooses among those whose prompts were recorded, which `fit` makes questions of or says why it cannot.
pub(crate) fn choose(
    among: Among<'_>,
    fit: impl Fn(&Record, &Value) -> Result<Questions, String>,
) -> Result<(Vec<Chosen>, Skipped), Trouble> {
    let since = among.recorded.since();
    let mut asked = drawn(among, since)?;
    let mut skipped = Skipped::default();
    let mut chosen = Vec::new();
    let unreadable = |e: std::io::Error| {
        Trouble::usage(format!("cannot read `{}`: {e}", among.traffic.display()))
    };
    for record in mux_traffic::read(among.traffic).map_err(unreadable)? {
        let Ok(record) = record else { continue };
        if !since.takes(&record) {
            continue;
        }
        let Some(body) = asked.remove(&record.id) else {
            continue;
        };
        match fit(&record, &body) {
            Ok(questions) => chosen.push(Chosen {
                record,
                body,
                questions,
            }),
            Err(why) => skipped.one(why),
        }
    }
    if !asked.is_empty() {
        let without = "without a record".to_owned();
        skipped.0.insert(without, asked.len() as u64);
    }
    chosen.sort_by_key(|c| place(among.seed, &c.record.id));
    chosen.truncate(among.many);
    Ok((chosen, skipped))
}

/// Prompts of the time that is looked at, by their ids: those whose place is first, in memory for no more than are wanted and
/// some to spare.
fn drawn(among: Among<'_>, since: Since) -> Result<HashMap<String, Value>, Trouble> {
    let (prompts, seed, many) = (among.prompts, among.seed, among.many.saturating_mul(SPARE));
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
            .filter(|line| since.takes(line))
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
