//! Reads an answer through an adapter, in whatever batches it comes, and keeps everything that came of it.

use mux_plugin_sdk::{ErrorKind, Finish, Usage};
use serde_json::Value;

use crate::frames::{Owned, batch};
use crate::guest::Guest;
use crate::told::Told;

/// Everything one reading of an answer produced.
#[derive(Debug, Default, PartialEq)]
pub struct Heard {
    /// The unified objects.
    pub objects: Vec<Value>,
    /// The last counts.
    pub usage: Option<Usage>,
    /// Set when the answer is complete.
    pub finish: Option<Finish>,
    /// An error inside.
    pub error: Option<ErrorKind>,
    /// The last state.
    pub state: Vec<u8>,
}

impl Heard {
    /// As a client understands it.
    #[must_use]
    pub fn told(&self) -> Told {
        Told::read(&self.objects)
    }
}

/// Feeds the batches until the answer is over, as the host does.
///
/// # Errors
/// When the adapter finds that the answer makes no sense.
pub fn hear(guest: &Guest, state: &[u8], batches: &[&[Owned]]) -> Result<Heard, String> {
    let mut heard = Heard {
        state: state.to_vec(),
        ..Heard::default()
    };
    for (place, frames) in batches.iter().enumerate() {
        let end = place + 1 == batches.len();
        if frames.is_empty() && !end {
            continue;
        }
        let decoded = (guest.decode)("chat", &heard.state, &batch(frames, end))
            .map_err(|fault| format!("{fault:?}"))?;
        if let Some(state) = decoded.state {
            assert!(state.len() <= 16 << 10, "a state of {}", state.len());
            heard.state = state;
        }
        for line in decoded.chunks.split(|byte| *byte == b'\n') {
            if !line.is_empty() {
                assert!(line.iter().all(|byte| *byte >= 0x20), "a control character");
                let object = serde_json::from_slice(line).expect("a chunk is JSON");
                heard.objects.push(object);
            }
        }
        heard.usage = decoded.usage.or(heard.usage);
        heard.finish = decoded.finish.or(heard.finish);
        heard.error = decoded.error.map(|error| error.kind).or(heard.error);
        if heard.finish.is_some() || heard.error.is_some() {
            break;
        }
    }
    Ok(heard)
}
